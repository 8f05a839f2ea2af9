/** Of the generated values of this run. A failed test names it: `CROSSFADE_TEST_SEED=..` runs it again. */
export const SEED = Number(process.env['CROSSFADE_TEST_SEED'] ?? Date.now() % 1_000_000)
