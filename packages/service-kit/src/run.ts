import { setTimeout as sleep } from 'node:timers/promises'
import closeWithGrace from 'close-with-grace'
import { describeListening, listenOptions } from './addresses.ts'
import type { BaseConfig } from './config.ts'
import type { Service } from './service.ts'
import type { Telemetry } from './tracing/types.ts'

/** What requests under way may take after the drain; with the drain it stays below Kubernetes' 30 s of grace. */
const CLOSE_GRACE_MS = 20_000

/** What the last spans may take to be sent; a collector that does not answer is not waited for. */
const FLUSH_MS = 3000

/**
 * Listens until a signal ends it: readiness fails, everything is still served for DRAIN_DELAY_MS while the mesh looks
 * elsewhere, requests under way are answered, the last spans are sent, exit 0. A second signal, or a grace that was too short, ends it at once with exit 1.
 */
export async function run (app: Service, config: Pick<BaseConfig, 'HOST' | 'PORT' | 'DRAIN_DELAY_MS'>, telemetry?: Telemetry): Promise<void> {
  closeWithGrace({ delay: config.DRAIN_DELAY_MS + CLOSE_GRACE_MS + FLUSH_MS, logger: app.log }, async ({ signal, err }) => {
    if (err !== undefined) {
      app.log.fatal({ err }, 'unexpected error, closing')
    } else {
      app.log.info({ signal }, `draining for ${config.DRAIN_DELAY_MS} ms`)
      app.drain()
      await sleep(config.DRAIN_DELAY_MS)
    }
    await app.close()
    const flushed = telemetry?.shutdown().catch((err: unknown) => app.log.warn({ err }, 'the last spans could not be sent'))
    await Promise.race([flushed, sleep(FLUSH_MS, undefined, { ref: false })])
    app.log.info('closed')
  })

  try {
    await app.listen(listenOptions(config))
  } catch (err) {
    const { code } = err as NodeJS.ErrnoException
    const where = describeListening(config)
    app.log.fatal({ err }, code === 'EADDRINUSE' ? `${where} is taken` : `cannot listen on ${where}`)
    process.exit(1)
  }
}
