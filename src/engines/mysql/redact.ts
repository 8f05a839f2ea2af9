import { bare, redact } from '../redact.js'

/** Names in backticks are shown; a double quote begins a string, and if the server thinks otherwise a name less is shown. What an executed comment holds is code. */
const TOKENS =
  /(`[^`]*(?:``[^`]*)*(?:`|$))|\/\*(?!M?!)[\s\S]*?(?:\*\/|$)|--(?=\s|$)[^\n]*|#[^\n]*|(?:\b[bxn])?'[^'\\]*(?:(?:\\[\s\S]|'')[^'\\]*)*(?:'|$)|"[^"\\]*(?:(?:\\[\s\S]|"")[^"\\]*)*(?:"|$)|\b\d[\w.]*/gi

export const redactMysql = (sql: string): string => redact(sql, TOKENS)

export const bareMysql = (sql: string): string => bare(sql, TOKENS)
