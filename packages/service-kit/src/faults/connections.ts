import type { Socket } from 'node:net'

/** The most connections to hold, because each costs memory and a file descriptor. Others are closed at once. */
const MAX_HELD = 100

/** How long the other side may take to close a connection that we have closed; milliseconds. */
const LINGER_MS = 1000

/** Sends a FIN: an orderly close without an answer. */
export function closeWithFin (socket: Socket): void {
  if (socket.writableEnded) return // another request on the same connection has closed it
  socket.end()
  const timer = setTimeout(() => socket.destroy(), LINGER_MS)
  socket.once('close', () => clearTimeout(timer))
}

/** Sends an RST, as a crashed process or a firewall would. */
export function closeWithRst (socket: Socket): void {
  socket.resetAndDestroy()
}

/** Connections that stay open without an answer, for a time. */
export class HeldConnections {
  readonly #held = new Set<Socket>()
  #released = false

  /** Holds a connection for `ms` milliseconds, then closes it with a FIN. */
  hold (socket: Socket, ms: number): void {
    if (this.#held.has(socket)) return // another request on the same connection
    if (this.#released || this.#held.size >= MAX_HELD) return closeWithFin(socket)
    this.#held.add(socket)
    const timer = setTimeout(() => closeWithFin(socket), ms)
    socket.once('close', () => {
      clearTimeout(timer)
      this.#held.delete(socket)
    })
  }

  /** Closes all held connections and holds no new ones, so that a closing service does not wait for them. */
  release (): void {
    this.#released = true
    for (const socket of this.#held) socket.destroy()
  }
}
