/** How long after the release of a hold the statements of those who waited leave for the server. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Side } from '../../src/engines/engine.js'
import { openGateBoard, type GateBoard } from '../../src/engines/gate-board.js'
import { buildProgram } from './built-program.js'
import { startChild, type Child } from './child.js'
import { openPlace } from './place.js'
import type { PoolBenchOptions } from './pool-sizes.js'
import type { WaiterCommand, WaiterSettings } from './pool-waiters.js'
import { valueResult, type Result } from './results.js'
import { quantile } from './rounds.js'

const LEASE_MS = 60_000

export async function measureRelease(options: PoolBenchOptions): Promise<Result[]> {
  const { sizes } = options
  await using program = await buildProgram()
  return [...(await releases(options, program.pool, 1)), ...(await releases(options, program.pool, sizes.processes))]
}

async function releases(
  { engine, server, sizes, say }: PoolBenchOptions,
  pool: string,
  processes: number,
): Promise<Result[]> {
  const waiters = Math.ceil(sizes.waiters / processes)
  say(`release: ${sizes.releases} times, ${processes} processes with ${waiters} waiters each`)
  await using place = await openPlace(engine, [server])
  const meta = place.metaNamespace
  await using board = await openGateBoard(place.blue.url, { meta })
  await board.prepare({ side: 'blue', epoch: 1 })
  const { blue, green } = place
  const { serverUrl } = blue
  const settings: WaiterSettings = { pool, engine, serverUrl, blueUrl: blue.url, greenUrl: green.url, meta, waiters }
  const programs: Child<WaiterCommand, number[]>[] = []
  const pushed: number[] = []
  const sent: number[] = []
  const plain: number[] = []
  const askAll = async (type: WaiterCommand['type']): Promise<number[]> => {
    const times = (await Promise.all(programs.map((program) => program.ask({ type })))).flat()
    if (type !== 'wait' && times.length !== waiters * processes) throw new Error(`${times.length} statements were sent`)
    return times
  }
  try {
    for (let index = 0; index < processes; index += 1) programs.push(await startChild('./pool-waiters.ts', settings))
    for (let turn = 0; turn < sizes.releases; turn += 1) {
      const holdId = `hold ${turn}`
      const to = { side: turn % 2 === 0 ? 'green' : 'blue', epoch: turn + 2 } as const
      // As a migration does: who has to connect first would measure the server's handshakes.
      await board.announce(to.side)
      await untilReady(board, to.side, processes)
      await board.hold({ holdId, leaseMs: LEASE_MS })
      const { stragglers } = await board.clientsReady(holdId, LEASE_MS)
      if (stragglers.length > 0) throw new Error(`${stragglers.length} pools did not hold`)
      await askAll('wait')
      const before = performance.timeOrigin + performance.now()
      await board.release(to)
      const after = performance.timeOrigin + performance.now()
      pushed.push(after - before)
      sent.push(...(await askAll('sent')).map((at) => at - before))
      // The channel to a child takes as long as a push of the board, or less.
      const began = performance.timeOrigin + performance.now()
      plain.push(...(await askAll('burst')).map((at) => at - began))
    }
  } finally {
    await Promise.allSettled(programs.map((program) => program[Symbol.asyncDispose]()))
  }
  sent.sort((left, right) => left - right)
  plain.sort((left, right) => left - right)
  pushed.sort((left, right) => left - right)
  const size = `${waiters * processes} waiters in ${processes === 1 ? 'one process' : `${processes} processes`}`
  const common = { engine, measurement: 'release', size, unit: 'ms' } as const
  return [
    valueResult({ ...common, name: 'to the first byte, p50', value: quantile(sent, 0.5) }),
    valueResult({ ...common, name: 'to the first byte, p99', value: quantile(sent, 0.99), atMost: 5 }),
    valueResult({ ...common, name: 'to the first byte, max', value: sent.at(-1) ?? NaN }),
    valueResult({ ...common, name: 'the driver by itself, p50', value: quantile(plain, 0.5) }),
    valueResult({ ...common, name: 'the driver by itself, p99', value: quantile(plain, 0.99) }),
    valueResult({ ...common, name: 'call of the orchestrator, p50', value: quantile(pushed, 0.5) }),
  ]
}

async function untilReady(board: GateBoard, side: Side, processes: number): Promise<void> {
  for (;;) {
    const clients = await board.clients()
    if (clients.filter(({ readyFor }) => readyFor === side).length === processes) return
    await delay(50)
  }
}
