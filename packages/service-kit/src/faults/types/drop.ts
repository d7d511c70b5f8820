import { Type } from '../../schema.ts'
import { closeWithFin, closeWithRst } from '../connections.ts'
import type { EndingFault } from '../fault-type.ts'
import { MAX_DELAY_MS } from '../limits.ts'

const DEFAULT_HANG_MS = 30_000

const fields = {
  mode: Type.Optional(Type.Enum(['fin', 'rst', 'hang'], {
    description: 'drop: close (the default), reset, or hold the connection; no answer in any case'
  })),
  hangMs: Type.Optional(Type.Number({
    minimum: 1, maximum: MAX_DELAY_MS, description: 'drop, hang: how long the connection is held, by default 30000'
  }))
}

type DropSettings = { mode: 'fin' | 'rst' } | { mode: 'hang', hangMs: number }

/** Closes, resets or holds the connection, without an answer. */
export const drop: EndingFault<'drop', typeof fields, DropSettings> = {
  type: 'drop',
  fields,
  answers: false,
  settingsOf ({ mode = 'fin', hangMs }) {
    if (mode === 'hang') return { mode, hangMs: hangMs ?? DEFAULT_HANG_MS }
    return hangMs === undefined ? { mode } : [{ where: 'body/hangMs', what: 'belongs only to the mode hang' }]
  },
  end (settings, { request, reply, held }) {
    reply.hijack()
    request.raw.resume() // with a body left unread, the kernel would send an RST instead of a FIN
    const { socket } = request.raw
    if (settings.mode === 'hang') held.hold(socket, settings.hangMs)
    else if (settings.mode === 'rst') closeWithRst(socket)
    else closeWithFin(socket)
  }
}
