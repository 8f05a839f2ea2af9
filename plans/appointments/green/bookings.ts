import type { SchemaSpec } from 'crossfade'

/** The new schema: appointments and their locks. */
export const bookings = {
  appointments: {
    columns: {
      id: { type: 'bigint', notNull: true, autoIncrement: true },
      company_id: { type: 'bigint', notNull: true },
      branch_id: { type: 'char(36)' },
      customer_id: { type: 'bigint', notNull: true },
      staff_id: { type: 'char(36)' },
      /** The booked event type, else that of the booked service. No foreign key: it would cost an eighth index. */
      event_type_id: { type: 'bigint' },
      call_id: { type: 'bigint' },
      parent_appointment_id: { type: 'bigint' },
      starts_at: { type: 'timestamp' },
      ends_at: { type: 'timestamp' },
      status: { type: 'varchar(255)', notNull: true, default: 'pending' },
      source: { type: 'varchar(255)', notNull: true, default: 'phone' },
      booking_type: { type: 'enum(single,recurring,group,package)', notNull: true, default: 'single' },
      /** In cents. */
      price: { type: 'int' },
      notes: { type: 'text' },
      calcom_v2_booking_id: { type: 'varchar(255)' },
      calcom_booking_id: { type: 'bigint' },
      external_id: { type: 'varchar(255)' },
      series_id: { type: 'varchar(255)' },
      group_booking_id: { type: 'varchar(255)' },
      travel_time_minutes: { type: 'int' },
      package_sessions_total: { type: 'int' },
      package_sessions_used: { type: 'int', notNull: true, default: 0 },
      package_expires_at: { type: 'date' },
      reminder_24h_sent_at: { type: 'timestamp' },
      version: { type: 'bigint', notNull: true, default: 0 },
      lock_token: { type: 'varchar(255)' },
      lock_expires_at: { type: 'timestamp' },
      /** Members payload, booking_metadata, metadata, recurrence_rule. */
      metadata: { type: 'json' },
      /** What `event_type_id` was chosen from: event_type_id, calcom_event_type_id, service_id. */
      legacy: { type: 'json' },
      /** The latest row of calcom_bookings. */
      external_bookings: { type: 'json' },
      created_at: { type: 'timestamp' },
      updated_at: { type: 'timestamp' },
    },
    primaryKey: ['id'],
    unique: {
      appointments_calcom_v2_booking_unique: {
        columns: ['calcom_v2_booking_id'],
        whereNotNull: 'calcom_v2_booking_id',
      },
    },
    indexes: {
      appointments_dashboard: {
        columns: ['company_id', 'starts_at', 'status'],
        include: ['price', 'customer_id', 'event_type_id'],
      },
      appointments_staff_schedule: { columns: ['staff_id', 'starts_at', 'ends_at'] },
      appointments_customer: { columns: ['customer_id', 'starts_at', 'status'] },
      appointments_branch_day: { columns: ['branch_id', 'starts_at'] },
      appointments_call: { columns: ['call_id'] },
      appointments_month: { columns: ['company_id', 'created_at'] },
      appointments_metadata: { columns: ['metadata'], method: 'gin' },
    },
    foreignKeys: {
      appointments_company_fk: {
        columns: ['company_id'],
        references: 'companies',
        referencedColumns: ['id'],
        onDelete: 'CASCADE',
      },
      appointments_branch_fk: {
        columns: ['branch_id'],
        references: 'branches',
        referencedColumns: ['id'],
        onDelete: 'SET NULL',
      },
      appointments_customer_fk: {
        columns: ['customer_id'],
        references: 'customers',
        referencedColumns: ['id'],
        onDelete: 'CASCADE',
      },
      appointments_staff_fk: {
        columns: ['staff_id'],
        references: 'staff',
        referencedColumns: ['id'],
        onDelete: 'SET NULL',
      },
    },
    tenantColumn: 'company_id',
  },
  appointment_locks: {
    columns: {
      id: { type: 'bigint', notNull: true, autoIncrement: true },
      lock_token: { type: 'varchar(64)', notNull: true },
      /** The company of the branch. */
      company_id: { type: 'bigint' },
      branch_id: { type: 'char(36)', notNull: true },
      staff_id: { type: 'char(36)' },
      event_type_id: { type: 'bigint' },
      starts_at: { type: 'datetime', notNull: true },
      ends_at: { type: 'datetime', notNull: true },
      expires_at: { type: 'datetime', notNull: true },
      holder_type: { type: 'varchar(50)', notNull: true, default: 'system' },
      holder_id: { type: 'varchar(255)' },
      metadata: { type: 'json' },
      created_at: { type: 'timestamp' },
      updated_at: { type: 'timestamp' },
    },
    primaryKey: ['id'],
    unique: {
      appointment_locks_token_unique: { columns: ['lock_token'] },
    },
    indexes: {
      appointment_locks_staff: { columns: ['staff_id', 'starts_at', 'ends_at'] },
      appointment_locks_branch: { columns: ['branch_id', 'starts_at'] },
      appointment_locks_company: { columns: ['company_id', 'expires_at'] },
    },
    foreignKeys: {
      appointment_locks_company_fk: {
        columns: ['company_id'],
        references: 'companies',
        referencedColumns: ['id'],
        onDelete: 'CASCADE',
      },
      appointment_locks_branch_fk: {
        columns: ['branch_id'],
        references: 'branches',
        referencedColumns: ['id'],
        onDelete: 'CASCADE',
      },
      appointment_locks_staff_fk: {
        columns: ['staff_id'],
        references: 'staff',
        referencedColumns: ['id'],
        onDelete: 'CASCADE',
      },
    },
    tenantColumn: 'company_id',
  },
} as const satisfies SchemaSpec
