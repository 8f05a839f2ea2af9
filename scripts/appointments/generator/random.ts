/**
 * Random numbers that belong to a row: reseeded from table and row number, so that any row can be made again without the ones
 * before it, and a table that refers to another one can recompute what the other row holds.
 */
export class Random {
  #state = 0

  constructor(private readonly seed: number) {}

  /** Starts the sequence of one row. */
  reseed(salt: number, index: number): this {
    const high = Math.floor(index / 0x1_0000_0000)
    this.#state = mix(mix(this.seed ^ salt) ^ mix(index | 0) ^ Math.imul(high + 1, 0x9e37_79b1))
    return this
  }

  /** 0 to 2^32 - 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b_79f5) | 0
    let value = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61)
    return (value ^ (value >>> 14)) >>> 0
  }

  /** 0 to 1, without 1. */
  float(): number {
    return this.next() / 0x1_0000_0000
  }

  /** 0 to `below` - 1. */
  int(below: number): number {
    return Math.floor(this.float() * below)
  }

  between(low: number, high: number): number {
    return low + this.int(high - low + 1)
  }

  chance(probability: number): boolean {
    return this.float() < probability
  }

  pick<T>(list: readonly T[]): T {
    return list[this.int(list.length)]!
  }

  hex(digits: number): string {
    let text = ''
    while (text.length < digits) text += this.next().toString(16).padStart(8, '0')
    return text.slice(0, digits)
  }

  uuid(): string {
    const text = this.hex(32)
    return `${text.slice(0, 8)}-${text.slice(8, 12)}-4${text.slice(13, 16)}-a${text.slice(17, 20)}-${text.slice(20)}`
  }
}

/** A number for a word, to keep the sequences of different tables apart (FNV-1a). */
export function saltOf(word: string): number {
  let hash = 0x811c_9dc5
  for (let index = 0; index < word.length; index += 1) hash = Math.imul(hash ^ word.charCodeAt(index), 0x0100_0193)
  return hash >>> 0
}

function mix(value: number): number {
  let result = Math.imul(value ^ (value >>> 16), 0x85eb_ca6b)
  result = Math.imul(result ^ (result >>> 13), 0xc2b2_ae35)
  return (result ^ (result >>> 16)) >>> 0
}
