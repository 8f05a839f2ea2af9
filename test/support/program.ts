import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** Set by the test command, which builds the program once: a command then starts in half the time. */
const BUILT = process.env['CROSSFADE_TEST_PROGRAM']

/** What node is given to run `crossfade`. */
export const CROSSFADE: readonly string[] = BUILT
  ? [BUILT]
  : ['--import', 'tsx', fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))]

/** A module of the program, by its place below `src` without an ending, and what node needs to import it. */
export const moduleOf = (name: string): { readonly flags: readonly string[]; readonly url: string } =>
  BUILT
    ? { flags: [], url: pathToFileURL(join(dirname(BUILT), '..', `${name}.js`)).href }
    : { flags: ['--import', 'tsx'], url: new URL(`../../src/${name}.ts`, import.meta.url).href }
