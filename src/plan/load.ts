/** Loads a plan file: TypeScript or JavaScript, without a build step. */
import { createHash } from 'node:crypto'
import { existsSync, statSync } from 'node:fs'
import { dirname, extname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createJiti } from 'jiti'
import { CrossfadeError } from '../engines/errors.js'
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
 * @param path a file, or a folder that holds `plan.ts` or `plan.js`.
 * @throws {CrossfadeError} PLAN_INVALID
 */
export async function loadPlan(path: string): Promise<LoadedPlan> {
  const file = findFile(path)
  const own = fileURLToPath(import.meta.url)
  const index = resolve(dirname(own), `../index${extname(own)}`)
  // The plan's `import 'crossfade'` must find this very program, wherever it is installed.
  const jiti = createJiti(import.meta.url, { alias: { crossfade: index }, interopDefault: true, moduleCache: false })
  let definition: unknown
  try {
    definition = await jiti.import(file, { default: true })
  } catch (cause) {
    throw new CrossfadeError('PLAN_INVALID', `${path} could not be loaded: ${firstLine(cause)}`, { cause })
  }
  const plan = parsePlan(definition)
  return { plan, planHash: hashOf(plan), file }
}

function findFile(path: string): string {
  const absolute = resolve(path)
  if (!existsSync(absolute)) throw new CrossfadeError('PLAN_INVALID', `there is no file ${path}`)
  if (!statSync(absolute).isDirectory()) return absolute
  const found = ['plan.ts', 'plan.js', 'plan.mjs'].map((name) => resolve(absolute, name)).find((candidate) => existsSync(candidate))
  if (!found) throw new CrossfadeError('PLAN_INVALID', `the folder ${path} holds no plan.ts or plan.js`)
  return found
}

/** Limits, probes and hooks may be tuned in the middle of a migration; schemas and mapping may not. */
export function hashOf(plan: Plan): string {
  const meaning = { name: plan.name, blue: plan.blue, green: plan.green, bands: plan.bands, forward: plan.forward, reverse: plan.reverse }
  return createHash('sha256').update(JSON.stringify(meaning)).digest('hex')
}

const firstLine = (error: unknown): string => (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? ''
