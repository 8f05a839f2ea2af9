import { drop, expectOne, pickOwn, type Client, type Done, type StaffSeat } from '../client.js'
import type { Session } from '../session.js'

const QUARTER = 900
const SLOT = 2 * QUARTER
const DAY = 86_400

/** Slots lie within a year from now, between 8 and 18 o'clock UTC. */
function slot(client: Client): number {
  const today = Math.floor(Date.now() / 1_000 / DAY) * DAY
  return today + client.random.between(1, 365) * DAY + 8 * 3_600 + client.random.int(40) * QUARTER
}

const text = (seconds: number): string => new Date(seconds * 1_000).toISOString().slice(0, 19).replace('T', ' ')

async function isTaken(session: Session, seat: StaffSeat, startSeconds: number): Promise<boolean> {
  const end = startSeconds + SLOT
  const booked = await session.row(
    `SELECT id FROM appointments WHERE staff_id = ? AND starts_at < ? AND ends_at > ? AND status <> 'cancelled' LIMIT 1`,
    seat.id,
    session.at(end),
    session.at(startSeconds),
  )
  if (booked) return true
  const locked = await session.row(
    'SELECT id FROM appointment_locks WHERE staff_id = ? AND starts_at < ? AND ends_at > ? LIMIT 1',
    seat.id,
    text(end),
    text(startSeconds),
  )
  return locked !== undefined
}

/** A slot is checked and locked while the caller makes up her mind. Clients queue at the row of the member of staff. */
export async function lockSlot(session: Session, client: Client): Promise<Done> {
  const { ledger, random, seeds, own } = client
  const seat = random.pick(seeds.staff)
  const startSeconds = slot(client)
  await session.row('SELECT id FROM staff WHERE id = ? FOR UPDATE', seat.id)
  if (await isTaken(session, seat, startSeconds)) return { facts: [], isRefused: true }
  const key = ledger.newKey()
  await session.insert('appointment_locks', {
    lock_token: key,
    ...(session.isBlue ? {} : { company_id: seat.company }),
    branch_id: seat.branch,
    staff_id: seat.id,
    starts_at: text(startSeconds),
    ends_at: text(startSeconds + SLOT),
    expires_at: text(startSeconds + SLOT),
    holder_type: 'call',
    holder_id: key,
    created_at: session.now,
    updated_at: session.now,
  })
  return {
    facts: [{ type: 'present', entity: 'lock', key, values: { staff: seat.id, starts: text(startSeconds) } }],
    remember: () => own.locks.push({ key, seat, startSeconds }),
  }
}

/** The locked slot is booked, and the lock goes. */
export function book(session: Session, client: Client): Promise<Done> | undefined {
  const { ledger, random, seeds, own } = client
  const lock = own.locks.at(-1)
  if (!lock) return undefined
  const work = async (): Promise<Done> => {
    const { seat, startSeconds } = lock
    const customers = own.customers.filter(({ company }) => company === seat.company)
    const others = seeds.customers.filter(({ company }) => company === seat.company)
    const customer = (
      customers.length > 0 ? random.pick(customers) : random.pick(others.length > 0 ? others : seeds.customers)
    ).id
    const types = seeds.eventTypes.filter(({ company }) => company === seat.company)
    const eventType = types.length > 0 ? random.pick(types).id : null
    const key = ledger.newKey()
    const price = random.int(200) * 100
    expectOne(await session.execute('DELETE FROM appointment_locks WHERE lock_token = ?', lock.key), 'a lock')
    const metadata = { source: 'phone', wishes: ['Föhn', 'Kaffee ☕'] }
    const id = await session.insert('appointments', {
      company_id: seat.company,
      branch_id: seat.branch,
      customer_id: customer,
      staff_id: seat.id,
      [session.isBlue ? 'calcom_event_type_id' : 'event_type_id']: eventType,
      external_id: key,
      starts_at: session.at(startSeconds),
      ends_at: session.at(startSeconds + SLOT),
      status: 'scheduled',
      source: 'phone',
      price,
      version: 0,
      metadata: JSON.stringify(session.isBlue ? metadata : { metadata }),
      created_at: session.now,
      updated_at: session.now,
    })
    const values = {
      company: seat.company,
      customer,
      staff: seat.id,
      eventType,
      starts: String(startSeconds),
      status: 'scheduled',
      price: String(price),
      version: '0',
      notes: null,
    }
    return {
      facts: [
        { type: 'absent', entity: 'lock', key: lock.key },
        { type: 'present', entity: 'appointment', key, values },
      ],
      remember: () => {
        drop(own.locks, lock)
        own.appointments.push({ key, id, company: seat.company, customer, seat, version: 0 })
      },
      abandon: () => drop(own.locks, lock),
    }
  }
  return work()
}

/** An appointment is moved to another time. */
export function move(session: Session, client: Client): Promise<Done> | undefined {
  const appointment = pickOwn(client, client.own.appointments)
  if (!appointment) return undefined
  const work = async (): Promise<Done> => {
    const startSeconds = slot(client)
    await session.row('SELECT id FROM staff WHERE id = ? FOR UPDATE', appointment.seat.id)
    if (await isTaken(session, appointment.seat, startSeconds)) return { facts: [], isRefused: true }
    const version = appointment.version + 1
    const notes = `verschoben zum ${version}. Mal`
    const changes = {
      starts_at: session.at(startSeconds),
      ends_at: session.at(startSeconds + SLOT),
      version,
      notes,
      updated_at: session.now,
    }
    // The old version in the condition is how the application notices that somebody else was faster.
    expectOne(
      await session.update('appointments', changes, { id: appointment.id, version: appointment.version }),
      'an appointment',
    )
    const values = { starts: String(startSeconds), version: String(version), notes }
    return {
      facts: [{ type: 'present', entity: 'appointment', key: appointment.key, values }],
      remember: () => (appointment.version = version),
      abandon: () => drop(client.own.appointments, appointment),
    }
  }
  return work()
}

/** An appointment is cancelled, and never touched again. */
export function cancel(session: Session, client: Client): Promise<Done> | undefined {
  const appointment = pickOwn(client, client.own.appointments)
  if (!appointment) return undefined
  const work = async (): Promise<Done> => {
    const changes = { status: 'cancelled', version: appointment.version + 1, updated_at: session.now }
    expectOne(await session.update('appointments', changes, { id: appointment.id }), 'an appointment')
    const values = { status: 'cancelled', version: String(appointment.version + 1) }
    const forget = (): void => drop(client.own.appointments, appointment)
    return {
      facts: [{ type: 'present', entity: 'appointment', key: appointment.key, values }],
      remember: forget,
      abandon: forget,
    }
  }
  return work()
}

/** The customer is told. */
export function notify(session: Session, client: Client): Promise<Done> | undefined {
  const { ledger, random, own } = client
  const appointment = pickOwn(client, own.appointments)
  if (!appointment) return undefined
  const work = async (): Promise<Done> => {
    const key = ledger.newKey()
    const shared = {
      appointment_id: appointment.id,
      customer_id: appointment.customer,
      company_id: appointment.company,
      type: key,
      status: 'sent',
      sent_at: session.now,
      created_at: session.now,
    }
    if (session.isBlue) await session.insert('notification_logs', { ...shared, channels: '["email", "sms"]' })
    else {
      const delivery = JSON.stringify({ channels: ['email', 'sms'] })
      await session.insert('notifications', {
        id: random.uuid(),
        source_table: 'notification_logs',
        ...shared,
        delivery,
      })
    }
    const values = { appointment: appointment.id, customer: appointment.customer, status: 'sent' }
    return { facts: [{ type: 'present', entity: 'notification', key, values }] }
  }
  return work()
}
