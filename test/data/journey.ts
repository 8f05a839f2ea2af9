/** The whole way of a bed: there, told apart by verification, and back, each time compared by the server's own exact text. */
import { expect } from 'vitest'
import type { Bed } from './bed.js'
import { brief } from './brief.js'
import type { ColumnCase, Literal } from './cases.js'
import { plainOf } from './plan-text.js'
import { ALIKE_IDS, changes, NEAR_IDS, readRows, readWide, type Sample, type Tongue } from './rows.js'

/** Blue has its tables and rows, and nothing has been run. Afterwards the migration has ended, with nothing left of it. */
export async function travel(bed: Bed, cases: readonly ColumnCase[], tongue: Tongue, sample: Sample): Promise<void> {
  const expectEqualSides = async (): Promise<void> =>
    expect(await readRows(bed, 'green', cases, tongue)).toEqual(await readRows(bed, 'blue', cases, tongue))
  const run = async (exitCode: number, command: string, ...args: string[]): Promise<void> => {
    const result = await bed.cli(command, ...args, '--json')
    expect(result.exitCode, brief(result)).toBe(exitCode)
  }

  await run(6, 'run')
  await expectEqualSides()
  await bed.sql('blue', ...changes(cases, { ...sample, seed: sample.seed + 1 }, tongue, 'v'))
  await run(6, 'run')
  await expectEqualSides()
  await expectToldApart(bed, cases)
  await run(0, 'run', '--yes', '--until', 'validate')
  await expectEqualSides()

  const wide = await readWide(bed, cases, tongue)
  // A new key: the rows under the old one must go from blue, and come again from JSON.
  await bed.sql('green', `UPDATE wide SET id = id + 100 WHERE id < 4`, `UPDATE wide SET id = id - 100 WHERE id > 100`)
  await bed.sql('green', ...changes(cases, { ...sample, seed: sample.seed + 2 }, tongue, 'w'))
  await run(5, 'rollback')
  await expectEqualSides()
  expect(await readWide(bed, cases, tongue)).toEqual(wide)
  await run(0, 'complete')
  expect(await bed.remains()).toEqual([])
}

/** One value of each pair on blue, the other on green: a difference where they are near, none where they are alike. */
async function expectToldApart(bed: Bed, cases: readonly ColumnCase[]): Promise<void> {
  const tamper = (which: 0 | 1): Promise<void> => {
    const update = (one: ColumnCase, first: number, pairs: readonly (readonly [Literal, Literal])[]): string[] =>
      pairs.map(
        (pair, index) =>
          `UPDATE ${bed.qualified('green', plainOf(one))} SET w = ${pair[which]} WHERE id = ${first + index}`,
      )
    return bed.tamper(
      'green',
      ...cases.flatMap((one) => [...update(one, NEAR_IDS, one.near), ...update(one, ALIKE_IDS, one.alike ?? [])]),
    )
  }
  await tamper(1)
  const verified = await bed.cli('verify', '--json')
  expect(verified.exitCode, brief(verified)).toBe(3)
  const told = verified.lines
    .filter(({ type }) => type === 'difference')
    .map(({ projection, key, columns }) => `${String(projection)} ${String(key)} ${String(columns)}`)
  const expected = cases.flatMap((one) => one.near.map((_, index) => `${plainOf(one)} ${NEAR_IDS + index} w`))
  expect(told.sort()).toEqual(expected.sort())
  await tamper(0)
}
