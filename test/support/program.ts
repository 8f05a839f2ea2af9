import { fileURLToPath } from 'node:url'

/** Set by the test command, which builds the program once: a command then starts in half the time. */
const BUILT = process.env['CROSSFADE_TEST_PROGRAM']

/** What node is given to run `crossfade`. */
export const CROSSFADE: readonly string[] = BUILT
  ? [BUILT]
  : ['--import', 'tsx', fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))]
