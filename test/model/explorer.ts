/** Explores every interleaving of a model, breadth first: the first trace that breaks something is a shortest one. */

export interface Step<State> {
  readonly name: string
  readonly to: State
  /** May happen, but nothing may rest on it: a crash, a lost answer, a word of an operator. */
  readonly isOptional: boolean
}

export interface Model<State> {
  readonly initial: State
  /** All that may happen next. */
  next(state: State): Iterable<Step<State>>
  /** Equal for states that behave alike, and only for those. */
  encode(state: State): string
  /** Must hold in each state, by name. */
  readonly invariants: Readonly<Record<string, (state: State) => boolean>>
  /** Where things may come to rest. */
  isSettled(state: State): boolean
}

export interface Counterexample {
  /** Name of the invariant, or {@link NEVER_SETTLES}. */
  readonly broken: string
  /** The steps that lead there. */
  readonly trace: readonly string[]
}

export interface Exploration {
  readonly states: number
  readonly steps: number
  /** Steps of the longest of the shortest ways to a state. */
  readonly depth: number
  readonly counterexample: Counterexample | undefined
}

/** From some state on only something optional could help: waiting does not. */
export const NEVER_SETTLES = 'everything settles by itself'

/** Ends a model that has grown too large for a test, instead of the memory of the machine. */
const MAX_STATES = 3_000_000

export function explore<State>(model: Model<State>): Exploration {
  const ids = new Map<string, number>([[model.encode(model.initial), 0]])
  /** Waiting to be expanded; forgotten behind that. */
  const states: (State | undefined)[] = [model.initial]
  const parents = [-1]
  const names = ['']
  const depths = [0]
  const settled: number[] = []
  const edges = new EdgeList()
  let steps = 0
  const found = (broken: string, id: number): Exploration => ({
    states: states.length,
    steps,
    depth: depths[id]!,
    counterexample: { broken, trace: traceTo(id, parents, names) },
  })
  for (let id = 0; id < states.length; id += 1) {
    const state = states[id]!
    states[id] = undefined
    for (const [name, holds] of Object.entries(model.invariants)) if (!holds(state)) return found(name, id)
    if (model.isSettled(state)) settled.push(id)
    for (const step of model.next(state)) {
      steps += 1
      const code = model.encode(step.to)
      let to = ids.get(code)
      if (to === undefined) {
        to = states.length
        if (to >= MAX_STATES) throw new Error(`the model has more than ${MAX_STATES} states`)
        ids.set(code, to)
        states.push(step.to)
        parents.push(id)
        names.push(step.name)
        depths.push(depths[id]! + 1)
      }
      if (!step.isOptional && to !== id) edges.add(id, to)
    }
  }
  const lost = firstThatCannotReach(settled, edges, states.length)
  if (lost !== undefined) return found(NEVER_SETTLES, lost)
  return { states: states.length, steps, depth: depths.at(-1)!, counterexample: undefined }
}

/** As text, one step a line. */
export function describeTrace({ broken, trace }: Counterexample): string {
  return [`broken: ${broken}`, ...trace.map((name, index) => `${String(index + 1).padStart(3)}. ${name}`)].join('\n')
}

function traceTo(id: number, parents: readonly number[], names: readonly string[]): string[] {
  const trace: string[] = []
  for (let at = id; at > 0; at = parents[at]!) trace.push(names[at]!)
  return trace.reverse()
}

/** Where each state can reach a goal, each fair sequence of steps does reach it, because there are finitely many states. */
function firstThatCannotReach(goals: readonly number[], edges: EdgeList, count: number): number | undefined {
  const reaches = new Uint8Array(count)
  const queue = [...goals]
  for (const goal of goals) reaches[goal] = 1
  const { sources, starts } = edges.byTarget(count)
  for (let index = 0; index < queue.length; index += 1) {
    const target = queue[index]!
    for (let place = starts[target]!; place < starts[target + 1]!; place += 1) {
      const source = sources[place]!
      if (reaches[source] === 1) continue
      reaches[source] = 1
      queue.push(source)
    }
  }
  const lost = reaches.indexOf(0)
  return lost === -1 ? undefined : lost
}

/** Pairs of numbers, without an object for each. */
class EdgeList {
  #pairs = new Int32Array(1 << 16)
  #length = 0

  add(from: number, to: number): void {
    if (this.#length === this.#pairs.length) {
      const larger = new Int32Array(this.#pairs.length * 2)
      larger.set(this.#pairs)
      this.#pairs = larger
    }
    this.#pairs[this.#length] = from
    this.#pairs[this.#length + 1] = to
    this.#length += 2
  }

  /** The sources of the edges to target `t` are those from `starts[t]` up to `starts[t + 1]`. */
  byTarget(count: number): { sources: Int32Array; starts: Int32Array } {
    const starts = new Int32Array(count + 1)
    for (let index = 1; index < this.#length; index += 2) starts[this.#pairs[index]! + 1]! += 1
    for (let target = 0; target < count; target += 1) starts[target + 1]! += starts[target]!
    const places = starts.slice()
    const sources = new Int32Array(this.#length / 2)
    for (let index = 0; index < this.#length; index += 2) {
      const target = this.#pairs[index + 1]!
      sources[places[target]!] = this.#pairs[index]!
      places[target]! += 1
    }
    return { sources, starts }
  }
}
