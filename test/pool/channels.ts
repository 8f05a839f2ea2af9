/** What pools publish on `node:diagnostics_channel`. */
import { channel } from 'node:diagnostics_channel'
import type { PoolChannelName, PoolChannels } from '../../src/pool/index.ts'

const NAMES: readonly PoolChannelName[] = [
  'crossfade:pool:connect',
  'crossfade:pool:remove',
  'crossfade:pool:acquire',
  'crossfade:pool:release',
  'crossfade:pool:query:start',
  'crossfade:pool:query:end',
  'crossfade:pool:slow-query',
  'crossfade:pool:read',
  'crossfade:pool:gate',
  'crossfade:pool:switch',
  'crossfade:pool:failover',
]

type Heard = { [Name in PoolChannelName]: { readonly name: Name } & PoolChannels[Name] }[PoolChannelName]

/** All that is published for one pool, until it is disposed. */
export function listenTo(pool: string) {
  const heard: Heard[] = []
  const subscriptions = NAMES.map((name) => {
    const listener = (message: unknown) => {
      const event = { name, ...(message as PoolChannels[typeof name]) } as Heard
      if (event.pool === pool) heard.push(event)
    }
    channel(name).subscribe(listener)
    return () => channel(name).unsubscribe(listener)
  })
  return {
    heard,
    /** Of one channel, by the last part of its name. */
    about: <Short extends string>(short: Short) =>
      heard.filter((event) => event.name === `crossfade:pool:${short}`) as Extract<
        Heard,
        { name: `crossfade:pool:${Short}` }
      >[],
    names: () => heard.map(({ name }) => name.replace('crossfade:pool:', '')),
    [Symbol.dispose]: () => {
      for (const unsubscribe of subscriptions) unsubscribe()
    },
  }
}
