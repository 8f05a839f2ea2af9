/** Dumps, restores and positions for point-in-time recovery. */
import { stat } from 'node:fs/promises'
import type { BackupTools, Location } from '../engine.js'
import { CrossfadeError } from '../errors.js'
import { scratchName } from '../scratch.js'
import { raw, sql } from '../sql.js'
import type { SideContext } from './context.js'
import { dumpBetween, watchFor } from './dump-between.js'
import { findProgram, runProgram } from './dump-programs.js'
import { dumpLogically, isLogicalDump, restoreLogically } from './logical-dump.js'
import { quoteIdentifier } from './quote.js'
import type { MysqlSession } from './session.js'

export function createBackup(context: SideContext): BackupTools {
  const { flavor, location, facts } = context
  return {
    async dump(file, signal, witness) {
      const program = await chooseProgram(context)
      if ('reason' in program) {
        await context.withSession('crossfade dump', (session) =>
          dumpLogically(session, location.namespace, file, signal, witness),
        )
        const note = `${program.reason}; the built-in logical dump holds tables and rows, but no views and routines`
        return { tool: 'built-in', note, bytes: (await stat(file)).size }
      }
      const options = [
        '--single-transaction',
        '--quick',
        '--routines',
        '--skip-triggers',
        '--hex-blob',
        '--default-character-set=utf8mb4',
      ]
      const args = [...options, ...flavor.dumpOptions, location.namespace]
      const dump = (own: AbortSignal, onRows?: () => void): Promise<void> =>
        runProgram(program.path, location.url, args, {
          engine: flavor.engine,
          output: file,
          signal: own,
          ...(onRows ? { watch: watchFor('CREATE TABLE', onRows) } : {}),
        })
      await (witness ? dumpBetween(context, dump, witness, signal) : dump(signal))
      return { tool: program.name, note: program.version, bytes: (await stat(file)).size }
    },
    async recoveryMarker(session, name) {
      // There are no named restore points here: the name goes beside the position.
      const position = await flavor.position(session as MysqlSession)
      return position === undefined ? `${name}: no binary log, so no point-in-time recovery` : `${name}: ${position}`
    },
    async restore(file, signal) {
      const target = scratchLocation(location)
      const database = quoteIdentifier(target.namespace)
      await context.withSession('crossfade restore', async (session) => {
        await session.execute(raw(`DROP DATABASE IF EXISTS ${database}`))
        await session.execute(raw(`CREATE DATABASE ${database} CHARACTER SET utf8mb4`))
        if (await isLogicalDump(file)) return restoreLogically(session, target.namespace, file, signal)
        const client = await findProgram(flavor.clientPrograms, flavor.engine, facts.version)
        if ('reason' in client)
          throw new CrossfadeError('BACKUP_UNPROVEN', `the dump cannot be restored: ${client.reason}`)
        await runProgram(client.path, location.url, ['--default-character-set=utf8mb4', target.namespace], {
          engine: flavor.engine,
          input: file,
          signal,
        })
      })
      return target
    },
    async dropScratch() {
      await context.withSession('crossfade restore', (session) =>
        session.execute(raw(`DROP DATABASE IF EXISTS ${quoteIdentifier(scratchName(location))}`)),
      )
    },
  }
}

/** Its own programs write six digits of a FLOAT, of which nothing exact can be restored. */
async function chooseProgram(context: SideContext): ReturnType<typeof findProgram> {
  const { flavor, location, facts } = context
  const [float] = await context.withSession('crossfade dump', (session) =>
    session.query(
      sql`SELECT table_name, column_name FROM information_schema.columns
        WHERE table_schema = ${location.namespace} AND data_type = 'float' LIMIT 1`,
    ),
  )
  if (float)
    return { reason: `${flavor.dumpPrograms[0]} writes six digits of a FLOAT such as ${float.map(String).join('.')}` }
  return findProgram(flavor.dumpPrograms, flavor.engine, facts.version)
}

function scratchLocation(location: Location): Location {
  const namespace = scratchName(location)
  const url = new URL(location.url)
  url.pathname = `/${encodeURIComponent(namespace)}`
  return { ...location, url: url.href, namespace }
}
