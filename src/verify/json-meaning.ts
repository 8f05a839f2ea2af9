/**
 * JSON compared by meaning: members in any order, numbers by value at full precision (1, 1.0 and 1e0 are equal), no detour
 * through floating point.
 */

/** A text that two JSON values share if and only if they mean the same; undefined when the text is no JSON. */
export function meaningOf(text: string): string | undefined {
  try {
    const parser = new Parser(text)
    const value = parser.value()
    return parser.isAtEnd() ? value : undefined
  } catch {
    return undefined
  }
}

class Parser {
  #at = 0
  constructor(readonly text: string) {}

  isAtEnd(): boolean {
    this.#space()
    return this.#at === this.text.length
  }

  value(): string {
    this.#space()
    const character = this.text[this.#at]
    if (character === '{') return this.#object()
    if (character === '[') return this.#array()
    if (character === '"') return JSON.stringify(this.#string())
    const word = /^(?:true|false|null)/.exec(this.text.slice(this.#at, this.#at + 5))?.[0]
    if (word) {
      this.#at += word.length
      return word
    }
    return this.#number()
  }

  #object(): string {
    const members = new Map<string, string>()
    this.#at += 1
    this.#space()
    if (this.#take('}')) return '{}'
    for (;;) {
      this.#space()
      const name = this.#string()
      this.#space()
      this.#expect(':')
      // Of equal names the last counts, as both engines do when they parse.
      members.set(name, this.value())
      this.#space()
      if (this.#take('}')) break
      this.#expect(',')
    }
    const sorted = [...members].sort(([left], [right]) => (left < right ? -1 : 1))
    return `{${sorted.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`
  }

  #array(): string {
    const elements: string[] = []
    this.#at += 1
    this.#space()
    if (this.#take(']')) return '[]'
    for (;;) {
      elements.push(this.value())
      this.#space()
      if (this.#take(']')) return `[${elements.join(',')}]`
      this.#expect(',')
    }
  }

  #string(): string {
    const start = this.#at
    this.#expect('"')
    while (this.#at < this.text.length && this.text[this.#at] !== '"') this.#at += this.text[this.#at] === '\\' ? 2 : 1
    this.#expect('"')
    return JSON.parse(this.text.slice(start, this.#at)) as string
  }

  #number(): string {
    const pattern = /-?(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?/y
    pattern.lastIndex = this.#at
    const match = pattern.exec(this.text)
    if (!match) throw new SyntaxError('no JSON value')
    this.#at = pattern.lastIndex
    const [whole, integer = '0', fraction = '', exponent = '0'] = match
    // digits * 10^scale without trailing zeros is one text per value.
    const all = (integer + fraction).replace(/^0+/, '')
    const digits = all.replace(/0+$/, '')
    if (digits === '') return '0'
    // Text that is JSON may hold any exponent.
    const scale = BigInt(exponent) + BigInt(all.length - digits.length - fraction.length)
    return `${whole.startsWith('-') ? '-' : ''}${digits}e${scale}`
  }

  #space(): void {
    while (' \t\n\r'.includes(this.text[this.#at] ?? 'x')) this.#at += 1
  }
  #take(character: string): boolean {
    if (this.text[this.#at] !== character) return false
    this.#at += 1
    return true
  }
  #expect(character: string): void {
    if (!this.#take(character)) throw new SyntaxError(`expected ${character} at ${this.#at}`)
  }
}
