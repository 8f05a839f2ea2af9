import { type ChildProcess, spawn } from 'node:child_process'
import type { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'

let shell: ChildProcess | undefined

/**
 * Tells the watchdog what has to disappear with this process. It needs no call at the end: it acts when this process is
 * gone, whether it returned, was interrupted, crashed or was killed with SIGKILL. A pipe has no other reliable rival
 * here: PR_SET_PDEATHSIG exists on Linux only and is lost when a program changes its user.
 */
const tell = (line: string): void => {
  if (shell === undefined) {
    shell = spawn('/bin/sh', [fileURLToPath(new URL('./watchdog.sh', import.meta.url))], {
      // A session of its own, so that Ctrl-C in the terminal does not end it together with us.
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
      cwd: '/',
    })
    shell.unref()
    const stdin = shell.stdin as Socket
    stdin.unref()
    // When the watchdog itself was killed there is nobody to tell, and that must not end the tests.
    stdin.on('error', () => {})
  }
  shell.stdin?.write(`${line}\n`)
}

export const watchdog = {
  /** A server, or what prepares one. It leads a group of its own. */
  guardProcess: (pid: number) => tell(`process ${pid}`),
  /** A program that uses the servers. It leads a group of its own, and all that it started goes with it. */
  guardProgram: (pid: number) => tell(`program ${pid}`),
  forgetProcess: (pid: number) => tell(`gone ${pid}`),
  guardDirectory: (path: string) => tell(`directory ${path}`),
  forgetDirectory: (path: string) => tell(`removed ${path}`),
  guardContainer: (id: string) => tell(`container ${id}`),
  forgetContainer: (id: string) => tell(`removed-container ${id}`),
}
