import { z } from 'zod'

export interface Counts {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

export const addCounts = (a: Counts, b: Counts): Counts => ({
  passed: a.passed + b.passed,
  failed: a.failed + b.failed,
  skipped: a.skipped + b.skipped,
})

/** The last line of `npm test`. */
export const formatCounts = ({ passed, failed, skipped }: Counts): string =>
  `${passed} passed, ${failed} failed, ${skipped} skipped`

const Report = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numPendingTests: z.number(),
  numTodoTests: z.number(),
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      assertionResults: z.array(z.object({ fullName: z.string(), status: z.string() })),
    }),
  ),
})

/** What stays of a test whose process has ended in the middle. */
const UNFINISHED = 'pending'

/**
 * What did not pass, for the end of a long log: tests that failed, files that could not be loaded, and tests that have no result
 * because their process ended.
 */
export const listTroubles = (json: string | undefined): string[] => {
  if (json === undefined) return ['vitest left no report']
  return Report.parse(JSON.parse(json)).testResults.flatMap(({ name, status, assertionResults }) => {
    const troubles = assertionResults
      .filter((test) => test.status === 'failed' || test.status === UNFINISHED)
      .map((test) => `${test.status === UNFINISHED ? 'unfinished' : 'failed'}: ${name} > ${test.fullName}`)
    return troubles.length === 0 && status === 'failed' ? [`failed: ${name}`] : troubles
  })
}

/**
 * Counts what vitest's JSON report says. A file that could not be loaded has no tests but counts as one failure, and
 * so does everything else that made vitest fail (an error after the last test, a missing report, no test at all).
 */
export const countVitestReport = (json: string | undefined, isOk: boolean): Counts => {
  if (json === undefined) return { passed: 0, failed: 1, skipped: 0 }
  const report = Report.parse(JSON.parse(json))
  const brokenFiles = report.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.length === 0,
  )
  const failed = report.numFailedTests + brokenFiles.length
  return {
    passed: report.numPassedTests,
    failed: failed === 0 && (!isOk || report.numPassedTests === 0) ? 1 : failed,
    skipped: report.numPendingTests + report.numTodoTests,
  }
}
