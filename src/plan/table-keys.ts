/** The keys of the mapped tables, before the rest of their maps is looked at. */
import type { FoldDisposition, MapDisposition, MapSpec, PlanInput, RetireDisposition } from './define.js'
import type { Expr } from './expression.js'
import type { Problems } from './problems.js'
import { refs, tableIn } from './references.js'
import type { SchemaSpec } from './schema.js'
import { keySpecShape } from './shapes.js'

export type AnyDisposition = MapDisposition | FoldDisposition | RetireDisposition

/** A first call of each map, only to learn its key, so that `keyOf` may name tables that come later. */
export function collectKeys(
  tables: Readonly<Record<string, AnyDisposition>>,
  input: PlanInput,
  problems: Problems,
): Map<string, NonNullable<MapSpec<SchemaSpec, string, SchemaSpec, string>['key']>> {
  const keys = new Map<string, NonNullable<MapSpec<SchemaSpec, string, SchemaSpec, string>['key']>>()
  for (const [name, disposition] of Object.entries(tables)) {
    if (disposition.kind !== 'map') continue
    try {
      const spec = disposition.define({
        d: refs(name, input.blue[name]!, 'd'),
        lookup: (target: string) => refs(target, tableIn(input.blue, target)!, 'l0') as never,
        key: (inner: Expr) => inner,
        keyOf: (_target: string, inner: Expr) => inner,
      })
      const key = spec.key ?? { type: 'keep' }
      // Of a shape that is wrong the second call tells.
      if (!keySpecShape.safeParse(key).success) throw new TypeError('no key')
      if (
        key.type === 'interleave' &&
        !(
          Number.isInteger(key.slots) &&
          key.slots >= 1 &&
          Number.isInteger(key.slot) &&
          key.slot >= 0 &&
          key.slot < key.slots
        )
      )
        problems.add(
          `tables.${name}.key`,
          `slot ${key.slot} of ${key.slots} is not a slot`,
          'Slots count from 0 to slots - 1.',
        )
      if (key.type === 'uuid' && !/^[0-9a-f]{8}$/i.test(key.space))
        problems.add(
          `tables.${name}.key`,
          `"${key.space}" is not 8 hexadecimal digits`,
          'Give the first group of the UUIDs.',
        )
      keys.set(name, key)
    } catch {
      keys.set(name, { type: 'keep' }) // the second call reports what is wrong
    }
  }
  return keys
}
