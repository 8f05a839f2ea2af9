import { drop, expectOne, money, pickOwn, type Client, type Done } from '../client.js'
import { elementsOf, type Session, type Value } from '../session.js'

interface Line {
  readonly description: string
  readonly quantity: number
  readonly unit_price: number
  readonly total: number
  readonly type: string
}

const line = (cents: number): Line => ({
  description: 'Gesprächsminuten "Tarif M"',
  quantity: 1,
  unit_price: cents / 100,
  total: cents / 100,
  type: 'service',
})

const TAX_PERCENT = 19

function totals(netCents: number): Record<'subtotal' | 'tax_amount' | 'total', string> {
  const tax = Math.round((netCents * TAX_PERCENT) / 100)
  return { subtotal: money(netCents), tax_amount: money(tax), total: money(netCents + tax) }
}

/** An invoice with its lines: rows of their own on blue, elements of the invoice on green. */
export async function makeInvoice(session: Session, { ledger, random, seeds, own }: Client): Promise<Done> {
  const key = ledger.newKey()
  const company = random.pick(seeds.staff).company
  const cents = Array.from({ length: random.between(1, 4) }, () => random.between(1, 50_000))
  const net = cents.reduce((sum, amount) => sum + amount, 0)
  const lines = cents.map(line)
  const row: Record<string, Value> = {
    company_id: company,
    number: key,
    invoice_date: '2026-01-31',
    due_date: '2026-03-01',
    ...totals(net),
    tax_rate: TAX_PERCENT,
    status: 'draft',
    created_at: session.now,
    updated_at: session.now,
  }
  const id = await session.insert('invoices', session.isBlue ? row : { ...row, lines: JSON.stringify(lines) })
  if (session.isBlue) for (const item of lines) await session.insert('invoice_items', { invoice_id: id, ...item })
  const values = { company, status: 'draft', total: totals(net).total, lines: String(lines.length), sum: money(net) }
  return {
    facts: [{ type: 'present', entity: 'invoice', key, values }],
    remember: () => own.invoices.push({ key, id, totalCents: net, lines: lines.length }),
  }
}

/** A line is added and the invoice is closed. */
export function closeInvoice(session: Session, client: Client): Promise<Done> | undefined {
  const invoice = pickOwn(client, client.own.invoices)
  if (!invoice) return undefined
  const work = async (): Promise<Done> => {
    const cents = client.random.between(1, 5_000)
    const net = invoice.totalCents + cents
    const changes: Record<string, Value> = {
      status: 'sent',
      sent_at: session.now,
      updated_at: session.now,
      ...totals(net),
    }
    if (session.isBlue) await session.insert('invoice_items', { invoice_id: invoice.id, ...line(cents) })
    else {
      const row = await session.row(`SELECT ${session.name('lines')} FROM invoices WHERE id = ? FOR UPDATE`, invoice.id)
      changes['lines'] = JSON.stringify([...elementsOf(row?.['lines']), line(cents)])
    }
    expectOne(await session.update('invoices', changes, { id: invoice.id }), 'an invoice')
    const forget = (): void => drop(client.own.invoices, invoice)
    const values = { status: 'sent', total: totals(net).total, lines: String(invoice.lines + 1), sum: money(net) }
    return {
      facts: [{ type: 'present', entity: 'invoice', key: invoice.key, values }],
      remember: forget,
      abandon: forget,
    }
  }
  return work()
}
