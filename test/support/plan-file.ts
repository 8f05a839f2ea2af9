/** Plan files of a test, in a folder of its own. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SHOP_PLAN } from './shop.js'

export interface PlanFolder extends Disposable {
  readonly path: string
  /** Writes a file and returns its path. */
  write(name: string, text: string): string
  /** A plan that is the shop's but for some of its parts, given as the source text of an object. */
  shopWith(name: string, parts: string): string
}

export function createPlanFolder(): PlanFolder {
  const path = mkdtempSync(join(tmpdir(), 'crossfade-plans-'))
  const write = (name: string, text: string): string => {
    writeFileSync(join(path, name), text)
    return join(path, name)
  }
  return {
    path,
    write,
    shopWith: (name, parts) =>
      write(
        name,
        `import * as crossfade from 'crossfade'
import shop from ${JSON.stringify(SHOP_PLAN)}
export default crossfade.definePlan({ ...shop.input, ...${parts} })
`,
      ),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  }
}
