// Finds and starts Chromium, for the tests of several workspaces and for the screenshots.
import { execFileSync } from 'node:child_process'
import { chromium, type Browser } from 'playwright-core'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

/** The path of Chromium: the value of CHROMIUM, or the first on the PATH; undefined if there is none. */
export function findChromium (): string | undefined {
  for (const name of process.env['CHROMIUM'] ? [process.env['CHROMIUM']] : NAMES) {
    try {
      return execFileSync('sh', ['-c', 'command -v -- "$1"', 'sh', name], { encoding: 'utf8' }).trim()
    } catch {
      // try the next name
    }
  }
  return undefined
}

/** Like findChromium, for tests: without Chromium it logs that they are skipped. */
export function chromiumForTests (): string | undefined {
  const found = findChromium()
  if (found === undefined) {
    console.error([
      '\nSKIPPED: the tests in a browser, because there is no Chromium. Install it (apt install chromium),',
      `or set CHROMIUM=/path/to/chromium. Looked for: ${process.env['CHROMIUM'] ?? NAMES.join(', ')}\n`
    ].join(' '))
  }
  return found
}

/** Starts Chromium. Its sandbox does not work for root, the user of many containers. */
export function launch (executablePath: string, ...args: string[]): Promise<Browser> {
  return chromium.launch({ executablePath, args: [...args, ...process.getuid?.() === 0 ? ['--no-sandbox'] : []] })
}
