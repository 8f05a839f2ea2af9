/** `crossfade/pool/opentelemetry`: metrics of pools by the names of the semantic conventions. Loads nothing of OpenTelemetry. */
import type { BatchObservableCallback, Meter, Observable } from '@opentelemetry/api'
import { INSTRUMENTS, TIMERS, type Instrument, type MeasuredPool } from './metrics.js'

/**
 * Pools are told apart by their `name`. What they measured before is not told.
 * @returns a function that stops it.
 */
export function meterPools(pools: readonly MeasuredPool[], meter: Meter): () => void {
  const observables = INSTRUMENTS.map((instrument) => ({ instrument, observable: observableOf(meter, instrument) }))
  const observe: BatchObservableCallback = (result) => {
    for (const pool of pools) {
      const stats = pool.stats()
      for (const { instrument, observable } of observables)
        for (const [attributes, value] of instrument.read(stats)) result.observe(observable, value, attributes)
    }
  }
  const all = observables.map(({ observable }) => observable)
  meter.addBatchObservableCallback(observe, all)
  const names = new Set(pools.map((pool) => pool.stats().name))
  const stops = TIMERS.map(({ name, description, boundsSeconds, listen }) => {
    const histogram = meter.createHistogram(name, {
      description,
      unit: 's',
      advice: { explicitBucketBoundaries: [...boundsSeconds] },
    })
    return listen((pool, attributes, seconds) => {
      if (names.has(pool)) histogram.record(seconds, attributes)
    })
  })
  return () => {
    meter.removeBatchObservableCallback(observe, all)
    for (const stop of stops) stop()
  }
}

function observableOf(meter: Meter, { name, type, unit, description }: Instrument): Observable {
  const options = { unit, description }
  return type === 'counter'
    ? meter.createObservableCounter(name, options)
    : meter.createObservableUpDownCounter(name, options)
}
