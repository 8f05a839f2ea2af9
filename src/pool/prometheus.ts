/** `crossfade/pool/prometheus`: metrics of pools for a registry of prom-client, which the application hands over. */
import type { Registry } from 'prom-client'
import { INSTRUMENTS, TIMERS, type Attributes, type MeasuredPool } from './metrics.js'

export interface RegisterOptions {
  /** `import client from 'prom-client'` */
  readonly client: Pick<typeof import('prom-client'), 'Counter' | 'Gauge' | 'Histogram' | 'register'>
  /** Default: the registry of all. */
  readonly registry?: Registry
}

/**
 * Names are those of OpenTelemetry as Prometheus writes them: `db_client_connection_count`,
 * `db_client_connection_wait_time_seconds`. Pools are told apart by their `name`; give all of a process at once, because a
 * registry takes a name only once. What they measured before is not told by the histograms.
 * @returns a function that takes the metrics out again.
 */
export function registerPools(pools: readonly MeasuredPool[], { client, registry }: RegisterOptions): () => void {
  const target = registry ?? client.register
  const registers = [target]
  const registered: string[] = []
  const read = (of: (typeof INSTRUMENTS)[number], take: (labels: Attributes, value: number) => void): void => {
    for (const pool of pools) for (const [attributes, value] of of.read(pool.stats())) take(labelsOf(attributes), value)
  }
  for (const instrument of INSTRUMENTS) {
    const isCounter = instrument.type === 'counter'
    const name = `${labelOf(instrument.name)}${isCounter ? '_total' : ''}`
    const common = { name, help: instrument.description, labelNames: instrument.attributes.map(labelOf), registers }
    registered.push(name)
    if (isCounter)
      new client.Counter({
        ...common,
        collect() {
          this.reset()
          read(instrument, (labels, value) => this.inc(labels, value))
        },
      })
    else
      new client.Gauge({
        ...common,
        collect() {
          this.reset()
          read(instrument, (labels, value) => this.set(labels, value))
        },
      })
  }
  const names = new Set(pools.map((pool) => pool.stats().name))
  const stops = TIMERS.map(({ name: base, description, attributes, boundsSeconds, listen }) => {
    const name = `${labelOf(base)}_seconds`
    const labelNames = attributes.map(labelOf)
    const histogram = new client.Histogram({
      name,
      help: description,
      labelNames,
      buckets: [...boundsSeconds],
      registers,
    })
    registered.push(name)
    return listen((pool, given, seconds) => {
      if (names.has(pool)) histogram.observe(labelsOf(given), seconds)
    })
  })
  return () => {
    for (const stop of stops) stop()
    for (const name of registered) target.removeSingleMetric(name)
  }
}

const labelOf = (name: string): string => name.replaceAll('.', '_')

const labelsOf = (attributes: Attributes): Attributes =>
  Object.fromEntries(Object.entries(attributes).map(([name, value]) => [labelOf(name), value]))
