/** What a torture came to: one line for a round, a table at the end. */
import Table from 'cli-table3'
import { FAULTS, type Draw } from './draw.js'

export interface Outcome {
  readonly draw: Draw
  readonly seconds: number
  /** Undefined when the round passed. */
  readonly failure: string | undefined
}

/** What was drawn, in few words. */
export function describeDraw({
  fault,
  target,
  scope,
  leg,
  isBack,
  moment,
  placement,
  durationMs,
  subject,
}: Draw): string {
  const isNetwork = ['cut', 'delay', 'throttle', 'black-hole'].includes(fault)
  const isOfServer = isNetwork || fault.startsWith('server') || fault === 'ddl'
  const where = `${isOfServer ? ` of ${target}` : ''}${isNetwork ? ` for ${scope}` : ''}`
  const when = `${leg}, ${moment.at} + ${moment.afterMs} ms, ${durationMs} ms`
  return `${fault}${where} (${when}; ${subject === 'shop' ? '' : `${subject}, `}${placement}${isBack ? ', and back' : ''})`
}

/** The command that repeats a round. */
export const repeatLine = ({ engine, seed, round }: Draw): string =>
  `npm run torture -- --engine ${engine} --seed ${seed} --round ${round}`

/** @returns text, with the faults that had a round. */
export function summaryTable(outcomes: readonly Outcome[]): string {
  const table = new Table({ head: ['fault', 'rounds', 'passed'], style: { head: [], border: [] } })
  const row = (name: string, of: readonly Outcome[]): void => {
    if (of.length > 0) table.push([name, of.length, of.filter(({ failure }) => failure === undefined).length])
  }
  for (const fault of FAULTS)
    row(
      fault,
      outcomes.filter(({ draw }) => draw.fault === fault),
    )
  row('all', outcomes)
  return table.toString()
}
