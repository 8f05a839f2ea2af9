import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { beforeEach, expect, test, vi } from 'vitest'
import { openKnex } from '../../src/engines/knex.js'
import type { Journal } from '../../src/journal/journal.js'
import { describeEachEngine } from '../support/servers.js'
import { expectCode, useJournalServer, type JournalServer } from './support.js'

describeEachEngine('the lease', (engine) => {
  let server: JournalServer
  let one: Journal
  let two: Journal

  beforeEach(async () => {
    server = await useJournalServer(engine)
    one = await server.open()
    two = await server.open()
    await one.prepare()
    await two.prepare()
    await one.begin('h')
  })

  test('is held by one, with its name and time left', async () => {
    expect(await two.leaseHolder()).toBeUndefined()
    const run = await one.acquireLease('orchestrator@host:1', 60_000)
    const error = await expectCode(two.acquireLease('orchestrator@host:2', 60_000), 'LEASE_HELD')
    expect(error.message).toContain('orchestrator@host:1')
    expect(error.message).toMatch(/\d{4}-\d\d-\d\dT/)
    const held = await two.leaseHolder()
    expect(held?.holder).toBe('orchestrator@host:1')
    expect(held?.expiresInMs).toBeGreaterThan(50_000)
    await one.renewLease(run, 120_000)
    expect((await two.leaseHolder())?.expiresInMs).toBeGreaterThan(110_000)

    await one.releaseLease(run)
    await expectCode(one.renewLease(run, 60_000), 'LEASE_LOST')
    const next = await two.acquireLease('orchestrator@host:2', 60_000)
    expect(next).toBeGreaterThan(run)
    // A late word of the former run changes nothing.
    await one.releaseLease(run)
    expect((await one.leaseHolder())?.holder).toBe('orchestrator@host:2')
  })

  test('goes to exactly one of many that ask at once', async () => {
    const journals = [one, two, await server.open(), await server.open()]
    for (let round = 0; round < 10; round += 1) {
      const answers = await Promise.allSettled(
        journals.map((journal, index) => journal.acquireLease(`o${index}`, 60_000)),
      )
      const runs = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
      expect(runs).toHaveLength(1)
      for (const answer of answers)
        if (answer.status === 'rejected') expect(answer.reason).toMatchObject({ code: 'LEASE_HELD' })
      await one.releaseLease(runs[0]!)
    }
  })

  test('can be taken over when it ran out, and the former holder then writes nothing', async () => {
    const former = await one.acquireLease('former', 50)
    await vi.waitFor(async () => expect(await two.leaseHolder()).toBeUndefined(), { timeout: 5_000, interval: 20 })
    const run = await two.acquireLease('next', 60_000)
    expect(run).toBeGreaterThan(former)
    await expectCode(one.renewLease(former, 60_000), 'LEASE_LOST')
    await expectCode(one.update(former, { phase: 'complete' }), 'LEASE_LOST')
    await expectCode(one.writeProgress(former, 'p', 1), 'LEASE_LOST')
    await expectCode(one.switchAuthority(former, { fromEpoch: 1, to: 'green' }), 'LEASE_LOST')
    expect(await one.read()).toMatchObject({ phase: 'backup', authority: 'blue', epoch: 1 })
  })

  test('that is lost lets its run begin, tell, answer and remove nothing', async () => {
    const former = await one.acquireLease('former', 60_000)
    await one.update(former, { phase: 'ended', outcome: 'rolled-back' })
    const id = await two.post('abort', 'operator')
    await one.append('former', { type: 'note', message: 'in time' }, former)
    await one.releaseLease(former)
    const run = await two.acquireLease('next', 60_000)
    await expectCode(one.begin('h', former), 'LEASE_LOST')
    await expectCode(one.readSettled(former), 'LEASE_LOST')
    await expectCode(one.append('former', { type: 'note', message: 'late' }, former), 'LEASE_LOST')
    await expectCode(one.answer(id, { accepted: true, message: 'aborting' }, former), 'LEASE_LOST')
    await expectCode(one.remove(former), 'LEASE_LOST')
    expect(await two.readSettled(run)).toMatchObject({ phase: 'ended', outcome: 'rolled-back', epoch: 1 })
    expect(await two.events()).toMatchObject([{ event: { type: 'note', message: 'in time' } }])
    expect(await two.pending()).toMatchObject([{ id, command: 'abort' }])
    await two.answer(id, { accepted: true, message: 'aborting' }, run)
    expect(await two.begin('h', run)).toMatchObject({ phase: 'backup', epoch: 2 })
    await two.remove(run)
    // Nothing is left that would not be its own.
    await one.remove(former)
  })

  // A run whose commit of the switch got no answer read the row as it was before, and opened the old side beside the new one.
  test('settled is what the journal says behind a commit that is still on its way', async () => {
    const run = await one.acquireLease('a', 60_000)
    const lease = `SELECT 1 FROM ${server.metaNamespace}.lease FOR UPDATE`
    const begin = engine === 'postgres' ? 'BEGIN' : 'START TRANSACTION'
    const pause = engine === 'postgres' ? 'SELECT pg_sleep(1)' : 'SELECT SLEEP(1)'
    const change = `UPDATE ${server.metaNamespace}.migrations SET authority = 'green', epoch = 2`
    const late = server.sql(begin, lease, change, pause, 'COMMIT')
    await vi.waitFor(async () => expect(server.sql(begin, `${lease} NOWAIT`)).rejects.toThrow(), { interval: 20 })
    expect(await one.read()).toMatchObject({ authority: 'blue', epoch: 1 })
    expect(await one.readSettled(run)).toMatchObject({ authority: 'green', epoch: 2 })
    await late
  })

  // Stopped while it renewed its lease, a run kept the lock of its row: whoever came to take over gave up.
  test('goes to the next run also when the former was stopped in the middle of a transaction', async () => {
    const former = await openKnex(server.url)
    const stopped = await former.knex.transaction()
    await stopped.raw(`SELECT 1 FROM ${server.metaNamespace}.lease FOR UPDATE`)
    expect(await two.acquireLease('next', 60_000)).toBeGreaterThan(0)
    await stopped.rollback().catch(() => undefined)
    await former.close()
  })

  test('that ran out without a successor may be renewed, but carries no switch', async () => {
    const run = await one.acquireLease('slow', 30)
    await vi.waitFor(async () => expect(await two.leaseHolder()).toBeUndefined(), { timeout: 5_000, interval: 20 })
    await one.writeProgress(run, 'p', 1)
    await expectCode(one.switchAuthority(run, { fromEpoch: 1, to: 'green' }), 'LEASE_LOST')
    await one.renewLease(run, 60_000)
    await expectCode(two.acquireLease('other', 60_000), 'LEASE_HELD')
    expect(await one.switchAuthority(run, { fromEpoch: 1, to: 'green' })).toBe(true)
  })

  test('epochs grow across a journal that was removed', async () => {
    const run = await one.acquireLease('zombie', 60_000)
    await two.remove()
    await vi.waitFor(async () => {
      await two.remove()
      await two.prepare()
      expect(await two.acquireLease('next', 60_000)).toBeGreaterThan(run)
    })
    await two.begin('h')
    await expectCode(one.update(run, { phase: 'complete' }), 'LEASE_LOST')
  })

  test('the authority switches once for each epoch, whoever asks', async () => {
    const run = await one.acquireLease('a', 60_000)
    expect(await one.switchAuthority(run, { fromEpoch: 1, to: 'green' })).toBe(true)
    expect(await one.switchAuthority(run, { fromEpoch: 1, to: 'blue' })).toBe(false)
    expect(await one.read()).toMatchObject({ authority: 'green', epoch: 2 })

    const answers = await Promise.all(
      [one, two, one, two].map((journal) => journal.switchAuthority(run, { fromEpoch: 2, to: 'blue' })),
    )
    expect(answers.filter(Boolean)).toHaveLength(1)
    expect(await two.read()).toMatchObject({ authority: 'blue', epoch: 3 })
  })

  test('a takeover and a switch at the same moment: either the switch came first or it did not happen', async () => {
    for (let round = 1; round <= 8; round += 1) {
      const { epoch } = (await one.read())!
      const former = await one.acquireLease('former', 25 + round)
      const takeOver = async (): Promise<{ run: number; seen: number }> => {
        for (;;) {
          const run = await two.acquireLease('next', 60_000).catch(() => undefined)
          if (run !== undefined) return { run, seen: (await two.read())!.epoch }
        }
      }
      const switching = async (): Promise<boolean> => {
        await new Promise((resolve) => setTimeout(resolve, 20 + round))
        return one.switchAuthority(former, { fromEpoch: epoch, to: 'green' }).catch((error: unknown) => {
          expect(error).toMatchObject({ code: 'LEASE_LOST' })
          return false
        })
      }
      const [hasSwitched, { run, seen }] = await Promise.all([switching(), takeOver()])
      expect(seen).toBe(hasSwitched ? epoch + 1 : epoch)
      expect((await one.read())!.epoch).toBe(seen)
      await two.releaseLease(run)
    }
  })

  test('a process that closed its journal ends by itself', async () => {
    const program = `
      import { openJournal } from './src/journal/open-journal.ts'
      const journal = await openJournal(${JSON.stringify({ url: server.url, metaNamespace: server.metaNamespace, plan: 'shop' })})
      await Promise.all([journal.read(), journal.events(), journal.pending()])
      await journal.close()
      console.log('closed')`
    const args = ['--import', 'tsx', '--input-type=module', '--eval', program]
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 30_000 })
    expect(stdout.trim()).toBe('closed')
  })
})
