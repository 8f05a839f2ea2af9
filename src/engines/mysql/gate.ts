/** Gate triggers: the first act of each write of a row is a look at the authority, with a shared lock on it. */
import type { Side } from '../engine.js'
import { GATE_ERRNO, GATE_MESSAGE_START } from './classify-error.js'
import { triggerName, type MetaNames } from './meta.js'
import type { Trigger } from './triggers.js'

const EVENTS = ['INSERT', 'UPDATE', 'DELETE'] as const

/**
 * LOCK IN SHARE MODE reads the newest value also in REPEATABLE READ, where a plain SELECT let old snapshots write behind the
 * fence. A missing row counts as closed. Crossfade's own sessions pass, but their statements too open the authority's
 * table and so wait for a fence that is being taken.
 */
export function gateTriggers(side: Side, meta: MetaNames, table: string): Trigger[] {
  const body = [
    'BEGIN',
    'IF @crossfade_sync IS NULL THEN',
    // Local variables are made for every row, also of sessions that pass: a third of what the trigger costs. No row found leaves NULL.
    'SET @crossfade_writable = NULL, @crossfade_epoch = NULL;',
    `SELECT writable, epoch INTO @crossfade_writable, @crossfade_epoch FROM ${meta.authority} WHERE id = 1 LOCK IN SHARE MODE;`,
    'IF NOT (@crossfade_writable <=> 1) THEN',
    `SET @crossfade_refusal = CONCAT('${GATE_MESSAGE_START}${side} is closed, epoch ', COALESCE(@crossfade_epoch, 'unknown'));`,
    `SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = @crossfade_refusal, MYSQL_ERRNO = ${GATE_ERRNO};`,
    'END IF;',
    'END IF;',
    'END',
  ].join('\n')
  return EVENTS.map((event) => ({
    name: triggerName(side, 'gate', event, table),
    table,
    timing: 'BEFORE',
    event,
    body,
  }))
}
