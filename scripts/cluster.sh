#!/usr/bin/env bash
# A cluster for the exercises on a laptop: kind, Istio, its add-ons, the images and the store. What is there already is left alone.
set -euo pipefail
cd "$(dirname "$0")/.."

cluster=outfitters namespace=istioinaction
istio=1.31
addons_url=https://raw.githubusercontent.com/istio/istio/release-$istio/samples/addons

usage() {
  cat <<EOF
usage: cluster.sh up [--here] [--without-addons]   bring up whatever of these is missing: the kind cluster "$cluster", Istio (demo
                                                   profile), Prometheus, Grafana, Jaeger and Kiali, the images, and the store in the
                                                   injected namespace $namespace
       cluster.sh status [--here]                  say what is there
       cluster.sh down [--here]                    delete the kind cluster

  --here            use the cluster of the current kubectl context instead of kind's; down then deletes the namespace
                    $namespace alone
  --without-addons  leave the add-ons out
EOF
}
say() { echo "== $*"; }
die() { echo "cluster.sh: $*" >&2; exit 1; }

action=${1:-} here='' addons=yes
[ $# -eq 0 ] || shift
for option in "$@"; do
  case $option in
    --here) here=yes ;;
    --without-addons) addons='' ;;
    *) usage >&2; exit 2 ;;
  esac
done
kubectl_() { if [ -n "$here" ]; then kubectl "$@"; else kubectl --context "kind-$cluster" "$@"; fi; }
istioctl_() { if [ -n "$here" ]; then istioctl "$@"; else istioctl --context "kind-$cluster" "$@"; fi; }
exists() { kubectl_ get "$@" >/dev/null 2>&1; }

prerequisites() {
  local missing='' tool
  for tool in "$@"; do
    command -v "$tool" >/dev/null && continue
    case $tool in
      docker) missing+=$'\n  docker    https://docs.docker.com/engine/install/' ;;
      kind) missing+=$'\n  kind      https://kind.sigs.k8s.io/docs/user/quick-start/#installation' ;;
      kubectl) missing+=$'\n  kubectl   https://kubernetes.io/docs/tasks/tools/' ;;
      istioctl) missing+=$'\n  istioctl  https://istio.io/latest/docs/setup/getting-started/#download, version '$istio ;;
      node) missing+=$'\n  node      https://nodejs.org/, version 20 or newer' ;;
    esac
  done
  [ -z "$missing" ] || die "these are missing on this machine:$missing"
  case " $* " in *' docker '*) docker info >/dev/null 2>&1 || die 'the Docker Engine does not answer; is it running?' ;; esac
}

up() {
  if [ -n "$here" ]; then
    prerequisites docker kubectl istioctl node
    say "using the cluster of the context $(kubectl config current-context)"
  else
    prerequisites docker kind kubectl istioctl node
    if kind get clusters 2>/dev/null | grep --quiet --line-regexp "$cluster"; then
      say "kind cluster $cluster is there"
    else
      say "creating the kind cluster $cluster"
      kind create cluster --name "$cluster" --wait 120s
    fi
  fi
  kubectl_ version >/dev/null 2>&1 || die 'the cluster does not answer'

  if exists deployment istiod --namespace istio-system; then
    say "Istio is there"
  else
    say "installing Istio, demo profile"
    istioctl_ install --skip-confirmation --set profile=demo
  fi
  kubectl_ wait --namespace istio-system --for=condition=Available deployment --all --timeout=300s >/dev/null

  if [ -n "$addons" ]; then
    local addon
    for addon in prometheus grafana jaeger kiali; do
      if exists deployment "$addon" --namespace istio-system; then
        say "$addon is there"
      else
        say "installing $addon"
        kubectl_ apply --filename "$addons_url/$addon.yaml" >/dev/null
      fi
    done
  fi

  say "building the images and putting them into the cluster"
  if [ -n "$here" ]; then
    npm run --silent images -- --load
  else
    npm run --silent images -- --load --context "kind-$cluster"
  fi

  if ! exists namespace "$namespace"; then
    say "creating the namespace $namespace, injected"
    kubectl_ create namespace "$namespace"
  fi
  kubectl_ label namespace "$namespace" istio-injection=enabled --overwrite >/dev/null
  say "deploying the store"
  kubectl_ apply --namespace "$namespace" --kustomize k8s
  kubectl_ wait --namespace "$namespace" --for=condition=Available deployment --all --timeout=120s >/dev/null
  kubectl_ config set-context --current --namespace "$namespace" >/dev/null
  cat <<EOF

The store runs in the namespace $namespace, which kubectl now uses by default. On with chapter 2:
  kubectl apply -f k8s/istio/ch2/ingress-gateway.yaml
  kubectl port-forward -n istio-system svc/istio-ingressgateway 8080:80
  curl localhost:8080/api/catalog
EOF
}

status() {
  prerequisites kubectl
  if [ -z "$here" ]; then
    prerequisites kind
    kind get clusters 2>/dev/null | grep --quiet --line-regexp "$cluster" || { echo "cluster    kind has no cluster $cluster"; exit 1; }
  fi
  kubectl_ version >/dev/null 2>&1 || { echo 'cluster    does not answer'; exit 1; }
  echo "cluster    $(kubectl_ get nodes --no-headers | wc -l | tr -d ' ') node(s), Kubernetes $(kubectl_ get nodes --output jsonpath='{.items[0].status.nodeInfo.kubeletVersion}')"
  local what complete=0
  for what in istiod prometheus grafana jaeger kiali; do
    if exists deployment "$what" --namespace istio-system; then echo "$(printf '%-10s' "$what") installed"; else echo "$(printf '%-10s' "$what") missing"; fi
  done
  exists deployment istiod --namespace istio-system || complete=1
  if exists deployment webapp --namespace "$namespace"; then
    kubectl_ get pods --namespace "$namespace"
  else
    echo "store      missing in the namespace $namespace"
    complete=1
  fi
  exit $complete
}

down() {
  if [ -n "$here" ]; then
    prerequisites kubectl
    kubectl_ delete namespace "$namespace" --ignore-not-found
  else
    prerequisites kind
    kind delete cluster --name "$cluster"
  fi
}

case $action in
  up | status | down) "$action" ;;
  -h | --help) usage ;;
  *) usage >&2; exit 2 ;;
esac
