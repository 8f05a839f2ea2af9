/** The report as JUnit XML, so that a CI system shows a rehearsal as it shows tests. */
import { escapeMarkup } from './html.js'
import type { Report } from './report.js'

interface Case {
  readonly name: string
  readonly seconds: number
  /** Undefined for a case that went well. */
  readonly failure?: string | undefined
}

export function toJunit(report: Report): string {
  const cases = casesOf(report)
  const failures = cases.filter((one) => one.failure !== undefined).length
  const seconds = cases.reduce((sum, one) => sum + one.seconds, 0)
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites><testsuite name="${escapeMarkup(`crossfade ${report.plan}`)}" tests="${cases.length}" failures="${failures}" errors="0" skipped="0" time="${seconds.toFixed(3)}">`,
    ...cases.map(toXml),
    '</testsuite></testsuites>',
    '',
  ].join('\n')
}

function casesOf(report: Report): Case[] {
  const { verification, writes, requests } = report
  return [
    ...report.phases.map((phase, index) => ({
      // Each run of a phase is a case of its own.
      name: `${index + 1}. ${phase.name}`,
      seconds: phase.durationMs / 1000,
      failure: phase.result === 'done' ? undefined : `the phase ended as ${phase.result}`,
    })),
    {
      name: 'verification',
      seconds: 0,
      failure: firstOf(
        [verification.chunks === 0, 'nothing was compared'],
        [verification.differences > 0, `${verification.differences} differences`],
        [verification.skipped > 0, `${verification.skipped} chunks were not compared`],
      ),
    },
    {
      name: 'no write is lost or doubled',
      seconds: 0,
      failure: firstOf([writes.lost + writes.duplicated > 0, `${writes.lost} lost, ${writes.duplicated} duplicated`]),
    },
    {
      name: 'no request fails',
      seconds: 0,
      failure: firstOf([requests.failed > 0, `${requests.failed} of ${requests.total} requests failed`]),
    },
    { name: 'outcome', seconds: 0, failure: firstOf([report.outcome === 'failed', 'the migration failed']) },
  ]
}

const firstOf = (...checks: readonly (readonly [isBad: boolean, why: string])[]): string | undefined =>
  checks.find(([isBad]) => isBad)?.[1]

function toXml({ name, seconds, failure }: Case): string {
  const head = `<testcase classname="crossfade" name="${escapeMarkup(name)}" time="${seconds.toFixed(3)}"`
  return failure === undefined ? `${head}/>` : `${head}><failure message="${escapeMarkup(failure)}"/></testcase>`
}
