/** The coverage table of a plan: what becomes of each blue table, and how it comes back. */
import Table from 'cli-table3'
import type { Plan, TableCoverage } from '../plan/plan.js'
import { plain, type Paint, type Tone } from './paint.js'

const HEAD = ['table', 'disposition', 'where to', 'way back']
/** Columns that stay behind are named up to this many; `--json` has all of them. */
const NAMED = 3

const TONES: Readonly<Record<TableCoverage['wayBack'], Tone>> = {
  derived: 'good',
  declared: 'good',
  frozen: 'warn',
  archive: 'dim',
}

export function coverageTable(plan: Plan, paint: Paint = plain): string {
  const table = new Table({
    head: HEAD.map((title) => paint('strong', title)),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
    chars: NO_LINES,
  })
  for (const row of plan.coverage)
    table.push([row.table, row.kind, row.into, paint(TONES[row.wayBack], row.wayBack) + paint('dim', leftBehind(row))])
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
}

const NO_LINES = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  ...{
    bottom: '',
    'bottom-mid': '',
    'bottom-left': '',
    'bottom-right': '',
  },
  ...{
    left: '',
    'left-mid': '',
    mid: '',
    'mid-mid': '',
    right: '',
    'right-mid': '',
    middle: '',
  },
}

/** ` (fax, memo and 2 more stay as they were)` */
function leftBehind(row: TableCoverage): string {
  const names = Object.entries(row.columns).flatMap(([name, way]) =>
    way === 'frozen' || way === 'dropped' ? [name] : [],
  )
  if (names.length === 0) return ''
  const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : ''
  return ` (${names.slice(0, NAMED).join(', ')}${more})`
}

export function coverageSummary(plan: Plan): string {
  const of = (kind: TableCoverage['kind']): number => plan.coverage.filter((row) => row.kind === kind).length
  return [
    `${plan.coverage.length} tables to ${Object.keys(plan.green).length}:`,
    `${of('map')} mapped, ${of('fold')} folded, ${of('retire')} retired;`,
    `${plan.invariants.length} invariants, ${plan.probes.length} probes`,
  ].join(' ')
}
