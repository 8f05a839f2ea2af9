import { timeText } from '../moments.js'
import { recipe, sometimes, type RowContext } from '../recipe.js'
import { saltOf, Random } from '../random.js'
import type { World } from '../world.js'

const STATUSES = [
  'pending',
  'scheduled',
  'confirmed',
  'completed',
  'completed',
  'completed',
  'cancelled',
  'no_show',
] as const
const DURATIONS = [15, 30, 45, 60, 90] as const

/** What other tables need to know of an appointment: its customer and what follows from it. */
export interface AppointmentCore {
  readonly company: number
  readonly customer: number
  readonly call: number | undefined
}

const SALT = saltOf('appointment core')

/** Recomputed, not remembered: the same for each table that asks. */
export function appointmentCore(world: World, index: number): AppointmentCore {
  const random = new Random(world.seed).reseed(SALT, index)
  const customer = random.between(1, world.count('customers'))
  return {
    company: world.companyOf('customers', customer),
    customer,
    call: random.chance(0.8) ? callOf(world, index) : undefined,
  }
}

/** Appointments are spread over the calls: each call books one at most. */
function callOf(world: World, appointment: number): number | undefined {
  const calls = world.count('calls')
  const appointments = world.count('appointments')
  if (appointments > calls) return appointment <= calls ? appointment : undefined
  return Math.floor(((appointment - 1) * calls) / appointments) + 1
}

/** The appointment that a call booked. */
export function appointmentOf(world: World, call: number): number | undefined {
  const calls = world.count('calls')
  const appointments = world.count('appointments')
  const index = appointments > calls ? call : Math.ceil(((call - 1) * appointments) / calls) + 1
  return index <= appointments && callOf(world, index) === call ? index : undefined
}

const anyAppointment = (row: RowContext) => {
  const index = row.random.between(1, row.world.count('appointments'))
  return { index, id: row.world.id('appointments', index) }
}

/** Appointments, their external bookings, locks and messages. */
export const bookingRecipes = {
  appointments: recipe(
    'appointments',
    {
      pilot: 20,
      power: 1.15,
      nulls: 0.6,
      facts: (row) => {
        const { world, random, index } = row
        const core = appointmentCore(world, index)
        return {
          core,
          branch: world.pickOwned('branches', core.company, random),
          staff: world.pickOwned('staff', core.company, random),
          service: world.pickOwned('services', core.company, random),
          type: world.pickOwned('calcom_event_types', core.company, random),
          startMs: Math.floor((row.createdMs + random.int(30) * 86_400_000) / 900_000) * 900_000,
        }
      },
    },
    {
      parent_appointment_id: (_, { world, index, random }) =>
        index > 10 && random.chance(0.03) ? world.id('appointments', random.between(1, index - 1)) : null,
      company_id: ({ core }, { world }) => world.id('companies', core.company),
      customer_id: ({ core }, { world }) => world.id('customers', core.customer),
      branch_id: ({ branch }, { world, random }) =>
        branch === undefined || random.chance(0.05) ? null : world.uuid('branches', branch),
      staff_id: ({ staff }, { world, random }) =>
        staff === undefined || random.chance(0.1) ? null : world.uuid('staff', staff),
      // With a service, with an event type, with both, with neither.
      service_id: ({ service }, { world, random }) =>
        service === undefined || random.chance(0.4) ? null : world.id('services', service),
      calcom_event_type_id: ({ type }, { world, random }) =>
        type === undefined || random.chance(0.5) ? null : world.id('calcom_event_types', type),
      // No foreign key: some name a call that is gone.
      call_id: ({ core }, { world, random }) =>
        random.chance(0.02) ? 800_000_000 : core.call === undefined ? null : world.id('calls', core.call),
      starts_at: ({ startMs }, { random }) => sometimes(random, 0.98, timeText(startMs)),
      ends_at: ({ startMs }, { random }) =>
        sometimes(random, 0.98, timeText(startMs + random.pick(DURATIONS) * 60_000)),
      status: (_, { random }) => random.pick(STATUSES),
      source: (_, { random }) => random.pick(['phone', 'phone', 'web', 'calcom', '']),
      // Unique where it is there; the old schema only hopes so.
      calcom_v2_booking_id: (_, { index, random }) => sometimes(random, 0.4, `bk_${index}`),
      external_id: (_, { index, random }) => sometimes(random, 0.3, `ext-${index}`),
      price: (_, { random }) => (random.chance(0.01) ? 2_147_483_647 : sometimes(random, 0.85, random.int(200) * 100)),
      version: (_, { random }) => random.int(5),
      package_sessions_used: () => 0,
      travel_time_minutes: (_, { random }) => sometimes(random, 0.1, random.int(60)),
    },
  ),
  calcom_bookings: recipe(
    'calcom_bookings',
    {
      pilot: 18,
      power: 1.1,
      // Several for one appointment: the latest counts. Some for none.
      facts: (row) => (row.random.chance(0.08) ? { index: 0, id: null } : anyAppointment(row)),
    },
    {
      appointment_id: ({ id }) => id,
      calcom_uid: (_, { index }) => `uid-${index}`,
      status: (_, { random }) => random.pick(['active', 'cancelled', 'ACCEPTED']),
    },
  ),
  appointment_locks: recipe(
    'appointment_locks',
    {
      pilot: 6,
      power: 0.7,
      facts: (row) => {
        const staff = row.random.between(1, row.world.count('staff'))
        const company = row.world.companyOf('staff', staff)
        const startMs = Math.floor(row.createdMs / 900_000) * 900_000
        return { staff, branch: row.world.pickOwned('branches', company, row.random) ?? 1, startMs }
      },
    },
    {
      lock_token: (_, { index, random }) => `${random.hex(40)}${index}`,
      branch_id: ({ branch }, { world }) => world.uuid('branches', branch),
      staff_id: ({ staff }, { world, random }) => sometimes(random, 0.9, world.uuid('staff', staff)),
      event_type_id: (_, { world, random }) =>
        random.chance(0.3)
          ? null
          : world.id('calcom_event_types', random.between(1, world.count('calcom_event_types'))),
      starts_at: ({ startMs }) => timeText(startMs),
      ends_at: ({ startMs }) => timeText(startMs + 1_800_000),
      expires_at: ({ startMs }) => timeText(startMs + 300_000),
    },
  ),
  notification_logs: recipe(
    'notification_logs',
    {
      pilot: 25,
      facts: (row) => {
        const { index, id } = anyAppointment(row)
        return { id, core: appointmentCore(row.world, index) }
      },
    },
    {
      appointment_id: ({ id }) => id,
      customer_id: ({ core }, { world }) => world.id('customers', core.customer),
      company_id: ({ core }, { world }) => world.id('companies', core.company),
      type: (_, { random }) => random.pick(['reminder_24h', 'confirmation', 'cancellation']),
      channels: (_, { random }) => random.pick(['["email"]', '["email", "sms"]', '[]']),
    },
  ),
  notifications: recipe(
    'notifications',
    {
      pilot: 22,
      facts: ({ world, random }) => world.id('users', random.between(1, world.count('users'))),
    },
    {
      id: (_, { world, index }) => world.uuid('notifications', index),
      type: (_, { random }) => random.pick(['App\\Notifications\\CallSummary', 'App\\Notifications\\LowBalance']),
      notifiable_type: (_, { random }) => random.pick(['App\\Models\\User', 'App\\Models\\Company']),
      notifiable_id: (user, { random }) => (random.chance(0.02) ? '9007199254740993' : user),
    },
  ),
}
