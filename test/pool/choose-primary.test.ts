import { describe, expect, test } from 'vitest'
import { choosePrimary } from '../../src/pool/choose-primary.ts'

/** The first one is the current primary. */
const choose = (...hosts: { claims: boolean; term?: number }[]) => {
  const candidates = hosts.map((host, index) => ({ term: undefined, ...host, isCurrent: index === 0, index }))
  const { primary, rivals } = choosePrimary(candidates, candidates[0]!)
  return { primary: primary.index, rivals: rivals.map(({ index }) => index) }
}

describe('the host that takes the writes', () => {
  test('stays the same while nobody says that he takes them: it is the last candidate', () => {
    expect(choose({ claims: false }, { claims: false })).toEqual({ primary: 0, rivals: [] })
  })

  test('is the only one that says so', () => {
    expect(choose({ claims: false }, { claims: false }, { claims: true })).toEqual({ primary: 2, rivals: [] })
  })

  test('is, of several that say so, the one of the newest term', () => {
    expect(choose({ claims: true, term: 1 }, { claims: true, term: 2 })).toEqual({ primary: 1, rivals: [0] })
    expect(choose({ claims: true, term: 3 }, { claims: true, term: 2 })).toEqual({ primary: 0, rivals: [1] })
  })

  test('stays the same where terms do not tell', () => {
    expect(choose({ claims: true }, { claims: true })).toEqual({ primary: 0, rivals: [1] })
    expect(choose({ claims: true, term: 2 }, { claims: true, term: 2 })).toEqual({ primary: 0, rivals: [1] })
    expect(choose({ claims: true }, { claims: true, term: 2 })).toEqual({ primary: 0, rivals: [1] })
  })
})
