import { diag, type Context } from '@opentelemetry/api'
import { AlwaysOffSampler, AlwaysOnSampler, ParentBasedSampler, TraceIdRatioBasedSampler, type Sampler } from '@opentelemetry/sdk-trace'
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
 * The samplers of the specification, those by the parent's decision with all that B3 can say of it.
 *
 * @param name as in OTEL_TRACES_SAMPLER
 * @param argument as in OTEL_TRACES_SAMPLER_ARG: the share of traces, from 0 to 1
 */
export function samplerFor (name = DEFAULT, argument?: string): Sampler {
  const sampler = SAMPLERS.get(name)
  if (sampler !== undefined) return sampler(() => ratioOf(argument))
  diag.warn(`OTEL_TRACES_SAMPLER is "${name}", which is none of ${[...SAMPLERS.keys()].join(', ')}; it is taken for ${DEFAULT}`)
  return parentBased(ON)
}

function ratioOf (argument = '1'): number {
  const ratio = Number(argument)
  if (argument.trim() !== '' && ratio >= 0 && ratio <= 1) return ratio
  diag.warn(`OTEL_TRACES_SAMPLER_ARG is "${argument}", which is no number from 0 to 1; it is taken for 1`)
  return 1
}

/** As the SDK's; and a decision that came without a trace holds for the one that begins, and a trace that came without one is decided on here. */
function parentBased (root: Sampler): Sampler {
  return new ParentBasedSampler({
    root: choosing(`B3 or ${String(root)}`, context => {
      const state = b3StateOf(context)
      return state === undefined || state === 'defer' ? root : state === 'deny' ? OFF : ON
    }),
    remoteParentNotSampled: choosing(`${String(root)} where B3 defers`, context => b3StateOf(context) === 'defer' ? root : OFF)
  })
}

function choosing (name: string, choose: (context: Context) => Sampler): Sampler {
  return {
    shouldSample: (context, ...rest) => choose(context).shouldSample(context, ...rest),
    toString: () => name
  }
}
