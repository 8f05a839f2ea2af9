import { describe, test } from 'vitest'
import { createBed } from './bed.js'
import { travel } from './journey.js'
import { blueTables, planText } from './plan-text.js'
import { POSTGRES_TONGUE } from './postgres-cases.js'
import { ENUM_TYPE, POSTGRES_NATIVE_CASES } from './postgres-native-cases.js'
import { firstRows } from './rows.js'
import { SEED } from './seed.js'

describe('every type that only PostgreSQL has', () => {
  test(`arrives, is told apart, and comes back (seed ${SEED})`, async () => {
    await using bed = await createBed('postgres')
    const sample = { seed: SEED, size: 12 }
    bed.plan(planText(POSTGRES_NATIVE_CASES))
    const rows = firstRows(POSTGRES_NATIVE_CASES, sample, POSTGRES_TONGUE)
    await bed.sql('blue', ENUM_TYPE, ...blueTables(POSTGRES_NATIVE_CASES), ...rows)
    await travel(bed, POSTGRES_NATIVE_CASES, POSTGRES_TONGUE, sample)
  }, 400_000)
})
