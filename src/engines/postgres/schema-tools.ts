import type { SchemaTools, Side } from '../engine.js'
import { findDrift } from './drift.js'
import { introspect } from './introspect.js'
import { createIndexes, createTables, dropTables, setNextValue } from './schema-ddl.js'

export function createSchemaTools(side: Side, namespace: string): SchemaTools {
  return {
    createTables: (schema) => createTables(namespace, schema),
    createIndexes: (schema) => createIndexes(namespace, schema),
    setNextValue: (table, column, next) => setNextValue(namespace, table, column, next),
    dropTables: (schema) => dropTables(namespace, schema),
    introspect: async (session) => {
      const found = await introspect(session, namespace)
      return Object.fromEntries(Object.entries(found).map(([name, { spec }]) => [name, spec]))
    },
    drift: async (session, schema) => findDrift(side, schema, await introspect(session, namespace)),
  }
}
