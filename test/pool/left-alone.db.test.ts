/** Pools whose orchestrator is gone, or that cannot hear it. */
import { connect, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { openGateBoard } from '../../src/engines/gate-board.ts'
import { openJournal } from '../../src/journal/open-journal.ts'
import { createPool, type PoolOptions } from '../../src/pool/index.ts'
import { describeEachEngine } from '../support/servers.ts'
import { createStage, listen, type Stage, tie, until } from './support.ts'

const insert = (id: number): string => `INSERT INTO orders VALUES (${id}, 'x')`

const rowsOn = async (stage: Stage, side: 'blue' | 'green'): Promise<number[]> =>
  (await stage.sql(`SELECT id FROM {${side}}.orders ORDER BY id`)).map(({ id }) => Number(id))

/** A way to a server that can be blocked without a word: nothing passes any more, and nothing is closed. */
async function blockable(url: string) {
  const { hostname, port } = new URL(url)
  const pairs: (readonly [Socket, Socket])[] = []
  let isBlocked = false
  const server = await listen((near) => {
    const far = connect(Number(port), hostname)
    pairs.push([near, far])
    near.on('data', (data) => void (isBlocked || far.write(data)))
    far.on('data', (data) => void (isBlocked || near.write(data)))
    tie(near, far)
  })
  const through = new URL(url)
  through.port = String(server.port)
  const drop = () => {
    for (const socket of pairs.splice(0).flat()) socket.destroy()
  }
  return {
    url: through.href,
    block: () => {
      isBlocked = true
    },
    /** Connections from before are of no use any more. */
    unblock: () => {
      isBlocked = false
      drop()
    },
    [Symbol.asyncDispose]: async () => {
      drop()
      await server[Symbol.asyncDispose]()
    },
  }
}

describeEachEngine('a pool that is left alone', (engine) => {
  test('opens on the side that the journal names when the orchestrator died between commit and release', async () => {
    await using stage = await createStage(engine)
    const { journal: url, meta } = stage.options
    const journal = await openJournal({ url, metaNamespace: meta, plan: 'left alone' })
    try {
      await journal.prepare()
      const runEpoch = await journal.acquireLease('test', 60_000)
      const { authority, epoch } = await journal.begin('hash')
      await using orchestrator = await openGateBoard(url, { meta })
      await orchestrator.prepare({ side: authority, epoch })
      await using pool = createPool(stage.options)
      await pool.query('SELECT 1')
      await orchestrator.hold({ holdId: 'h', leaseMs: 2_000 })
      expect(await orchestrator.clientsReady('h', 60_000)).toEqual({ held: 1, stragglers: [] })

      expect(await journal.switchAuthority(runEpoch, { fromEpoch: epoch, to: 'green' })).toBe(true)
      await orchestrator.close()
      const waiting = pool.query(insert(1))
      expect(pool.stats()).toMatchObject({ gate: 'held', side: 'blue', waiting: 1 })

      await waiting
      expect(pool.stats()).toMatchObject({ gate: 'open', side: 'green', epoch: epoch + 1 })
      expect(await rowsOn(stage, 'green')).toEqual([1])
      expect(await rowsOn(stage, 'blue')).toEqual([])
    } finally {
      await journal.remove()
      await journal.close()
    }
  })

  test('is named as a straggler, and finds the new side by itself when the fence refuses its old epoch', async () => {
    await using stage = await createStage(engine)
    await stage.board.prepare({ side: 'blue', epoch: 1 })
    await using way = await blockable(stage.options.journal)
    const options: PoolOptions = { ...stage.options, journal: way.url, beatMs: 200 }
    await using pool = createPool(options)
    await pool.query('SELECT 1')

    way.block()
    await stage.board.hold({ holdId: 'h', leaseMs: 60_000 })
    const { held, stragglers } = await stage.board.clientsReady('h', 300)
    expect({ held, stragglers }).toMatchObject({
      held: 0,
      stragglers: [{ name: options.name, pid: process.pid, state: 'open', isLive: true }],
    })
    await stage.refuse('blue')
    await stage.board.release({ side: 'green', epoch: 2 })
    expect(pool.stats()).toMatchObject({ gate: 'open', side: 'blue', epoch: 1 })

    const single = pool.query(insert(1))
    const transaction = pool.transaction(async (tx) => {
      await tx.query(insert(2))
      return `${tx.side} ${tx.epoch}`
    })
    await until(() => pool.stats().counts.refused >= 2)
    way.unblock()
    await single
    expect(await transaction).toBe('green 2')
    expect(await rowsOn(stage, 'green')).toEqual([1, 2])
    expect(await rowsOn(stage, 'blue')).toEqual([])
  })
})
