/** Programs beside the benchmark: an application has a process of its own, and must not share the event loop of what is measured. */
import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export interface Child<Command, Answer> extends AsyncDisposable {
  /** One command at a time. */
  ask(command: Command): Promise<Answer>
  /** Ends it without a word, when it may not be able to answer any more. */
  kill(): void
}

/** @param file beside this one, or a URL. Its first message says that it is ready. */
export async function startChild<Command extends object, Answer>(
  file: string,
  settings: object,
): Promise<Child<Command, Answer>> {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), [JSON.stringify(settings)], {
    execArgv: ['--import', 'tsx'],
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  await answerOf(child)
  return {
    ask: (command) => {
      const answer = answerOf<Answer>(child)
      child.send(command)
      return answer
    },
    kill: () => void child.kill('SIGKILL'),
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = new Promise((resolve) => child.once('exit', resolve))
      if (child.connected) child.disconnect()
      await ended
    },
  }
}

function answerOf<Answer>(child: ChildProcess): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const onMessage = (answer: unknown): void => {
      child.off('exit', onExit)
      resolve(answer as Answer)
    }
    const onExit = (code: number | null): void => {
      child.off('message', onMessage)
      reject(new Error(`a program of the benchmark ended with ${code}`))
    }
    child.once('message', onMessage)
    child.once('exit', onExit)
  })
}

/** The other end: answers each command, and ends with its parent. */
export function serve<Command>(answer: (command: Command) => Promise<unknown>): void {
  process.on('message', (command) => {
    answer(command as Command).then(
      (result) => process.send!(result),
      (error: unknown) => {
        console.error(error)
        process.exit(1)
      },
    )
  })
  process.once('disconnect', () => process.exit(0))
  process.send!('ready')
}
