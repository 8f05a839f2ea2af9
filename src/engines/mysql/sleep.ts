import { setTimeout as delay } from 'node:timers/promises'

/** Waits with jitter, so that two that wait for each other do not meet again. Ends early, with an error, on the signal. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  await delay(ms * (0.75 + Math.random() / 2), undefined, signal ? { signal } : undefined)
}
