/** Event types in their three forms, and who offers them. */
import { cast, coalesce, interleave, isNotNull, isNull, same, when } from 'crossfade'
import { EVENT_TYPE_SLOTS, member, never, pick, type Tools } from '../lenses.js'

const { services: SERVICE_SLOT, unified: UNIFIED_SLOT, count: SLOTS } = EVENT_TYPE_SLOTS

export const eventTypes = (t: Tools) => ({
  calcom_event_types: t.map('calcom_event_types', 'calcom_event_types', ({ d }) => ({
    columns: {
      id: d.id,
      source_table: 'calcom_event_types',
      company_id: d.company_id,
      branch_id: d.branch_id,
      staff_id: d.staff_id,
      name: d.name,
      slug: d.slug,
      description: d.description,
      category: null,
      external_id: d.calcom_event_type_id,
      calcom_numeric_event_type_id: d.calcom_numeric_event_type_id,
      duration_minutes: d.duration_minutes,
      price: d.price,
      is_active: d.is_active,
      is_team_event: d.is_team_event,
      requires_confirmation: d.requires_confirmation,
      buffer_before: d.buffer_before,
      buffer_after: d.buffer_after,
      max_bookings_per_day: d.max_bookings_per_day,
      last_synced_at: d.last_synced_at,
      metadata: d.metadata,
      settings: pick(
        d,
        'team_id',
        'minimum_booking_notice',
        'booking_future_limit',
        'time_slot_interval',
        'locations',
        'custom_fields',
        'seats_per_time_slot',
        'schedule_id',
        'recurring_config',
        'setup_status',
        'setup_checklist',
        'webhook_settings',
        'calcom_url',
        'booking_limits',
      ),
      created_at: d.created_at,
      updated_at: d.updated_at,
      deleted_at: null,
    },
    back: ({ g }) => ({ calcom_event_type_id: coalesce(g.external_id, '') }),
    // The old table asks for a branch: an event type that is born without one comes back as a service.
    bornHere: ({ g }) => isNotNull(g.branch_id),
  })),

  services: t.map(
    'services',
    'calcom_event_types',
    ({ d, key, lookup }) => {
      const company = lookup('companies', (l) => [[l.id, d.company_id]])
      const branch = lookup('branches', (l) => [[l.id, d.branch_id]])
      const eventType = lookup('calcom_event_types', (l) => [[l.id, cast(d.calcom_event_type_id, 'bigint unsigned')]])
      return {
        key: interleave(SERVICE_SLOT, SLOTS),
        // The others merge into the event type they name.
        where: isNull(eventType.id),
        columns: {
          id: key(d.id),
          source_table: 'services',
          // services never had foreign keys: what does not exist is kept in `settings` only.
          company_id: company.id,
          branch_id: branch.id,
          staff_id: null,
          name: d.name,
          slug: null,
          description: d.description,
          category: d.category,
          external_id: d.calcom_event_type_id,
          calcom_numeric_event_type_id: null,
          duration_minutes: d.default_duration_minutes,
          price: d.price,
          is_active: d.active,
          is_team_event: false,
          requires_confirmation: false,
          buffer_before: null,
          buffer_after: d.buffer_time_minutes,
          max_bookings_per_day: d.max_bookings_per_day,
          last_synced_at: null,
          metadata: null,
          settings: pick(
            d,
            'company_id',
            'branch_id',
            'tenant_id',
            'is_online_bookable',
            'min_staff_required',
            'sort_order',
            'duration',
            'required_skills',
            'required_certifications',
            'complexity_level',
          ),
          created_at: d.created_at,
          updated_at: d.updated_at,
          deleted_at: d.deleted_at,
        },
        back: ({ g }) => ({
          company_id: coalesce(g.company_id, member(g.settings, 'company_id', 'bigint unsigned')),
          branch_id: coalesce(g.branch_id, member(g.settings, 'branch_id', 'char(36)')),
          default_duration_minutes: coalesce(g.duration_minutes, 30),
        }),
        bornHere: ({ g }) => isNull(g.branch_id),
      }
    },
    t.fold('services', { owner: 'calcom_event_types', column: 'merged_services' }, ({ c, d }) => ({
      by: [[cast(c.calcom_event_type_id, 'bigint unsigned'), d.id]],
      shape: 'array',
      orderBy: [c.id],
    })),
  ),

  unified_event_types: t.map(
    'unified_event_types',
    'calcom_event_types',
    ({ d, key, lookup }) => {
      const company = lookup('companies', (l) => [[l.id, d.company_id]])
      const eventType = lookup('calcom_event_types', (l) => [
        [l.id, when([[same(d.provider, 'calcom'), cast(d.external_id, 'bigint unsigned')]], null)],
      ])
      return {
        key: interleave(UNIFIED_SLOT, SLOTS),
        where: isNull(eventType.id),
        columns: {
          id: key(d.id),
          source_table: 'unified_event_types',
          company_id: company.id,
          branch_id: d.branch_id,
          staff_id: null,
          name: d.name,
          slug: d.slug,
          description: d.description,
          category: null,
          external_id: d.external_id,
          calcom_numeric_event_type_id: null,
          duration_minutes: d.duration_minutes,
          price: d.price,
          is_active: coalesce(d.is_active, true),
          is_team_event: false,
          requires_confirmation: false,
          buffer_before: null,
          buffer_after: null,
          max_bookings_per_day: null,
          last_synced_at: d.imported_at,
          metadata: null,
          settings: pick(
            d,
            'company_id',
            'is_active',
            'provider',
            'provider_data',
            'conflict_data',
            'assigned_at',
            'assignment_status',
            'import_status',
          ),
          created_at: d.created_at,
          updated_at: d.updated_at,
          deleted_at: null,
        },
        back: ({ g }) => ({
          company_id: coalesce(g.company_id, member(g.settings, 'company_id', 'bigint unsigned')),
          // NULL counted as active; it stays NULL as long as the row stays active.
          is_active: when(
            [
              [
                same(g.is_active, coalesce(member(g.settings, 'is_active', 'boolean'), true)),
                member(g.settings, 'is_active', 'boolean'),
              ],
            ],
            g.is_active,
          ),
        }),
        bornHere: () => never,
      }
    },
    t.fold('unified_event_types', { owner: 'calcom_event_types', column: 'merged_unified' }, ({ c, d }) => ({
      by: [[cast(c.external_id, 'bigint unsigned'), d.id]],
      where: same(c.provider, 'calcom'),
      shape: 'array',
      orderBy: [c.id],
    })),
  ),

  staff_event_types: t.map('staff_event_types', 'staff_event_type_assignments', ({ d, lookup }) => {
    const staff = lookup('staff', (l) => [[l.id, d.staff_id]])
    return {
      columns: {
        staff_id: d.staff_id,
        event_type_id: d.calcom_event_type_id,
        company_id: staff.company_id,
        source_table: 'staff_event_types',
        duration_minutes: d.custom_duration,
        price: d.custom_price,
        is_active: true,
        is_primary: d.is_primary,
        calcom_user_id: d.calcom_user_id,
        max_bookings_per_day: d.max_bookings_per_day,
        priority: d.priority,
        availability_override: d.availability_override,
        created_at: d.created_at,
        updated_at: d.updated_at,
      },
      merge: { rank: 1, sources: 'sources', scope: ['staff_id', 'staff_id'] },
    }
  }),

  staff_services: t.map('staff_services', 'staff_event_type_assignments', ({ d, lookup, keyOf }) => {
    const staff = lookup('staff', (l) => [[l.id, d.staff_id]])
    const service = lookup('services', (l) => [[l.id, d.service_id]])
    const eventType = lookup('calcom_event_types', (l) => [
      [l.id, cast(service.calcom_event_type_id, 'bigint unsigned')],
    ])
    return {
      columns: {
        staff_id: d.staff_id,
        event_type_id: coalesce(eventType.id, keyOf('services', service.id)),
        company_id: staff.company_id,
        source_table: 'staff_services',
        duration_minutes: d.duration_minutes,
        price: d.price,
        is_active: d.active,
        is_primary: false,
        calcom_user_id: null,
        max_bookings_per_day: null,
        priority: 0,
        availability_override: null,
        created_at: d.created_at,
        updated_at: d.updated_at,
      },
      merge: { rank: 2, sources: 'sources', scope: ['staff_id', 'staff_id'] },
    }
  }),

  service_staff: t.map('service_staff', 'staff_event_type_assignments', ({ d, lookup, keyOf }) => {
    const staff = lookup('staff', (l) => [[l.id, d.staff_id]])
    const service = lookup('services', (l) => [[l.id, d.service_id]])
    const eventType = lookup('calcom_event_types', (l) => [
      [l.id, cast(service.calcom_event_type_id, 'bigint unsigned')],
    ])
    return {
      columns: {
        staff_id: d.staff_id,
        event_type_id: coalesce(eventType.id, keyOf('services', service.id)),
        company_id: staff.company_id,
        source_table: 'service_staff',
        duration_minutes: d.duration_minutes,
        price: d.price,
        is_active: d.active,
        is_primary: false,
        calcom_user_id: null,
        max_bookings_per_day: null,
        priority: 0,
        availability_override: null,
        created_at: d.created_at,
        updated_at: d.updated_at,
      },
      merge: { rank: 3, sources: 'sources', scope: ['staff_id', 'staff_id'] },
    }
  }),
})
