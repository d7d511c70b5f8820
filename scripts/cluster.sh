#!/usr/bin/env bash
# A cluster for the exercises on a laptop: kind, Istio, its add-ons, the images and the store. What is there already is left alone.
set -euo pipefail
cd "$(dirname "$0")/.."

cluster=outfitters namespace=istioinaction mark=app.kubernetes.io/managed-by=outfitters-cluster.sh
istio=1.31
gateway_api=v1.6.0
addons_url=https://raw.githubusercontent.com/istio/istio/release-$istio/samples/addons

usage() {
  cat <<EOF
usage: cluster.sh up [--here] [--without-addons]   bring up whatever of these is missing: the kind cluster "$cluster", Istio (demo
                                                   profile), Prometheus, Grafana, Jaeger and Kiali, the Gateway API, the images, and the store in the
                                                   injected namespace $namespace, which kubectl then uses by default
       cluster.sh status [--here]                  say what is there
       cluster.sh down [--here]                    delete the kind cluster

  --here            use the cluster of the current kubectl context instead of kind's; down then deletes the namespace
                    $namespace alone, and only if up has made it
  --without-addons  leave the add-ons out

  With OUTFITTERS_IMAGES=REGISTRY/PATH[:TAG] the cluster pulls the images from there, and none is built.
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
# Whether there is such a thing. What cannot be read is not taken for missing: that would install a second one.
exists() {
  local found
  found=$(kubectl_ get "$@" --ignore-not-found --output name) || die "cannot tell whether the cluster has this: get $*"
  [ -n "$found" ]
}

prerequisites() {
  local missing='' tool
  for tool in "$@"; do
    command -v "$tool" >/dev/null && continue
    case $tool in
      npm) missing+=$'\n  npm       comes with Node; on Debian it is a package of its own' ;;
      docker) missing+=$'\n  docker    https://docs.docker.com/engine/install/' ;;
      kind) missing+=$'\n  kind      https://kind.sigs.k8s.io/docs/user/quick-start/#installation' ;;
      kubectl) missing+=$'\n  kubectl   https://kubernetes.io/docs/tasks/tools/' ;;
      istioctl) missing+=$'\n  istioctl  https://istio.io/latest/docs/setup/getting-started/#download, version '$istio ;;
      node) missing+=$'\n  node      https://nodejs.org/, version 20 or newer' ;;
    esac
  done
  [ -z "$missing" ] || die "these are missing on this machine:$missing"
  case " $* " in *' node '*) node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)' || die "Node $(node --version) is too old; 20 or newer is needed" ;; esac
  case " $* " in *' docker '*) docker info >/dev/null 2>&1 || die 'the Docker Engine does not answer; is it running?' ;; esac
}

# With OUTFITTERS_IMAGES: the names of the images there, and how the manifests get them.
images='' rename=''
pulled_images() {
  [ -n "${OUTFITTERS_IMAGES:-}" ] || return 0
  local image name
  images=$(npm run --silent images -- --names | tail -n 3)
  for image in $images; do
    name=${image##*/} name=${name%%:*}
    rename+="s|localhost/outfitters/$name:dev|$image|;"
  done
}

up() {
  if [ -n "$here" ]; then
    prerequisites kubectl istioctl node npm
    [ -n "${OUTFITTERS_IMAGES:-}" ] || prerequisites docker
    pulled_images
    say "using the cluster of the context $(kubectl config current-context)"
  else
    prerequisites docker kind kubectl istioctl node npm
    pulled_images
    if kind get clusters 2>/dev/null | grep --quiet --line-regexp "$cluster"; then
      say "kind cluster $cluster is there"
    else
      say "creating the kind cluster $cluster"
      kind create cluster --name "$cluster" --wait 120s
    fi
  fi
  kubectl_ version >/dev/null 2>&1 || die 'the cluster does not answer'

  if exists deployment --selector app=istiod --namespace istio-system; then
    say "Istio is there"
    exists service istio-ingressgateway --namespace istio-system || die 'Istio is there without an ingress gateway, which the exercises need: istioctl install --set profile=demo has one'
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
    if exists crd httproutes.gateway.networking.k8s.io; then
      say "the Gateway API is there"
    else
      say "installing the Gateway API, with its experimental channel"
      kubectl_ apply --server-side --filename "https://github.com/kubernetes-sigs/gateway-api/releases/download/$gateway_api/experimental-install.yaml" >/dev/null
    fi
  fi

  if [ -n "$images" ]; then
    say "leaving it to the cluster to pull the images from $OUTFITTERS_IMAGES"
  elif [ -n "$here" ]; then
    say "building the images and putting them into the cluster"
    npm run --silent images -- --load
  else
    say "building the images and putting them into the cluster"
    npm run --silent images -- --load --context "kind-$cluster"
  fi

  if exists namespace "$namespace"; then
    [ -n "$(kubectl_ get namespace "$namespace" --output jsonpath='{.metadata.labels.istio-injection}{.metadata.labels.istio\.io/rev}')" ] ||
      die "the namespace $namespace is there and not injected: kubectl label namespace $namespace istio-injection=enabled"
  else
    say "creating the namespace $namespace, injected"
    kubectl_ create namespace "$namespace"
    kubectl_ label namespace "$namespace" istio-injection=enabled "$mark" >/dev/null
  fi
  say "deploying the store"
  local was_there=''
  ! exists deployment webapp --namespace "$namespace" || was_there=yes
  kubectl_ kustomize k8s | sed "$rename" | kubectl_ apply --namespace "$namespace" --filename -
  [ -z "$was_there" ] || kubectl_ rollout restart deployment --namespace "$namespace" >/dev/null # onto the images that were just built
  kubectl_ wait --namespace "$namespace" --for=condition=Available deployment --all --timeout=120s >/dev/null ||
    die "the store is not ready after two minutes. What its pods wait for: kubectl describe pods --namespace $namespace${images:+
Are the images of OUTFITTERS_IMAGES there? npm run images -- --push builds and pushes them}"
  [ -n "$here" ] || kubectl config use-context "kind-$cluster" >/dev/null
  kubectl config set-context --current --namespace "$namespace" >/dev/null
  cat <<EOF

The store runs in the namespace $namespace, which kubectl now uses by default (context $(kubectl config current-context)). On with chapter 2:
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
  exists deployment --selector app=istiod --namespace istio-system || complete=1
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
    exists namespace "$namespace" || { say "there is no namespace $namespace in the context $(kubectl config current-context)"; return; }
    exists namespace --selector "$mark" --field-selector "metadata.name=$namespace" ||
      die "the namespace $namespace in the context $(kubectl config current-context) was not made by cluster.sh; delete it yourself if you mean it"
    kubectl_ delete namespace "$namespace"
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
