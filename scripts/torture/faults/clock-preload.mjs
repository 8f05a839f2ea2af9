/** Loaded before the program: SIGUSR2 lets the wall clock of this process jump. The monotonic clock goes on, as on a real machine. */
const stepMs = Number(process.env['TORTURE_CLOCK_STEP_MS'])
const RealDate = Date
let shiftMs = 0
const now = () => RealDate.now() + shiftMs

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args) => (args.length === 0 ? new target(now()) : Reflect.construct(target, args)),
  apply: () => new RealDate(now()).toString(),
  get: (target, name) => (name === 'now' ? now : Reflect.get(target, name)),
})

process.on('SIGUSR2', () => {
  shiftMs = stepMs
})
