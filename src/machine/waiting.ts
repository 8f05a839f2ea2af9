/** Waits until a condition holds or the time is over. @returns whether it held. @throws the signal's reason. */
export async function until(
  condition: () => Promise<boolean>,
  options: { signal: AbortSignal; timeoutMs: number; everyMs: number },
): Promise<boolean> {
  const end = performance.now() + options.timeoutMs
  for (;;) {
    options.signal.throwIfAborted()
    if (await condition()) return true
    if (performance.now() >= end) return false
    await new Promise((resolve) => setTimeout(resolve, options.everyMs))
  }
}
