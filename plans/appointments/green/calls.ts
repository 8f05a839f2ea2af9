import type { SchemaSpec } from 'crossfade'

/** The new schema: calls and telephone numbers. */
export const calls = {
  calls: {
    columns: {
      id: { type: 'bigint', notNull: true, autoIncrement: true },
      source_table: { type: 'varchar(30)', notNull: true, default: 'calls' },
      company_id: { type: 'bigint' },
      branch_id: { type: 'char(36)' },
      customer_id: { type: 'bigint' },
      /** The customer that came from kunden. */
      legacy_customer_id: { type: 'bigint' },
      appointment_id: { type: 'bigint' },
      retell_call_id: { type: 'varchar(255)', notNull: true },
      call_id: { type: 'varchar(255)' },
      agent_id: { type: 'varchar(255)' },
      from_number: { type: 'varchar(255)' },
      to_number: { type: 'varchar(255)' },
      direction: { type: 'varchar(20)' },
      status: { type: 'varchar(20)', notNull: true, default: 'completed' },
      call_status: { type: 'varchar(255)' },
      session_outcome: { type: 'varchar(50)' },
      disconnection_reason: { type: 'varchar(255)' },
      call_successful: { type: 'boolean' },
      appointment_made: { type: 'boolean', notNull: true, default: false },
      started_at: { type: 'timestamp' },
      ended_at: { type: 'timestamp' },
      /** The first that is there of duration_sec, duration, call_duration, duration_minutes, duration_ms. */
      duration_sec: { type: 'decimal(13,3)' },
      /** The first that is there of cost, retell_cost, cost_cents. */
      cost: { type: 'decimal(12,4)' },
      /** The first that is there of sentiment, user_sentiment. */
      sentiment: { type: 'varchar(255)' },
      detected_language: { type: 'varchar(5)' },
      transcript: { type: 'text' },
      summary: { type: 'text' },
      recording_url: { type: 'varchar(255)' },
      notes: { type: 'text' },
      /** What the caller said and what the analysis found. */
      extracted: { type: 'json' },
      /** Raw payloads, and every source column of a chosen one, so that the choice can be undone. */
      raw: { type: 'json' },
      created_at: { type: 'timestamp' },
      updated_at: { type: 'timestamp' },
    },
    primaryKey: ['id'],
    unique: {
      calls_retell_call_unique: { columns: ['retell_call_id'] },
    },
    indexes: {
      calls_company_created: { columns: ['company_id', 'created_at', 'call_status'] },
      calls_company_started: { columns: ['company_id', 'started_at'] },
      calls_company_from: { columns: ['company_id', 'from_number'] },
      calls_customer: { columns: ['customer_id', 'created_at'] },
      calls_legacy_customer: { columns: ['legacy_customer_id'] },
      calls_appointment: { columns: ['appointment_id'] },
      calls_call: { columns: ['call_id'] },
      calls_source: { columns: ['source_table', 'company_id'] },
    },
    foreignKeys: {
      calls_customer_fk: {
        columns: ['customer_id'],
        references: 'customers',
        referencedColumns: ['id'],
        onDelete: 'CASCADE',
      },
      calls_legacy_customer_fk: {
        columns: ['legacy_customer_id'],
        references: 'customers',
        referencedColumns: ['id'],
        onDelete: 'SET NULL',
      },
      calls_appointment_fk: {
        columns: ['appointment_id'],
        references: 'appointments',
        referencedColumns: ['id'],
        onDelete: 'SET NULL',
      },
    },
    tenantColumn: 'company_id',
  },
  phone_numbers: {
    columns: {
      id: { type: 'char(36)', notNull: true },
      company_id: { type: 'bigint' },
      branch_id: { type: 'char(36)' },
      number: { type: 'varchar(255)', notNull: true },
      retell_phone_id: { type: 'varchar(255)' },
      retell_agent_id: { type: 'varchar(255)' },
      retell_agent_version: { type: 'varchar(255)' },
      type: { type: 'enum(direct,hotline)', notNull: true, default: 'direct' },
      agent_id: { type: 'varchar(255)' },
      description: { type: 'varchar(255)' },
      is_active: { type: 'boolean', notNull: true, default: true },
      is_primary: { type: 'boolean', notNull: true, default: false },
      sms_enabled: { type: 'boolean', notNull: true, default: false },
      whatsapp_enabled: { type: 'boolean', notNull: true, default: false },
      capabilities: { type: 'json' },
      routing_config: { type: 'json' },
      metadata: { type: 'json' },
      /** Rows of retell_agents that answer this number, by id. */
      agent: { type: 'json' },
      created_at: { type: 'timestamp' },
      updated_at: { type: 'timestamp' },
    },
    primaryKey: ['id'],
    unique: {
      phone_numbers_number_unique: { columns: ['number'] },
    },
    indexes: {
      phone_numbers_company: { columns: ['company_id', 'is_active'] },
      phone_numbers_branch: { columns: ['branch_id'] },
    },
    foreignKeys: {
      phone_numbers_company_fk: {
        columns: ['company_id'],
        references: 'companies',
        referencedColumns: ['id'],
        onDelete: 'CASCADE',
      },
      phone_numbers_branch_fk: {
        columns: ['branch_id'],
        references: 'branches',
        referencedColumns: ['id'],
        onDelete: 'CASCADE',
      },
    },
    tenantColumn: 'company_id',
  },
} as const satisfies SchemaSpec
