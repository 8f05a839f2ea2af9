/** A program of its own: borrowers that wait at a closed gate, and when the first byte of each leaves once it opens. */
import { Socket } from 'node:net'
import mysql from 'mysql2/promise'
import pg from 'pg'
import { serve } from './child.js'
import type { BenchEngine } from './place.js'

export interface WaiterSettings {
  /** Crossfade's, built. */
  readonly pool: string
  readonly engine: BenchEngine
  readonly serverUrl: string
  readonly blueUrl: string
  readonly greenUrl: string
  readonly meta: string
  readonly waiters: number
}

/**
 * `wait`: borrowers come, and the answer says that all of them wait. `sent`: answers with the times when they went. `burst`: as many
 * plain connections of the driver send the same at once; answers with the times, too.
 */
export interface WaiterCommand {
  readonly type: 'wait' | 'sent' | 'burst'
}

const settings = JSON.parse(process.argv[2]!) as WaiterSettings
const { createPool } = (await import(settings.pool)) as typeof import('crossfade/pool')
const { blueUrl: blue, greenUrl: green, meta, waiters: max } = settings
const pool = createPool({ blue, green, journal: blue, meta, name: 'bench waiters', min: max, max })
const MARK = 'released waiter'
const STATEMENT = `SELECT '${MARK}'`
const sentAt: number[] = []

/** The moment at which a driver hands a statement of ours to its socket. */
const write = Object.getOwnPropertyDescriptor(Socket.prototype, 'write')?.value as Socket['write'] | undefined
const inherited = write ?? Socket.prototype.write
Socket.prototype.write = function (this: Socket, ...args: Parameters<Socket['write']>): boolean {
  const [chunk] = args
  if (typeof chunk !== 'string' && Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).includes(MARK))
    sentAt.push(now())
  return inherited.apply(this, args)
} as Socket['write']

let running: Promise<unknown> = Promise.resolve()

const until = async (isSo: () => boolean): Promise<void> => {
  while (!isSo())
    await new Promise((resolve) => {
      setTimeout(resolve, 2)
    })
}

const now = (): number => performance.timeOrigin + performance.now()

async function openPlain(): Promise<() => Promise<unknown>> {
  if (settings.engine === 'postgres') {
    const client = new pg.Client({ connectionString: settings.serverUrl })
    await client.connect()
    return () => client.query(STATEMENT)
  }
  const connection = await mysql.createConnection(settings.serverUrl)
  return () => connection.query(STATEMENT)
}

async function burst(): Promise<number[]> {
  await Promise.all(plain.map((send) => send()))
  return sentAt.splice(0)
}

await pool.query('SELECT 1')
await until(() => pool.stats().idle >= max)
const plain: (() => Promise<unknown>)[] = []
for (let index = 0; index < max; index += 1) plain.push(await openPlain())

serve(async ({ type }: WaiterCommand): Promise<number[]> => {
  if (type === 'burst') return burst()
  if (type === 'sent') {
    await running
    return sentAt.splice(0)
  }
  await until(() => pool.stats().gate === 'held')
  running = Promise.all(Array.from({ length: max }, () => pool.query(STATEMENT)))
  await until(() => pool.stats().waiting === max)
  return []
})
