/** Prometheus' text format, read: how much of a metric there is, over all its series that have these labels. */
export type Samples = (name: string, labels?: Record<string, string>) => number

interface Series { name: string, labels: Record<string, string>, value: number }

export function parseMetrics (text: string): Samples {
  const series: Series[] = []
  for (const line of text.split('\n')) {
    const [, name, labels = '', value] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line) ?? []
    if (name !== undefined) series.push({ name, labels: labelsOf(labels), value: Number(value) })
  }
  return (name, labels = {}) => series
    .filter(one => one.name === name && Object.entries(labels).every(([label, value]) => one.labels[label] === value))
    .reduce((sum, { value }) => sum + value, 0)
}

/** What was added between two readings. */
export const added = (before: Samples, after: Samples): Samples => (name, labels) => after(name, labels) - before(name, labels)

function labelsOf (text: string): Record<string, string> {
  return Object.fromEntries(Array.from(text.matchAll(/(\w+)="((?:\\.|[^"\\])*)"/g), ([, name, value]) => [name, value]))
}
