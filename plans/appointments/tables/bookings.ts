/** appointments and their locks. */
import { cast, coalesce, object } from 'crossfade'
import { member, ownEventType, pick, serviceOf, unlessChanged, type Tools } from '../lenses.js'

export const bookings = (t: Tools) => ({
  appointments: t.map('appointments', 'appointments', ({ d, lookup, keyOf }) => {
    const service = lookup('services', (l) => [[l.id, d.service_id]])
    const eventType = lookup('calcom_event_types', (l) => [
      [l.id, cast(service.calcom_event_type_id, 'bigint unsigned')],
    ])
    const eventTypeId = coalesce(d.calcom_event_type_id, eventType.id, keyOf('services', service.id))
    return {
      columns: {
        id: d.id,
        company_id: d.company_id,
        branch_id: d.branch_id,
        customer_id: d.customer_id,
        staff_id: d.staff_id,
        event_type_id: eventTypeId,
        call_id: d.call_id,
        parent_appointment_id: d.parent_appointment_id,
        starts_at: d.starts_at,
        ends_at: d.ends_at,
        status: d.status,
        source: d.source,
        booking_type: d.booking_type,
        price: d.price,
        notes: d.notes,
        calcom_v2_booking_id: d.calcom_v2_booking_id,
        calcom_booking_id: d.calcom_booking_id,
        external_id: d.external_id,
        series_id: d.series_id,
        group_booking_id: d.group_booking_id,
        travel_time_minutes: d.travel_time_minutes,
        package_sessions_total: d.package_sessions_total,
        package_sessions_used: d.package_sessions_used,
        package_expires_at: d.package_expires_at,
        reminder_24h_sent_at: d.reminder_24h_sent_at,
        version: d.version,
        lock_token: d.lock_token,
        lock_expires_at: d.lock_expires_at,
        metadata: pick(d, 'payload', 'booking_metadata', 'metadata', 'recurrence_rule'),
        legacy: object({
          event_type_id: eventTypeId,
          calcom_event_type_id: d.calcom_event_type_id,
          service_id: d.service_id,
        }),
        created_at: d.created_at,
        updated_at: d.updated_at,
      },
      back: ({ g }) => {
        const chosen = member(g.legacy, 'event_type_id', 'bigint')
        return {
          calcom_event_type_id: unlessChanged(
            g.event_type_id,
            chosen,
            member(g.legacy, 'calcom_event_type_id', 'bigint unsigned'),
            ownEventType(g.event_type_id),
          ),
          service_id: unlessChanged(
            g.event_type_id,
            chosen,
            member(g.legacy, 'service_id', 'bigint unsigned'),
            serviceOf(g.event_type_id),
          ),
        }
      },
    }
  }),

  calcom_bookings: t.fold('calcom_bookings', { owner: 'appointments', column: 'external_bookings' }, ({ c, d }) => ({
    by: [[c.appointment_id, d.id]],
    shape: 'latest',
    orderBy: [c.id],
  })),

  appointment_locks: t.map('appointment_locks', 'appointment_locks', ({ d, lookup }) => {
    const branch = lookup('branches', (l) => [[l.id, d.branch_id]])
    return {
      columns: {
        id: d.id,
        lock_token: d.lock_token,
        company_id: branch.company_id,
        branch_id: d.branch_id,
        staff_id: d.staff_id,
        event_type_id: d.event_type_id,
        starts_at: d.starts_at,
        ends_at: d.ends_at,
        expires_at: d.expires_at,
        holder_type: d.holder_type,
        holder_id: d.holder_id,
        metadata: d.metadata,
        created_at: d.created_at,
        updated_at: d.updated_at,
      },
    }
  }),
})
