import { describe, test } from 'vitest'
import { createBed } from './bed.js'
import { travel } from './journey.js'
import { blueTables, planText } from './plan-text.js'
import { POSTGRES_CASES, POSTGRES_TONGUE } from './postgres-cases.js'
import { firstRows } from './rows.js'
import { SEED } from './seed.js'

describe('every type of PostgreSQL', () => {
  test(`arrives, is told apart, and comes back (seed ${SEED})`, async () => {
    await using bed = await createBed('postgres')
    const sample = { seed: SEED, size: 12 }
    bed.plan(planText(POSTGRES_CASES))
    await bed.sql('blue', ...blueTables(POSTGRES_CASES), ...firstRows(POSTGRES_CASES, sample, POSTGRES_TONGUE))
    await travel(bed, POSTGRES_CASES, POSTGRES_TONGUE, sample)
  }, 400_000)
})
