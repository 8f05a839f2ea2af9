/** How much each measurement does. */
export interface Sizes {
  readonly rows: number
  readonly rounds: number
  /** Over all 85 tables. */
  readonly appointmentRows: number
  /** One window of the capture measurement, and the time before it that does not count. */
  readonly windowMs: number
  readonly warmUpMs: number
  readonly connections: readonly number[]
  readonly bulkRows: number
  readonly switchRows: number
  readonly switches: number
  readonly clients: number
  /** Processes that the clients are shared out to. */
  readonly clientProcesses: number
  /** Between two transactions of a client, on average. */
  readonly thinkMs: number
  readonly pauseMs: number
  readonly memoryRows: number
}

export const fullSizes = (rows: number): Sizes => ({
  rows,
  rounds: 3,
  appointmentRows: Math.max(5000, Math.round(rows / 5)),
  windowMs: 4000,
  warmUpMs: 1000,
  connections: [8, 64],
  bulkRows: Math.round(rows / 5),
  switchRows: Math.round(rows / 5),
  switches: 20,
  clients: 200,
  clientProcesses: 4,
  thinkMs: 200,
  pauseMs: 1000,
  memoryRows: rows * 2,
})

/** Everything once and small: shows that it runs. Its figures say nothing. */
export const QUICK_SIZES: Sizes = {
  rows: 3000,
  rounds: 1,
  appointmentRows: 3000,
  windowMs: 200,
  warmUpMs: 50,
  connections: [2],
  bulkRows: 500,
  switchRows: 1000,
  switches: 2,
  clients: 10,
  clientProcesses: 1,
  thinkMs: 20,
  pauseMs: 100,
  memoryRows: 3000,
}
