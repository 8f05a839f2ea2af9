import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import ts from 'typescript'
import { expect, test } from 'vitest'
import { ERROR_PAGE, errorPage } from '../scripts/error-page.ts'

test('docs/errors.md is what `npm run docs` makes of the catalogue', () => {
  expect(readFileSync(ERROR_PAGE, 'utf8')).toBe(errorPage())
})

test('links between the pages lead somewhere', () => {
  const pages = [
    'README.md',
    ...readdirSync('docs', { recursive: true, encoding: 'utf8' }).map((file) => join('docs', file)),
  ]
  const broken = pages
    .filter((page) => page.endsWith('.md'))
    .flatMap((page) =>
      [...readFileSync(page, 'utf8').matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)]
        .map(([, target]) => join(dirname(page), target!))
        .filter((target) => !existsSync(target))
        .map((target) => `${page}: ${target}`),
    )
  expect(broken).toEqual([])
})

test('the examples of docs/pool.md compile', { timeout: 120_000 }, () => {
  const blocks = [...readFileSync('docs/pool.md', 'utf8').matchAll(/^```ts\n(import [\s\S]*?)^```$/gm)]
  // Those that stand for themselves, or begin where the first one ends.
  const whole = blocks.map(([, text]) => text!).filter((text) => /createPool\(|example-1/.test(text))
  const examples = new Map(whole.map((text, index) => [resolve(`docs/example-${index + 1}.ts`), text]))
  expect(examples.size).toBeGreaterThan(1)
  const { config } = ts.readConfigFile('tsconfig.json', (path) => ts.sys.readFile(path)) as { config: object }
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, '.')
  const host = ts.createCompilerHost({ ...options, incremental: false, tsBuildInfoFile: undefined })
  const { fileExists, readFile } = host
  host.fileExists = (path) => examples.has(path) || fileExists(path)
  host.readFile = (path) => examples.get(path) ?? readFile(path)
  const program = ts.createProgram(
    [...examples.keys()],
    { ...options, incremental: false, tsBuildInfoFile: undefined },
    host,
  )
  const problems = [...examples.keys()].flatMap((path) => {
    const file = program.getSourceFile(path)
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]
  })
  expect(
    problems.map(({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`),
  ).toEqual([])
})
