import { setTimeout as sleep } from 'node:timers/promises'
import closeWithGrace from 'close-with-grace'
import { describeListening, listenOptions } from './addresses.ts'
import type { BaseConfig } from './config.ts'
import type { Service } from './service.ts'
import type { Telemetry } from './tracing/types.ts'

/** The time for requests in progress after the drain. Together they stay below Kubernetes' grace period of 30 s. */
const CLOSE_GRACE_MS = 20_000

/** The time for sending the last spans, so that a collector that does not answer cannot hold up the end. */
const FLUSH_MS = 3000

type RunConfig = Pick<BaseConfig, 'HOST' | 'PORT' | 'DRAIN_DELAY_MS'>

/**
 * Runs a service until a signal ends it:
 *
 * 1. Readiness fails. For DRAIN_DELAY_MS, the service still answers every request, while the mesh picks up the change.
 * 2. The service accepts no new connections, and answers the requests in progress.
 * 3. It sends the last spans, and exits with 0.
 *
 * A second signal ends the process at once with 1, and so does the end of the grace period.
 */
export async function run (app: Service, config: RunConfig, telemetry?: Telemetry): Promise<void> {
  const delay = config.DRAIN_DELAY_MS + CLOSE_GRACE_MS + FLUSH_MS
  closeWithGrace({ delay, logger: app.log }, async ({ signal, err }) => {
    if (err !== undefined) {
      reportFatal(app, err, 'unexpected error, closing')
    } else {
      app.log.info({ signal }, `draining for ${config.DRAIN_DELAY_MS} ms`)
      app.drain()
      await sleep(config.DRAIN_DELAY_MS)
    }
    await app.close()
    const flushed = telemetry?.shutdown().catch((err: unknown) => {
      app.log.warn({ err }, 'the last spans could not be sent')
    })
    await Promise.race([flushed, sleep(FLUSH_MS, undefined, { ref: false })])
    app.log.info('closed')
  })

  try {
    await app.listen(listenOptions(config))
  } catch (err) {
    const { code } = err as NodeJS.ErrnoException
    const where = describeListening(config)
    const taken = `${where} is taken: end the process that listens on it, or set PORT to another port`
    reportFatal(app, err, code === 'EADDRINUSE' ? taken : `cannot listen on ${where}`)
    process.exit(1)
  }
}

/** Reports why the process ends: in the log, or on stderr if the log is silent. */
function reportFatal (app: Service, err: unknown, message: string): void {
  app.log.fatal({ err }, message)
  if (app.log.level === 'silent') console.error(message, err)
}
