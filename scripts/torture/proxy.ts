/** A TCP proxy in front of a server: what happens on networks happens here. */
import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net'

export type NetworkTrouble =
  | { readonly type: 'delay'; readonly ms: number }
  | { readonly type: 'throttle'; readonly bytesPerSecond: number }
  /** Nothing passes, nobody is told. Packets that were sent come late when it ends, or their connections stay dead. */
  | { readonly type: 'black-hole' }
  /** New connections are refused. */
  | { readonly type: 'refuse' }

/** Bytes on their way in one direction before the sender has to wait. */
const MOST_IN_FLIGHT = 256 * 1024

export class Proxy implements AsyncDisposable {
  readonly #links = new Set<Link>()
  #trouble: NetworkTrouble | undefined

  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  static async open(target: { readonly host: string; readonly port: number }): Promise<Proxy> {
    const server = createServer({ allowHalfOpen: true, noDelay: true })
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(0, '127.0.0.1', resolve)
    })
    const proxy = new Proxy(server, (server.address() as AddressInfo).port)
    server.on('connection', (client: Socket) => proxy.#accept(client, target))
    return proxy
  }

  /** Begins trouble for all connections, or ends it. After a black hole the old ones go on, or are dead for ever. */
  setTrouble(trouble: NetworkTrouble | undefined, { areOldDead = false } = {}): void {
    if (this.#trouble?.type === 'black-hole' && areOldDead) for (const link of this.#links) link.kill()
    this.#trouble = trouble
    for (const link of this.#links) link.wake()
  }

  get trouble(): NetworkTrouble | undefined {
    return this.#trouble
  }

  /** Resets every connection, on both ends. */
  cut(): void {
    for (const link of this.#links) link.reset()
  }

  /** Ends dead connections as keep-alive does after a time: on the servers' ends, and on the clients' too when they wait for it. */
  endDead({ isClientTold }: { readonly isClientTold: boolean }): void {
    for (const link of this.#links) {
      if (!link.isDead) continue
      if (isClientTold) link.reset()
      else link.endUpstream()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut()
    await new Promise((resolve) => this.server.close(resolve))
  }

  #accept(client: Socket, target: { readonly host: string; readonly port: number }): void {
    if (this.#trouble?.type === 'refuse') {
      client.resetAndDestroy()
      return
    }
    const upstream = connect({ ...target, allowHalfOpen: true, noDelay: true })
    const link = new Link(client, upstream, () => this.#trouble)
    this.#links.add(link)
    link.onEnd = () => this.#links.delete(link)
  }
}

/** One connection, as two directions. */
class Link {
  isDead = false
  onEnd: () => void = () => undefined
  readonly #wakers = new Set<() => void>()
  #open = 2

  constructor(
    private readonly client: Socket,
    private readonly upstream: Socket,
    private readonly trouble: () => NetworkTrouble | undefined,
  ) {
    this.#forward(client, upstream)
    this.#forward(upstream, client)
  }

  wake(): void {
    for (const waker of [...this.#wakers]) waker()
  }

  kill(): void {
    this.isDead = true
  }

  reset(): void {
    this.isDead = true
    this.client.resetAndDestroy()
    this.upstream.resetAndDestroy()
    this.#finished()
  }

  endUpstream(): void {
    this.upstream.resetAndDestroy()
  }

  #finished(): void {
    this.wake()
    this.onEnd()
  }

  #forward(from: Socket, to: Socket): void {
    let last: Promise<void> = Promise.resolve()
    let inFlight = 0
    from.on('data', (data: Buffer) => {
      inFlight += data.length
      if (inFlight > MOST_IN_FLIGHT) from.pause()
      const arrivedAt = performance.now()
      last = last.then(async () => {
        await this.#travel(data.length, arrivedAt)
        if (!this.isDead && to.writable) to.write(data)
        inFlight -= data.length
        if (from.isPaused() && inFlight <= MOST_IN_FLIGHT) from.resume()
      })
    })
    from.on('end', () => {
      last = last.then(async () => {
        await this.#travel(0, performance.now())
        if (!this.isDead) to.end()
      })
    })
    from.on('error', () => {
      // A reset is not passed on through a black hole.
      last = last.then(async () => {
        await this.#travel(0, performance.now())
        if (!this.isDead) to.resetAndDestroy()
      })
    })
    from.on('close', () => {
      this.#open -= 1
      if (this.#open === 0) this.#finished()
      // The other end of a refused or lost connection learns of it after what was on its way.
      else
        last = last.then(async () => {
          await this.#travel(0, performance.now())
          if (!this.isDead) to.destroySoon()
        })
    })
  }

  /** Waits as long as `bytes` take now. */
  async #travel(bytes: number, arrivedAt: number): Promise<void> {
    for (;;) {
      const trouble = this.trouble()
      if (this.isDead || trouble === undefined || trouble.type === 'refuse') return
      if (trouble.type === 'black-hole') {
        await this.#wait(undefined)
        continue
      }
      const ms =
        trouble.type === 'delay'
          ? trouble.ms - (performance.now() - arrivedAt)
          : (bytes * 1000) / trouble.bytesPerSecond
      if (ms > 0) await this.#wait(ms)
      return
    }
  }

  /** Until the time is over or the trouble changes. */
  #wait(ms: number | undefined): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        this.#wakers.delete(done)
        resolve()
      }
      const timer = ms === undefined ? undefined : setTimeout(done, ms)
      this.#wakers.add(done)
    })
  }
}
