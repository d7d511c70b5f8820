import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Static, TObject, TProperties } from 'typebox'
import type { Problem } from '../request-error.ts'
import type { HeldConnections } from './connections.ts'

/** A request that a fault ends, and the connections that the service holds open on purpose. */
export interface HitRequest {
  request: FastifyRequest
  reply: FastifyReply
  held: HeldConnections
}

// Methods, not properties that hold functions: TypeScript compares the parameters of methods less strictly, so that
// every type of fault is a FaultType, whatever its fields are.
interface FaultTypeBase<Name extends string, Fields extends TProperties, Settings extends object> {
  /** The value of the field `type` in a rule. */
  readonly type: Name
  /** The fields that only rules of this type have. All are optional; `settingsOf` checks which ones belong together. */
  readonly fields: Fields
  /** Fills in the defaults, or says which fields are missing or do not belong together. */
  settingsOf (fields: Static<TObject<Fields>>): Settings | Problem[]
  /** Says which values contradict each other. It checks rules of every type, so that one answer names all mistakes. */
  contradictionsIn? (fields: Static<TObject<Fields>>): Problem[]
}

/** A type of fault that delays a request. The delays of several rules add up. */
export interface DelayingFault<
  Name extends string = string, Fields extends TProperties = TProperties, Settings extends object = object
> extends FaultTypeBase<Name, Fields, Settings> {
  /** Draws a delay in milliseconds, 0 to 60,000; `draw` gives uniform numbers in [0, 1). */
  delayMs (settings: Settings, draw: () => number): number
}

/** A type of fault that ends a request, so that no handler sees it. */
export interface EndingFault<
  Name extends string = string, Fields extends TProperties = TProperties, Settings extends object = object
> extends FaultTypeBase<Name, Fields, Settings> {
  /** Whether the client gets an answer. If not, the span of the fault lasts until the connection closes. */
  readonly answers: boolean
  /** Ends the request. */
  end (settings: Settings, hit: HitRequest): void
}

/** Everything that the service knows about one type of fault. */
export type FaultType = DelayingFault | EndingFault
