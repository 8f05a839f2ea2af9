/** The curves of a long run as one SVG, readable on a light and a dark page. */
import type { Sample } from './watch.js'

const WIDTH = 900
const PANEL = 150
const LEFT = 70
const RIGHT = 20
const TOP = 50
const GAP = 46

interface Curve {
  readonly title: string
  readonly of: (sample: Sample) => number
}

const CURVES: readonly Curve[] = [
  { title: 'memory of the process, MB', of: ({ memoryMb }) => memoryMb },
  { title: 'changes written by the application, thousands', of: ({ changes }) => changes / 1000 },
  { title: 'changes queued, thousands', of: ({ queueRows }) => queueRows / 1000 },
  { title: 'queue table, MB', of: ({ queueMb }) => queueMb },
  { title: 'journal, MB', of: ({ journalMb }) => journalMb },
]

export function graph(title: string, samples: readonly Sample[]): string {
  const height = TOP + CURVES.length * (PANEL + GAP)
  const seconds = Math.max(1, samples.at(-1)?.seconds ?? 1)
  const x = (second: number): number => LEFT + (second / seconds) * (WIDTH - LEFT - RIGHT)
  const panels = CURVES.map((curve, index) => panel(curve, samples, x, TOP + index * (PANEL + GAP)))
  const bottom = height - GAP + 18
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="${LEFT}" y="20" font-size="15" font-weight="bold">${escape(title)}</text>
${phases(samples, x, height - GAP)}
${panels.join('\n')}
<text x="${LEFT}" y="${bottom}">0 s</text>
<text x="${WIDTH - RIGHT}" y="${bottom}" text-anchor="end">${seconds} s</text>
</svg>
`
}

/** A line and a name where the run began something else; names too close to the last one are left out. */
function phases(samples: readonly Sample[], x: (second: number) => number, bottom: number): string {
  let named = -Infinity
  return samples
    .filter((sample, index) => sample.doing !== samples[index - 1]?.doing)
    .map(({ seconds, doing }) => {
      const at = Math.round(x(seconds))
      const isRoom = at - named > 90
      if (isRoom) named = at
      const [place, anchor] = at > WIDTH - 160 ? [at - 3, 'end'] : [at + 3, 'start']
      const name = isRoom
        ? `<text x="${place}" y="38" text-anchor="${anchor}" fill="#666666">${escape(doing)}</text>`
        : ''
      return `<line x1="${at}" y1="28" x2="${at}" y2="${bottom}" stroke="#cccccc" stroke-dasharray="3 3"/>${name}`
    })
    .join('\n')
}

function panel({ title, of }: Curve, samples: readonly Sample[], x: (second: number) => number, top: number): string {
  const values = samples.map(of)
  const most = niceAbove(Math.max(...values, 0))
  const y = (value: number): number => top + PANEL - (value / most) * PANEL
  const points = samples.map(({ seconds }, index) => `${x(seconds).toFixed(1)},${y(values[index]!).toFixed(1)}`)
  const scale = [0, most / 2, most]
    .map(
      (value) =>
        `<line x1="${LEFT}" y1="${y(value)}" x2="${WIDTH - RIGHT}" y2="${y(value)}" stroke="#e4e4e4"/>` +
        `<text x="${LEFT - 6}" y="${y(value) + 4}" text-anchor="end" fill="#444444">${value.toLocaleString('en-US')}</text>`,
    )
    .join('')
  return `${scale}<text x="${LEFT + 6}" y="${top + 14}" font-weight="bold">${title}</text>
<polyline points="${points.join(' ')}" fill="none" stroke="#1f6feb" stroke-width="1.5"/>`
}

/** The next of 1, 2, 5, 10, 20, 50 and so on. */
function niceAbove(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 0.1)))
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value) ?? 10 * power
}

const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
