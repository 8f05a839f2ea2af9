import { drop, expectOne, money, pickOwn, type Client, type Done } from '../client.js'
import type { Fact } from '../../ledger/ledger.js'
import type { Session } from '../session.js'

interface Caller {
  readonly id: string
  readonly facts: readonly Fact[]
  readonly remember: () => void
}

/** The caller is a customer already, or becomes one. */
async function findOrMakeCustomer(session: Session, client: Client): Promise<Caller & { readonly company: string }> {
  const { ledger, random, seeds, own } = client
  if (random.chance(0.5)) {
    const { id, company } = random.pick(seeds.customers)
    // Several clients raise the same number: it is read under the lock of the row that was just changed.
    await session.execute(
      'UPDATE customers SET call_count = call_count + 1, last_call_at = CURRENT_TIMESTAMP WHERE id = ?',
      id,
    )
    const row = await session.row('SELECT call_count FROM customers WHERE id = ?', id)
    const value = Number(row?.['call_count'])
    return {
      id,
      company,
      facts: [{ type: 'counter', counter: 'calls of customer', key: id, value }],
      remember: () => {},
    }
  }
  const company = random.pick(seeds.staff).company
  const phone = `+49151${random.int(100_000_000)}`
  const known = await session.row('SELECT id FROM customers WHERE company_id = ? AND phone = ?', company, phone)
  if (known) return { id: String(known['id']), company, facts: [], remember: () => {} }
  const key = ledger.newKey()
  const name = `Kundin "${random.hex(4)}" Müller-Łuk 💇`
  const id = await session.insert('customers', {
    company_id: company,
    name,
    phone,
    email: key,
    status: 'active',
    call_count: 1,
    created_at: session.now,
    updated_at: session.now,
  })
  const values = { company, name, phone, points: '0', notes: null }
  return {
    id,
    company,
    facts: [{ type: 'present', entity: 'customer', key, values }],
    remember: () => own.customers.push({ key, id, company, points: 0 }),
  }
}

/** A call has ended: its customer, its transcript and what was found in it are kept. */
export async function logCall(session: Session, client: Client): Promise<Done> {
  const { ledger, random, own } = client
  const caller = await findOrMakeCustomer(session, client)
  const key = ledger.newKey()
  const seconds = random.int(900)
  const cost = money(random.int(500))
  const sentiment = random.pick(['positive', 'neutral', 'negative'])
  const startSeconds = Math.floor(Date.now() / 1_000) - seconds
  // One call in a hundred talks for an hour.
  const transcript =
    'Agent: Grüß Gott! 🙂\nUser: Einen Termin, "bitte".\n'.repeat(random.chance(0.01) ? 1_500 : 10) + key
  const analysis = {
    summary: 'Termin gewünscht',
    steps: Array.from({ length: 30 }, (_, step) => ({ step, score: step / 7 })),
  }
  const raw = {
    id: key,
    words: Array.from({ length: 60 }, (_, index) => ({ word: `wört-${index}`, start: index / 4 })),
  }
  await session.insert('calls', {
    retell_call_id: key,
    call_id: key,
    company_id: caller.company,
    customer_id: caller.id,
    from_number: '+4915112345678',
    to_number: '+493012345678',
    direction: 'inbound',
    status: 'completed',
    call_status: 'ended',
    duration_sec: seconds,
    cost,
    sentiment,
    transcript,
    ...(session.isBlue
      ? { analysis: JSON.stringify(analysis), raw: JSON.stringify(raw) }
      : { extracted: JSON.stringify({ analysis }), raw: JSON.stringify({ raw }) }),
    [session.isBlue ? 'start_timestamp' : 'started_at']: session.at(startSeconds),
    [session.isBlue ? 'end_timestamp' : 'ended_at']: session.at(startSeconds + seconds),
    created_at: session.now,
    updated_at: session.now,
  })
  const values = {
    company: caller.company,
    customer: caller.id,
    seconds: String(seconds),
    cost,
    sentiment,
    ending: key,
    made: '0',
    notes: null,
  }
  return {
    facts: [...caller.facts, { type: 'present', entity: 'call', key, values }],
    remember: () => {
      caller.remember()
      own.calls.push({ key })
    },
  }
}

/** Somebody looks at a call again. */
export function noteCall(session: Session, client: Client): Promise<Done> | undefined {
  const call = pickOwn(client, client.own.calls)
  if (!call) return undefined
  const work = async (): Promise<Done> => {
    const notes = `Nachtrag ${client.random.hex(8)} 'geprüft'`
    const changes = { notes, appointment_made: true, updated_at: session.now }
    expectOne(await session.update('calls', changes, { retell_call_id: call.key }), 'a call')
    return {
      facts: [{ type: 'present', entity: 'call', key: call.key, values: { notes, made: '1' } }],
      abandon: () => drop(client.own.calls, call),
    }
  }
  return work()
}
