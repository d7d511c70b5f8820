/** Reads a metric from one `/metrics` page: the sum of its series that have these labels, 0 if there are none. */
export type Samples = (name: string, labels?: Record<string, string>) => number

interface Series { name: string, labels: Record<string, string>, value: number }

/** Parses a page in Prometheus' text format. The values of labels keep their backslashes. */
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

/** By how much metrics increased between two readings. */
export const increase = (before: Samples, after: Samples): Samples =>
  (name, labels) => after(name, labels) - before(name, labels)

function labelsOf (text: string): Record<string, string> {
  return Object.fromEntries(Array.from(text.matchAll(/(\w+)="((?:\\.|[^"\\])*)"/g), ([, name, value]) => [name, value]))
}
