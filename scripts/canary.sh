#!/usr/bin/env bash
# Shifts the calls of the catalog to version 2, in steps, as long as version 2 answers them well; else takes them all back. Istio needs nothing more for that.
set -euo pipefail

usage() {
  cat <<'EOF'
usage: canary.sh [-n NAMESPACE] [--steps "10 50 100"] [--success 99] [--requests 40]

Sets the weights of the VirtualService catalog, or of the HTTPRoute catalog where there is one, and before each further step waits until
version 2 has answered as many requests.
How many of them were no 5xx it is told by version 2's own /metrics.

  --steps     the shares of version 2, in percent, one after the other
  --success   the least percentage of good answers
  --requests  how many answers are looked at in each step

Exit codes: 0 all calls go to version 2; 1 they have been taken back; 2 the call makes no sense; 3 too few requests came in a minute;
4 the weights could not be set, or version 2's /metrics not read. Ctrl-C leaves them as they are then.
EOF
}
die() { echo "canary.sh: $2" >&2; exit "$1"; }

namespace=() steps='10 50 100' success=99 requests=40
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) usage; exit 0 ;;
    -n | --namespace | --steps | --success | --requests)
      [ -n "${2:-}" ] || die 2 "$1 needs a value"
      case $1 in
        --steps) steps=$2 ;;
        --success) success=$2 ;;
        --requests) requests=$2 ;;
        *) namespace=(--namespace "$2") ;;
      esac
      shift 2 ;;
    *) die 2 "there is no '$1'; see --help" ;;
  esac
done
[[ $steps =~ ^([1-9][0-9]?|100)(\ ([1-9][0-9]?|100))*$ ]] || die 2 "--steps must be percentages from 1 to 100, but is '$steps'"
[[ $success =~ ^([0-9]{1,2}|100)$ ]] || die 2 "--success must be a percentage, but is '$success'"
[[ $requests =~ ^[1-9][0-9]*$ ]] || die 2 "--requests must be a number, but is '$requests'"

kind=virtualservices.networking.istio.io weights=/spec/http/0/route
if kubectl get httproutes.gateway.networking.k8s.io catalog "${namespace[@]+"${namespace[@]}"}" >/dev/null 2>&1; then
  kind=httproutes.gateway.networking.k8s.io weights=/spec/rules/0/backendRefs
fi
shift_to() {
  kubectl patch "$kind" catalog "${namespace[@]+"${namespace[@]}"}" --type=json --output=name --patch \
    "[{\"op\":\"replace\",\"path\":\"$weights/0/weight\",\"value\":$((100 - $1))},{\"op\":\"replace\",\"path\":\"$weights/1/weight\",\"value\":$1}]" >/dev/null ||
    die 4 "the catalog of $kind needs a route with two weights, as in ch5/catalog-vs-canary.yaml of k8s/istio or k8s/gateway-api"
}
# How many requests for items version 2 has answered, and how many of them with a 5xx.
answered() {
  kubectl exec "${namespace[@]+"${namespace[@]}"}" deploy/catalog-v2 --container catalog -- curl --silent --fail localhost:3000/metrics |
    awk '/^http_server_request_duration_seconds_count\{[^}]*route="\/items/ { all += $NF; if (/status="5/) bad += $NF } END { print all + 0, bad + 0 }'
}

look() {
  counts=$(answered) || { shift_to 0; die 4 "what version 2 has answered cannot be read from its /metrics: taken back"; } # in a here-string set -e would not see it
}

for share in $steps; do
  look
  read -r all_before bad_before <<<"$counts"
  shift_to "$share"
  for ((waited = 0; ; waited++)); do
    look
    read -r all bad <<<"$counts"
    all=$((all - all_before)) bad=$((bad - bad_before))
    [ "$all" -lt "$requests" ] || break
    if [ "$waited" -ge 60 ]; then
      shift_to 0
      die 3 "at $share % version 2 has answered $all requests in a minute, and $requests are asked for: taken back"
    fi
    sleep 1
  done
  good=$((all - bad))
  echo "$share %: $good of $all answers were good"
  if [ $((good * 100)) -lt $((success * all)) ]; then
    shift_to 0
    echo "Taken back: less than $success % were good."
    exit 1
  fi
done
echo 'All calls go to version 2.'
