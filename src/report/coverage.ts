/** The coverage table of a plan: what becomes of each blue table, and how it comes back. */
import Table from 'cli-table3'
import type { Plan, TableCoverage } from '../plan/plan.js'

export function coverageTable(plan: Plan): string {
  const table = new Table({ head: ['table', 'disposition', 'where to', 'way back'], style: { head: [], border: [] }, chars: PLAIN })
  for (const row of plan.coverage) table.push([row.table, row.kind, row.into, wayBack(row)])
  return table.toString()
}

const PLAIN = {
  top: '', 'top-mid': '', 'top-left': '', 'top-right': '', bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '',
  left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: ' ',
}

function wayBack(row: TableCoverage): string {
  const left = Object.entries(row.columns).filter(([, way]) => way === 'frozen' || way === 'dropped')
  return left.length > 0 ? `${row.wayBack} (${left.map(([name]) => name).join(', ')})` : row.wayBack
}

export function coverageSummary(plan: Plan): string {
  const of = (kind: TableCoverage['kind']): number => plan.coverage.filter((row) => row.kind === kind).length
  return `${plan.coverage.length} tables to ${Object.keys(plan.green).length}: ${of('map')} mapped, ${of('fold')} folded, ${of('retire')} retired; ${plan.invariants.length} invariants, ${plan.probes.length} probes`
}
