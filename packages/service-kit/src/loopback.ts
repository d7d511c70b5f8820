/**
 * Whether a request comes from inside the pod. Only exact addresses count: a sidecar delivers requests of the mesh
 * from 127.0.0.6 (or ::6), while `kubectl exec … curl localhost` and port-forward come from 127.0.0.1 (or ::1). No
 * header is read, because a client could forge it.
 */
export function isLoopback (remoteAddress: string | undefined): boolean {
  return remoteAddress === '127.0.0.1' || remoteAddress === '::ffff:127.0.0.1' || remoteAddress === '::1'
}
