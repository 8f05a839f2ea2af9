/** What the switch asks of its clients: connections ahead of the hold, and behind it how long they waited. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Side } from '../engines/engine.js'
import type { ClientInfo, GateBoard } from '../engines/gate-board.js'

/** A client that cannot connect ahead does not keep the others: it connects behind the hold. */
const WARM_UP_MS = 2_000
/** Clients tell as soon as their gate opens. */
const TELL_MS = 500
/** Nobody waits for these answers. */
const POLL_MS = 20

/** @returns the clients that have no connections to the side yet. */
export async function warmUp(board: GateBoard, to: Side, signal: AbortSignal): Promise<string[]> {
  await board.announce(to)
  const clients = await askUntil(board, ({ readyFor }) => readyFor === to, WARM_UP_MS, signal)
  return clients
    .filter(({ readyFor }) => readyFor !== to)
    .map(({ name, host, pid }) => `${name} on ${host} (pid ${pid})`)
}

/** @returns for how long gates were closed at most, as the clients saw it. Undefined when none has told. */
export async function longestWait(board: GateBoard, epoch: number): Promise<number | undefined> {
  const isThere = (client: ClientInfo): boolean => client.state === 'open' && client.epoch === epoch
  // Only for the report: the switch is done.
  const clients = await askUntil(board, isThere, TELL_MS).catch(() => [])
  const waits = clients.filter(isThere).flatMap(({ lastHoldMs }) => lastHoldMs ?? [])
  return waits.length > 0 ? Math.max(...waits) : undefined
}

/** @returns the live clients, as soon as all have answered, or when the time is over. */
async function askUntil(
  board: GateBoard,
  hasAnswered: (client: ClientInfo) => boolean,
  budgetMs: number,
  signal?: AbortSignal,
): Promise<ClientInfo[]> {
  const endsAt = performance.now() + budgetMs
  for (;;) {
    const clients = (await board.clients()).filter(({ isLive }) => isLive)
    if (clients.every(hasAnswered) || performance.now() >= endsAt) return clients
    await delay(POLL_MS, undefined, { signal })
  }
}
