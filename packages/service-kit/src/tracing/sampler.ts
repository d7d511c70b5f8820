import { diag, type Context } from '@opentelemetry/api'
import {
  AlwaysOffSampler, AlwaysOnSampler, ParentBasedSampler, TraceIdRatioBasedSampler, type Sampler
} from '@opentelemetry/sdk-trace'
import { b3StateOf } from './b3.ts'

const ON = new AlwaysOnSampler()
const OFF = new AlwaysOffSampler()

const SAMPLERS = new Map<string, (ratio: () => number) => Sampler>([
  ['always_on', () => ON],
  ['always_off', () => OFF],
  ['traceidratio', ratio => new TraceIdRatioBasedSampler(ratio())],
  ['parentbased_always_on', () => parentBased(ON)],
  ['parentbased_always_off', () => parentBased(OFF)],
  ['parentbased_traceidratio', ratio => parentBased(new TraceIdRatioBasedSampler(ratio()))]
])
const DEFAULT = 'parentbased_always_on'

/**
 * Makes a sampler of OpenTelemetry's specification. Those that follow the parent's decision also follow B3's.
 *
 * @param name the value of OTEL_TRACES_SAMPLER
 * @param argument the value of OTEL_TRACES_SAMPLER_ARG: the share of traces, from 0 to 1
 */
export function samplerFor (name = DEFAULT, argument?: string): Sampler {
  const sampler = SAMPLERS.get(name)
  if (sampler !== undefined) return sampler(() => ratioOf(argument))
  const known = [...SAMPLERS.keys()].join(', ')
  diag.warn(`OTEL_TRACES_SAMPLER is "${name}", which is not one of ${known}; ${DEFAULT} is used instead`)
  return parentBased(ON)
}

function ratioOf (argument = '1'): number {
  const ratio = Number(argument)
  if (argument.trim() !== '' && ratio >= 0 && ratio <= 1) return ratio
  diag.warn(`OTEL_TRACES_SAMPLER_ARG is "${argument}", which is not a number from 0 to 1; 1 is used instead`)
  return 1
}

/**
 * Adds two rules to the SDK's sampler: a B3 decision without a trace decides about the trace that begins here, and
 * `root` decides about a trace that came without a decision.
 */
function parentBased (root: Sampler): Sampler {
  return new ParentBasedSampler({
    root: choosing(`B3 or ${String(root)}`, context => {
      const state = b3StateOf(context)
      return state === undefined || state === 'defer' ? root : state === 'deny' ? OFF : ON
    }),
    remoteParentNotSampled: choosing(`${String(root)} if B3 defers`, context => {
      return b3StateOf(context) === 'defer' ? root : OFF
    })
  })
}

function choosing (name: string, choose: (context: Context) => Sampler): Sampler {
  return {
    shouldSample: (context, ...rest) => choose(context).shouldSample(context, ...rest),
    toString: () => name
  }
}
