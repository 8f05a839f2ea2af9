import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
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
