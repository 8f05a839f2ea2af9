/** What one client of the application knows: where it may book, and what it made and may change. */
import type { Random } from '../generator/random.js'
import type { Fact, Ledger } from '../ledger/ledger.js'
import type { Session } from './session.js'

export interface StaffSeat {
  readonly id: string
  readonly company: string
  readonly branch: string
}

/** What was in the database before the application began. The keys are the same on both sides. */
export interface Seeds {
  readonly staff: readonly StaffSeat[]
  readonly eventTypes: readonly { readonly id: string; readonly company: string }[]
  readonly customers: readonly { readonly id: string; readonly company: string }[]
}

/** Things that this client made. Nobody else changes them, so the ledger knows the order of their changes. */
export interface Possessions {
  readonly webhooks: { key: string }[]
  readonly calls: { key: string }[]
  readonly customers: { key: string; id: string; company: string; points: number }[]
  readonly locks: { key: string; seat: StaffSeat; startSeconds: number }[]
  readonly appointments: {
    key: string
    id: string
    company: string
    customer: string
    seat: StaffSeat
    version: number
  }[]
  readonly services: { key: string; seat: StaffSeat }[]
  readonly invoices: { key: string; id: string; totalCents: number; lines: number }[]
  readonly companies: { key: string; id: string; branch: string; customer: string; call: string }[]
  /** From the seeds, shared out among the clients. */
  readonly staff: StaffSeat[]
}

export interface Client {
  readonly random: Random
  readonly ledger: Ledger
  readonly seeds: Seeds
  readonly own: Possessions
}

/** What a transaction did, once it is committed. */
export interface Done {
  readonly facts: readonly Fact[]
  /** The answer was no: the slot is taken. */
  readonly isRefused?: boolean
  /** Remembers what was made. Called after COMMIT. */
  readonly remember?: () => void
  /** Forgets what was touched. Called when nobody knows whether COMMIT took effect. */
  readonly abandon?: () => void
}

/** May run several times for one commit, and on another side the second time. Undefined: nothing to do it with. */
export type Operation = (session: Session, client: Client) => Promise<Done> | undefined

export const nothing = (): Done => ({ facts: [] })

/** A thing of the client's own, at random. */
export function pickOwn<T>(client: Client, list: readonly T[]): T | undefined {
  return list.length === 0 ? undefined : client.random.pick(list)
}

/** Takes a thing out of its list. */
export function drop<T>(list: T[], thing: T): void {
  const index = list.indexOf(thing)
  if (index >= 0) list.splice(index, 1)
}

/** Own things are changed by key; one that is not found is a loss, not an exception of life. */
export function expectOne(found: number, what: string): void {
  if (found !== 1) throw new Error(`${what} of this client was found ${found} times`)
}

export const money = (cents: number): string => (cents / 100).toFixed(2)
