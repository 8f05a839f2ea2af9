import { describe, test } from 'vitest'
import { createBed } from './bed.js'
import { travel } from './journey.js'
import { LENIENT, MARIADB_CASES, MARIADB_TONGUE } from './mariadb-cases.js'
import { blueTables, planText } from './plan-text.js'
import { firstRows } from './rows.js'
import { SEED } from './seed.js'

describe('every type of MariaDB', () => {
  test(`arrives, is told apart, and comes back (seed ${SEED})`, async () => {
    await using bed = await createBed('mariadb', { settings: LENIENT })
    const sample = { seed: SEED, size: 12 }
    bed.plan(planText(MARIADB_CASES))
    await bed.sql('blue', ...blueTables(MARIADB_CASES), ...firstRows(MARIADB_CASES, sample, MARIADB_TONGUE))
    await travel(bed, MARIADB_CASES, MARIADB_TONGUE, sample)
  }, 400_000)
})
