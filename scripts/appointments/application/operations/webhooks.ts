import { expectOne, drop, pickOwn, type Client, type Done } from '../client.js'
import type { Session } from '../session.js'

const PROVIDERS = ['retell', 'calcom', 'stripe'] as const

/** A webhook comes in. */
export async function receiveWebhook(session: Session, { ledger, random, seeds, own }: Client): Promise<Done> {
  const key = ledger.newKey()
  const company = random.pick(seeds.staff).company
  const payload = JSON.stringify({
    event: 'call_ended',
    id: key,
    items: [1, 1.5, 'ä', null, { tiefe: [true] }],
    text: 'Grüße "👋"',
  })
  await session.insert('webhook_events', {
    provider: random.pick(PROVIDERS),
    company_id: company,
    event_type: 'call_ended',
    event_id: key,
    idempotency_key: key,
    payload,
    headers: '{"x-signature": "0"}',
    status: 'pending',
    retry_count: 0,
    correlation_id: key,
    received_at: session.now,
    created_at: session.now,
    updated_at: session.now,
  })
  return {
    facts: [{ type: 'present', entity: 'webhook', key, values: { company, status: 'pending', notes: null } }],
    remember: () => own.webhooks.push({ key }),
  }
}

/** A webhook that came in is worked off. */
export function processWebhook(session: Session, client: Client): Promise<Done> | undefined {
  const webhook = pickOwn(client, client.own.webhooks)
  if (!webhook) return undefined
  const work = async (): Promise<Done> => {
    const notes = `erledigt ${client.random.hex(8)}`
    const where = { event_id: webhook.key, ...(session.isBlue ? {} : { source_table: 'webhook_events' }) }
    const changes = { status: 'completed', notes, processed_at: session.now, updated_at: session.now }
    expectOne(await session.update('webhook_events', changes, where), 'a webhook')
    const forget = (): void => drop(client.own.webhooks, webhook)
    return {
      facts: [{ type: 'present', entity: 'webhook', key: webhook.key, values: { status: 'completed', notes } }],
      remember: forget,
      abandon: forget,
    }
  }
  return work()
}

/** The application calls somebody's API. */
export async function logApiCall(session: Session, { ledger, random, seeds }: Client): Promise<Done> {
  const key = ledger.newKey()
  const company = random.pick(seeds.staff).company
  const status = random.pick([200, 201, 404, 500])
  await session.insert('api_call_logs', {
    service: 'calcom',
    endpoint: `/v2/slots/${random.int(1_000)}`,
    method: 'GET',
    request_body: '{"from": "2026-01-01", "to": "2026-01-08"}',
    response_body: '{"slots": [], "more": false}',
    response_status: status,
    duration_ms: random.int(100_000) / 1_000,
    correlation_id: key,
    company_id: company,
    requested_at: session.now,
    created_at: session.now,
  })
  return {
    facts: [
      { type: 'present', entity: 'api-call', key, values: { company, status: String(status), service: 'calcom' } },
    ],
  }
}
