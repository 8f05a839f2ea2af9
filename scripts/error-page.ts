/** Writes docs/errors.md from the catalogue: `npm run docs`. A test compares the two. */
import { readFileSync, writeFileSync } from 'node:fs'
import { ERRORS, type ErrorCode } from '../src/engines/errors.js'

const SOURCE = new URL('../src/engines/errors.ts', import.meta.url)
export const ERROR_PAGE = new URL('../docs/errors.md', import.meta.url)

const OUTCOMES = {
  retryable: 'tried again by itself, or safe to try again',
  fatal: 'needs the operator',
  ambiguous: 'nobody knows whether it took effect: the next run looks at the server first',
} as const

/** The page as text. What a code means is the comment in front of it. */
export function errorPage(): string {
  const source = readFileSync(SOURCE, 'utf8')
  const meaningOf = (code: ErrorCode): string => {
    const found = new RegExp(`/\\*\\* ([^\\n]*) \\*/\\n  ${code}:`).exec(source)
    if (!found) throw new Error(`${code} has no comment that says what it means`)
    return found[1]!
  }
  const rows = (Object.keys(ERRORS) as ErrorCode[]).map((code) => {
    const { outcome, hint } = ERRORS[code]
    return `| \`${code}\` | ${meaningOf(code)} | ${outcome} | ${hint} |`
  })
  const outcomes = Object.entries(OUTCOMES).map(([outcome, meaning]) => `- **${outcome}**: ${meaning}.`)
  return [
    '# Errors',
    '',
    'The codes of `--json` and of `CrossfadeError`. Made from `src/engines/errors.ts` by `npm run docs`.',
    '',
    ...outcomes,
    '',
    '| code | what happened | outcome | what to do |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}

if (process.argv[1] === new URL(import.meta.url).pathname) writeFileSync(ERROR_PAGE, errorPage())
