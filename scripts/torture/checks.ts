/** What must hold for each command, and what must be left at the end of a round. */
import { setTimeout as delay } from 'node:timers/promises'
import { runSql } from '../servers/run-sql.js'
import { openSide } from '../../src/engines/open-side.js'
import type { Command, CommandEnd, Line } from './command.js'
import type { Draw } from './draw.js'
import type { Node } from './bed.js'
import type { Stage } from './stage.js'
import { LEASE_MS } from './plan-file.js'

/** A round failed: one check, and what it found. */
export class CheckError extends Error {
  override readonly name = 'CheckError'
  constructor(
    readonly check: string,
    message: string,
  ) {
    super(`${check}: ${message}`)
  }
}

/** An error, refused, waiting for approval, another run, interrupted: a fault may lead to each, and the next run goes on. */
const CAN_GO_ON = new Set([1, 4, 6, 7, 130])

/** Holds for every run, whatever the fault: it ends as documented, says why, and never sees both sides differ. */
export function checkEnd({ name }: Command, end: CommandEnd, draw: Draw): void {
  const words = `${name} ended with ${end.exitCode ?? end.signal}: ${JSON.stringify(end.lines.at(-1))} ${end.stderr}`
  const isKilled = end.exitCode === null && draw.fault === (end.signal === 'SIGKILL' ? 'kill' : 'disk-full')
  if (!isKilled && (end.exitCode === null || !(CAN_GO_ON.has(end.exitCode) || isDone(end))))
    throw new CheckError('exit code', words)
  if (end.stderr !== '') throw new CheckError('nothing on standard error', words)
  const last = end.lines.at(-1)
  if (!isDone(end) && !isKilled && !isReasoned(last)) throw new CheckError('an end with a reason', words)
  const difference = end.lines.find(isDifference)
  if (difference) throw new CheckError('both sides are equal', `${name} said ${JSON.stringify(difference)}`)
}

const isReasoned = (line: Line | undefined): boolean =>
  (line?.['type'] === 'exit' && line['reason'] !== '') || (line?.['type'] === 'error' && line['message'] !== '')

const isDifference = ({ type, differences, isEqual, reason }: Line): boolean =>
  type === 'difference' ||
  (type === 'pass-done' && differences !== 0) ||
  (type === 'invariant' && isEqual === false) ||
  (type === 'switch-missed' && /differ|behind the fence "/.test(String(reason)))

/** The work that was asked for is done. */
export const isDone = ({ exitCode, lines }: CommandEnd): boolean => {
  const last = lines.at(-1)
  if (exitCode === 5) return last?.['outcome'] === 'rolled-back'
  return exitCode === 0 && (last?.['outcome'] === 'until-reached' || last?.['outcome'] === 'completed')
}

/** Time for servers to notice that a client is gone. */
const GONE_MS = 10_000
const LOOK_MS = 200

async function soon(check: string, look: () => Promise<readonly string[]>): Promise<void> {
  const until = performance.now() + GONE_MS
  for (;;) {
    const left = await look()
    if (left.length === 0) return
    if (performance.now() > until) throw new CheckError(check, left.slice(0, 10).join('; '))
    await delay(LOOK_MS)
  }
}

/** After the application has gone too: no session, lock or prepared transaction of anybody is on the servers. */
export async function checkServers({ engine, nodes }: Stage): Promise<void> {
  for (const { server } of nodes) await soon('no connection is left', () => listSessions(engine, server))
}

async function listSessions(engine: Stage['engine'], server: Node['server']): Promise<string[]> {
  if (engine === 'postgres') {
    const rows = await runSql(
      engine,
      server.url,
      `SELECT format('session %s (%s) in %s: %s', pid, application_name, datname, left(query, 60)) AS found
         FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
       UNION ALL SELECT format('advisory lock of %s', pid) FROM pg_locks WHERE locktype = 'advisory'
       UNION ALL SELECT format('prepared transaction %s', gid) FROM pg_prepared_xacts
       UNION ALL SELECT format('slot %s', slot_name) FROM pg_replication_slots`,
    )
    return rows.map(({ found }) => String(found))
  }
  const rows = await runSql(
    engine,
    server.url,
    `SELECT CONCAT('connection ', id, ' ', command, ' ', LEFT(COALESCE(info, ''), 60)) AS found
       FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND command NOT IN ('Daemon', 'Binlog Dump')`,
  )
  return rows.map(({ found }) => String(found))
}

/** Nothing of Crossfade is on either side, and its namespace is gone. */
export async function checkRemains(stage: Stage): Promise<void> {
  await soon('nothing remains', async () => {
    await using blue = await openSide(stage.direct.blue, 'blue', stage.meta)
    await using green = await openSide(stage.direct.green, 'green', stage.meta)
    return [...(await blue.remains()), ...(await green.remains())]
  })
  const left: string[] = []
  for (const { server } of stage.nodes) {
    const { url } = server
    const [row] =
      stage.engine === 'postgres'
        ? await runSql(
            stage.engine,
            inDatabaseOf(stage.direct.blue, url),
            `SELECT count(*) AS n FROM pg_namespace WHERE nspname = '${stage.meta}' OR nspname LIKE 'crossfade%'`,
          )
        : await runSql(
            stage.engine,
            url,
            `SELECT count(*) AS n FROM information_schema.schemata WHERE schema_name = '${stage.meta}' OR schema_name LIKE 'crossfade%'`,
          )
    if (Number(row?.['n']) > 0) left.push(`a namespace of Crossfade on ${url}`)
  }
  if (left.length > 0) throw new CheckError('nothing remains', left.join('; '))
}

function inDatabaseOf(sideUrl: string, serverUrl: string): string {
  const result = new URL(serverUrl)
  result.pathname = new URL(sideUrl).pathname
  return result.href
}

/** What stays of a completed migration: blue's gates, both fences and writer's leases, and the journal, which knows the story. */
const STAYS =
  /^trigger crossfade_blue_gate|(blue|green)_(gate|gate_check|authority|run)$|\.(events|migrations|lease|progress|commands|gate|clients|gate_signal|\w*version\w*)$/

/** After `complete` on green: no capture is left, and green has nothing of Crossfade. */
export async function checkCompleted(stage: Stage): Promise<void> {
  await soon('only fences and the journal remain', async () => {
    await using blue = await openSide(stage.direct.blue, 'blue', stage.meta)
    await using green = await openSide(stage.direct.green, 'green', stage.meta)
    return [...(await blue.remains()), ...(await green.remains())].filter((name) => !STAYS.test(name))
  })
}

/** Programs that a command started must end with it, also when it was killed. */
export async function checkGroups(commands: readonly Command[]): Promise<void> {
  await soon('no process is left', () =>
    Promise.resolve(commands.filter((command) => command.hasGroup()).map(({ name, pid }) => `group ${pid} of ${name}`)),
  )
}

/** A lease runs out, a hold ends by itself: then whoever waits goes on. */
export const RECOVERY_MS = LEASE_MS + 20_000
