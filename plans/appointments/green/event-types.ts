import type { SchemaSpec } from 'crossfade'

/** The new schema: event types and who offers them. */
export const eventTypes = {
  calcom_event_types: {
    columns: {
      id: { type: 'bigint', notNull: true, autoIncrement: true },
      source_table: { type: 'varchar(30)', notNull: true, default: 'calcom_event_types' },
      /** Only a company that exists; what services and unified event types said is in `settings`. */
      company_id: { type: 'bigint' },
      /** Only a branch that exists, likewise. */
      branch_id: { type: 'char(36)' },
      staff_id: { type: 'char(36)' },
      name: { type: 'varchar(255)', notNull: true },
      slug: { type: 'varchar(255)' },
      description: { type: 'text' },
      category: { type: 'varchar(255)' },
      /** The provider's name for it: `calcom_event_type_id`, `external_id`. */
      external_id: { type: 'varchar(255)' },
      calcom_numeric_event_type_id: { type: 'bigint' },
      duration_minutes: { type: 'int' },
      price: { type: 'decimal(10,2)' },
      is_active: { type: 'boolean', notNull: true, default: true },
      is_team_event: { type: 'boolean', notNull: true, default: false },
      requires_confirmation: { type: 'boolean', notNull: true, default: false },
      buffer_before: { type: 'int' },
      buffer_after: { type: 'int' },
      max_bookings_per_day: { type: 'int' },
      last_synced_at: { type: 'timestamp' },
      metadata: { type: 'json' },
      /** One member per remaining column of the old table that the row comes from. */
      settings: { type: 'json' },
      /** Rows of services that name this event type. */
      merged_services: { type: 'json' },
      /** Rows of unified_event_types that name this event type. */
      merged_unified: { type: 'json' },
      created_at: { type: 'timestamp' },
      updated_at: { type: 'timestamp' },
      deleted_at: { type: 'timestamp' },
    },
    primaryKey: ['id'],
    indexes: {
      event_types_company: { columns: ['company_id', 'is_active', 'source_table'] },
      event_types_branch: { columns: ['branch_id', 'name'] },
      event_types_staff: { columns: ['staff_id'] },
      event_types_external: { columns: ['external_id'] },
    },
    foreignKeys: {
      event_types_company_fk: {
        columns: ['company_id'],
        references: 'companies',
        referencedColumns: ['id'],
        onDelete: 'CASCADE',
      },
      event_types_branch_fk: {
        columns: ['branch_id'],
        references: 'branches',
        referencedColumns: ['id'],
        onDelete: 'CASCADE',
      },
      event_types_staff_fk: {
        columns: ['staff_id'],
        references: 'staff',
        referencedColumns: ['id'],
        onDelete: 'CASCADE',
      },
    },
    tenantColumn: 'company_id',
  },
  staff_event_type_assignments: {
    columns: {
      staff_id: { type: 'char(36)', notNull: true },
      event_type_id: { type: 'bigint', notNull: true },
      /** The company of the member of staff. */
      company_id: { type: 'bigint' },
      /** The old table whose row gives the columns. */
      source_table: { type: 'varchar(30)', notNull: true, default: 'staff_event_types' },
      duration_minutes: { type: 'int' },
      price: { type: 'decimal(10,2)' },
      is_active: { type: 'boolean', notNull: true, default: true },
      is_primary: { type: 'boolean', notNull: true, default: false },
      calcom_user_id: { type: 'varchar(255)' },
      max_bookings_per_day: { type: 'int' },
      priority: { type: 'int', notNull: true, default: 0 },
      availability_override: { type: 'json' },
      /** Every old row for this pair, the one that gives the columns first. */
      sources: { type: 'json' },
      created_at: { type: 'timestamp' },
      updated_at: { type: 'timestamp' },
    },
    primaryKey: ['staff_id', 'event_type_id'],
    indexes: {
      assignments_event_type: { columns: ['event_type_id', 'is_active'] },
      assignments_company: { columns: ['company_id', 'event_type_id'] },
    },
    foreignKeys: {
      assignments_staff_fk: {
        columns: ['staff_id'],
        references: 'staff',
        referencedColumns: ['id'],
        onDelete: 'CASCADE',
      },
      assignments_event_type_fk: {
        columns: ['event_type_id'],
        references: 'calcom_event_types',
        referencedColumns: ['id'],
        onDelete: 'CASCADE',
      },
    },
    tenantColumn: 'company_id',
  },
} as const satisfies SchemaSpec
