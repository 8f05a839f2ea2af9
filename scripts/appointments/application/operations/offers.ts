import { drop, expectOne, money, pickOwn, type Client, type Done } from '../client.js'
import { elementsOf, type Session } from '../session.js'

/** The weekday whose hours the application sets. */
export const WEEKDAY = 6

/** A branch offers something new. On green it is an event type like all others. */
export async function addService(session: Session, { ledger, random, seeds, own }: Client): Promise<Done> {
  const seat = random.pick(seeds.staff)
  const key = ledger.newKey()
  const price = money(random.int(20_000))
  const minutes = random.pick([15, 30, 45])
  const shared = {
    name: key,
    company_id: seat.company,
    branch_id: seat.branch,
    price,
    created_at: session.now,
    updated_at: session.now,
  }
  if (session.isBlue) await session.insert('services', { ...shared, default_duration_minutes: minutes, active: true })
  else
    await session.insert('calcom_event_types', {
      ...shared,
      duration_minutes: minutes,
      external_id: key,
      is_active: true,
    })
  return {
    facts: [
      { type: 'present', entity: 'service', key, values: { price, minutes: String(minutes), description: null } },
    ],
    remember: () => own.services.push({ key, seat }),
  }
}

/** Price and length of a service are changed. */
export function editService(session: Session, client: Client): Promise<Done> | undefined {
  const service = pickOwn(client, client.own.services)
  if (!service) return undefined
  const work = async (): Promise<Done> => {
    const price = money(client.random.int(20_000))
    const minutes = client.random.pick([20, 40, 60])
    const description = `Neu: ${client.random.hex(6)} für "Damen & Herren"`
    const shared = { price, description, updated_at: session.now }
    const byBranch = { branch_id: service.seat.branch, name: service.key }
    const asEventType = { ...shared, duration_minutes: minutes }
    let found = 0
    if (session.isBlue) {
      const changes = { ...shared, default_duration_minutes: minutes }
      found = await session.update('services', changes, { company_id: service.seat.company, name: service.key })
    }
    // On blue too: what was born on green as an event type stays one on the way back.
    if (found === 0) found = await session.update('calcom_event_types', asEventType, byBranch)
    expectOne(found, 'a service')
    return {
      facts: [
        {
          type: 'present',
          entity: 'service',
          key: service.key,
          values: { price, minutes: String(minutes), description },
        },
      ],
      abandon: () => drop(client.own.services, service),
    }
  }
  return work()
}

/** A member of staff gets another telephone number. Each belongs to one client. */
export function editStaff(session: Session, client: Client): Promise<Done> | undefined {
  const seat = pickOwn(client, client.own.staff)
  if (!seat) return undefined
  const work = async (): Promise<Done> => {
    const phone = `+49 (0)89/${client.random.int(1_000_000)}`
    const level = client.random.between(1, 9)
    expectOne(
      await session.update('staff', { phone, experience_level: level, updated_at: session.now }, { id: seat.id }),
      'a member of staff',
    )
    return {
      facts: [{ type: 'present', entity: 'staff', key: seat.id, values: { phone, level: String(level) } }],
      abandon: () => drop(client.own.staff, seat),
    }
  }
  return work()
}

/** A member of staff works other hours on one day of the week. */
export function setHours(session: Session, client: Client): Promise<Done> | undefined {
  const seat = pickOwn(client, client.own.staff)
  if (!seat) return undefined
  const work = async (): Promise<Done> => {
    const start = `0${client.random.between(6, 9)}:${client.random.pick(['00', '15', '30', '45'])}:00`
    const end = `1${client.random.between(2, 9)}:30:00`
    const day = { weekday: WEEKDAY, start, end, day_of_week: WEEKDAY }
    if (session.isBlue) {
      await session.execute('DELETE FROM working_hours WHERE staff_id = ? AND weekday = ?', seat.id, WEEKDAY)
      await session.insert('working_hours', { staff_id: seat.id, ...day, created_at: session.now })
    } else {
      const row = await session.row('SELECT weekly_hours FROM staff WHERE id = ? FOR UPDATE', seat.id)
      const others = elementsOf(row?.['weekly_hours']).filter((hours) => Number(hours['weekday']) !== WEEKDAY)
      expectOne(
        await session.update('staff', { weekly_hours: JSON.stringify([...others, day]) }, { id: seat.id }),
        'a member of staff',
      )
    }
    return {
      facts: [{ type: 'present', entity: 'hours', key: seat.id, values: { start, end } }],
      abandon: () => drop(client.own.staff, seat),
    }
  }
  return work()
}
