import { describe, test } from 'vitest'
import { createBed } from './bed.js'
import { travel } from './journey.js'
import { LENIENT, MARIADB_TONGUE } from './mariadb-cases.js'
import { MARIADB_NATIVE_CASES } from './mariadb-native-cases.js'
import { blueTables, planText } from './plan-text.js'
import { firstRows } from './rows.js'
import { SEED } from './seed.js'

describe('every type that MariaDB has in its own way', () => {
  test(`arrives, is told apart, and comes back (seed ${SEED})`, async () => {
    await using bed = await createBed('mariadb', { settings: LENIENT })
    const sample = { seed: SEED, size: 12 }
    bed.plan(planText(MARIADB_NATIVE_CASES))
    const rows = firstRows(MARIADB_NATIVE_CASES, sample, MARIADB_TONGUE)
    await bed.sql('blue', ...blueTables(MARIADB_NATIVE_CASES), ...rows)
    await travel(bed, MARIADB_NATIVE_CASES, MARIADB_TONGUE, sample)
  }, 400_000)
})
