import { describe, expect, test } from 'vitest'
import { Gate, type GateState } from '../../src/pool/gate.ts'

const BLUE = { side: 'blue', epoch: 1 } as const
const GREEN = { side: 'green', epoch: 2 } as const

const createGate = () => {
  const states: GateState[] = []
  return { states, gate: new Gate(BLUE, (state) => states.push(state)) }
}

describe('the gate', () => {
  test('is held at once when nothing is in flight', () => {
    const { gate, states } = createGate()
    gate.hold('a')
    expect(states).toEqual(['held'])
    expect(gate.admits(false)).toBe(false)
  })

  test('drains until the last transaction has left, and admits only what belongs to one of them', () => {
    const { gate, states } = createGate()
    gate.enter()
    gate.enter()
    gate.hold('a')
    expect([gate.admits(false), gate.admits(true)]).toEqual([false, true])
    gate.leave()
    expect(gate.state).toBe('draining')
    gate.leave()
    expect(states).toEqual(['draining', 'held'])
    expect(gate.admits(true)).toBe(false)
  })

  test('is acknowledged again for another hold, and not for the same one', () => {
    const { gate, states } = createGate()
    gate.hold('a')
    gate.hold('a')
    gate.hold('b')
    expect(states).toEqual(['held', 'held'])
    expect(gate.holdId).toBe('b')
  })

  test('opens on the side that it is told, also in the middle of a drain', () => {
    const { gate, states } = createGate()
    gate.enter()
    gate.hold('a')
    gate.open(GREEN)
    expect(gate.authority).toEqual(GREEN)
    gate.leave()
    expect(states).toEqual(['draining', 'open'])
  })

  test('tells of nothing when an open gate is opened again', () => {
    const { gate, states } = createGate()
    gate.open(BLUE)
    expect(states).toEqual([])
  })
})
