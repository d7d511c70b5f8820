import { SIZE } from './options.ts'
import { costOf, load, median, type Server } from './measure.ts'

/** A server that is compared with others, and the path that it is asked for. */
export interface Contender {
  server: Server
  path: string
}

/**
 * The CPU time per request of several servers, in microseconds: for each server its value in every round. In a round,
 * the servers take turns, so that a change of the machine's speed hits all of them alike.
 */
export async function cpuInTurns (contenders: Contender[]): Promise<number[][]> {
  const size = { requests: SIZE.requests }
  for (const { server, path } of contenders) await load(server, path, { requests: 2 * SIZE.requests }) // warms up V8

  const costs = contenders.map((): number[] => [])
  const until = performance.now() + SIZE.roundsMs
  for (let round = 0; round < SIZE.rounds && (round < 3 || performance.now() < until); round++) { // fewer if it is slow
    for (const [index, { server, path }] of contenders.entries()) {
      costs[index]?.push((await costOf(server, path, size)).cpu)
    }
  }
  return costs
}

/** The median of the ratios of each round, and the lowest and the highest. */
export function ratioOf (subject: number[], baseline: number[]): { value: number, spread: [number, number] } {
  const ratios = subject.map((value, round) => value / (baseline[round] ?? NaN))
  return { value: median(ratios), spread: spreadOf(ratios) }
}

/** The lowest and the highest value. */
export function spreadOf (values: number[]): [number, number] {
  return [Math.min(...values), Math.max(...values)]
}
