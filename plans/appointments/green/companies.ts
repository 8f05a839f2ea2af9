import type { SchemaSpec } from 'crossfade'

/** The new schema: companies, branches, staff. */
export const companies = {
  companies: {
    columns: {
      id: { type: 'bigint', notNull: true, autoIncrement: true },
      name: { type: 'varchar(255)', notNull: true },
      slug: { type: 'varchar(255)' },
      email: { type: 'varchar(255)' },
      phone: { type: 'varchar(255)' },
      city: { type: 'varchar(255)' },
      country: { type: 'varchar(2)', notNull: true, default: 'DE' },
      timezone: { type: 'varchar(50)', notNull: true, default: 'Europe/Berlin' },
      default_language: { type: 'varchar(5)', notNull: true, default: 'de' },
      currency: { type: 'varchar(3)', notNull: true, default: 'EUR' },
      is_active: { type: 'boolean', notNull: true, default: true },
      billing_status: { type: 'enum(active,inactive,trial,suspended)', notNull: true, default: 'trial' },
      billing_type: { type: 'enum(prepaid,postpaid)', notNull: true, default: 'postpaid' },
      credit_balance: { type: 'decimal(10,2)', notNull: true, default: 0 },
      low_credit_threshold: { type: 'decimal(10,2)', notNull: true, default: 10 },
      prepaid_billing_enabled: { type: 'boolean', notNull: true, default: false },
      subscription_status: { type: 'varchar(50)' },
      subscription_plan: { type: 'varchar(50)' },
      trial_ends_at: { type: 'timestamp' },
      stripe_customer_id: { type: 'varchar(255)' },
      default_event_type_id: { type: 'bigint' },
      /** One member per remaining column of the old table. */
      settings: { type: 'json' },
      /** The row of tenants, with `balance_cents`. */
      tenant: { type: 'json' },
      pricing: { type: 'json' },
      tax_rates: { type: 'json' },
      integrations: { type: 'json' },
      /** The latest row of onboarding_progress. */
      onboarding: { type: 'json' },
      api_credentials: { type: 'json' },
      created_at: { type: 'timestamp' },
      updated_at: { type: 'timestamp' },
      deleted_at: { type: 'timestamp' },
    },
    primaryKey: ['id'],
    unique: {
      companies_slug_unique: { columns: ['slug'] },
    },
    indexes: {
      companies_default_event_type: { columns: ['default_event_type_id'] },
      companies_active: { columns: ['is_active', 'deleted_at'] },
    },
    foreignKeys: {
      companies_default_event_type_fk: {
        columns: ['default_event_type_id'],
        references: 'calcom_event_types',
        referencedColumns: ['id'],
        onDelete: 'SET NULL',
      },
    },
    tenantColumn: 'id',
  },
  branches: {
    columns: {
      id: { type: 'char(36)', notNull: true },
      company_id: { type: 'bigint' },
      customer_id: { type: 'bigint' },
      name: { type: 'varchar(255)', notNull: true },
      slug: { type: 'varchar(255)' },
      address: { type: 'varchar(255)' },
      postal_code: { type: 'varchar(10)' },
      city: { type: 'varchar(255)' },
      country: { type: 'varchar(255)', default: 'Deutschland' },
      phone_number: { type: 'varchar(255)' },
      notification_email: { type: 'varchar(255)' },
      website: { type: 'varchar(255)' },
      /** The old table's `is_active`; its `active` is in `settings`, beside the `is_active` it was taken with. */
      is_active: { type: 'boolean', notNull: true, default: true },
      calendar_mode: { type: 'enum(inherit,override)', notNull: true, default: 'inherit' },
      calcom_event_type_id: { type: 'varchar(255)' },
      retell_agent_id: { type: 'varchar(255)' },
      accepts_walkins: { type: 'boolean', notNull: true, default: false },
      parking_available: { type: 'boolean', notNull: true, default: false },
      service_radius_km: { type: 'int', default: 0 },
      business_hours: { type: 'json' },
      coordinates: { type: 'json' },
      features: { type: 'json' },
      /** One member per remaining column of the old table. */
      settings: { type: 'json' },
      /** Rows of branch_service. */
      services: { type: 'json' },
      created_at: { type: 'timestamp' },
      updated_at: { type: 'timestamp' },
      deleted_at: { type: 'timestamp' },
    },
    primaryKey: ['id'],
    unique: {
      branches_slug_unique: { columns: ['slug'] },
    },
    indexes: {
      branches_company: { columns: ['company_id', 'is_active'] },
      branches_customer: { columns: ['customer_id'] },
    },
    foreignKeys: {
      branches_company_fk: {
        columns: ['company_id'],
        references: 'companies',
        referencedColumns: ['id'],
        onDelete: 'CASCADE',
      },
      branches_customer_fk: {
        columns: ['customer_id'],
        references: 'customers',
        referencedColumns: ['id'],
        onDelete: 'CASCADE',
      },
    },
    tenantColumn: 'company_id',
  },
  staff: {
    columns: {
      id: { type: 'char(36)', notNull: true },
      company_id: { type: 'bigint' },
      branch_id: { type: 'char(36)', notNull: true },
      home_branch_id: { type: 'char(36)' },
      name: { type: 'varchar(255)', notNull: true },
      email: { type: 'varchar(255)' },
      phone: { type: 'varchar(255)' },
      /** The old table's `is_active`; its `active` is in `profile`, beside the `is_active` it was taken with. */
      is_active: { type: 'boolean', notNull: true, default: true },
      is_bookable: { type: 'boolean', notNull: true, default: true },
      calcom_user_id: { type: 'varchar(255)' },
      calcom_username: { type: 'varchar(255)' },
      experience_level: { type: 'int', notNull: true, default: 1 },
      average_rating: { type: 'decimal(3,2)' },
      skills: { type: 'json' },
      languages: { type: 'json', default: '["de"]' },
      /** One member per remaining column of the old table. */
      profile: { type: 'json' },
      /** Rows of staff_branches. */
      branch_ids: { type: 'json' },
      /** Rows of working_hours, by day and time. */
      weekly_hours: { type: 'json' },
      calendars: { type: 'json' },
      calendar_mappings: { type: 'json' },
      created_at: { type: 'timestamp' },
      updated_at: { type: 'timestamp' },
      deleted_at: { type: 'timestamp' },
    },
    primaryKey: ['id'],
    unique: {
      staff_company_email_unique: { columns: ['company_id', 'email'] },
    },
    indexes: {
      staff_company_bookable: { columns: ['company_id', 'is_active', 'is_bookable'] },
      staff_branch: { columns: ['branch_id'] },
      staff_home_branch: { columns: ['home_branch_id'] },
    },
    foreignKeys: {
      staff_company_fk: {
        columns: ['company_id'],
        references: 'companies',
        referencedColumns: ['id'],
        onDelete: 'CASCADE',
      },
      staff_home_branch_fk: {
        columns: ['home_branch_id'],
        references: 'branches',
        referencedColumns: ['id'],
        onDelete: 'SET NULL',
      },
    },
    tenantColumn: 'company_id',
  },
} as const satisfies SchemaSpec
