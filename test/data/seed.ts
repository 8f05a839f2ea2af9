/** Of the generated values. The same in each run, so that a failure belongs to a change; `CROSSFADE_TEST_SEED=..` looks elsewhere. */
export const SEED = Number(process.env['CROSSFADE_TEST_SEED'] ?? 1)
