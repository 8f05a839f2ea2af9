import { dateText } from '../moments.js'
import { plain, recipe, saltedAmounts, sometimes, type RowContext } from '../recipe.js'

const MONTH_MS = 30 * 86_400_000

const money = (cents: number): string => (cents / 100).toFixed(2)

/** A text column that should hold a company's number. */
const companyText = (row: RowContext): string => {
  if (row.random.chance(0.85)) return String(row.world.id('companies', row.world.anyCompany(row.random)))
  return row.random.pick([
    '007',
    ' 5',
    '5 ',
    '',
    '1e3',
    '12abc',
    '-1',
    '900006',
    'f47ac10b-58cc-4372-a567-0e02b2c3d479',
  ])
}

/** Three lines at most; a deleted one leaves an invoice whose total is not the sum of its lines. */
const LINES = 3

/** Invoices, billing periods and snapshots. */
export const billingRecipes = {
  invoices: recipe(
    'invoices',
    {
      pilot: 10,
      power: 0.9,
      facts: ({ world, index }) => {
        const subtotal = saltedAmounts(world.seed, index, LINES).reduce((sum, cents) => sum + cents, 0)
        return {
          company: world.id('companies', world.companyOf('invoices', index)),
          subtotal,
          tax: Math.round(subtotal * 0.19),
        }
      },
    },
    {
      company_id: ({ company }) => company,
      number: (_, { index }) => `RE-2025-${String(index).padStart(6, '0')}`,
      subtotal: ({ subtotal }) => money(subtotal),
      tax_rate: () => '19.00',
      tax_amount: ({ tax }) => money(tax),
      total: ({ subtotal, tax }) => money(subtotal + tax),
      status: (_, { random }) => random.pick(['draft', 'sent', 'paid', 'paid', 'overdue', 'void']),
    },
  ),
  invoice_items: recipe(
    'invoice_items',
    {
      pilot: 30,
      power: 0.9,
      facts: ({ index, world }) => {
        const invoice = Math.ceil(index / LINES)
        if (invoice > world.count('invoices') || index % 61 === 60) return undefined
        return {
          invoice: world.id('invoices', invoice),
          cents: saltedAmounts(world.seed, invoice, LINES)[(index - 1) % LINES]!,
        }
      },
    },
    {
      invoice_id: ({ invoice }) => invoice,
      description: (_, { random }) => random.pick(['Gesprächsminuten', 'Grundgebühr', 'SMS "extra"', 'Einrichtung']),
      quantity: () => '1.00',
      unit_price: ({ cents }) => money(cents),
      total: ({ cents }) => money(cents),
      type: (_, { random }) => random.pick(['service', 'usage']),
    },
  ),
  billing_periods: plain(
    'billing_periods',
    15,
    {
      company_id: companyText,
      branch_id: (row) =>
        row.random.chance(0.4) ? null : row.world.uuid('branches', row.random.between(1, row.world.count('branches'))),
      start_date: ({ createdMs }) => dateText(createdMs),
      end_date: ({ createdMs }) => dateText(createdMs + MONTH_MS),
      status: ({ random }) => random.pick(['pending', 'active', 'closed']),
      invoice_id: ({ random }) => (random.chance(0.8) ? null : random.pick(['17', 'inv-x', random.uuid()])),
    },
    0.8,
  ),
  billing_snapshots: recipe(
    'billing_snapshots',
    {
      pilot: 12,
      power: 0.8,
      // One per company and month.
      facts: ({ index, world }) => {
        const month = Math.floor((index - 1) / world.companies)
        return { company: world.id('companies', ((index - 1) % world.companies) + 1), month }
      },
    },
    {
      company_id: ({ company }, { index }) => (index % 37 === 36 ? 900_006 : company),
      period: ({ month }) => `${2000 + Math.floor(month / 12)}-${String((month % 12) + 1).padStart(2, '0')}`,
      checksum: (_, { random }) => random.hex(64),
    },
  ),
  billing_line_items: plain(
    'billing_line_items',
    30,
    {
      billing_snapshot_id: ({ world, random }) =>
        random.chance(0.03)
          ? 700_000_000
          : world.id('billing_snapshots', random.between(1, world.count('billing_snapshots'))),
      branch_id: ({ world, random }) =>
        random.chance(0.05) ? 'gelöscht' : world.uuid('branches', random.between(1, world.count('branches'))),
      item_type: ({ random }) => random.pick(['calls', 'base_fee', 'sms']),
      description: ({ random }) => sometimes(random, 0.9, 'Gesprächsminuten') ?? '',
    },
    0.85,
  ),
}
