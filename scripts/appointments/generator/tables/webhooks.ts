import { plain, recipe, sometimes, type RowContext } from '../recipe.js'
import { JSONS, SENTENCES } from '../texts.js'

const EVENTS = [
  'call_started',
  'call_ended',
  'call_analyzed',
  'BOOKING_CREATED',
  'BOOKING_CANCELLED',
  'invoice.paid',
] as const

const company = ({ world, random }: RowContext): number | null =>
  random.chance(0.06) ? null : world.id('companies', world.anyCompany(random))

/** Text columns that should hold JSON and do not always. */
const almostJson = ({ random }: RowContext): string | null => {
  if (random.chance(0.1)) return null
  return random.chance(0.2) ? random.pick(SENTENCES) : random.pick(JSONS)
}

/** Webhooks in the five places that the old system keeps them in. */
export const webhookRecipes = {
  webhook_events: plain('webhook_events', 1_383, {
    company_id: company,
    provider: ({ random }) => random.pick(['retell', 'calcom', 'stripe']),
    event_type: ({ random }) => random.pick(EVENTS),
    event_id: ({ index }) => `evt_${index.toString(36).padStart(8, '0')}`,
    idempotency_key: ({ index, random }) => `${random.hex(20)}-${index}`,
    status: ({ random }) =>
      random.pick(['pending', 'processing', 'processed', 'processed', 'completed', 'failed', 'duplicate']),
    retry_count: ({ random }) => random.int(4),
  }),
  webhook_logs: plain('webhook_logs', 130, {
    company_id: company,
    provider: ({ random }) => random.pick(['retell', 'calcom']),
    event_type: ({ random }) => random.pick(EVENTS),
    webhook_id: ({ index, random }) =>
      index % 5 === 0 ? `evt_${index.toString(36).padStart(8, '0')}` : `wh-${index}-${random.hex(6)}`,
    payload: almostJson,
    headers: almostJson,
    response: almostJson,
    ip_address: ({ random }) => (random.chance(0.3) ? null : `192.0.2.${random.int(255)}`),
  }),
  retell_webhooks: plain('retell_webhooks', 95, {
    event_type: ({ random }) => random.pick(EVENTS),
    call_id: ({ index, random }) => sometimes(random, 0.9, `call_${index}`),
  }),
  webhook_dead_letter_queue: plain('webhook_dead_letter_queue', 14, {
    correlation_id: ({ random }) => random.uuid(),
    event_type: ({ random }) => random.pick(EVENTS),
    retry_count: ({ random }) => random.int(10),
  }),
  webhook_deduplication: recipe(
    'webhook_deduplication',
    {
      pilot: 90,
      facts: ({ index }) => index,
    },
    {
      webhook_id: (index) => `dedup-${index}`,
      provider: (_, { random }) => random.pick(['retell', 'calcom']),
      is_duplicate: (_, { random }) => random.chance(0.1),
      is_replay_attack: (_, { random }) => random.chance(0.02),
    },
  ),
}
