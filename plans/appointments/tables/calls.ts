/** calls and telephone numbers. */
import { arithmetic, cast, coalesce, interleave, isNull, type Expr } from 'crossfade'
import { kundeOf, member, pick, unlessChanged, type Tools } from '../lenses.js'

interface Durations {
  readonly duration_sec: Expr
  readonly duration: Expr
  readonly call_duration: Expr
  readonly duration_minutes: Expr
  readonly duration_ms: Expr
}

const SECONDS = 'decimal(13,3)'
const MONEY = 'decimal(12,4)'

/** The first of five columns that say how long a call took, in seconds. */
const secondsOf = (from: Durations): Expr =>
  coalesce(
    cast(from.duration_sec, SECONDS),
    cast(from.duration, SECONDS),
    cast(from.call_duration, SECONDS),
    arithmetic(from.duration_minutes, '*', 60, SECONDS),
    arithmetic(from.duration_ms, '/', 1000, SECONDS),
  )

const costOf = (from: { readonly cost: Expr; readonly retell_cost: Expr; readonly cost_cents: Expr }): Expr =>
  coalesce(cast(from.cost, MONEY), cast(from.retell_cost, MONEY), arithmetic(from.cost_cents, '/', 100, MONEY))

export const calls = (t: Tools) => ({
  calls: t.map('calls', 'calls', ({ d, keyOf }) => ({
    columns: {
      id: d.id,
      source_table: 'calls',
      company_id: d.company_id,
      branch_id: d.branch_id,
      customer_id: d.customer_id,
      legacy_customer_id: keyOf('kunden', d.kunde_id),
      appointment_id: d.appointment_id,
      retell_call_id: d.retell_call_id,
      call_id: d.call_id,
      agent_id: d.agent_id,
      from_number: d.from_number,
      to_number: d.to_number,
      direction: d.direction,
      status: d.status,
      call_status: d.call_status,
      session_outcome: d.session_outcome,
      disconnection_reason: d.disconnection_reason,
      call_successful: d.call_successful,
      appointment_made: d.appointment_made,
      started_at: d.start_timestamp,
      ended_at: d.end_timestamp,
      duration_sec: secondsOf(d),
      cost: costOf(d),
      sentiment: coalesce(d.sentiment, d.user_sentiment),
      detected_language: d.detected_language,
      transcript: d.transcript,
      summary: d.summary,
      recording_url: d.recording_url,
      notes: d.notes,
      extracted: pick(
        d,
        'analysis',
        'details',
        'name',
        'email',
        'caller',
        'phone_number',
        'telefonnummer',
        'health_insurance_company',
        'insurance_type',
        'insurance_company',
        'versicherungsstatus',
        'rezeptstatus',
        'datum_termin',
        'uhrzeit_termin',
        'dienstleistung',
        'behandlung_dauer',
        'reason_for_visit',
        'grund',
        'notiz',
        'haustiere_name',
        'extracted_date',
        'extracted_time',
        'extracted_name',
        'extracted_email',
        'appointment_requested',
        'first_visit',
        'no_show_count',
        'reschedule_count',
        'urgency_level',
        'tags',
        'call_summary',
        'sentiment_score',
        'language_confidence',
        'language_mismatch',
        'custom_analysis_data',
        'customer_data_backup',
        'customer_data_collected_at',
        'consent_given',
        'consent_at',
        'data_forwarded',
        'forwarded_at',
        'opt_out_sensitive_data',
      ),
      raw: pick(
        d,
        'raw',
        'raw_data',
        'webhook_data',
        'metadata',
        'transcript_object',
        'transcript_with_tools',
        'transcription_id',
        'latency_metrics',
        'end_to_end_latency',
        'cost_breakdown',
        'llm_usage',
        'llm_token_usage',
        'retell_dynamic_variables',
        'custom_sip_headers',
        'external_id',
        'conversation_id',
        'tmp_call_id',
        'phone_number_id',
        'staff_id',
        'agent_name',
        'agent_version',
        'retell_agent_id',
        'calcom_booking_id',
        'audio_url',
        'video_url',
        'public_log_url',
        'call_time',
        'call_type',
        'type',
        'successful',
        'disconnect_reason',
        'wait_time_sec',
        'version',
        'duration_sec',
        'duration',
        'call_duration',
        'duration_minutes',
        'duration_ms',
        'cost',
        'retell_cost',
        'cost_cents',
        'sentiment',
        'user_sentiment',
      ),
      created_at: d.created_at,
      updated_at: d.updated_at,
    },
    back: ({ g }) => {
      const duration = {
        duration_sec: member(g.raw, 'duration_sec', 'int unsigned'),
        duration: member(g.raw, 'duration', 'int'),
        call_duration: member(g.raw, 'call_duration', 'int'),
        duration_minutes: member(g.raw, 'duration_minutes', 'decimal(10,2)'),
        duration_ms: member(g.raw, 'duration_ms', 'int'),
      }
      const cost = {
        cost: member(g.raw, 'cost', 'decimal(10,2)'),
        retell_cost: member(g.raw, 'retell_cost', 'decimal(10,4)'),
        cost_cents: member(g.raw, 'cost_cents', 'int unsigned'),
      }
      const sentiment = member(g.raw, 'sentiment', 'varchar(255)')
      const userSentiment = member(g.raw, 'user_sentiment', 'varchar(255)')
      const unlessLonger = (old: Expr, changed: Expr | null): Expr =>
        unlessChanged(g.duration_sec, secondsOf(duration), old, changed)
      const unlessDearer = (old: Expr, changed: Expr | null): Expr => unlessChanged(g.cost, costOf(cost), old, changed)
      const unlessHappier = (old: Expr, changed: Expr | null): Expr =>
        unlessChanged(g.sentiment, coalesce(sentiment, userSentiment), old, changed)
      return {
        kunde_id: kundeOf(g.legacy_customer_id),
        // A changed value goes to the first column that can hold it exactly; those that said the same are emptied.
        duration_sec: unlessLonger(duration.duration_sec, cast(g.duration_sec, 'int unsigned')),
        duration: unlessLonger(duration.duration, null),
        call_duration: unlessLonger(duration.call_duration, null),
        duration_minutes: unlessLonger(duration.duration_minutes, null),
        duration_ms: unlessLonger(duration.duration_ms, cast(arithmetic(g.duration_sec, '*', 1000, SECONDS), 'int')),
        cost: unlessDearer(cost.cost, cast(g.cost, 'decimal(10,2)')),
        retell_cost: unlessDearer(cost.retell_cost, cast(g.cost, 'decimal(10,4)')),
        cost_cents: unlessDearer(cost.cost_cents, null),
        sentiment: unlessHappier(sentiment, g.sentiment),
        user_sentiment: unlessHappier(userSentiment, null),
      }
    },
  })),

  retell_calls_backup: t.map('retell_calls_backup', 'calls', ({ d, key, lookup }) => {
    const call = lookup('calls', (l) => [[l.retell_call_id, d.retell_call_id]])
    return {
      key: interleave(0, 1),
      // A copy of a call that is still there is archived.
      where: isNull(call.id),
      columns: {
        id: key(d.id),
        source_table: 'retell_calls_backup',
        company_id: d.company_id,
        branch_id: null,
        customer_id: null,
        legacy_customer_id: null,
        appointment_id: null,
        retell_call_id: d.retell_call_id,
        call_id: null,
        agent_id: null,
        from_number: d.from_number,
        to_number: d.to_number,
        direction: null,
        status: 'completed',
        call_status: null,
        session_outcome: null,
        disconnection_reason: null,
        call_successful: null,
        appointment_made: false,
        started_at: null,
        ended_at: null,
        duration_sec: cast(d.duration_seconds, SECONDS),
        cost: null,
        sentiment: null,
        detected_language: null,
        transcript: d.transcript,
        summary: null,
        recording_url: d.recording_url,
        notes: null,
        extracted: null,
        raw: pick(d, 'call_data'),
        created_at: d.synced_at,
        updated_at: null,
      },
    }
  }),

  phone_numbers: t.map('phone_numbers', 'phone_numbers', ({ d }) => ({
    columns: {
      id: d.id,
      company_id: d.company_id,
      branch_id: d.branch_id,
      number: d.number,
      retell_phone_id: d.retell_phone_id,
      retell_agent_id: d.retell_agent_id,
      retell_agent_version: d.retell_agent_version,
      type: d.type,
      agent_id: d.agent_id,
      description: d.description,
      is_active: d.is_active,
      is_primary: d.is_primary,
      sms_enabled: d.sms_enabled,
      whatsapp_enabled: d.whatsapp_enabled,
      capabilities: d.capabilities,
      routing_config: d.routing_config,
      metadata: d.metadata,
      created_at: d.created_at,
      updated_at: d.updated_at,
    },
  })),

  // Several agents may answer one number, so all of them are kept.
  retell_agents: t.fold('retell_agents', { owner: 'phone_numbers', column: 'agent' }, ({ c, d }) => ({
    by: [[c.phone_number_id, d.id]],
    shape: 'array',
    orderBy: [c.id],
  })),
})
