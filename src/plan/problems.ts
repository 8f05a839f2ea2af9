import type { PlanProblem } from './plan.js'

/** Collects the problems of a plan, so that all of them are told at once. */
export class Problems {
  readonly #list: PlanProblem[] = []
  get list(): readonly PlanProblem[] {
    return this.#list
  }
  add(path: string, message: string, hint: string): void {
    this.#list.push({ path, message, hint })
  }
}
