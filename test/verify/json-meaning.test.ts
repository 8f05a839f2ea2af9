import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { meaningOf } from '../../src/verify/json-meaning.js'
import { json } from '../data/arbitraries.js'

/** The same value in another spelling: members the other way round, white space, escapes. */
function respelled(value: unknown): string {
  if (Array.isArray(value)) return `[ ${value.map(respelled).join(' ,\n')} ]`
  if (typeof value === 'object' && value !== null)
    return `{ ${Object.entries(value)
      .reverse()
      .map(([name, member]) => `${escaped(name)} :\t${respelled(member)}`)
      .join(' , ')}}`
  return typeof value === 'string' ? escaped(value) : JSON.stringify(value)
}

const escaped = (text: string): string =>
  `"${text.replace(/[^]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)}"`

const digits = fc.bigInt({ min: 1n, max: 10n ** 40n }).map(String)

describe('the meaning of JSON', () => {
  test('is one text for every spelling of a value, and another for another value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (left, right) => {
        const meaning = meaningOf(JSON.stringify(left))
        expect(meaning).toBeDefined()
        expect(meaningOf(respelled(left))).toBe(meaning)
        // Through JSON, as -0 and 0 are one number of it.
        const isSame = respelled(JSON.parse(JSON.stringify(left))) === respelled(JSON.parse(JSON.stringify(right)))
        if (!isSame && !hasObject(left)) expect(meaningOf(JSON.stringify(right))).not.toBe(meaning)
      }),
    )
  })

  test('of a number is its value, however many digits and wherever the point stands', () => {
    fc.assert(
      fc.property(digits, fc.nat({ max: 30 }), fc.integer({ min: -400, max: 400 }), (number, zeros, power) => {
        const plain = meaningOf(`${number}e${power}`)
        expect(meaningOf(`${number}.${'0'.repeat(zeros + 1)}E+0`)).toBe(meaningOf(number))
        expect(meaningOf(`${number}${'0'.repeat(zeros)}e${power - zeros}`)).toBe(plain)
        expect(meaningOf(`0.${'0'.repeat(zeros)}${number}e${power + zeros + number.length}`)).toBe(plain)
        expect(meaningOf(`-${number}e${power}`)).not.toBe(plain)
        expect(meaningOf(`${BigInt(number) + 1n}e${power}`)).not.toBe(plain)
      }),
    )
  })

  test('of two numbers with exponents beyond every type is not one by chance', () => {
    const huge = 2n ** 60n
    expect(meaningOf(`1e${huge}`)).not.toBe(meaningOf(`1e${huge + 1n}`))
    expect(meaningOf(`1e${'9'.repeat(400)}`)).not.toBe(meaningOf(`1e${'9'.repeat(401)}`))
    expect(meaningOf(`10e${huge}`)).toBe(meaningOf(`1e${huge + 1n}`))
  })

  test('counts the last of equal names, as the engines do', () => {
    expect(meaningOf('{"a": 1, "b": 2, "a": 3}')).toBe(meaningOf('{"b": 2, "a": 3}'))
    expect(meaningOf('{"a": 1, "a": 2}')).not.toBe(meaningOf('{"a": 2, "a": 1}'))
  })

  test('is found for JSON as it is generated for servers, and for nothing that has more or less at its end', () => {
    fc.assert(
      fc.property(json, fc.constantFrom('}', ']', ',', '"', 'x', '1 '), (text, more) => {
        expect(meaningOf(text)).toBeDefined()
        if (more !== '1 ') expect(meaningOf(text + more)).toBeUndefined()
        expect(meaningOf(`[${text}`)).toBeUndefined()
      }),
    )
  })

  test.each(['', ' ', 'nul', 'NaN', '01', '1.', '.5', '+1', "'a'", '{a: 1}', '[1,]', '{"a" 1}', '"\n"'])(
    'there is none of %j',
    (text) => {
      expect(meaningOf(text)).toBeUndefined()
    },
  )
})

const hasObject = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && (!Array.isArray(value) || value.some(hasObject))
