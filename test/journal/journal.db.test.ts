import { beforeEach, describe, expect, test } from 'vitest'
import type { Journal } from '../../src/journal/journal.js'
import { openJournal } from '../../src/journal/open-journal.js'
import { describeEachEngine } from '../support/servers.js'
import { expectCode, killConnections, useJournalServer, type JournalServer } from './support.js'

describeEachEngine('the journal', (engine) => {
  let server: JournalServer
  let journal: Journal

  beforeEach(async () => {
    server = await useJournalServer(engine)
    journal = await server.open()
  })

  test('answers questions before there are tables, and leaves the server alone', async () => {
    expect(await journal.read()).toBeUndefined()
    expect(await journal.events()).toEqual([])
    expect(await journal.readProgress('copy:a')).toBeUndefined()
    expect(await journal.listProgress('')).toEqual([])
    expect(await journal.pending()).toEqual([])
    expect(await journal.leaseHolder()).toBeUndefined()
    await journal.releaseLease(1)
    await journal.remove()
    expect(await server.listRemains()).toEqual([])
  })

  test('prepare can be repeated, also by several processes at once', async () => {
    const others = await Promise.all([server.open(), server.open('other'), server.open()])
    await Promise.all([journal, ...others].map((each) => each.prepare()))
    await journal.prepare()
    expect(await others[2]!.read()).toBeUndefined()
  })

  test('a migration begins once, keeps its state, and another begins when it has ended', async () => {
    await journal.prepare()
    const begun = await journal.begin('hash-1')
    expect(begun).toEqual({
      plan: 'shop',
      planHash: 'hash-1',
      phase: 'backup',
      outcome: 'running',
      authority: 'blue',
      epoch: 1,
      isPaused: false,
      isSwitchApproved: false,
      isCompletionApproved: false,
      rollbackReason: null,
      startedAt: expect.stringMatching(/^20\d\d-.*Z$/),
    })
    expect(Math.abs(Date.parse(begun.startedAt) - Date.now())).toBeLessThan(60_000)
    expect(await journal.begin('hash-1')).toEqual(begun)
    await expectCode(journal.begin('hash-2'), 'REFUSED')

    const run = await journal.acquireLease('a', 60_000)
    await journal.update(run, {
      phase: 'validate',
      isPaused: true,
      isSwitchApproved: true,
      rollbackReason: 'kaputt „ß“ 🐘',
    })
    await journal.update(run, { isPaused: false, isCompletionApproved: true, phase: undefined })
    await journal.update(run, {})
    const other = await server.open()
    expect(await other.read()).toEqual({
      ...begun,
      phase: 'validate',
      isSwitchApproved: true,
      isCompletionApproved: true,
      rollbackReason: 'kaputt „ß“ 🐘',
    })

    expect(await journal.switchAuthority(run, { fromEpoch: 1, to: 'green' })).toBe(true)
    await journal.writeProgress(run, 'copy:a', { rows: 1 })
    await journal.append('me', { type: 'note', message: 'old' })
    await journal.update(run, { phase: 'ended', outcome: 'completed' })
    const next = await journal.begin('hash-2')
    // Clients may remember epoch 2.
    expect(next).toMatchObject({
      planHash: 'hash-2',
      phase: 'backup',
      authority: 'blue',
      epoch: 3,
      rollbackReason: null,
    })
    expect(await journal.readProgress('copy:a')).toBeUndefined()
    expect(await journal.events()).toEqual([])
    expect(await server.sql(`SELECT 1 FROM ${server.metaNamespace}.migrations`)).toHaveLength(2)
  })

  test('two processes that begin at once begin one migration', async () => {
    const other = await server.open()
    await Promise.all([journal.prepare(), other.prepare()])
    const [first, second] = await Promise.all([journal.begin('h'), other.begin('h')])
    expect(first).toEqual(second)
    expect(await server.sql(`SELECT 1 FROM ${server.metaNamespace}.migrations`)).toHaveLength(1)
  })

  test('progress keeps any JSON, by name, and only for the run that has the lease', async () => {
    await journal.prepare()
    await journal.begin('h')
    const run = await journal.acquireLease('a', 60_000)
    const value = { cursor: ['9007199254740993', null, 'Zoë 🐘 \u0000'], rows: 12.5, isDone: false }
    await journal.writeProgress(run, 'copy:a_1', value)
    await journal.writeProgress(run, 'copy:aX1', null)
    await journal.writeProgress(run, 'copy:A_1', 'another')
    await journal.writeProgress(run, 'verify:a', [1])
    await journal.writeProgress(run, 'verify:a', [2])
    expect(await journal.readProgress('copy:a_1')).toEqual(value)
    expect(await journal.readProgress('copy:aX1')).toBeNull()
    expect(await journal.readProgress('verify:a')).toEqual([2])
    expect(await journal.readProgress('verify')).toBeUndefined()
    expect(await journal.listProgress('copy:a_')).toEqual([{ name: 'copy:a_1', value }])
    expect((await journal.listProgress('')).map(({ name }) => name).sort()).toEqual([
      'copy:A_1',
      'copy:aX1',
      'copy:a_1',
      'verify:a',
    ])
    const big = 'x'.repeat(300_000)
    await journal.writeProgress(run, 'big', big)
    expect(await journal.readProgress('big')).toBe(big)
    await expectCode(journal.writeProgress(run + 1, 'verify:a', [3]), 'LEASE_LOST')
    await expectCode(journal.update(run - 1, { phase: 'complete' }), 'LEASE_LOST')
    expect(await journal.readProgress('verify:a')).toEqual([2])
  })

  test('events come back in order with time, actor and epoch, from a place, of a type, at most so many', async () => {
    await journal.prepare()
    const finding = { type: 'finding', side: 'blue', code: 'x', severity: 'warning', message: 'm', hint: 'h' } as const
    await journal.append('before@host:1', finding)
    await journal.begin('h')
    const run = await journal.acquireLease('a', 60_000)
    await journal.append('a@host:1', { type: 'note', message: 'one' })
    await journal.switchAuthority(run, { fromEpoch: 1, to: 'green' })
    await journal.append('a@host:1', { type: 'note', message: 'two' })
    await (await server.open('other')).prepare()

    const events = await journal.events()
    expect(events.map(({ actor, epoch, event }) => [actor, epoch, event])).toEqual([
      ['before@host:1', 0, finding],
      ['a@host:1', 1, { type: 'note', message: 'one' }],
      ['a@host:1', 2, { type: 'note', message: 'two' }],
    ])
    expect(Math.abs(Date.parse(events[0]!.at) - Date.now())).toBeLessThan(60_000)
    expect(await journal.events({ after: events[1]!.seq })).toEqual([events[2]])
    expect(await journal.events({ limit: 2 })).toEqual(events.slice(0, 2))
    expect(await journal.events({ types: ['finding', 'lag'] })).toEqual([events[0]])
    expect(await journal.events({ types: [] })).toEqual([])
    expect(await (await server.open('other')).events()).toEqual([])
  })

  test('a reader that remembers the last number misses no event of many writers', async () => {
    await journal.prepare()
    await journal.begin('h')
    const writers = await Promise.all(Array.from({ length: 4 }, () => server.open()))
    let isWriting = true
    const seen: string[] = []
    const read = async (): Promise<void> => {
      let after = 0
      const look = async (): Promise<void> => {
        for (const { seq, event } of await journal.events({ after })) {
          after = seq
          if (event.type === 'note') seen.push(event.message)
        }
      }
      while (isWriting) await look()
      await look()
    }
    const reading = read()
    const write = async (writer: Journal, name: number): Promise<void> => {
      for (let index = 0; index < 15; index += 1)
        await writer.append(`w${name}`, { type: 'note', message: `${name}.${index}` })
    }
    await Promise.all(writers.map(write))
    isWriting = false
    await reading
    expect(seen).toHaveLength(60)
    expect(new Set(seen).size).toBe(60)
  })

  test('a command is pending until it is answered, and the answer comes back once', async () => {
    await journal.prepare()
    await journal.begin('h')
    const operator = await server.open()
    const first = await operator.post('pause', 'operator:me@host')
    const second = await operator.post('cutover', 'operator:me@host')
    expect(await journal.pending()).toEqual([
      { id: first, command: 'pause', actor: 'operator:me@host' },
      { id: second, command: 'cutover', actor: 'operator:me@host' },
    ])
    expect(await operator.readAnswer(first)).toBeUndefined()
    await journal.answer(first, { accepted: false, message: 'not now' })
    await journal.answer(first, { accepted: true, message: 'a second answer changes nothing' })
    expect(await operator.readAnswer(first)).toEqual({ accepted: false, message: 'not now' })
    expect((await journal.pending()).map(({ id }) => id)).toEqual([second])
    await journal.answer(second, { accepted: true, message: '' })
    expect(await journal.pending()).toEqual([])
  })

  test('commands of an ended migration are not pending in the next', async () => {
    await journal.prepare()
    await journal.begin('h')
    await journal.post('cutover', 'me')
    const run = await journal.acquireLease('a', 60_000)
    await journal.update(run, { phase: 'ended', outcome: 'aborted' })
    await journal.begin('h')
    expect(await journal.pending()).toEqual([])
  })

  test('removing takes this plan’s rows, and the tables and their namespace with the last plan', async () => {
    const other = await server.open('other')
    await Promise.all([journal.prepare(), other.prepare()])
    const run = await begin(journal)
    await begin(other)
    await journal.writeProgress(run, 'p', 1)
    await journal.append('me', { type: 'note', message: 'm' })
    await journal.post('pause', 'me')
    await journal.remove()
    expect(await journal.read()).toBeUndefined()
    expect(await journal.events()).toEqual([])
    expect(await other.read()).toMatchObject({ plan: 'other' })
    // Another process has it open and does not know yet.
    const late = await server.open('other')
    expect(await late.read()).toMatchObject({ plan: 'other' })
    await other.remove()
    expect(await late.read()).toBeUndefined()
    expect(await server.listRemains()).toEqual([])
    await other.remove()
  })

  test('removing leaves a namespace in which something else lives', async () => {
    await journal.prepare()
    await server.sql(`CREATE TABLE ${server.metaNamespace}.blue_changes (id int)`)
    await journal.remove()
    expect((await server.listRemains()).length).toBe(2)
  })

  test('a journal of a newer version is refused, and so is a foreign table of that name', async () => {
    await journal.prepare()
    await server.sql(`UPDATE ${server.metaNamespace}.version SET version = 99`)
    const later = await server.open()
    const error = await expectCode(later.read(), 'JOURNAL_INVALID')
    expect(error.message).toContain('99')
    await expectCode(later.prepare(), 'JOURNAL_INVALID')
    await server.sql(
      `DROP TABLE ${server.metaNamespace}.version`,
      `CREATE TABLE ${server.metaNamespace}.version (v int)`,
    )
    await expectCode(later.prepare(), 'JOURNAL_INVALID')
  })

  test('prepare goes on where a crash left it', async () => {
    await journal.prepare()
    await server.sql(`DELETE FROM ${server.metaNamespace}.version`, `DROP TABLE ${server.metaNamespace}.commands`)
    const later = await server.open()
    expect(await later.read()).toBeUndefined()
    await later.prepare()
    await begin(later)
    expect(await later.pending()).toEqual([])
  })

  test('survives dropped connections', async () => {
    await journal.prepare()
    const run = await begin(journal)
    for (let round = 0; round < 3; round += 1) {
      await Promise.all([journal.read(), journal.events(), journal.pending()])
      expect(await killConnections(server)).toBeGreaterThan(0)
      await journal.append('me', { type: 'note', message: `after ${round}` })
      await killConnections(server)
      expect(await journal.read()).toMatchObject({ epoch: round + 1 })
      await killConnections(server)
      expect(await journal.switchAuthority(run, { fromEpoch: round + 1, to: round % 2 === 0 ? 'green' : 'blue' })).toBe(
        true,
      )
    }
    expect(await journal.events({ types: ['note'] })).toHaveLength(3)
  })

  test('a session of the journal does not depend on the server’s time zone', async () => {
    await journal.prepare()
    await server.sql(
      engine === 'postgres'
        ? `ALTER DATABASE "${new URL(server.url).pathname.slice(1)}" SET timezone = 'Asia/Tokyo'`
        : 'SELECT 1',
    )
    const later = await server.open()
    await later.append('me', { type: 'note', message: 'now' })
    await later.begin('h')
    const [event] = await later.events()
    expect(Math.abs(Date.parse(event!.at) - Date.now())).toBeLessThan(60_000)
  })
})

describe('a journal that cannot be opened', () => {
  test('says so without the password', async () => {
    for (const url of ['postgres://u:geheim@127.0.0.1:1/x', 'mysql://u:geheim@127.0.0.1:1/x']) {
      const error = await expectCode(openJournal({ url, metaNamespace: 'crossfade', plan: 'p' }), 'CONNECT_FAILED')
      expect(error.message).not.toContain('geheim')
    }
    await expectCode(openJournal({ url: 'http://u:geheim@x/y', metaNamespace: 'crossfade', plan: 'p' }), 'URL_INVALID')
  })
})

const begin = async (journal: Journal): Promise<number> => {
  await journal.begin('h')
  return journal.acquireLease('someone', 600_000)
}
