import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
  type DataPoint,
  type Histogram,
} from '@opentelemetry/sdk-metrics'
import client from 'prom-client'
import { expect, test } from 'vitest'
import { createPool, type Pool } from '../../src/pool/index.ts'
import { meterPools } from '../../src/pool/opentelemetry.ts'
import { registerPools } from '../../src/pool/prometheus.ts'
import { describeEachEngine } from '../support/servers.ts'
import { createStage, type Stage } from './support.ts'

/** A transaction, and a statement that fails. */
async function work(stage: Stage, pool: Pool): Promise<void> {
  await pool.transaction((tx) => tx.query(`INSERT INTO orders VALUES (${stage.p(1)}, 'x')`, [1]))
  await expect(pool.query('SELECT nothing FROM nowhere')).rejects.toThrow()
}

describeEachEngine('the metrics of pools', (engine) => {
  const noSuchTable = engine === 'postgres' ? '42P01' : 'ER_NO_SUCH_TABLE'

  test('arrive at OpenTelemetry by the names of its conventions', async () => {
    await using stage = await createStage(engine)
    await using pool = createPool({ url: stage.options.blue, name: 'metered', min: 1, max: 3 })
    const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
    const provider = new MeterProvider({ readers: [reader] })
    const stop = meterPools([pool], provider.getMeter('test'))
    await work(stage, pool)
    await using lease = await pool.connection()
    await lease.query('SELECT 1')
    await reader.forceFlush()

    const collect = () =>
      new Map(
        exporter
          .getMetrics()
          .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics))
          .map((metric) => [metric.descriptor.name, metric]),
      )
    const metrics = collect()
    const host = {
      'db.client.connection.pool.name': 'metered',
      'crossfade.side': 'blue',
      'crossfade.role': 'primary',
      'crossfade.host': pool.stats().hosts[0]!.host,
    }
    const valueOf = (name: string, more: Record<string, string> = {}): unknown =>
      (metrics.get(name)!.dataPoints as DataPoint<number>[]).find(({ attributes }) =>
        Object.entries(more).every(([key, value]) => attributes[key] === value),
      )?.value
    expect(metrics.get('db.client.connection.count')!.dataPoints[0]!.attributes).toMatchObject(host)
    expect(valueOf('db.client.connection.count', { 'db.client.connection.state': 'used' })).toBe(1)
    expect(valueOf('db.client.connection.max')).toBe(3)
    expect(valueOf('db.client.connection.idle.min')).toBe(1)
    expect(valueOf('db.client.connection.pending_requests')).toBe(0)
    expect(valueOf('db.client.connection.timeouts')).toBe(0)
    expect(valueOf('crossfade.pool.host_errors', { 'error.type': 'statement' })).toBe(1)

    const waits = metrics.get('db.client.connection.wait_time')!
    expect(waits.descriptor.unit).toBe('s')
    expect(waits.dataPoints.map(({ value }) => (value as Histogram).count)).toEqual([3])
    expect(waits.dataPoints[0]!.attributes).toEqual(host)
    expect((metrics.get('db.client.connection.use_time')!.dataPoints[0]!.value as Histogram).count).toBe(2)
    expect(metrics.has('db.client.connection.create_time')).toBe(true)
    const operations = metrics.get('db.client.operation.duration')!.dataPoints
    expect(operations.map(({ attributes, value }) => [attributes['error.type'], (value as Histogram).count])).toEqual([
      [undefined, 4],
      [noSuchTable, 1],
    ])
    expect(operations[0]!.attributes['db.system.name']).toBe(engine === 'postgres' ? 'postgresql' : 'mysql')

    stop()
    exporter.reset()
    await lease.query('SELECT 1')
    await reader.forceFlush()
    const after = collect().get('db.client.operation.duration')
    expect(after?.dataPoints.map(({ value }) => (value as Histogram).count)).toEqual([4, 1])
    await provider.shutdown()
  })

  test('are scraped from a registry of prom-client', async () => {
    await using stage = await createStage(engine)
    await using pool = createPool({ url: stage.options.blue, name: 'scraped', min: 1, max: 3 })
    await using other = createPool({ url: stage.options.green, name: 'other', min: 0, max: 5 })
    const registry = new client.Registry()
    const stop = registerPools([pool, other], { client, registry })
    await work(stage, pool)
    await other.query('SELECT 1')

    const text = await registry.metrics()
    const lines = text.split('\n').filter((line) => line.includes('"scraped"') || line.startsWith('#'))
    const valueOf = (start: string, ...labels: string[]): string | undefined =>
      lines
        .find((line) => line.startsWith(`${start}{`) && labels.every((label) => line.includes(label)))
        ?.split('} ')[1]
    expect(valueOf('db_client_connection_count', 'db_client_connection_state="idle"', 'crossfade_role="primary"')).toBe(
      '1',
    )
    expect(valueOf('db_client_connection_count', 'db_client_connection_state="used"')).toBe('0')
    expect(valueOf('db_client_connection_max')).toBe('3')
    expect(valueOf('db_client_connection_timeouts_total')).toBe('0')
    expect(valueOf('crossfade_pool_host_errors_total', 'error_type="statement"')).toBe('1')
    expect(valueOf('db_client_connection_wait_time_seconds_count')).toBe('2')
    expect(valueOf('db_client_operation_duration_seconds_bucket', 'le="+Inf"', `error_type="${noSuchTable}"`)).toBe('1')
    expect(lines).toContain('# TYPE db_client_connection_timeouts_total counter')
    expect(text).toMatch(/db_client_connection_max\{[^}]*"other"[^}]*\} 5/)

    // Asking again does not add what was told before.
    const again = await registry.metrics()
    expect(
      again.split('\n').find((line) => /^crossfade_pool_host_errors_total.*"scraped".*"statement"/.test(line)),
    ).toMatch(/ 1$/)
    stop()
    expect((await registry.metrics()).trim()).toBe('')
  })
})
