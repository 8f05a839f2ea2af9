/** Exit codes, stable: scripts and CI rest on them. */
import { CrossfadeError } from '../engines/errors.js'
import type { MachineOutcome } from '../machine/machine.js'

export const EXIT = {
  done: 0,
  error: 1,
  usage: 2,
  difference: 3,
  refused: 4,
  rolledBack: 5,
  waiting: 6,
  heldByAnother: 7,
  interrupted: 130,
} as const

export function exitCodeOf(outcome: MachineOutcome): number {
  switch (outcome) {
    case 'completed':
    case 'aborted':
    case 'until-reached':
      return EXIT.done
    case 'rolled-back':
      return EXIT.rolledBack
    case 'waiting':
      return EXIT.waiting
    case 'interrupted':
      return EXIT.interrupted
    case 'refused':
      return EXIT.refused
    case 'taken-over':
      return EXIT.heldByAnother
    case 'failed':
      return EXIT.error
  }
}

export function exitCodeOfError(error: unknown): number {
  if (!(error instanceof CrossfadeError)) return EXIT.error
  switch (error.code) {
    case 'URL_INVALID':
      return EXIT.usage
    case 'PLAN_INVALID':
    case 'REFUSED':
    case 'WRONG_PHASE':
    case 'NO_MIGRATION':
    case 'SWITCH_MISSED':
    case 'KEY_OUT_OF_BAND':
      return EXIT.refused
    case 'VERIFICATION_FAILED':
      return EXIT.difference
    case 'LEASE_HELD':
    case 'LEASE_LOST':
      return EXIT.heldByAnother
    default:
      return EXIT.error
  }
}
