import { InvalidArgumentError } from 'commander'

/** The value of a flag. @throws {InvalidArgumentError} */
export function wholeNumber(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value <= 0) throw new InvalidArgumentError('a whole number above 0')
  return value
}
