/** The disk of the backup is full; later somebody makes room. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { isRoot, run } from '../../servers/programs.js'
import type { Fault } from './fault.js'

const ENOUGH = 'size=256m'
/** pg_dump may not notice that its last bytes found no room; the proof of the backup then says that the file has no end. */
const TELLING = /no space|ENOSPC|EFBIG|too large|disk|end of file/i
const CAN_MOUNT = isRoot() && process.platform === 'linux'

export const diskFull: Fault = {
  prepare: async ({ variant }, folder) => {
    const kilobytes = Math.round(4 * 2 ** (6 * variant))
    // A limit of the process instead, where a file system of its own is not to be had; dash counts in blocks of 512.
    if (!CAN_MOUNT) return { wrapper: ['/bin/sh', '-c', `ulimit -f ${2 * kilobytes}; exec "$0" "$@"`] }
    const path = join(folder, 'full-disk')
    mkdirSync(path)
    await run('mount', ['-t', 'tmpfs', '-o', `size=${kilobytes}k`, 'torture', path])
    let isMounted = true
    return {
      env: { CROSSFADE_BACKUP_DIR: path },
      undo: async () => {
        if (isMounted) await run('umount', ['-l', path])
        isMounted = false
      },
    }
  },
  strike: async ({ orchestrator, note }, { env }) => {
    const end = await orchestrator.end
    const path = env?.['CROSSFADE_BACKUP_DIR']
    if (path !== undefined) await run('mount', ['-o', `remount,${ENOUGH}`, path])
    const words = JSON.stringify(end.lines.at(-1) ?? {})
    if (end.exitCode === 1 && !TELLING.test(words))
      throw new Error(`the disk was full, and the run ended without a word of it: ${words}`)
    if (end.exitCode !== 1) note(`the disk was large enough (${end.exitCode ?? end.signal})`)
  },
}
