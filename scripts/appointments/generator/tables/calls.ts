import { timeText } from '../moments.js'
import { recipe, sometimes, type RowContext } from '../recipe.js'
import { PEOPLE, SENTENCES } from '../texts.js'
import { appointmentCore, appointmentOf } from './bookings.js'

const SPEAKERS = [
  'Agent: Guten Tag, Praxis Dr. Weiß. ',
  'User: Hallo, ich hätte gern einen Termin… ',
  'Agent: Gern! "Morgen um 9"? ',
  'User: Ja \\o/ 👍\n',
] as const

/** What was said. Mostly a few hundred characters; three calls lasted for a megabyte. */
export function transcript(
  { index, random, world }: RowContext,
  table: 'calls' | 'retell_calls_backup',
): string | null {
  const isLong = table === 'calls' && LONG_CALLS.has(index)
  if (!isLong) {
    if (random.chance(0.15)) return random.chance(0.3) ? '' : null
    let text = ''
    for (let turn = random.between(2, 12); turn > 0; turn -= 1) text += random.pick(SPEAKERS)
    return text
  }
  const turns = SPEAKERS.join('') + SENTENCES.join(' ')
  // Cut by bytes at a character's border: the whole is as long as asked and still text.
  return Buffer.from(turns.repeat(Math.ceil(world.maxBlobBytes / Buffer.byteLength(turns))))
    .subarray(0, world.maxBlobBytes)
    .toString()
    .replace(/\uFFFD$/, '')
}

const LONG_CALLS = new Set([3, 11, 17])

const durations = ({ random, index }: RowContext) => {
  const seconds = random.int(900)
  // Five columns for one thing: all the same, only some of them, or none; and a few that disagree.
  const has = (share: number): boolean => random.chance(share)
  return {
    duration_sec: has(0.6) ? (index % 97 === 0 ? 4_294_967_295 : seconds) : null,
    duration: has(0.5) ? seconds : null,
    call_duration: has(0.4) ? seconds + (index % 31 === 0 ? 1 : 0) : null,
    duration_minutes: has(0.4) ? (seconds / 60).toFixed(2) : null,
    duration_ms: has(0.5) ? seconds * 1_000 + (index % 1_000) : null,
  }
}

/** The calls, and a backup of calls that overlaps with them. */
export const callRecipes = {
  calls: recipe(
    'calls',
    {
      pilot: 67,
      power: 1.08,
      nulls: 0.75,
      facts: (row) => {
        const { world, random, index } = row
        const booked = appointmentOf(world, index)
        const core = booked === undefined ? undefined : appointmentCore(world, booked)
        const appointment = core?.call === index ? booked : undefined
        const company = appointment === undefined ? world.anyCompany(random) : core!.company
        const customer = appointment === undefined ? world.pickOwned('customers', company, random) : core!.customer
        return { company, customer, appointment, durations: durations(row) }
      },
    },
    {
      external_id: (_, { index, random }) => sometimes(random, 0.3, `call-ext-${index}`),
      transcript: (_, row) => transcript(row, 'calls'),
      retell_call_id: (_, { index }) => retellCallId(index),
      call_id: (_, { index, random }) => sometimes(random, 0.6, retellCallId(index)),
      kunde_id: (_, { world, random }) =>
        random.chance(0.85) ? null : world.id('kunden', random.between(1, world.count('kunden'))),
      customer_id: ({ customer }, { world, random }) =>
        customer === undefined || random.chance(0.2) ? null : world.id('customers', customer),
      // No foreign key: a few companies are gone, and some calls never had one.
      company_id: ({ company }, { world, random }) =>
        random.chance(0.02) ? null : random.chance(0.01) ? 900_003 : world.id('companies', company),
      branch_id: ({ company }, { world, random }) => {
        const branch = world.pickOwned('branches', company, random)
        return branch === undefined || random.chance(0.2)
          ? null
          : random.chance(0.01)
            ? random.uuid()
            : world.uuid('branches', branch)
      },
      appointment_id: ({ appointment }, { world }) =>
        appointment === undefined ? null : world.id('appointments', appointment),
      appointment_made: ({ appointment }) => appointment !== undefined,
      // A number where staff has UUIDs.
      staff_id: (_, { random }) => (random.chance(0.95) ? null : random.int(100)),
      phone_number_id: (_, { random }) => (random.chance(0.95) ? null : random.pick(['9007199254740993', '17'])),
      duration_sec: (facts) => facts.durations.duration_sec,
      duration: (facts) => facts.durations.duration,
      call_duration: (facts) => facts.durations.call_duration,
      duration_minutes: (facts) => facts.durations.duration_minutes,
      duration_ms: (facts) => facts.durations.duration_ms,
      sentiment: (_, { random }) => sometimes(random, 0.4, random.pick(['positive', 'neutral', 'negative', ''])),
      user_sentiment: (_, { random }) => sometimes(random, 0.5, random.pick(['Positive', 'Neutral', 'Negative'])),
      call_status: (_, { random }) => sometimes(random, 0.9, random.pick(['ended', 'error', 'ongoing'])),
      status: (_, { random }) => random.pick(['completed', 'completed', 'failed', 'no-answer']),
      direction: (_, { random }) => sometimes(random, 0.8, random.pick(['inbound', 'outbound'])),
      name: (_, { random }) => sometimes(random, 0.4, random.pick(PEOPLE)),
      start_timestamp: (_, { random, createdMs }) => sometimes(random, 0.9, timeText(createdMs)),
      end_timestamp: (_, { random, createdMs }) =>
        sometimes(random, 0.85, timeText(createdMs + random.int(900) * 1_000)),
      version: (_, { random }) => random.int(3),
    },
  ),
  retell_calls_backup: recipe(
    'retell_calls_backup',
    {
      pilot: 20,
      facts: ({ world, random }) => world.anyCompany(random),
    },
    {
      company_id: (company, { world, random }) => (random.chance(0.03) ? 900_004 : world.id('companies', company)),
      // Every other one is among the calls still.
      retell_call_id: (_, { index, world }) =>
        index % 2 === 0 && index <= world.count('calls')
          ? retellCallId(index)
          : `call_alt_${String(index).padStart(10, '0')}`,
      transcript: (_, row) => transcript(row, 'retell_calls_backup'),
      duration_seconds: (_, { random }) => random.int(900),
    },
  ),
}

function retellCallId(index: number): string {
  return `call_${Math.imul(index, 0x9e37_79b1) >>> 0}_${index}`
}
