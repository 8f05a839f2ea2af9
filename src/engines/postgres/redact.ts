import { bare, redact } from '../redact.js'

/** Parameters and quoted names are shown. Whatever is left open ends with the text. */
const TOKENS =
  /("[^"]*(?:""[^"]*)*(?:"|$)|\$\d+)|\/\*[\s\S]*?(?:\*\/|$)|--[^\n]*|\be'[^'\\]*(?:(?:\\[\s\S]|'')[^'\\]*)*(?:'|$)|(?:\b(?:[bxn]|u&))?'[^']*(?:''[^']*)*(?:'|$)|\$([a-z_]\w*|)\$[\s\S]*?(?:\$\2\$|$)|\b\d[\w.]*/gi

export const redactPostgres = (sql: string): string => redact(sql, TOKENS)

export const barePostgres = (sql: string): string => bare(sql, TOKENS)
