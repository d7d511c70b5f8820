import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, request } from 'undici'

/** What came back for one request; status 0 where nothing did. */
export interface Outcome {
  status: number
  headers: Record<string, string | string[] | undefined>
  body: string
  /** milliseconds */
  duration: number
}

export interface LoadOptions {
  url: string
  headers?: Record<string, string>
  /** requests a second */
  rate: number
  /** how many requests, or until when */
  until: number | AbortSignal
}

/**
 * Open-loop load: requests leave at their rate, whether or not earlier ones have been answered, so that a slow service does not
 * slow down the measurement of it. Nothing is tried again.
 */
export async function load ({ url, headers = {}, rate, until }: LoadOptions): Promise<Outcome[]> {
  const agent = new Agent()
  const start = performance.now()
  const pending: Promise<Outcome>[] = []
  const goesOn = () => typeof until === 'number' ? pending.length < until : !until.aborted
  while (goesOn()) {
    const early = start + pending.length * 1000 / rate - performance.now()
    if (early > 0) await sleep(early)
    if (goesOn()) pending.push(ask(url, headers, agent))
  }
  const outcomes = await Promise.all(pending)
  await agent.close()
  return outcomes
}

/** One request. */
export async function ask (url: string, headers: Record<string, string> = {}, dispatcher?: Agent): Promise<Outcome> {
  const start = performance.now()
  try {
    const answer = await request(url, { headers, headersTimeout: 30_000, ...(dispatcher && { dispatcher }) })
    const body = await answer.body.text()
    return { status: answer.statusCode, headers: answer.headers, body, duration: performance.now() - start }
  } catch (error) {
    return { status: 0, headers: {}, body: (error as Error).message, duration: performance.now() - start }
  }
}
