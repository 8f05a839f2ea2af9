/**
 * {@link ReadTest} of MySQL and MariaDB. No parser speaks both dialects exactly, so this one only knows where words, names and
 * literals begin and end, and takes a statement for a read when every word and every call in it is known to be harmless.
 */
import { PURE_FUNCTIONS, type ReadTest, remembering } from '../reads.js'

export function createMysqlReads(): ReadTest {
  const isRead = remembering((text) => {
    const tokens = tokensOf(text)
    return tokens !== undefined && isHarmless(tokens)
  })
  // An object that makes SQL of its own could hold anything.
  return (text, params) =>
    isRead(text) && !params.some((value) => typeof value === 'object' && value !== null && 'toSqlString' in value)
}

interface Token {
  readonly kind: 'word' | 'quoted' | 'number' | 'sign'
  /** Lower case. For quoted ones without their quotes. */
  readonly text: string
}

// White space and letters as the server sees them: a no-break space, for one, is part of a name.
const TOKEN =
  /[ \t\n\v\f\r]+|(?<comment>--(?=[ \t\n\v\f\r]|$)[^\n]*|#[^\n]*|\/\*[\s\S]*?\*\/)|(?<quoted>`(?:[^`]|``)*`|'(?:[^']|'')*'|"(?:[^"]|"")*")|(?<number>(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?(?![\w$\u0080-\uffff]))|(?<word>[\w$\u0080-\uffff]+)|(?<sign>[-+*%=<>!&|^~?,.();]|\/(?!\*))/iy

/**
 * Undefined when a text cannot be taken apart beyond doubt: a backslash means something else in each SQL mode, a comment
 * that is executed is code, and variables, labels and escapes of ODBC begin with signs that no read needs.
 */
function tokensOf(text: string): Token[] | undefined {
  if (/[\\\0]|\/\*(?:[!+]|M!)/i.test(text)) return undefined
  const tokens: Token[] = []
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < text.length) {
    const groups = TOKEN.exec(text)?.groups
    if (groups === undefined) return undefined
    const { quoted, number, word, sign } = groups
    if (quoted !== undefined) tokens.push({ kind: 'quoted', text: lower(quoted.slice(1, -1)) })
    else if (number !== undefined) tokens.push({ kind: 'number', text: number })
    else if (word !== undefined) tokens.push({ kind: 'word', text: lower(word) })
    else if (sign !== undefined) tokens.push({ kind: 'sign', text: sign })
  }
  return tokens
}

/** Words that make more of a SELECT than a read, or give another answer on each host. */
const FORBIDDEN = new Set(
  `into for lock update delete insert procedure sql_calc_found_rows nextval lastval currval setval previous call do set handler load
   current_user session_user system_user current_role rownum`.split(/\s+/),
)

/** Databases that tell of the server itself. */
const OF_THE_SERVER = new Set(['information_schema', 'performance_schema', 'mysql', 'sys'])

/** Reserved words that a parenthesis may follow: nothing of that name can be called. */
const BEFORE_PARENTHESIS = new Set(
  `select from where and or xor not in exists between like regexp rlike is as on using join inner left right cross natural straight_join
   union all distinct except intersect when then else case having by limit over partition with recursive interval div
   char varchar decimal binary index key`.split(/\s+/),
)

const FUNCTIONS = new Set([
  ...PURE_FUNCTIONS,
  ...`if ifnull isnull cast convert date_format date_add date_sub adddate subdate datediff timestampdiff timestampadd date time
    timestamp year month day hour minute second microsecond week weekday weekofyear yearweek dayofmonth dayofweek dayofyear quarter
    dayname monthname last_day makedate maketime str_to_date time_format time_to_sec sec_to_time timediff to_days from_days
    from_unixtime unix_timestamp curdate curtime current_date current_time current_timestamp localtime localtimestamp utc_date
    utc_time utc_timestamp sysdate addtime subtime period_add period_diff convert_tz
    field find_in_set elt instr locate mid lcase ucase hex unhex format space strcmp substring_index quote
    to_base64 from_base64 crc32 sha1 sha sha2 bin oct ord truncate pow log2 conv bit_count bit_xor std group_concat any_value
    json_extract json_unquote json_value json_contains json_contains_path json_keys json_length json_search json_type json_valid
    json_depth json_quote json_arrayagg json_objectagg json_set json_insert json_replace json_remove json_merge_patch
    json_merge_preserve json_array_append json_array_insert match against inet_aton inet_ntoa inet6_aton inet6_ntoa
    st_x st_y st_astext st_distance st_contains st_within st_geomfromtext`
    .trim()
    .split(/\s+/),
])

function isHarmless(tokens: Token[]): boolean {
  while (tokens.at(-1)?.text === ';' && tokens.at(-1)?.kind === 'sign') tokens.pop()
  const first = tokens.find(({ kind, text }) => !(kind === 'sign' && text === '('))
  if (first?.kind !== 'word' || (first.text !== 'select' && first.text !== 'with')) return false
  return tokens.every(({ kind, text }, index) => {
    const isSign = (token: Token | undefined, sign: string) => token?.kind === 'sign' && token.text === sign
    if (kind === 'sign') return text !== ';'
    if (kind === 'number') return true
    if (OF_THE_SERVER.has(text) && isSign(tokens[index + 1], '.')) return false
    const isQualified = isSign(tokens[index - 1], '.')
    const isCalled = isSign(tokens[index + 1], '(')
    // A stored function may have any name behind a database or in quotes.
    if (isCalled && (kind === 'quoted' || isQualified)) return false
    if (kind === 'quoted') return true
    if (text === 'replace' && !isCalled) return false
    if (FORBIDDEN.has(text)) return false
    return !isCalled || FUNCTIONS.has(text) || BEFORE_PARENTHESIS.has(text)
  })
}

/** Not the Kelvin sign, which becomes a plain k. */
function lower(text: string): string {
  return text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase())
}
