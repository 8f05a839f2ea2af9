import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, sep } from 'node:path'
import { expect, test } from 'vitest'

/** Imports point from a higher row to the same or a lower one. */
const ROWS = [['cli'], ['machine'], ['sync', 'switch', 'verify'], ['plan', 'journal', 'pool'], ['engines']]

/** The words of the plan language: descriptions of tables and expressions that every layer speaks, engines too. */
const SHARED_WORDS = ['plan/schema.ts', 'plan/expression.ts']

const DRIVERS = ['pg', 'mysql2', 'pg-copy-streams', 'pg-cursor', '@vlasky/zongji']

interface Import {
  readonly from: string
  readonly to: string
}

const IMPORT = /^\s*(?:import|export)\s(?:[^'"]*?\sfrom\s)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/gm

/** Paths relative to `src`; packages keep their name. */
const listImports = (): Import[] =>
  readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => {
      const text = readFileSync(join('src', file), 'utf8')
      return [...text.matchAll(IMPORT)].map((match) => {
        const target = match[1] ?? match[2] ?? ''
        const to = target.startsWith('.') ? join(dirname(file), target).replace(/\.js$/, '.ts') : target
        return { from: file.replaceAll(sep, '/'), to: to.replaceAll(sep, '/') }
      })
    })

const rowOf = (path: string): number => ROWS.findIndex((row) => row.includes(path.split('/')[0] ?? ''))
const describeImport = ({ from, to }: Import) => `${from} imports ${to}`

test('the scan sees the imports of the sources', () => {
  expect(listImports().length).toBeGreaterThan(50)
})

test('imports point one way: cli, machine, then sync switch verify, then plan journal pool, then engines', () => {
  const upward = listImports().filter(({ from, to }) => {
    const [fromRow, toRow] = [rowOf(from), rowOf(to)]
    return fromRow !== -1 && toRow !== -1 && toRow < fromRow && !SHARED_WORDS.includes(to)
  })
  expect(upward.map(describeImport)).toEqual([])
})

test('the shared words of the plan language import nothing but each other', () => {
  const outward = listImports().filter(({ from, to }) => SHARED_WORDS.includes(from) && !SHARED_WORDS.includes(to))
  expect(outward.map(describeImport)).toEqual([])
})

test('only engines import a database driver', () => {
  const outside = listImports().filter(({ from, to }) => {
    const isDriver = DRIVERS.some((driver) => to === driver || to.startsWith(`${driver}/`))
    return isDriver && !from.startsWith('engines/')
  })
  expect(outside.map(describeImport)).toEqual([])
})
