/** Telling reads from everything else. Safe by default: what is not certainly a read counts as a write. */

/**
 * True for one statement that reads tables and changes nothing: not in the database, not in the session, not outside; and whose
 * answer does not depend on the host or the session. False in doubt.
 */
export type ReadTest = (text: string, params: readonly unknown[]) => boolean

/** Nobody writes a longer one by hand, and what a program writes is seldom the same twice. */
export const LONGEST_READ = 32_768

/** Built-in functions of every engine that look at nothing but their arguments, the rows, or the time. */
export const PURE_FUNCTIONS = `
  count sum min max avg coalesce nullif greatest least lower upper length char_length character_length octet_length bit_length
  trim ltrim rtrim lpad rpad substr substring position replace repeat reverse left right concat concat_ws ascii md5
  round floor ceil ceiling abs mod sign sqrt power exp ln log log10 degrees radians pi sin cos tan asin acos atan atan2 cot
  now extract json_object json_array row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value
  stddev stddev_pop stddev_samp variance var_pop var_samp bit_and bit_or`
  .trim()
  .split(/\s+/)

/** Remembers the answers for the texts used last: parsing one takes as long as a short query. */
export function remembering(test: (text: string) => boolean, maxTexts = 2_000): (text: string) => boolean {
  const answers = new Map<string, boolean>()
  return (text) => {
    if (text.length > LONGEST_READ) return false
    const known = answers.get(text)
    const answer = known ?? test(text)
    if (known !== undefined) answers.delete(text)
    else if (answers.size >= maxTexts) answers.delete(answers.keys().next().value!)
    answers.set(text, answer)
    return answer
  }
}
