/** A number with a comma between thousands. */
export const number = (n: number) => n.toLocaleString('en')

/** The smallest of the values that at least p percent of them do not exceed; 0 if there are no values. */
export function percentile (values: number[], p: number): number {
  return values.toSorted((a, b) => a - b)[Math.ceil(values.length * p / 100) - 1] ?? 0
}
