import type { CliResult } from '../support/shop.js'

const QUIET = new Set(['phase-started', 'phase-done', 'copied', 'lag'])

/** What a command said that may tell why it failed. */
export const brief = ({ lines, stdout, stderr }: CliResult): string =>
  lines.length === 0
    ? stdout + stderr
    : lines
        .filter(({ type, differences }) => !QUIET.has(String(type)) && !(type === 'verified' && differences === 0))
        .map((line) => JSON.stringify(line))
        .join('\n') + stderr
