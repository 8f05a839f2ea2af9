import { expect, test } from 'vitest'
import { countVitestReport, formatCounts, listTroubles } from '../scripts/test-counts.ts'

const report = (passed: number, failed: number, files: object[] = []) =>
  JSON.stringify({
    numPassedTests: passed,
    numFailedTests: failed,
    numPendingTests: 2,
    numTodoTests: 1,
    testResults: files,
  })

test('passed, failed and skipped tests are counted as the report says', () => {
  expect(formatCounts(countVitestReport(report(5, 1), false))).toBe('5 passed, 1 failed, 3 skipped')
})

test('a test file that does not load is a failure', () => {
  const files = [{ name: 'a.test.ts', status: 'failed', assertionResults: [] }]
  expect(countVitestReport(report(5, 0, files), false)).toMatchObject({ passed: 5, failed: 1 })
  expect(listTroubles(report(5, 0, files))).toEqual(['failed: a.test.ts'])
})

test('what failed, and what was running when its process ended, is listed', () => {
  const tests = (name: string, ...states: string[]) => ({
    name,
    status: states.includes('failed') ? 'failed' : 'passed',
    assertionResults: states.map((status, index) => ({ fullName: `test ${index}`, status })),
  })
  const files = [tests('a', 'passed', 'failed', 'skipped'), tests('b', 'passed', 'pending'), tests('c', 'passed')]
  expect(listTroubles(report(5, 1, files))).toEqual(['failed: a > test 1', 'unfinished: b > test 1'])
  expect(listTroubles(undefined)).toEqual(['vitest left no report'])
})

test('a run without a report, without tests, or with an error after the last test is a failure', () => {
  expect(countVitestReport(undefined, true).failed).toBe(1)
  expect(countVitestReport(report(0, 0), true).failed).toBe(1)
  expect(countVitestReport(report(5, 0), false).failed).toBe(1)
})
