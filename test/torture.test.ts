import { spawn } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { drawRound, FAULTS, faultOf } from '../scripts/torture/draw.ts'
import { watchdog } from '../scripts/servers/watchdog.ts'

const TORTURE = new URL('../scripts/torture.ts', import.meta.url).pathname
const ROUNDS = 6

/** Chosen so that twelve kinds of faults come, in both directions, on every placement, most of them around the switch. */
const SEEDS = { postgres: 419, mariadb: 2842 } as const

/** As `npm run torture` does it, with servers of its own. */
function torture(args: readonly string[]): Promise<{ exitCode: number | null; output: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', TORTURE, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  const { pid } = child
  if (pid !== undefined) watchdog.guardProgram(pid)
  let output = ''
  child.stdout.on('data', (data: Buffer) => (output += data.toString('utf8')))
  child.stderr.on('data', (data: Buffer) => (output += data.toString('utf8')))
  return new Promise((resolve) => {
    child.once('close', (exitCode) => {
      if (pid !== undefined) watchdog.forgetProcess(pid)
      resolve({ exitCode, output })
    })
  })
}

describe('what a round does', () => {
  test('depends on engine, seed and number alone', () => {
    expect(drawRound('postgres', 5, 7)).toEqual(drawRound('postgres', 5, 7))
    expect(drawRound('postgres', 5, 7)).not.toEqual(drawRound('postgres', 5, 8))
    expect(drawRound('postgres', 5, 7)).not.toEqual(drawRound('mariadb', 5, 7))
  })

  test('has each kind of fault once in as many rounds as there are kinds, and goes back in about half of them', () => {
    const numbers = FAULTS.map((_, index) => index + 1)
    for (const seed of [1, 2, 3])
      expect(numbers.map((number) => faultOf(seed, number)).sort()).toEqual([...FAULTS].sort())
    const backs = Array.from({ length: 200 }, (_, index) => drawRound('postgres', 1, index + 1)).filter(
      ({ isBack }) => isBack,
    )
    expect(backs.length).toBeGreaterThan(70)
    expect(backs.length).toBeLessThan(130)
  })

  test('covers twelve kinds in the rounds below', () => {
    const kinds = Object.values(SEEDS).flatMap((seed) =>
      Array.from({ length: ROUNDS }, (_, index) => faultOf(seed, index + 1)),
    )
    expect(new Set(kinds).size).toBe(12)
  })
})

describe('torture', () => {
  test.concurrent.each(Object.entries(SEEDS))(
    `${ROUNDS} migrations under live traffic, each with another fault, lose nothing and leave nothing (%s)`,
    async (engine, seed) => {
      const { exitCode, output } = await torture([
        '--engine',
        engine,
        '--rounds',
        String(ROUNDS),
        '--seed',
        String(seed),
      ])
      expect(exitCode, output).toBe(0)
      expect(output.match(/^ok /gm)).toHaveLength(ROUNDS)
      expect(output).toMatch(new RegExp(`all +│ ${ROUNDS} +│ ${ROUNDS} `))
    },
    900_000,
  )
})
