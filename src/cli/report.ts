/** `crossfade report`: what happened, from the journal's events. */
import { writeFileSync } from 'node:fs'
import { openSide, requireOneEngine } from '../engines/open-side.js'
import { CrossfadeError } from '../engines/errors.js'
import type { SideTools } from '../engines/engine.js'
import { openJournal } from '../journal/open-journal.js'
import { Compiler } from '../plan/compile.js'
import { loadPlan } from '../plan/load.js'
import { toHtml } from '../report/html.js'
import { toJunit } from '../report/junit.js'
import { toMarkdown } from '../report/markdown.js'
import { readEvents } from '../report/read-events.js'
import { buildReport, type Report } from '../report/report.js'
import { EXIT } from './exit-codes.js'
import type { Output } from './output.js'
import { requireUrls, type CommonFlags } from './settings.js'

export interface ReportFlags extends CommonFlags {
  readonly markdown?: boolean
  readonly html?: boolean
  readonly junit?: boolean
  readonly output?: string
}

export async function report(planPath: string, flags: ReportFlags, output: Output): Promise<number> {
  const { plan } = await loadPlan(planPath)
  const { blueUrl, greenUrl, journalUrl, metaNamespace } = requireUrls(flags, process.env)
  const journal = await openJournal({ url: journalUrl, metaNamespace, plan: plan.name })
  try {
    if (!(await journal.read()))
      throw new CrossfadeError('NO_MIGRATION', `there is no migration of plan "${plan.name}" in this journal`)
    const events = readEvents(await journal.events())
    await using blue = await openSide(blueUrl, 'blue', metaNamespace)
    await using green = await openSide(greenUrl, 'green', metaNamespace)
    requireOneEngine(blue, green)
    const compiler = new Compiler(plan, {
      blue: { dialect: blue.dialect, namespace: blue.location.namespace },
      green: { dialect: green.dialect, namespace: green.location.namespace },
    })
    const built = buildReport(plan, events, {
      engine: blue.facts.engine,
      blueRows: await countRows(blue, compiler, Object.keys(plan.blue)),
      greenRows: await countRows(green, compiler, Object.keys(plan.green)),
    })
    const text = render(built, flags)
    if (flags.output === undefined) process.stdout.write(text)
    else {
      writeFileSync(flags.output, text)
      output.result(`written to ${flags.output}`, { type: 'written', file: flags.output })
    }
    return EXIT.done
  } finally {
    await journal.close()
  }
}

function render(built: Report, flags: ReportFlags): string {
  if (flags.markdown) return toMarkdown(built)
  if (flags.html) return toHtml(built)
  if (flags.junit) return toJunit(built)
  return `${JSON.stringify(built, null, 2)}\n`
}

/** Rows of the tables that are there. */
async function countRows(side: SideTools, compiler: Compiler, tables: readonly string[]): Promise<number> {
  await using session = await side.connect('report')
  const present = new Set(Object.keys(await side.schema.introspect(session)))
  let rows = 0
  for (const table of tables)
    if (present.has(table)) rows += Number((await session.query(compiler.countAll(side.side, table)))[0]?.[0] ?? 0)
  return rows
}
