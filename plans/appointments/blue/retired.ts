import type { SchemaSpec } from 'crossfade'

/** The old schema: tables that are kept in the archive only. */
export const retired = {
  cache: {
    columns: {
      key: { type: 'varchar(191)', notNull: true },
      value: { type: 'text' },
      expiration: { type: 'int' },
    },
    primaryKey: ['key'],
    indexes: {
      idx_expiration: { columns: ['expiration'] },
    },
  },
  cache_locks: {
    columns: {
      key: { type: 'varchar(255)', notNull: true },
      owner: { type: 'varchar(255)', notNull: true },
      expiration: { type: 'int', notNull: true },
    },
    primaryKey: ['key'],
  },
  sessions: {
    columns: {
      id: { type: 'varchar(255)', notNull: true },
      user_id: { type: 'bigint unsigned' },
      ip_address: { type: 'varchar(45)' },
      user_agent: { type: 'text' },
      payload: { type: 'text', notNull: true },
      last_activity: { type: 'int', notNull: true },
    },
    primaryKey: ['id'],
    indexes: {
      sessions_user_id_index: { columns: ['user_id'] },
      sessions_last_activity_index: { columns: ['last_activity'] },
      idx_sessions_last_activity: { columns: ['last_activity'] },
    },
  },
  jobs: {
    columns: {
      id: { type: 'bigint unsigned', notNull: true, autoIncrement: true },
      queue: { type: 'varchar(255)', notNull: true },
      payload: { type: 'text', notNull: true },
      attempts: { type: 'smallint', notNull: true },
      reserved_at: { type: 'int unsigned' },
      available_at: { type: 'int unsigned', notNull: true },
      created_at: { type: 'int unsigned', notNull: true },
    },
    primaryKey: ['id'],
    indexes: {
      jobs_queue_index: { columns: ['queue'] },
    },
  },
  failed_jobs: {
    columns: {
      id: { type: 'bigint unsigned', notNull: true, autoIncrement: true },
      uuid: { type: 'varchar(255)', notNull: true },
      connection: { type: 'text', notNull: true },
      queue: { type: 'text', notNull: true },
      payload: { type: 'text', notNull: true },
      exception: { type: 'text', notNull: true },
      failed_at: { type: 'timestamp', notNull: true, default: { now: true } },
    },
    primaryKey: ['id'],
    unique: {
      failed_jobs_uuid_unique: { columns: ['uuid'] },
    },
  },
  password_reset_tokens: {
    columns: {
      email: { type: 'varchar(255)', notNull: true },
      token: { type: 'varchar(255)', notNull: true },
      created_at: { type: 'timestamp' },
    },
    primaryKey: [],
    indexes: {
      password_reset_tokens_email_index: { columns: ['email'] },
    },
  },
  customer_password_resets: {
    columns: {
      email: { type: 'varchar(255)', notNull: true },
      token: { type: 'varchar(255)', notNull: true },
      created_at: { type: 'timestamp' },
    },
    primaryKey: ['email'],
    indexes: {
      customer_password_resets_email_index: { columns: ['email'] },
    },
  },
  personal_access_tokens: {
    columns: {
      id: { type: 'bigint unsigned', notNull: true, autoIncrement: true },
      tokenable_type: { type: 'varchar(255)', notNull: true },
      tokenable_id: { type: 'bigint unsigned', notNull: true },
      name: { type: 'varchar(255)', notNull: true },
      token: { type: 'varchar(64)', notNull: true },
      abilities: { type: 'text' },
      last_used_at: { type: 'timestamp' },
      expires_at: { type: 'timestamp' },
      created_at: { type: 'timestamp' },
      updated_at: { type: 'timestamp' },
    },
    primaryKey: ['id'],
    unique: {
      personal_access_tokens_token_unique: { columns: ['token'] },
    },
    indexes: {
      personal_access_tokens_tokenable_type_tokenable_id_index: { columns: ['tokenable_type', 'tokenable_id'] },
    },
  },
  oauth_access_tokens: {
    columns: {
      id: { type: 'varchar(100)', notNull: true },
      user_id: { type: 'bigint unsigned' },
      client_id: { type: 'bigint unsigned', notNull: true },
      name: { type: 'varchar(255)' },
      scopes: { type: 'text' },
      revoked: { type: 'boolean', notNull: true },
      created_at: { type: 'timestamp' },
      updated_at: { type: 'timestamp' },
      expires_at: { type: 'datetime' },
    },
    primaryKey: ['id'],
    indexes: {
      oauth_access_tokens_user_id_index: { columns: ['user_id'] },
    },
  },
  oauth_auth_codes: {
    columns: {
      id: { type: 'varchar(100)', notNull: true },
      user_id: { type: 'bigint unsigned', notNull: true },
      client_id: { type: 'bigint unsigned', notNull: true },
      scopes: { type: 'text' },
      revoked: { type: 'boolean', notNull: true },
      expires_at: { type: 'datetime' },
    },
    primaryKey: ['id'],
    indexes: {
      oauth_auth_codes_user_id_index: { columns: ['user_id'] },
    },
  },
  oauth_clients: {
    columns: {
      id: { type: 'bigint unsigned', notNull: true, autoIncrement: true },
      user_id: { type: 'bigint unsigned' },
      name: { type: 'varchar(255)', notNull: true },
      secret: { type: 'varchar(100)' },
      provider: { type: 'varchar(255)' },
      redirect: { type: 'text', notNull: true },
      personal_access_client: { type: 'boolean', notNull: true },
      password_client: { type: 'boolean', notNull: true },
      revoked: { type: 'boolean', notNull: true },
      created_at: { type: 'timestamp' },
      updated_at: { type: 'timestamp' },
    },
    primaryKey: ['id'],
    indexes: {
      oauth_clients_user_id_index: { columns: ['user_id'] },
    },
  },
  oauth_personal_access_clients: {
    columns: {
      id: { type: 'bigint unsigned', notNull: true, autoIncrement: true },
      client_id: { type: 'bigint unsigned', notNull: true },
      created_at: { type: 'timestamp' },
      updated_at: { type: 'timestamp' },
    },
    primaryKey: ['id'],
  },
  oauth_refresh_tokens: {
    columns: {
      id: { type: 'varchar(100)', notNull: true },
      access_token_id: { type: 'varchar(100)', notNull: true },
      revoked: { type: 'boolean', notNull: true },
      expires_at: { type: 'datetime' },
    },
    primaryKey: ['id'],
    indexes: {
      oauth_refresh_tokens_access_token_id_index: { columns: ['access_token_id'] },
    },
  },
  dummy_companies: {
    columns: {
      id: { type: 'bigint unsigned', notNull: true, autoIncrement: true },
      test: { type: 'varchar(255)' },
      created_at: { type: 'timestamp' },
      updated_at: { type: 'timestamp' },
    },
    primaryKey: ['id'],
  },
  staff_branches_and_staff_services_tables: {
    columns: {
      id: { type: 'bigint unsigned', notNull: true, autoIncrement: true },
      created_at: { type: 'timestamp' },
      updated_at: { type: 'timestamp' },
    },
    primaryKey: ['id'],
  },
  calcom_bookings_backup: {
    columns: {
      id: { type: 'bigint unsigned', notNull: true, autoIncrement: true },
      company_id: { type: 'bigint unsigned', notNull: true },
      calcom_booking_id: { type: 'bigint unsigned', notNull: true },
      booking_data: { type: 'json', notNull: true },
      starts_at: { type: 'timestamp', notNull: true },
      ends_at: { type: 'timestamp', notNull: true },
      status: { type: 'varchar(50)', notNull: true },
      attendee_email: { type: 'varchar(255)' },
      synced_at: { type: 'timestamp', notNull: true },
    },
    primaryKey: ['id'],
    unique: {
      calcom_bookings_backup_calcom_booking_id_unique: { columns: ['calcom_booking_id'] },
    },
    indexes: {
      calcom_bookings_backup_company_id_starts_at_index: { columns: ['company_id', 'starts_at'] },
    },
  },
  calcom_event_types_backup: {
    columns: {
      id: { type: 'bigint unsigned', notNull: true, autoIncrement: true },
      company_id: { type: 'bigint unsigned', notNull: true },
      calcom_event_type_id: { type: 'bigint unsigned', notNull: true },
      event_type_data: { type: 'json', notNull: true },
      synced_at: { type: 'timestamp', notNull: true },
    },
    primaryKey: ['id'],
    unique: {
      calcom_event_types_backup_calcom_event_type_id_unique: { columns: ['calcom_event_type_id'] },
    },
  },
  retell_agents_backup: {
    columns: {
      id: { type: 'bigint unsigned', notNull: true, autoIncrement: true },
      company_id: { type: 'bigint unsigned', notNull: true },
      retell_agent_id: { type: 'varchar(255)', notNull: true },
      agent_data: { type: 'json', notNull: true },
      synced_at: { type: 'timestamp', notNull: true },
    },
    primaryKey: ['id'],
    unique: {
      retell_agents_backup_retell_agent_id_unique: { columns: ['retell_agent_id'] },
    },
  },
  billing_snapshots_archive: {
    columns: {
      id: { type: 'bigint unsigned', notNull: true, autoIncrement: true },
      original_id: { type: 'bigint unsigned', notNull: true },
      snapshot_data: { type: 'json', notNull: true },
      checksum: { type: 'varchar(64)', notNull: true },
      archived_at: { type: 'timestamp', notNull: true },
    },
    primaryKey: ['id'],
    indexes: {
      billing_snapshots_archive_original_id_index: { columns: ['original_id'] },
    },
  },
  agents: {
    columns: {
      id: { type: 'bigint unsigned', notNull: true, autoIncrement: true },
      tenant_id: { type: 'char(36)' },
      customer_id: { type: 'bigint unsigned' },
      name: { type: 'varchar(255)', notNull: true },
      created_at: { type: 'timestamp' },
      updated_at: { type: 'timestamp' },
    },
    primaryKey: ['id'],
    indexes: {
      agents_tenant_id_index: { columns: ['tenant_id'] },
    },
  },
  user_statuses: {
    columns: {
      id: { type: 'bigint unsigned', notNull: true, autoIncrement: true },
      status_title: { type: 'varchar(255)', notNull: true },
      description: { type: 'varchar(255)' },
      created_at: { type: 'timestamp' },
      updated_at: { type: 'timestamp' },
    },
    primaryKey: ['id'],
  },
  dashboard_widget_settings: {
    columns: {
      id: { type: 'bigint unsigned', notNull: true, autoIncrement: true },
      user_id: { type: 'char(36)', notNull: true },
      dashboard_type: { type: 'varchar(50)', notNull: true },
      widget_order: { type: 'json' },
      widget_visibility: { type: 'json' },
      preferences: { type: 'json' },
      created_at: { type: 'timestamp' },
      updated_at: { type: 'timestamp' },
    },
    primaryKey: ['id'],
  },
  staff_event_type_assignments: {
    columns: {
      id: { type: 'bigint unsigned', notNull: true, autoIncrement: true },
      staff_id: { type: 'bigint unsigned', notNull: true },
      event_type_id: { type: 'bigint unsigned', notNull: true },
      is_primary: { type: 'boolean', notNull: true, default: false },
      created_at: { type: 'timestamp' },
      updated_at: { type: 'timestamp' },
    },
    primaryKey: ['id'],
    unique: {
      staff_event_type_assignments_staff_id_event_type_id_unique: { columns: ['staff_id', 'event_type_id'] },
    },
    indexes: {
      staff_event_type_assignments_staff_id_index: { columns: ['staff_id'] },
      staff_event_type_assignments_event_type_id_index: { columns: ['event_type_id'] },
    },
  },
} as const satisfies SchemaSpec
