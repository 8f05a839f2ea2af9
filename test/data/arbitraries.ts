/** Generated values as SQL text. */
import fc from 'fast-check'
import type { Literal } from './cases.js'

export const integer = (min: bigint, max: bigint): fc.Arbitrary<Literal> => fc.bigInt({ min, max }).map(String)

/** Up to `precision` digits of which the last `scale` stand behind the point. */
export const decimal = (precision: number, scale: number): fc.Arbitrary<Literal> =>
  fc.tuple(fc.boolean(), fc.bigInt({ min: 0n, max: 10n ** BigInt(precision) - 1n })).map(([isNegative, digits]) => {
    const text = String(digits).padStart(scale + 1, '0')
    const point = text.length - scale
    return `${isNegative ? '-' : ''}${text.slice(0, point)}${scale > 0 ? `.${text.slice(point)}` : ''}`
  })

/** Any finite double, with its exponent, as no engine reads `1` as one. */
export const double: fc.Arbitrary<string> = fc
  .double({ noNaN: true, noDefaultInfinity: true })
  .map((value) => value.toExponential())

const two = (value: number): string => String(value).padStart(2, '0')

/** A day that exists. */
export const day = (firstYear: number, lastYear: number): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.integer({ min: firstYear, max: lastYear }),
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 1, max: 31 }),
    )
    .map(([year, month, date]) => {
      const last = new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate()
      return `${String(year).padStart(4, '0')}-${two(month)}-${two(Math.min(date, last))}`
    })

export const clock = (digits: number): fc.Arbitrary<string> =>
  fc
    .tuple(fc.nat({ max: 23 }), fc.nat({ max: 59 }), fc.nat({ max: 59 }), fc.nat({ max: 10 ** digits - 1 }))
    .map(
      ([hour, minute, second, fraction]) =>
        `${two(hour)}:${two(minute)}:${two(second)}${digits > 0 ? `.${String(fraction).padStart(digits, '0')}` : ''}`,
    )

export const moment = (firstYear: number, lastYear: number, digits: number): fc.Arbitrary<string> =>
  fc.tuple(day(firstYear, lastYear), clock(digits)).map(([date, time]) => `${date} ${time}`)

/** Any characters but NUL, which no text of PostgreSQL holds. */
export const text = (maxLength: number): fc.Arbitrary<string> =>
  fc.string({ unit: 'binary', maxLength }).map((value) => value.replaceAll('\0', ' '))

export const bytes = (maxLength: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ maxLength }).map((value) => Buffer.from(value))

const number = fc.oneof(
  fc.maxSafeInteger().map(String),
  fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }).map(String),
  fc.tuple(fc.nat(), fc.nat()).map(([left, right]) => `${left}.${right}0`),
  fc.tuple(fc.nat({ max: 999 }), fc.integer({ min: -300, max: 300 })).map(([digits, power]) => `${digits}e${power}`),
)
const jsonText = text(12).map((value) => JSON.stringify(value))
const space = fc.constantFrom('', ' ', '\n')

/** JSON as text: numbers of any size in any spelling, members in any order, white space anywhere. */
export const json: fc.Arbitrary<string> = fc.letrec<{ value: string; list: string; members: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    number,
    jsonText,
    fc.constantFrom('true', 'false', 'null'),
    tie('list'),
    tie('members'),
  ),
  list: fc
    .tuple(fc.array(tie('value'), { maxLength: 4 }), space)
    .map(([values, blank]) => `[${blank}${values.join(`,${blank}`)}]`),
  members: fc
    .tuple(fc.uniqueArray(fc.tuple(jsonText, tie('value')), { maxLength: 4, selector: ([name]) => name }), space)
    .map(([members, blank]) => `{${members.map(([name, value]) => `${name}:${blank}${value}`).join(',')}}`),
})).value
