import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { askPasswords } from '../../src/cli/ask-password.js'
import { requireUrls, type CommonFlags } from '../../src/cli/settings.js'

function terminal() {
  const raw: boolean[] = []
  const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: (isRaw: boolean) => raw.push(isRaw) })
  const output = new PassThrough()
  let shown = ''
  output.on('data', (data: Buffer) => (shown += data.toString()))
  return { input, output, raw, shown: () => shown }
}

test('a password is asked once for each login, is not shown, and reaches every URL that leaves it out', async () => {
  const env: NodeJS.ProcessEnv = {
    CROSSFADE_GREEN_URL: 'postgres://me@db1/app?schema=green',
    CROSSFADE_JOURNAL_URL: 'postgres://other:known@db2/app',
  }
  const flags: CommonFlags = { blue: 'postgres://me@db1/app?schema=blue' }
  const { input, output, raw, shown } = terminal()
  const asked = askPasswords(flags, env, { input, output })
  input.write('p@ss wörx')
  input.write('\u007fd\r')
  await asked
  const urls = requireUrls(flags, env)
  expect(decodeURIComponent(new URL(urls.blueUrl).password)).toBe('p@ss wörd')
  expect(new URL(urls.blueUrl).searchParams.get('schema')).toBe('blue')
  expect(decodeURIComponent(new URL(urls.greenUrl).password)).toBe('p@ss wörd')
  expect(new URL(urls.journalUrl).password).toBe('known')
  expect(shown()).toBe('Password of me@db1: \n')
  expect(raw).toEqual([true, false])
})

test('giving up ends the command and gives the terminal back', async () => {
  const { input, output, raw } = terminal()
  const asked = askPasswords({ blue: 'mysql://me@db1/app' }, {}, { input, output })
  input.write('abc\u0003')
  await expect(asked).rejects.toMatchObject({ code: 'URL_INVALID', message: 'no password was given' })
  expect(raw).toEqual([true, false])
})

test('without a terminal nobody is asked', async () => {
  const { input, output } = terminal()
  const piped = Object.assign(input, { isTTY: false })
  await expect(askPasswords({}, {}, { input: piped, output })).rejects.toMatchObject({ code: 'URL_INVALID' })
})
