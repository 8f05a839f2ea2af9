/** Waits for `work`, and no longer than until `signal` aborts: throws its reason then. The work itself goes on. */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work
  let onAbort: (() => void) | undefined
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason as Error)
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    // Also when it has aborted already: what fails later must not be a rejection that nobody handles.
    return await Promise.race([aborted, work])
  } finally {
    signal.removeEventListener('abort', onAbort!)
  }
}
