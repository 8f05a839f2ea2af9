import type { SchemaSpec } from 'crossfade'

/** The new schema: customers and users. */
export const people = {
  customers: {
    columns: {
      id: { type: 'bigint', notNull: true, autoIncrement: true },
      source_table: { type: 'varchar(20)', notNull: true, default: 'customers' },
      /** NULL for rows of kunden, which know no company. */
      company_id: { type: 'bigint' },
      status: { type: 'varchar(255)', notNull: true, default: 'active' },
      customer_type: { type: 'varchar(255)', default: 'private' },
      name: { type: 'varchar(255)', notNull: true },
      company_name: { type: 'varchar(255)' },
      customer_number: { type: 'varchar(255)' },
      journey_status: { type: 'varchar(255)', notNull: true, default: 'initial_contact' },
      email: { type: 'varchar(255)' },
      phone: { type: 'varchar(255)' },
      birthday: { type: 'date' },
      preferred_language: { type: 'varchar(5)', notNull: true, default: 'de' },
      preferred_contact_method: { type: 'varchar(255)', notNull: true, default: 'phone' },
      preferred_branch_id: { type: 'char(36)' },
      preferred_staff_id: { type: 'char(36)' },
      password: { type: 'varchar(255)' },
      remember_token: { type: 'varchar(100)' },
      email_verified_at: { type: 'timestamp' },
      portal_enabled: { type: 'boolean', notNull: true, default: false },
      is_vip: { type: 'boolean', notNull: true, default: false },
      loyalty_tier: { type: 'varchar(255)', notNull: true, default: 'standard' },
      loyalty_points: { type: 'int', notNull: true, default: 0 },
      appointment_count: { type: 'int', notNull: true, default: 0 },
      completed_appointments: { type: 'int', notNull: true, default: 0 },
      cancelled_appointments: { type: 'int', notNull: true, default: 0 },
      no_show_appointments: { type: 'int', notNull: true, default: 0 },
      call_count: { type: 'int', notNull: true, default: 0 },
      total_revenue: { type: 'decimal(10,2)', notNull: true, default: 0 },
      total_spent: { type: 'decimal(10,2)', notNull: true, default: 0 },
      last_appointment_at: { type: 'timestamp' },
      last_call_at: { type: 'timestamp' },
      last_seen_at: { type: 'timestamp' },
      notes: { type: 'text' },
      tags: { type: 'json' },
      /** One member per remaining column of the old table. */
      profile: { type: 'json' },
      /** Rows of notes. */
      notes_log: { type: 'json' },
      /** Rows of gdpr_requests. */
      privacy_requests: { type: 'json' },
      created_at: { type: 'timestamp' },
      updated_at: { type: 'timestamp' },
    },
    primaryKey: ['id'],
    indexes: {
      customers_company_phone: { columns: ['company_id', 'phone'] },
      customers_company_email: { columns: ['company_id', 'email'] },
      customers_company_created: { columns: ['company_id', 'created_at'] },
      customers_preferred_branch: { columns: ['preferred_branch_id'] },
      customers_preferred_staff: { columns: ['preferred_staff_id'] },
    },
    foreignKeys: {
      customers_company_fk: {
        columns: ['company_id'],
        references: 'companies',
        referencedColumns: ['id'],
        onDelete: 'CASCADE',
      },
      customers_preferred_branch_fk: {
        columns: ['preferred_branch_id'],
        references: 'branches',
        referencedColumns: ['id'],
        onDelete: 'SET NULL',
      },
      customers_preferred_staff_fk: {
        columns: ['preferred_staff_id'],
        references: 'staff',
        referencedColumns: ['id'],
        onDelete: 'SET NULL',
      },
    },
    tenantColumn: 'company_id',
  },
  users: {
    columns: {
      id: { type: 'bigint', notNull: true, autoIncrement: true },
      name: { type: 'varchar(255)', notNull: true },
      email: { type: 'varchar(255)', notNull: true },
      company_id: { type: 'bigint' },
      /** The customer that came from the user's row in kunden. */
      customer_id: { type: 'bigint' },
      /** The id within `companies.tenant`. */
      tenant_id: { type: 'bigint' },
      password: { type: 'varchar(255)', notNull: true },
      remember_token: { type: 'varchar(100)' },
      email_verified_at: { type: 'timestamp' },
      interface_language: { type: 'varchar(5)', notNull: true, default: 'de' },
      content_language: { type: 'varchar(5)', notNull: true, default: 'de' },
      auto_translate_content: { type: 'boolean', notNull: true, default: true },
      two_factor_enforced: { type: 'boolean', notNull: true, default: false },
      last_login_at: { type: 'timestamp' },
      last_login_ip: { type: 'varchar(45)' },
      failed_login_attempts: { type: 'int', notNull: true, default: 0 },
      locked_until: { type: 'timestamp' },
      /** Secret, recovery codes, method, telephone number. */
      two_factor: { type: 'json' },
      /** The row of dashboard_configurations. */
      dashboard: { type: 'json' },
      created_at: { type: 'timestamp' },
      updated_at: { type: 'timestamp' },
    },
    primaryKey: ['id'],
    unique: {
      users_email_unique: { columns: ['email'] },
    },
    indexes: {
      users_company: { columns: ['company_id'] },
      users_customer: { columns: ['customer_id'] },
    },
    foreignKeys: {
      users_company_fk: {
        columns: ['company_id'],
        references: 'companies',
        referencedColumns: ['id'],
        onDelete: 'CASCADE',
      },
      users_customer_fk: {
        columns: ['customer_id'],
        references: 'customers',
        referencedColumns: ['id'],
        onDelete: 'CASCADE',
      },
    },
    tenantColumn: 'company_id',
  },
} as const satisfies SchemaSpec
