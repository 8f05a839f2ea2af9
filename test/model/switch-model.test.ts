/** Every interleaving of the switch, its mirror, crashes and takeovers; and that the explorer would have found the mistakes. */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { describeTrace, explore, NEVER_SETTLES, type Model } from './explorer.ts'
import { MISTAKES, type Mistake } from './mistakes.ts'
import { createSwitchModel, type SwitchModelOptions } from './switch-model.ts'

/** Small enough to be explored in seconds, large enough that each mistake has room in one of them. */
const MODELS = {
  'a plain client, and a run that is left behind': { writes: [0, 2], hasTwoRuns: true },
  'a pool, and a run that is left behind': { writes: [1, 0], hasTwoRuns: true },
  'a pool and a plain client, and runs that die': { writes: [2, 1], hasTwoRuns: false },
  'a pool, and runs that die': { writes: [1, 0], hasTwoRuns: false },
} as const satisfies Record<string, SwitchModelOptions>

describe('the explorer', () => {
  /** Counts up to a limit, and may give up on the way. */
  const counter = (parts: Partial<Model<number>>): Model<number> => ({
    initial: 0,
    *next(state) {
      if (state >= 0 && state < 5) yield { name: `to ${state + 1}`, to: state + 1, isOptional: false }
      if (state === 2) yield { name: 'gives up', to: -1, isOptional: true }
    },
    encode: String,
    invariants: {},
    isSettled: (state) => state === 5 || state === -1,
    ...parts,
  })

  test('counts states and steps, and ends', () => {
    expect(explore(counter({}))).toEqual({ states: 7, steps: 6, depth: 5, counterexample: undefined })
  })

  test('shows a shortest way to a state that breaks an invariant', () => {
    const { counterexample } = explore(counter({ invariants: { small: (state) => state < 2 } }))
    expect(counterexample).toEqual({ broken: 'small', trace: ['to 1', 'to 2'] })
    expect(describeTrace(counterexample!)).toBe('broken: small\n  1. to 1\n  2. to 2')
  })

  test('finds states from which nothing settles, also where something optional would', () => {
    const stuck = explore(counter({ isSettled: (state) => state === 5 }))
    expect(stuck.counterexample).toEqual({ broken: NEVER_SETTLES, trace: ['to 1', 'to 2', 'gives up'] })
    const { counterexample } = explore(counter({ isSettled: (state) => state === -1 }))
    expect(counterexample).toEqual({ broken: NEVER_SETTLES, trace: [] })
  })
})

describe('the switch', () => {
  for (const [name, options] of Object.entries(MODELS))
    test(`keeps its promises in every interleaving: ${name}`, () => {
      const { states, steps, depth, counterexample } = explore(createSwitchModel(options))
      console.log(`${name}: ${states} states, ${steps} steps, ${depth} deep`)
      expect(counterexample && describeTrace(counterexample)).toBeUndefined()
      expect(states).toBeGreaterThan(2000)
    })
})

const ONE_SIDE = 'at most one side takes writes'
const STRAY = 'no write is acknowledged by a side without the authority'
const LOST = 'no acknowledged write is lost'
const FOLLOWS = 'what differs is on its way'

/** Whom it takes to notice, and what breaks. */
const FOUND: Readonly<Record<Mistake, readonly [keyof typeof MODELS, string]>> = {
  'the fence does not wait for writers': ['a plain client, and a run that is left behind', LOST],
  'the hold takes the place of the fence': ['a plain client, and a run that is left behind', ONE_SIDE],
  'the old side is not armed': ['a plain client, and a run that is left behind', ONE_SIDE],
  'the position is taken before the fence': ['a plain client, and a run that is left behind', LOST],
  'the reverse capture comes after the switch': ['a plain client, and a run that is left behind', FOLLOWS],
  'the new side opens before the commit': ['a plain client, and a run that is left behind', STRAY],
  'clients are released before the commit': ['a pool, and runs that die', NEVER_SETTLES],
  'the commit does not ask for the lease': ['a plain client, and a run that is left behind', STRAY],
  'an unclear commit counts as failed': ['a plain client, and a run that is left behind', LOST],
  'the journal is read beside a pending commit': ['a plain client, and a run that is left behind', LOST],
  'a resumed run does not look at the fences': ['a plain client, and a run that is left behind', NEVER_SETTLES],
  'a resumed run opens the side it was going to': ['a plain client, and a run that is left behind', ONE_SIDE],
  'the fence does not know old runs': ['a plain client, and a run that is left behind', ONE_SIDE],
  'sync does not know old runs': ['a plain client, and a run that is left behind', FOLLOWS],
  'changes are acknowledged before they are applied': ['a plain client, and a run that is left behind', FOLLOWS],
  'the board takes any epoch': ['a pool, and a run that is left behind', NEVER_SETTLES],
}

describe('a mistake is found', () => {
  test.each(MISTAKES)('%s', (mistake) => {
    const [model, broken] = FOUND[mistake]
    const { counterexample, states } = explore(createSwitchModel({ ...MODELS[model], mistake }))
    expect(counterexample, `${states} states show nothing`).toBeDefined()
    console.log(`${mistake}\n${describeTrace(counterexample!)}`)
    expect(counterexample!.broken).toBe(broken)
  })
})

test('what the page links to is in the files', () => {
  const page = 'docs/switch-model.md'
  const links = [...readFileSync(page, 'utf8').matchAll(/\[`([^`]+)`\]\(([^)]+\.ts)\)/g)]
  expect(links.length).toBeGreaterThan(20)
  const missing = links
    .filter(([, name, file]) => !readFileSync(join(dirname(page), file!), 'utf8').includes(name!))
    .map(([, name, file]) => `${name} in ${file}`)
  expect(missing).toEqual([])
})
