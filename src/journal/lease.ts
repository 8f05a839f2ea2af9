/**
 * The lease of a migration: one orchestrator at a time. Its row is locked first by everything that writes a migration, so the
 * writes of one plan follow each other. Functions here run inside a transaction of the caller.
 */
import type { Knex } from 'knex'
import type { KnexDatabase } from '../engines/knex.js'
import { CrossfadeError } from '../engines/errors.js'

export interface LeaseRow {
  readonly runEpoch: number
  readonly holder: string | null
  readonly expiresAtMs: number
  readonly token: string | null
}

/** Where a plan's rows are. */
export interface PlanScope {
  readonly database: KnexDatabase
  readonly namespace: string
  readonly plan: string
}

/** What may happen to a lease that is asked for. Pure, so that it is tested without a server. */
export function isFree(lease: LeaseRow, nowMs: number): boolean {
  return lease.holder === null || lease.expiresAtMs <= nowMs
}

/**
 * Outside a transaction: two that insert the same row inside of theirs would deadlock on InnoDB. Epochs begin at the time in
 * seconds, so they also grow across a journal that was removed: an orchestrator left behind from before never fits.
 */
export async function ensureLeaseRow({ database, namespace, plan }: PlanScope): Promise<void> {
  const runEpoch = Math.floor((await readNow(database.knex, database)) / 1000)
  const table = database.knex.withSchema(namespace).into('lease')
  await table.insert({ plan, run_epoch: runEpoch, holder: null, expires_at_ms: 0 }).onConflict('plan').ignore()
}

/** Waits for the row's lock and returns what is in it. */
export async function lockLease(db: Knex, scope: PlanScope): Promise<LeaseRow> {
  const row = await db
    .withSchema(scope.namespace)
    .from<{ plan: string; run_epoch: string; holder: string | null; expires_at_ms: string; token: string | null }>(
      'lease',
    )
    .where({ plan: scope.plan })
    .forUpdate()
    .first('run_epoch', 'holder', 'expires_at_ms', 'token')
  if (!row)
    throw new CrossfadeError(
      'JOURNAL_INVALID',
      `the journal in "${scope.namespace}" has no lease of the plan "${scope.plan}"`,
    )
  return {
    runEpoch: Number(row.run_epoch),
    holder: row.holder,
    expiresAtMs: Number(row.expires_at_ms),
    token: row.token,
  }
}

/**
 * Locks the row for a write of the run `runEpoch`.
 * @throws {CrossfadeError} LEASE_LOST
 */
export async function holdLease(db: Knex, scope: PlanScope, runEpoch: number): Promise<LeaseRow> {
  const lease = await lockLease(db, scope)
  checkHolder(lease, scope, runEpoch)
  return lease
}

/** @throws {CrossfadeError} LEASE_HELD */
export async function takeLease(
  db: Knex,
  scope: PlanScope,
  lease: LeaseRow,
  wish: { holder: string; ttlMs: number; token: string },
): Promise<number> {
  // An earlier try of this very call, whose answer was lost.
  if (lease.token === wish.token) return lease.runEpoch
  const nowMs = await readNow(db, scope.database)
  if (!isFree(lease, nowMs)) {
    const expiry = `${new Date(lease.expiresAtMs).toISOString()}, in ${lease.expiresAtMs - nowMs} ms`
    throw new CrossfadeError(
      'LEASE_HELD',
      `"${lease.holder}" holds the lease of the plan "${scope.plan}" until ${expiry}`,
    )
  }
  const runEpoch = lease.runEpoch + 1
  await updateLease(db, scope, {
    run_epoch: runEpoch,
    holder: wish.holder,
    expires_at_ms: nowMs + wish.ttlMs,
    token: wish.token,
  })
  return runEpoch
}

/** @throws {CrossfadeError} LEASE_LOST */
export async function extendLease(
  db: Knex,
  scope: PlanScope,
  lease: LeaseRow,
  { runEpoch, ttlMs }: { runEpoch: number; ttlMs: number },
): Promise<void> {
  checkHolder(lease, scope, runEpoch)
  await updateLease(db, scope, { expires_at_ms: (await readNow(db, scope.database)) + ttlMs })
}

/** `runEpoch` stays, so that the next run's is greater. A lease that another run has is left alone. */
export async function giveUpLease(db: Knex, scope: PlanScope, runEpoch: number): Promise<void> {
  const where = { plan: scope.plan, run_epoch: runEpoch }
  await db
    .withSchema(scope.namespace)
    .from('lease')
    .where(where)
    .update({ holder: null, expires_at_ms: 0, token: null })
}

/** The server's clock: two orchestrators need not agree about the time. */
export async function readNow(db: Knex, database: KnexDatabase): Promise<number> {
  const [row] = (await db.select(database.nowMs)) as { now_ms: string | number }[]
  return Number(row!.now_ms)
}

/**
 * A lease that ran out but that nobody took over is still the run's: whoever takes it over needs the lock that the caller has.
 * @throws {CrossfadeError} LEASE_LOST
 */
export function checkHolder(lease: LeaseRow, { plan }: PlanScope, runEpoch: number): void {
  if (lease.runEpoch === runEpoch && lease.holder !== null) return
  const now = lease.holder === null ? 'nobody holds it now' : `"${lease.holder}" took it over as run ${lease.runEpoch}`
  throw new CrossfadeError('LEASE_LOST', `run ${runEpoch} has lost the lease of the plan "${plan}": ${now}`)
}

async function updateLease(
  db: Knex,
  { namespace, plan }: PlanScope,
  fields: Readonly<Record<string, string | number>>,
): Promise<void> {
  await db.withSchema(namespace).from('lease').where({ plan }).update(fields)
}
