/** A measured point of a growth: `y` is the cost at the size `x`. */
export interface Point {
  x: number
  y: number
}

/** How a cost grows. */
export interface Growth {
  /** the last size up to which all points lie on a straight line */
  linearUpTo: number
  /** what each step adds up to there */
  perStep: number
  /** the next size, and what each step to it adds; undefined if all points lie on a straight line */
  after?: { x: number, perStep: number }
}

/** How far a point may lie from a straight line, as a share of its value. It covers the noise of a shared machine. */
const TOLERANCE = 0.25

/**
 * Says up to which size a cost is linear. Points are on a straight line if every point between the first and the last
 * is close to the line through these two.
 *
 * @param points in ascending order of x; at least two
 */
export function growthOf (points: Point[]): Growth {
  const [first = { x: NaN, y: NaN }] = points
  let last = points[1] ?? first
  for (const [index, point] of points.entries()) {
    if (index < 2) continue
    const isOnLine = ({ x, y }: Point) => Math.abs(first.y + slope(first, point) * (x - first.x) - y) <= TOLERANCE * y
    if (!points.slice(1, index).every(isOnLine)) {
      return { linearUpTo: last.x, perStep: slope(first, last), after: { x: point.x, perStep: slope(last, point) } }
    }
    last = point
  }
  return { linearUpTo: last.x, perStep: slope(first, last) }
}

function slope (a: Point, b: Point): number {
  return (b.y - a.y) / (b.x - a.x)
}
