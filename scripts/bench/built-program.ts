/** The program as it is installed: the loader that runs TypeScript directly has 60 MB of its own, and wraps each function that has a name. */
import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export interface BuiltProgram extends AsyncDisposable {
  /** `dist/cli/main.js` of a build of its own. */
  readonly main: string
  /** `dist/pool/index.js`. */
  readonly pool: string
}

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const COMPILER = createRequire(import.meta.url).resolve('typescript/bin/tsc')

export async function buildProgram(): Promise<BuiltProgram> {
  // Below node_modules, so that it finds the same packages.
  const cache = join(ROOT, 'node_modules', '.cache')
  await mkdir(cache, { recursive: true })
  const folder = await mkdtemp(join(cache, 'crossfade-bench-'))
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true })
  try {
    await copyFile(join(ROOT, 'package.json'), join(folder, 'package.json'))
    const outDir = join(folder, 'dist')
    const args = [COMPILER, '-p', 'tsconfig.build.json', '--outDir', outDir, '--noCheck', '--declaration', 'false']
    await promisify(execFile)(process.execPath, args, { cwd: ROOT })
    return {
      main: join(outDir, 'cli', 'main.js'),
      pool: join(outDir, 'pool', 'index.js'),
      [Symbol.asyncDispose]: remove,
    }
  } catch (error) {
    await remove()
    throw error
  }
}
