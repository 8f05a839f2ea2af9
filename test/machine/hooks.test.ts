import { mkdtempSync, readFileSync, rmSync, writeFileSync, existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test, vi } from 'vitest'
import { runHook } from '../../src/machine/hooks.js'

const folder = mkdtempSync(join(tmpdir(), 'crossfade-hooks-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const write = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}

/** Tells what it was given. */
const witness = write(
  'witness.mjs',
  `import { writeFileSync } from 'node:fs'
const [file, ...args] = process.argv.slice(2)
writeFileSync(file, JSON.stringify({ args, env: process.env }))
`,
)

/** False too for one that has ended and was not collected yet. */
function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

test('a hook gets its arguments as they are written and nothing of our environment', async () => {
  vi.stubEnv('CROSSFADE_BLUE_URL', 'postgres://a:secret@b/c')
  const seen = join(folder, 'seen.json')
  const args = ['$HOME', '$(touch pwned)', '; touch pwned', '"', "'", '*', 'a b']
  const hook = { at: 'complete', command: process.execPath, args: [witness, seen, ...args] } as const
  expect(await runHook(hook, 'shop')).toBe(0)
  vi.unstubAllEnvs()
  const told = JSON.parse(readFileSync(seen, 'utf8')) as { args: string[]; env: Record<string, string> }
  expect(told.args).toEqual(args)
  expect(told.env).toEqual({
    PATH: process.env['PATH'] ?? '',
    HOME: process.env['HOME'] ?? '',
    CROSSFADE_PLAN: 'shop',
    CROSSFADE_AT: 'complete',
  })
})

test('a command is the name of a program and no line for a shell', async () => {
  const made = join(folder, 'made-by-a-shell')
  expect(await runHook({ at: 'complete', command: `touch ${made}` }, 'shop')).toBeNull()
  expect(existsSync(made)).toBe(false)
})

test('a hook that takes too long is ended together with what it has started', async () => {
  const pidFile = join(folder, 'pid')
  const script = `sleep 60 & echo $! > ${pidFile}; wait`
  const hook = { at: 'complete', command: '/bin/sh', args: ['-c', script], timeoutMs: 1_000 } as const
  const startedAt = performance.now()
  expect(await runHook(hook, 'shop')).toBeNull()
  expect(performance.now() - startedAt).toBeLessThan(20_000)
  const pid = Number(readFileSync(pidFile, 'utf8'))
  expect(pid).toBeGreaterThan(0)
  await vi.waitUntil(() => !isRunning(pid), 10_000)
})
