#!/usr/bin/env bash
# The requests that the book sends to the catalog through the ingress gateway, as catalog.istioinaction.io.
set -euo pipefail

usage() {
  cat <<'EOF'
usage: query-catalog.sh get-items           ask for the items once and show the status
       query-catalog.sh get-items-cont      the same, twice a second, until Ctrl-C
       query-catalog.sh random-agent        the same, as chrome or as firefox by chance
       query-catalog.sh delayed-responses   make one pod of catalog v2 slow: anything up to a second

The gateway is looked for at GATEWAY_URL, by default localhost (a port-forward).
EOF
}
command -v curl >/dev/null || { echo 'query-catalog.sh: curl is not installed' >&2; exit 1; }
gateway=${GATEWAY_URL:-localhost}
ask() { curl --silent --show-error --header 'Host: catalog.istioinaction.io' --write-out '\nStatus Code %{http_code}\n\n' "$@" "$gateway/items"; }
goes_on() { [ $? -ne 23 ] || exit 0; } # a failed request is one to be seen; 23 says that nobody reads any more

case ${1:-} in
  get-items) ask ;;
  get-items-cont)
    while :; do ask || goes_on; sleep .5; done ;;
  random-agent)
    agents=(chrome firefox)
    while :; do ask --user-agent "${agents[RANDOM % 2]}" || goes_on; sleep .5; done ;;
  delayed-responses)
    pod=$(kubectl get pods --selector app=catalog,version=v2 --field-selector status.phase=Running --output go-template='{{range .items}}{{if not .metadata.deletionTimestamp}}{{.metadata.name}}{{"\n"}}{{end}}{{end}}')
    [ -n "$pod" ] || { echo 'query-catalog.sh: no running pod has app=catalog and version=v2 in this namespace' >&2; exit 3; }
    exec "$(dirname "$0")/chaos.sh" latency 1000 --volatile --pod "${pod%%$'\n'*}" ;;
  -h | --help) usage ;;
  *) usage >&2; exit 2 ;;
esac
