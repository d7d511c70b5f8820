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

/** The fields of a NetworkPolicy that decide about connections. */
export interface NetworkPolicy {
  metadata: { name: string }
  spec: { podSelector: Selector; policyTypes: ('Ingress' | 'Egress')[]; ingress?: Rule[]; egress?: Rule[] }
}

/** One end of a connection: a pod, or an address outside the cluster. */
export type End = { namespace: string; labels: Labels } | { address: string }

/** A connection between two ends. */
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
      throw new Error(`the operator ${operator} of a label selector is not supported in this test`)
    })
  )
}

/** Whether a block of addresses contains an address. */
function contains (cidr: string, address: string): boolean {
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
      ipBlock !== undefined &&
      contains(ipBlock.cidr, end.address) &&
      !ipBlock.except?.some(cidr => contains(cidr, end.address))
    )
  }
  if (ipBlock !== undefined) return false
  const inNamespace =
    namespaceSelector === undefined
      ? end.namespace === ownNamespace
      : selects(namespaceSelector, { 'kubernetes.io/metadata.name': end.namespace })
  return inNamespace && selects(podSelector ?? {}, end.labels)
}

/** The rules that allow a connection at one of its ends; undefined if no policy selects the pod there. */
function rulesFor (
  policies: NetworkPolicy[],
  namespace: string,
  type: 'Ingress' | 'Egress',
  { from, to, port, protocol = 'TCP' }: Flow
): Rule[] | undefined {
  const [own, other] = type === 'Ingress' ? [to, from] : [from, to]
  if ('address' in own || own.namespace !== namespace) return undefined
  const selecting = policies.filter(
    ({ spec }) => spec.policyTypes.includes(type) && selects(spec.podSelector, own.labels)
  )
  if (selecting.length === 0) return undefined
  return selecting
    .flatMap(({ spec }) => (type === 'Ingress' ? spec.ingress : spec.egress) ?? [])
    .filter(
      ({ from, to, ports }) =>
        ((type === 'Ingress' ? from : to) ?? []).some(peer => isPeer(peer, other, namespace)) &&
        (ports ?? []).some(rule => rule.port === port && rule.protocol === protocol)
    )
}

/**
 * Evaluates the NetworkPolicies of one namespace for a connection, as a network plugin does.
 *
 * @returns whether the connection is allowed, and the rules that allow it
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
