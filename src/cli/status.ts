/** `crossfade status`: from the journal alone, with or without a running orchestrator. */
import { openJournal } from '../journal/open-journal.js'
import { CrossfadeError } from '../engines/errors.js'
import type { MigrationEvent, StoredEvent } from '../journal/events.js'
import type { MigrationState } from '../journal/journal.js'
import { loadPlan } from '../plan/load.js'
import type { CopyProgress } from '../sync/backfill.js'
import { EXIT } from './exit-codes.js'
import type { Output } from './output.js'
import { requireUrls, type CommonFlags } from './settings.js'

export async function status(planPath: string, flags: CommonFlags, output: Output): Promise<number> {
  const { plan } = await loadPlan(planPath)
  const { journalUrl, metaNamespace } = requireUrls(flags, process.env)
  const journal = await openJournal({ url: journalUrl, metaNamespace, plan: plan.name })
  try {
    const state = await journal.read()
    if (!state) throw new CrossfadeError('WRONG_PHASE', `there is no migration of plan "${plan.name}" in this journal; \`crossfade run\` begins one`)
    const holder = await journal.leaseHolder()
    const copies = await journal.listProgress('copy:')
    const events = await journal.events({ types: ['switched', 'pass-done', 'waiting', 'phase-started'], limit: 100_000 })
    const last = <T extends MigrationEvent['type']>(type: T): (StoredEvent & { event: Extract<MigrationEvent, { type: T }> }) | undefined =>
      events.filter((stored): stored is StoredEvent & { event: Extract<MigrationEvent, { type: T }> } => stored.event.type === type).at(-1)
    const pass = last('pass-done')
    const waiting = last('waiting')
    const isWaiting = waiting !== undefined && waiting.seq > (last('phase-started')?.seq ?? 0)
    const next = nextCommands(state)
    const tables = copies.map(({ name, value }) => ({ projection: name.slice('copy:'.length), ...(value as CopyProgress) }))
    const lines = [
      `${plan.name}: phase ${state.phase}${state.phase === 'ended' ? ` (${state.outcome})` : ''}${state.isPaused ? ', paused' : ''}; ${state.authority} has the authority, epoch ${state.epoch}`,
      holder ? `run by ${holder.holder} (lease for ${Math.round(holder.expiresInMs / 1000)} s)` : 'no orchestrator is running',
      ...tables.filter((table) => !table.isDone).map((table) => `   ${table.projection}: ${table.rows} of about ${table.estimatedRows} rows`),
      `${tables.filter((table) => table.isDone).length} of ${plan.forward.length} projections copied`,
      pass ? `last verification (${pass.event.direction}) at ${pass.at}: ${pass.event.rows} rows, ${pass.event.differences} differences, ${pass.event.skipped} chunks not compared` : 'not verified yet',
      ...events.flatMap(({ at, event }) => (event.type === 'switched' ? [`switched ${event.from} to ${event.to} at ${at}, hold ${event.holdMs} ms, attempt ${event.attempts}`] : [])),
      ...(isWaiting ? [`waits for ${waiting.event.for}: ${waiting.event.why}; next: ${waiting.event.next}`] : []),
      `possible now: ${next.join(', ')}`,
    ]
    output.result(lines.join('\n'), { type: 'status', ...state, holder: holder ?? null, tables, lastVerification: pass ? { at: pass.at, ...pass.event } : null, waiting: isWaiting ? waiting.event : null, nextCommands: next })
    return EXIT.done
  } finally {
    await journal.close()
  }
}

function nextCommands(state: MigrationState): string[] {
  if (state.phase === 'ended') return state.outcome === 'rolled-back' ? ['complete (removes what is left)', 'run (a new attempt)', 'report'] : ['report']
  if (state.phase === 'rollback') return ['run']
  const common = ['run', state.isPaused ? 'resume' : 'pause', 'verify', 'rollback']
  if (state.authority === 'green') return ['run', 'verify', 'rollback', 'complete']
  return [...common, 'cutover', 'abort']
}
