/** A program of its own: borrowers that wait at a closed gate, and when the first byte of each leaves once it opens. */
import { Socket } from 'node:net'
import { createPool } from 'crossfade/pool'
import { serve } from './child.js'

export interface WaiterSettings {
  readonly blueUrl: string
  readonly greenUrl: string
  readonly meta: string
  readonly waiters: number
}

/** `wait`: borrowers come, and the answer says that all of them wait. `sent`: answers with the times when they went. */
export interface WaiterCommand {
  readonly type: 'wait' | 'sent'
}

const { blueUrl: blue, greenUrl: green, meta, waiters: max } = JSON.parse(process.argv[2]!) as WaiterSettings
const pool = createPool({ blue, green, journal: blue, meta, name: 'bench waiters', min: max, max })
const MARK = 'released waiter'
const sentAt: number[] = []

/** The moment at which a driver hands a statement of ours to its socket. */
const write = Object.getOwnPropertyDescriptor(Socket.prototype, 'write')?.value as Socket['write'] | undefined
const inherited = write ?? Socket.prototype.write
Socket.prototype.write = function (this: Socket, ...args: Parameters<Socket['write']>): boolean {
  const [chunk] = args
  if (typeof chunk !== 'string' && Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).includes(MARK))
    sentAt.push(performance.timeOrigin + performance.now())
  return inherited.apply(this, args)
} as Socket['write']

let running: Promise<unknown> = Promise.resolve()

const until = async (isSo: () => boolean): Promise<void> => {
  while (!isSo())
    await new Promise((resolve) => {
      setTimeout(resolve, 2)
    })
}

await pool.query('SELECT 1')
await until(() => pool.stats().idle >= max)

serve(async ({ type }: WaiterCommand): Promise<number[]> => {
  if (type === 'sent') {
    await running
    return sentAt.splice(0)
  }
  await until(() => pool.stats().gate === 'held')
  running = Promise.all(Array.from({ length: max }, () => pool.query(`SELECT '${MARK}'`)))
  await until(() => pool.stats().waiting === max)
  return []
})
