/**
 * Whether a request comes from inside the pod. Judged by exact address: a sidecar delivers what comes from the mesh from
 * 127.0.0.6 (or ::6), and `kubectl exec … curl localhost` and port-forward come from 127.0.0.1 (or ::1). No header can
 * open this door.
 */
export function isLoopback (remoteAddress: string | undefined): boolean {
  return remoteAddress === '127.0.0.1' || remoteAddress === '::ffff:127.0.0.1' || remoteAddress === '::1'
}
