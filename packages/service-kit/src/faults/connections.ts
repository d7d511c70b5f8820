import type { Socket } from 'node:net'

/** Held connections cost memory and file descriptors; the one that would be too many is closed at once. */
const MAX_HELD = 100

/** How long a closed connection may take to be closed by the other side as well. */
const LINGER_MS = 1000

/** Sends FIN: an orderly close, and no answer. */
export function closeWithFin (socket: Socket): void {
  if (socket.writableEnded) return // by another request on the same connection
  socket.end()
  const timer = setTimeout(() => socket.destroy(), LINGER_MS)
  socket.once('close', () => clearTimeout(timer))
}

/** Sends RST: what a crashed process or an impatient firewall leaves behind. */
export function closeWithRst (socket: Socket): void {
  socket.resetAndDestroy()
}

/** Connections that get no answer and no end, for a while. */
export class HeldConnections {
  readonly #held = new Set<Socket>()
  #released = false

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

  /** Lets go of all of them, now and from now on: a service that ends does not wait for what it holds on purpose. */
  release (): void {
    this.#released = true
    for (const socket of this.#held) socket.destroy()
  }
}
