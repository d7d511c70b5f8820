import type { FaultType } from '../fault-type.ts'
import { error500 } from './500.ts'
import { abort } from './abort.ts'
import { drop } from './drop.ts'
import { latency } from './latency.ts'

/** Every type of fault. To add one, write its file in this folder and add it to this list. */
export const FAULT_TYPES = [error500, abort, latency, drop] as const

const BY_NAME = new Map<string, FaultType>(FAULT_TYPES.map(fault => [fault.type, fault]))

/** Finds a type of fault by its name, which a schema has checked. */
export function faultTypeOf ({ type }: { type: typeof FAULT_TYPES[number]['type'] }): FaultType {
  return BY_NAME.get(type) as FaultType
}
