/** Statements without their values: for logs, and to see what they are. */

/** Enough to find the statement in the code of an application. */
const MAX_CHARACTERS = 500
/** Literals of a long text of values are not looked at. */
const MAX_READ = 4_000

/** @returns the text on one line, as {@link bare}, cut off when it is long. */
export function redact(sql: string, tokens: RegExp): string {
  return bare(sql.slice(0, MAX_READ), tokens).slice(0, MAX_CHARACTERS)
}

/**
 * @param tokens comments, literals and quoted names of an engine; the first group is set for what may be shown. One pattern
 * for all of them, so that a quote inside one kind never begins another.
 * @returns the whole text on one line without comments, with a `?` for each literal.
 */
export function bare(sql: string, tokens: RegExp): string {
  return sql
    .replaceAll(tokens, (token: string, shown: string | undefined) => {
      if (shown !== undefined) return shown
      return /^(--|#|\/\*)/.test(token) ? ' ' : '?'
    })
    .replaceAll(/\s+/g, ' ')
    .trim()
}
