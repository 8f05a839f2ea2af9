/** What a model allows, and the order of the switch's steps in it. */
import type { Mistake } from './mistakes.ts'
import type { Place } from './state.ts'

export type Has = (mistake: Mistake) => boolean

export interface Rules {
  readonly has: Has
  /** Without a client that follows it nothing of the board matters, and its steps are left out. */
  readonly hasBoard: boolean
  /** A second run that takes over from one that lives; otherwise one that comes when it has died. */
  readonly hasTwoRuns: boolean
}

/** What comes behind what in a switch. */
export function orderOf({ has, hasBoard }: Rules): readonly Place[] {
  const order = fullOrder(has)
  return hasBoard ? order : order.filter((place) => place !== 'hold' && place !== 'release')
}

function fullOrder(has: Has): readonly Place[] {
  if (has('the hold takes the place of the fence')) return ['hold', 'drain', 'commit', 'open', 'release', 'advance']
  if (has('the position is taken before the fence'))
    return ['hold', 'drain', 'fence', 'commit', 'open', 'release', 'advance']
  if (has('the new side opens before the commit'))
    return ['hold', 'fence', 'drain', 'open', 'commit', 'release', 'advance']
  if (has('clients are released before the commit'))
    return ['hold', 'fence', 'drain', 'release', 'commit', 'open', 'advance']
  if (has('the reverse capture comes after the switch'))
    return ['hold', 'fence', 'drain', 'commit', 'open', 'release', 'late capture', 'advance']
  return ['hold', 'fence', 'drain', 'commit', 'open', 'release', 'advance']
}
