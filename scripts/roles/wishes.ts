/** Whose rights on what. */
export interface RoleWishes {
  readonly role: string
  readonly host: string
  readonly blue: string
  readonly green: string
  readonly meta: string
  readonly owner?: string
  readonly application?: string
  readonly applicationHost: string
}

export interface RoleStatements {
  /** Makes the role where it is missing, without a password. */
  readonly make: readonly string[]
  readonly grant: readonly string[]
  /** What is left to do for whoever runs the SQL by hand. */
  readonly byHand: string
}
