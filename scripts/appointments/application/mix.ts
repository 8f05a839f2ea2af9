/** How often the clients do what. */
import type { Random } from '../generator/random.js'
import type { Operation } from './client.js'
import { book, cancel, lockSlot, move, notify } from './operations/bookings.js'
import { logCall, noteCall } from './operations/calls.js'
import { closeCompany, openCompany } from './operations/companies.js'
import { addNote, editCustomer } from './operations/customers.js'
import { closeInvoice, makeInvoice } from './operations/invoices.js'
import { addService, editService, editStaff, setHours } from './operations/offers.js'
import { readDashboard } from './operations/reads.js'
import { logApiCall, processWebhook, receiveWebhook } from './operations/webhooks.js'

export const MIX = {
  receiveWebhook: [receiveWebhook, 20],
  processWebhook: [processWebhook, 14],
  logApiCall: [logApiCall, 8],
  logCall: [logCall, 12],
  noteCall: [noteCall, 4],
  lockSlot: [lockSlot, 8],
  book: [book, 8],
  move: [move, 5],
  cancel: [cancel, 2],
  notify: [notify, 4],
  editCustomer: [editCustomer, 4],
  addNote: [addNote, 4],
  addService: [addService, 1],
  editService: [editService, 3],
  editStaff: [editStaff, 3],
  setHours: [setHours, 2],
  makeInvoice: [makeInvoice, 3],
  closeInvoice: [closeInvoice, 3],
  openCompany: [openCompany, 0.6],
  closeCompany: [closeCompany, 0.4],
  readDashboard: [readDashboard, 10],
} as const satisfies Record<string, readonly [Operation, number]>

export type OperationName = keyof typeof MIX

const NAMES = Object.keys(MIX) as OperationName[]
const TOTAL = NAMES.reduce((sum, name) => sum + MIX[name][1], 0)

export function pickOperation(random: Random): OperationName {
  let left = random.float() * TOTAL
  for (const name of NAMES) {
    left -= MIX[name][1]
    if (left < 0) return name
  }
  return 'receiveWebhook'
}
