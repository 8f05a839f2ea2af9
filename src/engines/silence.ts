/**
 * Finds out that a statement will never be answered. A network that drops packets tells neither end, and the kernel's keep-alive
 * takes minutes; a long statement looks the same. So the server is asked over another connection.
 */

/** Two looks are ten seconds: an answer that is on its way has come by then. */
const LOOK_MS = 5_000
const LOOKS = 2

export interface Watched {
  /** Bytes received and sent so far: while they grow, the connection lives. */
  traffic(): number
  /** Whether the server is still at work on it. A server that cannot be asked is not. */
  isAtWork(): Promise<boolean>
  /** Called at most once. */
  onDead(): void
}

/** @param everyMs default 5,000. @returns what ends the watch. */
export function watchSilence({ traffic, isAtWork, onDead }: Watched, everyMs: number = LOOK_MS): () => void {
  let seen = traffic()
  let [looks, isLooking, isOver] = [0, false, false]
  const stop = (): void => {
    isOver = true
    clearInterval(timer)
  }
  const look = async (): Promise<void> => {
    const isSilent = traffic() === seen
    seen = traffic()
    const isIdle = isSilent && !(await isAtWork().catch(() => false)) && traffic() === seen
    looks = isIdle ? looks + 1 : 0
    if (looks < LOOKS || isOver) return
    stop()
    onDead()
  }
  const timer = setInterval(() => {
    if (isLooking) return
    isLooking = true
    void look().finally(() => {
      isLooking = false
    })
  }, everyMs)
  timer.unref()
  return stop
}

/** Ends a connection that is used all the time, and only briefly, when nothing came over it for so long. */
export function endWhenSilent(stream: NodeJS.ReadableStream, silenceMs: number): void {
  if (!('setTimeout' in stream && 'destroy' in stream)) return
  const socket = stream as import('node:net').Socket
  socket.setTimeout(silenceMs, () => socket.destroy(new SilentConnectionError(silenceMs)))
}

class SilentConnectionError extends Error {
  /** Drivers know a broken connection by it. */
  readonly code = 'ETIMEDOUT'
  constructor(silenceMs: number) {
    super(`nothing came over the connection for ${silenceMs / 1000} s`)
  }
}
