// A real Chromium, for the tests of several workspaces and for the screenshots.
import { execFileSync } from 'node:child_process'
import { chromium, type Browser } from 'playwright-core'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

/** Where a Chromium is: what CHROMIUM names, or the first on the PATH; undefined where there is none. */
export function findChromium (): string | undefined {
  for (const name of process.env['CHROMIUM'] ? [process.env['CHROMIUM']] : NAMES) {
    try {
      return execFileSync('sh', ['-c', 'command -v -- "$1"', 'sh', name], { encoding: 'utf8' }).trim()
    } catch {
      // not this one
    }
  }
  return undefined
}

/** The same for tests, which say loudly that they are skipped. */
export function chromiumForTests (): string | undefined {
  const found = findChromium()
  if (found === undefined) console.error(`\nSKIPPED: no Chromium, so nothing is tested in a browser. Install one (apt install chromium), or name it: CHROMIUM=/path/to/it. Looked for: ${process.env['CHROMIUM'] ?? NAMES.join(', ')}\n`)
  return found
}

/** Starts it; root, as in many containers, gets no sandbox. */
export function launch (executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] })
}
