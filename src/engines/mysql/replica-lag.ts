import mysql2 from 'mysql2/promise'
import { connectionOptions } from './connection-options.js'
import type { Flavor } from './flavor.js'

/**
 * How far a replica is behind, by its own word. A replica that does not answer or does not replicate counts as far behind:
 * NULL would let the throttle run free.
 */
const FAR_BEHIND_MS = 3_600_000

export async function readReplicaLag(url: string, flavor: Flavor): Promise<number> {
  try {
    const connection = await mysql2.createConnection(connectionOptions(url, 'crossfade replica lag'))
    connection.on('error', () => {})
    try {
      const [rows] = await connection.query(flavor.replicaStatus)
      const lags = (rows as Record<string, unknown>[]).map((row) => {
        const name = flavor.replicaLagColumns.find((column) => column in row)
        const value = name === undefined ? null : row[name]
        return value === null || value === undefined ? FAR_BEHIND_MS : Number(value) * 1000
      })
      return lags.length === 0 ? FAR_BEHIND_MS : Math.max(...lags)
    } finally {
      await connection.end()
    }
  } catch {
    return FAR_BEHIND_MS
  }
}
