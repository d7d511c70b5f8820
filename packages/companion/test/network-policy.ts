import { BlockList, isIPv6 } from 'node:net'

type Labels = Record<string, string>

interface Selector {
  matchLabels?: Labels
  matchExpressions?: { key: string; operator: string; values?: string[] }[]
}

interface Peer {
  podSelector?: Selector
  namespaceSelector?: Selector
  ipBlock?: { cidr: string; except?: string[] }
}

interface Rule {
  from?: Peer[]
  to?: Peer[]
  ports?: { port: number; protocol: string }[]
}

export interface NetworkPolicy {
  metadata: { name: string }
  spec: { podSelector: Selector; policyTypes: ('Ingress' | 'Egress')[]; ingress?: Rule[]; egress?: Rule[] }
}

/** One end of a connection: a pod, or an address outside of the cluster. */
export type End = { namespace: string; labels: Labels } | { address: string }

export interface Flow {
  from: End
  to: End
  port: number
  protocol?: 'TCP' | 'UDP'
}

function selects ({ matchLabels = {}, matchExpressions = [] }: Selector, labels: Labels): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      if (operator === 'Exists') return key in labels
      if (operator === 'In') return values.includes(labels[key] ?? '')
      throw new Error(`${operator} is not evaluated here`)
    })
  )
}

/** Whether a block of addresses has this one. */
function has (cidr: string, address: string): boolean {
  const [network = '', prefix] = cidr.split('/')
  const family = isIPv6(network) ? 'ipv6' : 'ipv4'
  if (isIPv6(address) !== (family === 'ipv6')) return false
  const list = new BlockList()
  list.addSubnet(network, Number(prefix), family)
  return list.check(address, family)
}

function isPeer ({ podSelector, namespaceSelector, ipBlock }: Peer, end: End, ownNamespace: string): boolean {
  if ('address' in end) {
    return (
      ipBlock !== undefined && has(ipBlock.cidr, end.address) && !ipBlock.except?.some(cidr => has(cidr, end.address))
    )
  }
  if (ipBlock !== undefined) return false
  const inNamespace =
    namespaceSelector === undefined
      ? end.namespace === ownNamespace
      : selects(namespaceSelector, { 'kubernetes.io/metadata.name': end.namespace })
  return inNamespace && selects(podSelector ?? {}, end.labels)
}

/** The rules that let a connection through at one of its ends; undefined where no policy is about that pod. */
function rulesFor (
  policies: NetworkPolicy[],
  namespace: string,
  type: 'Ingress' | 'Egress',
  { from, to, port, protocol = 'TCP' }: Flow
): Rule[] | undefined {
  const [own, other] = type === 'Ingress' ? [to, from] : [from, to]
  if ('address' in own || own.namespace !== namespace) return undefined
  const about = policies.filter(
    ({ spec }) => spec.policyTypes.includes(type) && selects(spec.podSelector, own.labels)
  )
  if (about.length === 0) return undefined
  return about
    .flatMap(({ spec }) => (type === 'Ingress' ? spec.ingress : spec.egress) ?? [])
    .filter(
      ({ from, to, ports }) =>
        ((type === 'Ingress' ? from : to) ?? []).some(peer => isPeer(peer, other, namespace)) &&
        (ports ?? []).some(rule => rule.port === port && rule.protocol === protocol)
    )
}

/**
 * Judges a connection as a network plugin would by the NetworkPolicies of one namespace.
 *
 * @returns whether it is let through, and the rules by which it is
 */
export function judgeFlow (
  policies: NetworkPolicy[],
  namespace: string,
  flow: Flow
): { isAllowed: boolean; rules: Rule[] } {
  const ends = (['Ingress', 'Egress'] as const).map(type => rulesFor(policies, namespace, type, flow))
  return {
    isAllowed: ends.every(rules => rules === undefined || rules.length > 0),
    rules: ends.flatMap(rules => rules ?? [])
  }
}
