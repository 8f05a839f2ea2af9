/** Ahead of a hold: clients open connections to the side that comes, so that nobody waits for a handshake behind it. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Side } from '../engines/engine.js'
import type { GateBoard } from '../engines/gate-board.js'

/** A client that cannot does not keep the others: it opens them behind the hold. */
const BUDGET_MS = 2_000
/** Nobody waits for this answer. */
const POLL_MS = 50

/** @returns the clients that were not ready in time. */
export async function warmUp(board: GateBoard, to: Side, signal: AbortSignal): Promise<string[]> {
  await board.announce(to)
  const endsAt = performance.now() + BUDGET_MS
  for (;;) {
    const cold = (await board.clients()).filter(({ isLive, readyFor }) => isLive && readyFor !== to)
    if (cold.length === 0 || performance.now() >= endsAt)
      return cold.map(({ name, host, pid }) => `${name} on ${host} (pid ${pid})`)
    await delay(POLL_MS, undefined, { signal })
  }
}
