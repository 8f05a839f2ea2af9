import { redact } from '../redact.js'

/** Names in backticks are shown; a double quote begins a string, and if the server thinks otherwise a name less is shown. */
const TOKENS =
  /(`(?:[^`]|``)*(?:`|$))|\/\*[\s\S]*?(?:\*\/|$)|--(?=\s|$)[^\n]*|#[^\n]*|(?:\b[bxn])?'(?:[^'\\]|\\[\s\S]|'')*(?:'|$)|"(?:[^"\\]|\\[\s\S]|"")*(?:"|$)|\b\d[\w.]*/gi

export const redactMysql = (sql: string): string => redact(sql, TOKENS)
