import type { ErrorAnswer } from '@outfitters/service-kit'

/** Whether a value is an error answer of a service of the store. A proxy's answer could look different. */
export function isErrorAnswer (value: unknown): value is ErrorAnswer {
  if (typeof value !== 'object' || value === null) return false
  const { statusCode, code, error, message } = value as Record<string, unknown>
  return typeof statusCode === 'number' && [code, error, message].every(text => typeof text === 'string')
}
