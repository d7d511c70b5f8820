// A reporter for Vitest: how long each file took, with what it prepared and deleted.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Reporter, TestModule } from 'vitest/node'

/** Writes a line for each file when all have ended: its seconds and its path, from the slowest to the fastest. */
export class Durations implements Reporter {
  readonly #file: string
  readonly #seconds = new Map<string, number>()

  constructor (file: string) {
    this.#file = file
  }

  onTestModuleEnd (module: TestModule): void {
    this.#seconds.set(module.relativeModuleId, module.diagnostic().duration / 1000)
  }

  onTestRunEnd (): void {
    const slowestFirst = [...this.#seconds].sort(([, a], [, b]) => b - a)
    const lines = slowestFirst.map(([path, seconds]) => `${String(Math.round(seconds)).padStart(5)} s  ${path}\n`)
    mkdirSync(dirname(this.#file), { recursive: true })
    writeFileSync(this.#file, lines.join(''))
    console.log(`\nDurations of the files:\n${lines.join('')}`)
  }
}
