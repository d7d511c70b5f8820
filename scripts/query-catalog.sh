#!/usr/bin/env bash
# Sends the book's requests to the catalog through the ingress gateway, with the host catalog.istioinaction.io.
set -euo pipefail

usage() {
  cat <<'EOF'
usage: query-catalog.sh get-items           request the items once and show the status
       query-catalog.sh get-items-cont      do so twice a second, until Ctrl-C
       query-catalog.sh random-agent        do so with the User-Agent chrome or firefox, at random
       query-catalog.sh delayed-responses   delay the answers of one pod of catalog v2, by up to a second

The requests go to GATEWAY_URL, by default localhost (a port-forward).
EOF
}
command -v curl >/dev/null || { echo 'query-catalog.sh: install curl, then try again' >&2; exit 1; }
gateway=${GATEWAY_URL:-localhost}
ask() {
  curl --silent --show-error --header 'Host: catalog.istioinaction.io' \
    --write-out '\nStatus Code %{http_code}\n\n' "$@" "$gateway/items"
}
# The loop goes on after a failed request. It ends if curl cannot write (23): then nothing reads the output anymore.
go_on() { [ $? -ne 23 ] || exit 0; }

case ${1:-} in
  get-items) ask ;;
  get-items-cont)
    while :; do ask || go_on; sleep .5; done ;;
  random-agent)
    agents=(chrome firefox)
    while :; do ask --user-agent "${agents[RANDOM % 2]}" || go_on; sleep .5; done ;;
  delayed-responses)
    names='{{range .items}}{{if not .metadata.deletionTimestamp}}{{.metadata.name}}{{"\n"}}{{end}}{{end}}'
    pod=$(kubectl get pods --selector app=catalog,version=v2 --field-selector status.phase=Running \
      --output "go-template=$names")
    [ -n "$pod" ] || {
      echo 'query-catalog.sh: this namespace has no running pod with app=catalog and version=v2' >&2
      exit 3
    }
    exec "$(dirname "$0")/chaos.sh" latency 1000 --volatile --pod "${pod%%$'\n'*}" ;;
  -h | --help) usage ;;
  *) usage >&2; exit 2 ;;
esac
