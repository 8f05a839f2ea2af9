/** Colours by meaning. A few, so that what is red stands out. */
export type Tone = 'good' | 'bad' | 'warn' | 'strong' | 'dim'

export type Paint = (tone: Tone, text: string) => string

const CODES: Readonly<Record<Tone, readonly [on: number, off: number]>> = {
  good: [32, 39],
  bad: [31, 39],
  warn: [33, 39],
  strong: [1, 22],
  dim: [2, 22],
}

export const plain: Paint = (_tone, text) => text

export const colored: Paint = (tone, text) => `\u001b[${CODES[tone][0]}m${text}\u001b[${CODES[tone][1]}m`

/** `--no-color`, NO_COLOR and a stream that is no terminal all mean plain text. */
export function choosePaint(stream: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv, isWanted: boolean): Paint {
  const isDumb = env['TERM'] === 'dumb'
  return isWanted && stream.isTTY === true && !env['NO_COLOR'] && !isDumb ? colored : plain
}

/** Text from a server must not drive the terminal. */
export function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what this is about
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '?')
}
