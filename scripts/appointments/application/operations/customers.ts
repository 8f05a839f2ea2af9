import { drop, expectOne, pickOwn, type Client, type Done } from '../client.js'
import { elementsOf, type Session } from '../session.js'

/** A customer's details are changed. */
export function editCustomer(session: Session, client: Client): Promise<Done> | undefined {
  const customer = pickOwn(client, client.own.customers)
  if (!customer) return undefined
  const work = async (): Promise<Done> => {
    const notes = client.random.pick(['', 'Zeile\nzwei', `Wünscht "${client.random.hex(6)}"`, null])
    const points = customer.points + 1
    const changes = { notes, loyalty_points: points, updated_at: session.now }
    expectOne(await session.update('customers', changes, { id: customer.id }), 'a customer')
    return {
      facts: [{ type: 'present', entity: 'customer', key: customer.key, values: { notes, points: String(points) } }],
      remember: () => (customer.points = points),
      abandon: () => drop(client.own.customers, customer),
    }
  }
  return work()
}

/** A note is added to any customer; on green it is an element of the customer's row, so several clients meet there. */
export async function addNote(session: Session, client: Client): Promise<Done> {
  const { ledger, random, seeds, own } = client
  const customer =
    (random.chance(0.7) ? pickOwn(client, own.customers)?.id : undefined) ?? random.pick(seeds.customers).id
  const key = ledger.newKey()
  const content = `Notiz ${random.hex(8)}: mag's "kurz" \\ ohne Föhn`
  if (session.isBlue) {
    const times = { created_at: session.now, updated_at: session.now }
    await session.insert('notes', { customer_id: customer, title: key, content, type: 'general', ...times })
  } else {
    const row = await session.row('SELECT notes_log FROM customers WHERE id = ? FOR UPDATE', customer)
    const notes = [
      ...elementsOf(row?.['notes_log']),
      { title: key, content, type: 'general', is_pinned: false, sort_order: 0 },
    ]
    expectOne(
      await session.update('customers', { notes_log: JSON.stringify(notes) }, { id: customer }),
      'the customer of a note',
    )
  }
  return { facts: [{ type: 'present', entity: 'note', key, values: { customer, content } }] }
}
