/** How many rows the next chunk should have. Decides only; nothing here reads a clock. */
export const FIRST_CHUNK_ROWS = 1000
const SMALLEST = 100
const LARGEST = 200_000

/** Moves towards the size that takes `targetMs`, at most by a factor of 4 at a time, so that one odd chunk does not swing it. */
export function nextChunkRows(rows: number, tookMs: number, targetMs: number): number {
  const ideal = (rows * targetMs) / Math.max(tookMs, 1)
  const bounded = Math.min(Math.max(ideal, rows / 4), rows * 4)
  return Math.round(Math.min(Math.max(bounded, SMALLEST), LARGEST))
}
