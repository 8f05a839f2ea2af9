/** SQL text with bound values, joined without knowing the placeholder style of an engine. */

/** What can be bound. Everything travels as text, so that no value loses precision on the way. */
export type SqlValue = string | number | boolean | Buffer | null

/** One raw value as the server sent it: text, bytes of a binary column, or NULL. */
export type RawValue = string | Buffer | null
export type RawRow = RawValue[]

export class Sql {
  constructor(
    readonly texts: readonly string[],
    readonly values: readonly SqlValue[],
  ) {}

  /** Text and values for a driver. `placeholder` gets the 1-based number of the value. */
  render(placeholder: (index: number) => string): { text: string; values: SqlValue[] } {
    let text = this.texts[0] ?? ''
    for (let index = 1; index < this.texts.length; index += 1) text += placeholder(index) + this.texts[index]!
    return { text, values: [...this.values] }
  }
}

/**
 * SQL from a template: a {@link Sql} is put in as SQL, everything else becomes a bound value.
 * Identifiers go through {@link raw} of `dialect.quote(name)`.
 */
export function sql(strings: TemplateStringsArray, ...inputs: readonly (Sql | SqlValue)[]): Sql {
  const texts: string[] = [strings[0]!]
  const values: SqlValue[] = []
  inputs.forEach((input, index) => {
    const after = strings[index + 1]!
    if (input instanceof Sql) {
      append(texts, values, input)
      texts[texts.length - 1] += after
    } else {
      values.push(input)
      texts.push(after)
    }
  })
  return new Sql(texts, values)
}

/** Trusted SQL text: keywords and quoted identifiers. Never data. */
export function raw(text: string): Sql {
  return new Sql([text], [])
}

/** Parts joined by a separator such as `, ` or ` AND `. */
export function join(parts: readonly Sql[], separator = ', '): Sql {
  const texts: string[] = ['']
  const values: SqlValue[] = []
  parts.forEach((part, index) => {
    if (index > 0) texts[texts.length - 1] += separator
    append(texts, values, part)
  })
  return new Sql(texts, values)
}

function append(texts: string[], values: SqlValue[], part: Sql): void {
  texts[texts.length - 1] += part.texts[0] ?? ''
  for (let index = 1; index < part.texts.length; index += 1) texts.push(part.texts[index]!)
  values.push(...part.values)
}
