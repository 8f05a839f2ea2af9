import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

export default defineConfig({
  resolve: {
    alias: [
      { find: /^crossfade\/pool$/, replacement: here('./src/pool/index.ts') },
      { find: /^crossfade$/, replacement: here('./src/index.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts', 'src/**/*.test.ts', 'plans/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    pool: 'forks',
    // The servers under test share the machine with the tests; more workers only make both slower.
    maxWorkers: 2,
    // Against hangs, not a measure: a busy machine makes all of it several times slower.
    testTimeout: 240_000,
    // Starting a server, or installing one, happens in hooks.
    hookTimeout: 240_000,
    teardownTimeout: 30_000,
  },
})
