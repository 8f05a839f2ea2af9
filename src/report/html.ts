/** The report as one HTML page: no script, nothing loaded from elsewhere. */
import type { Report } from './report.js'
import {
  applicationOf,
  PHASE_HEAD,
  phaseRows,
  summaryOf,
  SWITCH_HEAD,
  switchRows,
  verificationOf,
} from './sentences.js'

export const escapeMarkup = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

const STYLE = `
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem; color: #1b1f24 }
  table { border-collapse: collapse; margin: 1rem 0 } th, td { text-align: left; padding: .25rem 1.5rem .25rem 0; border-bottom: 1px solid #d0d7de }
  .good { color: #116329 } .bad { color: #a40e26 }
  @media (prefers-color-scheme: dark) {
    body { background: #0d1117; color: #e6edf3 } th, td { border-color: #30363d } .good { color: #56d364 } .bad { color: #ff7b72 }
  }`

export function toHtml(report: Report): string {
  const title = escapeMarkup(`${report.plan}: ${report.outcome}`)
  const { differences, skipped } = report.verification
  const isGood =
    report.outcome !== 'failed' && differences + skipped + report.writes.lost + report.requests.failed === 0
  const application = applicationOf(report)
  return [
    '<!doctype html>',
    '<html lang="en">',
    `<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title><style>${STYLE}</style></head>`,
    '<body>',
    `<h1 class="${isGood ? 'good' : 'bad'}">${title}</h1>`,
    `<p>${escapeMarkup(summaryOf(report))}</p>`,
    '<h2>Phases</h2>',
    table(PHASE_HEAD, phaseRows(report)),
    ...(report.switches.length > 0 ? ['<h2>Switches</h2>', table(SWITCH_HEAD, switchRows(report))] : []),
    '<h2>Verification</h2>',
    `<p>${escapeMarkup(verificationOf(report))}</p>`,
    ...(application ? ['<h2>Application</h2>', `<p>${escapeMarkup(application)}</p>`] : []),
    '</body>',
    '</html>',
    '',
  ].join('\n')
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[], tag: 'td' | 'th'): string =>
    `<tr>${cells.map((cell) => `<${tag}>${escapeMarkup(cell)}</${tag}>`).join('')}</tr>`
  return `<table>${line(head, 'th')}${rows.map((row) => line(row, 'td')).join('')}</table>`
}
