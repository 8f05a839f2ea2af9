/** Loads a plan file: TypeScript or JavaScript, without a build step. */
import { createHash } from 'node:crypto'
import { existsSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { createJiti } from 'jiti'
import { CrossfadeError } from '../engines/errors.js'
import * as language from './language.js'
import { parsePlan } from './parse.js'
import type { Plan } from './plan.js'

export interface LoadedPlan {
  readonly plan: Plan
  /** SHA-256 of what the plan means, so that an edit in the middle of a migration is noticed and a comment is not. */
  readonly planHash: string
  /** Absolute path of the file. */
  readonly file: string
}

/**
 * @param path a file, or a folder that holds `plan.ts`, `plan.js` or `plan.mjs`.
 * @throws {CrossfadeError} PLAN_INVALID
 */
export async function loadPlan(path: string): Promise<LoadedPlan> {
  const { definition, file } = await loadDefinition(path)
  const plan = parsePlan(definition)
  return { plan, planHash: hashOf(plan), file }
}

/**
 * What a plan file exports by default, not yet parsed.
 * @throws {CrossfadeError} PLAN_INVALID when there is no such file, or its code does not run to the end.
 */
export async function loadDefinition(path: string): Promise<{ definition: unknown; file: string }> {
  const file = findFile(path)
  const jiti = createJiti(import.meta.url, {
    // The plan speaks the language of this very program, wherever it is installed, in one copy.
    virtualModules: { crossfade: language },
    // Compiling a plan of 85 tables takes seconds. A shared folder such as /tmp would let others put code into our run.
    fsCache: cacheFolder(file) ?? false,
    // Its own way with defaults fails at `export default null`.
    interopDefault: false,
  })
  try {
    const loaded = await jiti.import<object>(file)
    // CommonJS exports the plan itself.
    return { definition: 'default' in loaded ? loaded.default : loaded, file }
  } catch (cause) {
    throw new CrossfadeError('PLAN_INVALID', `${path} could not be loaded: ${describe(cause, file)}`, { cause })
  }
}

function findFile(path: string): string {
  const absolute = resolve(path)
  if (!existsSync(absolute)) throw new CrossfadeError('PLAN_INVALID', `there is no file ${path}`)
  if (!statSync(absolute).isDirectory()) return absolute
  const found = ['plan.ts', 'plan.js', 'plan.mjs'].map((name) => join(absolute, name)).find((name) => existsSync(name))
  if (!found) throw new CrossfadeError('PLAN_INVALID', `the folder ${path} holds no plan.ts, plan.js or plan.mjs`)
  return found
}

function cacheFolder(file: string): string | undefined {
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    const modules = join(folder, 'node_modules')
    if (existsSync(modules)) return join(modules, '.cache', 'crossfade')
    if (folder === dirname(folder)) return undefined
  }
}

/** Limits, probes and hooks may be tuned in the middle of a migration; schemas and mapping may not. */
export function hashOf(plan: Plan): string {
  const { name, blue, green, bands, forward, reverse } = plan
  return createHash('sha256').update(stableJson({ name, blue, green, bands, forward, reverse })).digest('hex')
}

/** JSON with the members of each object in one order, so that moving a line of the plan changes nothing. */
function stableJson(value: unknown): string {
  return JSON.stringify(value, (_name, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([left], [right]) => (left < right ? -1 : 1)))
      : member,
  )
}

/** The message in one line, with the place in the plan's own files where it is known. */
function describe(error: unknown, file: string): string {
  if (!(error instanceof Error)) return String(error)
  const message = error.message.split('\n')[0] ?? ''
  const frame = error.stack?.split('\n').find((line) => line.includes(dirname(file)) && /:\d+:\d+\)?$/.test(line))
  const place = frame && /([^\s(]+?):(\d+):\d+\)?$/.exec(frame)
  const isTold = place === null || place === undefined || message.includes(`:${place[2]}:`)
  return isTold ? message : `${message} (${relative(dirname(file), place[1]!.replace(/^file:\/\//, ''))}:${place[2]})`
}
