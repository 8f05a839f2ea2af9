/** Reads SHOW GRANTS. Pure: lines in, missing privileges out. */

export interface NeededPrivileges {
  /** Database, or undefined for the whole server. */
  readonly database: string | undefined
  readonly privileges: readonly string[]
}

interface Grant {
  readonly privileges: ReadonlySet<string>
  readonly covers: (database: string | undefined) => boolean
}

export function missingPrivileges(lines: readonly string[], needed: NeededPrivileges): string[] {
  const grants = lines.flatMap((line) => parseGrant(line))
  const has = (privilege: string) =>
    grants.some(
      ({ privileges, covers }) =>
        covers(needed.database) && (privileges.has('ALL PRIVILEGES') || privileges.has(privilege)),
    )
  return needed.privileges.filter((alternatives) => !alternatives.split('|').some(has))
}

function parseGrant(line: string): Grant[] {
  const match = /^GRANT (.+?) ON (?:TABLE )?(\*|`(?:[^`]|``)+`|[^.\s]+)\.(\*|\S+) TO /i.exec(line)
  // Rights on single tables are not looked at: new tables would have none.
  if (!match || match[3] !== '*') return []
  const [, list, scope] = match
  const privileges = new Set(list!.split(',').map((privilege) => privilege.trim().toUpperCase()))
  if (privileges.has('ALL')) privileges.add('ALL PRIVILEGES')
  return [{ privileges, covers: coverage(scope!) }]
}

/** `_` and `%` of a database name in a grant are wildcards unless escaped. */
function coverage(scope: string): Grant['covers'] {
  if (scope === '*') return () => true
  const name = scope.replace(/^`|`$/g, '').replaceAll('``', '`')
  const pattern = name.replace(
    /\\([_%])|([_%])|([.*+?^${}()|[\]\\])/g,
    (_, escaped: string, wild: string, special: string) => {
      if (escaped) return escaped
      return wild ? (wild === '_' ? '.' : '.*') : `\\${special}`
    },
  )
  return (database) => database !== undefined && new RegExp(`^${pattern}$`, 's').test(database)
}
