#!/usr/bin/env bash
# Sets, shows and deletes faults in the pods of a service. It calls /blowup in each pod.
set -euo pipefail
# shellcheck source=scripts/services.sh
. "$(dirname "$0")/services.sh"

usage() {
  cat <<'EOF'
usage: chaos.sh 500 [PERCENTAGE]                 answer with an empty 500
       chaos.sh abort STATUS [PERCENTAGE]        answer with any status from 400 to 599
       chaos.sh latency [MS] [PERCENTAGE]        delay answers by MS (default: 1000); with --volatile, by 0 to MS
       chaos.sh drop [PERCENTAGE]                close the connection without an answer; --mode fin|rst|hang
       chaos.sh rule JSON                        set any rule; docs/faults.md describes them
       chaos.sh 500|abort|latency|drop delete    delete the rules of that type
       chaos.sh delete                           delete all rules
       chaos.sh show                             show the rules and how often they were used

By default the command is for every catalog pod of the current namespace, and PERCENTAGE is 100.
  --pod NAME          only this pod
  --version VERSION   only the pods with this value of the label version, for example v2
  --app NAME          another service, for example webapp
  -n, --namespace NS  another namespace
  -v, --verbose       show each kubectl command that the script runs

Exit codes: 0 it worked in every pod; 1 it failed in a pod; 2 wrong arguments; 3 no such pod is running.
EOF
}
die() { echo "chaos.sh: $2" >&2; exit "$1"; }
number() { [[ $1 =~ ^(0|[1-9][0-9]*)([.][0-9]+)?$ ]] || die 2 "$2 must be a number, but is '$1'"; }

app=catalog pod='' version='' volatile='' mode='' verbose='' namespace=() words=()
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) usage; exit 0 ;;
    --pod | --version | --app | --mode | -n | --namespace)
      case ${2:-} in '' | -*) die 2 "$1 needs a value" ;; esac
      case $1 in
        --pod) pod=$2 ;;
        --version) version=$2 ;;
        --app) app=$2 ;;
        --mode) mode=$2 ;;
        *) namespace=(--namespace "$2") ;;
      esac
      shift ;;
    --volatile) volatile=yes ;;
    -v | --verbose) verbose=yes ;;
    -*) die 2 "unknown option $1; see --help" ;;
    *) words+=("$1") ;;
  esac
  shift
done
[ ${#words[@]} -gt 0 ] || { usage >&2; exit 2; }
most() { [ ${#words[@]} -le "$1" ] || die 2 "unexpected '${words[*]:$1}' after '${words[*]:0:$1}'; see --help"; }

# The method and the body of the request.
method=POST body=''
type=${words[0]} value=${words[1]:-}
percentage() {
  number "$1" PERCENTAGE
  [[ $1 =~ ^([0-9]{1,2}([.][0-9]+)?|100([.]0+)?)$ ]] || die 2 "PERCENTAGE must be at most 100, but is '$1'"
  echo "\"percentage\":$1"
}
case $type in
  show) most 1; method=GET ;;
  delete) most 1; method=DELETE ;;
  rule) most 2; [ -n "$value" ] || die 2 'rule needs a rule in JSON; docs/faults.md describes them'; body=$value ;;
  500 | abort | latency | drop)
    if [ "$value" = delete ]; then
      most 2; method=DELETE body="{\"type\":\"$type\"}"
    else
      rule="\"active\":true,\"type\":\"$type\""
      case $type in
        500) most 2; rule+=",$(percentage "${value:-100}")" ;;
        abort)
          most 3; [[ $value =~ ^[45][0-9][0-9]$ ]] || die 2 "STATUS must be from 400 to 599, but is '$value'"
          rule+=",\"status\":$value,$(percentage "${words[2]:-100}")" ;;
        latency)
          most 3; number "${value:-1000}" MS
          rule+=",\"latencyMs\":${value:-1000},$(percentage "${words[2]:-100}")${volatile:+,\"volatile\":true}" ;;
        drop) most 2; rule+=",$(percentage "${value:-100}")${mode:+,\"mode\":\"$mode\"}" ;;
      esac
      body="{$rule}"
    fi ;;
  *) die 2 "unknown fault '$type'; see --help" ;;
esac
[ -z "$volatile" ] || [ "$type" = latency ] || die 2 '--volatile works only with latency'
[ -z "$mode" ] || [ "$type" = drop ] || die 2 '--mode works only with drop'
[ -z "$pod" ] || [ -z "$version" ] || die 2 'use either --pod or --version, not both'
case $mode in '' | fin | rst | hang) ;; *) die 2 "--mode must be fin, rst or hang, but is '$mode'" ;; esac
apps=$(services | xargs)
case " $apps " in *" $app "*) ;; *) die 2 "--app must be one of ${apps// /, }, but is '$app'" ;; esac
port=$(port_of "$app")

command -v kubectl >/dev/null || die 1 'kubectl is not installed: https://kubernetes.io/docs/tasks/tools/'
# show COMMAND…: prints the command, quoted for a shell.
show() {
  local line='$' word
  for word in "$@"; do
    case $word in *[!A-Za-z0-9@%+=:,./_-]* | '') line+=" '${word//\'/\'\\\'\'}'" ;; *) line+=" $word" ;; esac
  done
  echo "$line" >&2
}
# Pods that are being deleted still run, so the template leaves them out.
names='{{range .items}}{{if not .metadata.deletionTimestamp}}{{.metadata.name}}{{"\n"}}{{end}}{{end}}'
pods=$(kubectl get pods "${namespace[@]+"${namespace[@]}"}" --selector "app=$app${version:+,version=$version}" \
  --field-selector "status.phase=Running${pod:+,metadata.name=$pod}" --output "go-template=$names") || exit 1
[ -n "$pods" ] || die 3 "this namespace has no running pod with app=$app${version:+ and version=$version}\
${pod:+ and the name $pod}. To see its pods: kubectl get pods --show-labels"

failed=0
for each in $pods; do # names of pods have no spaces
  call=(curl --silent --show-error --fail-with-body --max-time 10 --request "$method" "localhost:$port/blowup")
  [ -z "$body" ] || call+=(--header 'content-type: application/json' --data "$body")
  run=(kubectl exec "${namespace[@]+"${namespace[@]}"}" "$each" --container "$app" -- "${call[@]}")
  [ -z "$verbose" ] || show "${run[@]}"
  if answer=$("${run[@]}" 2>&1); then
    echo "$each: $answer"
  else
    echo "$each: FAILED: $answer" >&2
    failed=1
  fi
done
exit $failed
