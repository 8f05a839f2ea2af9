/** What can be said about a statement without a parser. In doubt the answer is the careful one. */
import type { Side } from '../engines/engine.js'

/** SQL for both sides, or for each its own. */
export type Statement = string | Readonly<Record<Side, string>>

export function textFor(statement: Statement, side: Side): string {
  return typeof statement === 'string' ? statement : statement[side]
}

/** Enough to recognise a statement. */
const WORDS = 6
const MAX_CHARACTERS = 80

/** The first words of a statement whose literals the driver has taken out: for reports, which must not show values. */
export function firstWords(redacted: string): string {
  return redacted.split(' ', WORDS).join(' ').slice(0, MAX_CHARACTERS)
}

/** Built-in functions that change nothing. Any other call might write. */
const PURE = new Set(
  `count sum min max avg coalesce nullif lower upper length char_length trim substring substr replace concat concat_ws round floor
   ceil ceiling abs mod greatest least now current_timestamp date_format to_char date_trunc extract cast convert ifnull if json_object
   json_array json_build_object json_agg jsonb_agg json_arrayagg array_agg string_agg group_concat row_number rank dense_rank lag lead
   in values exists any all some and or not on where when then else over as from join using select by union all except intersect
   between like is case limit offset having distinct interval filter within array row`.split(/\s+/),
)

/**
 * True for one plain SELECT that calls nothing but {@link PURE}: if the connection dies, nothing can have happened.
 * A locking read is no plain read only because it is part of something larger.
 * @param bare without comments and literals, as its driver sees them: so the other functions here.
 */
export function isPlainRead(bare: string): boolean {
  const text = bare.replace(/;$/, '')
  if (!/^(select|\(\s*select|show|values|table)\b/i.test(text) || text.includes(';')) return false
  if (/\binto\b|\bfor\s+(no\s+key\s+)?(update|share|key)\b|:=/i.test(text)) return false
  for (const [, name] of text.matchAll(/([\w$."`?]+)\s*\(/g)) {
    if (!PURE.has(name!.toLowerCase())) return false
  }
  return true
}

/** True for what may commit a part of its work before another part fails: procedures, blocks, several statements. */
export function mayCommitInParts(bare: string): boolean {
  return /^((call|do|begin|start|execute)\b|\/\*)/i.test(bare) || bare.replace(/;$/, '').includes(';')
}

/** What ends a transaction on every server. */
const ENDING = /^(commit|end|abort|prepare transaction|rollback(?!( work| transaction)? to\b))\b/i
/** What ends none where DDL does. */
const KEEPING =
  /^[(\s]*(select|insert|update|delete|replace|with|values|table|show|explain|describe|desc|do|savepoint|release savepoint|rollback( work)? to|prepare|deallocate|(create|drop) temporary table|signal|set(?!.*\b(autocommit|password|role)\b))\b/i

/**
 * True for what may end the transaction in which it is sent.
 * @param keepsTransactions of the driver: only COMMIT and its like do.
 */
export function mayEndTransaction(bare: string, keepsTransactions: boolean): boolean {
  const texts = bare.split(';').map((text) => text.trim())
  return texts.some((text) => text !== '' && (keepsTransactions ? ENDING.test(text) : !KEEPING.test(text)))
}
