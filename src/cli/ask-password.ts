/** Asks on the terminal for passwords that URLs leave out, so that they are in no file, no environment and no history of a shell. */
import { CrossfadeError } from '../engines/errors.js'
import { readUrls, URL_NAMES, variableOf, type CommonFlags } from './settings.js'

export interface Terminal {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean; setRawMode?(isRaw: boolean): unknown }
  readonly output: NodeJS.WritableStream
}

type UrlFlags = { -readonly [name in keyof CommonFlags]: CommonFlags[name] }

/**
 * Puts the answers into `flags` and `env`, where commands look for URLs. One question for each login.
 * @throws {CrossfadeError} URL_INVALID without a terminal, or when the user gives up.
 */
export async function askPasswords(flags: UrlFlags, env: NodeJS.ProcessEnv, terminal: Terminal): Promise<void> {
  if (!terminal.input.isTTY) throw new CrossfadeError('URL_INVALID', '--ask-password needs a terminal to ask on')
  const urls = readUrls(flags, env)
  const answers = new Map<string, string>()
  for (const name of URL_NAMES) {
    const text = urls[name]
    if (text === undefined) continue
    const url = new URL(text)
    if (url.username === '' || url.password !== '') continue
    const login = `${decodeURIComponent(url.username)}@${url.host}`
    const password = answers.get(login) ?? (await ask(`Password of ${login}: `, terminal))
    answers.set(login, password)
    url.password = encodeURIComponent(password)
    // A flag is stronger than the environment.
    delete flags[name]
    env[variableOf(name)] = url.href
  }
}

/** Reads a line without showing it. */
async function ask(question: string, { input, output }: Terminal): Promise<string> {
  output.write(question)
  input.setRawMode?.(true)
  try {
    return await new Promise<string>((resolve, reject) => {
      let line = ''
      const stop = (end: () => void): void => {
        input.removeListener('data', read)
        input.pause()
        end()
      }
      const read = (data: Buffer | string): void => {
        for (const character of data.toString()) {
          if (character === '\r' || character === '\n') return stop(() => resolve(line))
          // Ctrl-C and Ctrl-D are characters here.
          if (character === '\u0003' || character === '\u0004')
            return stop(() => reject(new CrossfadeError('URL_INVALID', 'no password was given')))
          line = character === '\u007f' || character === '\b' ? [...line].slice(0, -1).join('') : line + character
        }
      }
      input.on('data', read)
      input.resume()
    })
  } finally {
    input.setRawMode?.(false)
    output.write('\n')
  }
}
