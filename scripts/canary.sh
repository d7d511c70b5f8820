#!/usr/bin/env bash
# Shifts the calls of the catalog to version 2 in steps, and back to version 1 if too many answers are bad. It needs
# only Istio.
set -euo pipefail

usage() {
  cat <<'EOF'
usage: canary.sh [-n NAMESPACE] [--steps "10 50 100"] [--success 99] [--requests 40]

Sets the weights of the HTTPRoute catalog if that exists, or else of the VirtualService catalog. After each step, the
script waits until version 2 has answered the number of requests, and reads from /metrics of version 2 how many of
the answers were good. A good answer has no 5xx status.

  --steps     the percentage of calls that go to version 2 in each step
  --success   the percentage of answers that must be good
  --requests  the number of answers to wait for in each step

Exit codes: 0 all calls of the last step go to version 2; 1 too many answers were bad, and all calls go to version 1;
2 wrong arguments; 3 too few requests came in a minute, and all calls go to version 1; 4 the weights could not be set,
or /metrics of version 2 could not be read. Ctrl-C leaves the weights of the current step.
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
    *) die 2 "unknown argument '$1'; see --help" ;;
  esac
done
[[ $steps =~ ^([1-9][0-9]?|100)(\ ([1-9][0-9]?|100))*$ ]] ||
  die 2 "--steps must be percentages from 1 to 100, but is '$steps'"
[[ $success =~ ^([0-9]{1,2}|100)$ ]] || die 2 "--success must be a percentage, but is '$success'"
[[ $requests =~ ^[1-9][0-9]*$ ]] || die 2 "--requests must be a number, but is '$requests'"

kind=virtualservices.networking.istio.io weights=/spec/http/0/route
if kubectl get httproutes.gateway.networking.k8s.io catalog "${namespace[@]+"${namespace[@]}"}" >/dev/null 2>&1; then
  kind=httproutes.gateway.networking.k8s.io weights=/spec/rules/0/backendRefs
fi
shift_to() {
  local first="{\"op\":\"replace\",\"path\":\"$weights/0/weight\",\"value\":$((100 - $1))}"
  local second="{\"op\":\"replace\",\"path\":\"$weights/1/weight\",\"value\":$1}"
  kubectl patch "$kind" catalog "${namespace[@]+"${namespace[@]}"}" --type=json --output=name \
    --patch "[$first,$second]" >/dev/null ||
    die 4 "cannot set the weights of $kind catalog: it must have a route with two weights, as in
  ch5/catalog-vs-canary.yaml of k8s/istio or k8s/gateway-api. Apply that file, then try again"
}
# count_answers: prints how many requests for items version 2 has answered, and how many of them with a 5xx.
count_answers() {
  kubectl exec "${namespace[@]+"${namespace[@]}"}" deploy/catalog-v2 --container catalog -- \
    curl --silent --fail localhost:3000/metrics |
    awk '
      /^http_server_request_duration_seconds_count\{[^}]*route="\/items/ { all += $NF; if (/status="5/) bad += $NF }
      END { print all + 0, bad + 0 }'
}

# read_counts: sets counts. It does not read count_answers from a here-string, because that would hide a failure.
read_counts() {
  counts=$(count_answers) || {
    shift_to 0
    die 4 'cannot read /metrics of version 2, so all calls go to version 1 again. To see why:
  kubectl exec deploy/catalog-v2 --container catalog -- curl --silent localhost:3000/metrics'
  }
}

for share in $steps; do
  read_counts
  read -r all_before bad_before <<<"$counts"
  shift_to "$share"
  for ((waited = 0; ; waited++)); do
    read_counts
    read -r all bad <<<"$counts"
    all=$((all - all_before)) bad=$((bad - bad_before))
    [ "$all" -lt "$requests" ] || break
    if [ "$waited" -ge 60 ]; then
      shift_to 0
      die 3 "at $share % version 2 answered only $all requests in a minute, but $requests are needed. All calls go to \
version 1 again. Send more requests, or set --requests lower"
    fi
    sleep 1
  done
  good=$((all - bad))
  echo "$share %: $good of $all answers were good"
  if [ $((good * 100)) -lt $((success * all)) ]; then
    shift_to 0
    echo "Taken back: fewer than $success % of the answers were good, so all calls go to version 1 again."
    exit 1
  fi
done
echo 'All calls go to version 2.'
