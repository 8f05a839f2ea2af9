/** The command line, run as an operator runs it: a process of its own, URLs in its environment. */
import { spawn } from 'node:child_process'
import type { Stage } from './stage.js'

const MAIN = new URL('../../src/cli/main.ts', import.meta.url).pathname

export interface CommandOptions {
  readonly stage: Pick<Stage, 'blueUrl' | 'greenUrl' | 'folder'>
  readonly args: readonly string[]
  /** Default `inherit`: this terminal. */
  readonly output?: 'inherit' | 'capture'
  readonly signal?: AbortSignal
}

export interface CommandResult {
  readonly exitCode: number
  /** Empty when the terminal was inherited. */
  readonly stdout: string
}

export function crossfade({ stage, args, output = 'inherit', signal }: CommandOptions): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--import', 'tsx', MAIN, ...args], {
      env: {
        ...process.env,
        CROSSFADE_BLUE_URL: stage.blueUrl,
        CROSSFADE_GREEN_URL: stage.greenUrl,
        CROSSFADE_BACKUP_DIR: `${stage.folder}/backup`,
      },
      stdio: ['ignore', output === 'inherit' ? 'inherit' : 'pipe', 'inherit'],
    })
    let stdout = ''
    child.stdout?.on('data', (data: Buffer) => {
      stdout += data.toString('utf8')
    })
    const stop = (): void => void child.kill('SIGTERM')
    signal?.addEventListener('abort', stop, { once: true })
    child.once('error', reject)
    child.once('close', (exitCode) => {
      signal?.removeEventListener('abort', stop)
      resolve({ exitCode: exitCode ?? 1, stdout })
    })
  })
}
