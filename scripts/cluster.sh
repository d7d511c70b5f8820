#!/usr/bin/env bash
# A cluster for the exercises on a laptop: kind, Istio, its add-ons, the images and the store. What is there already is left alone.
set -euo pipefail
called_from=$PWD
cd "$(dirname "$0")/.."

cluster=outfitters namespace=istioinaction mark=app.kubernetes.io/managed-by=outfitters-cluster.sh
addons=(prometheus grafana jaeger kiali loki)
# shellcheck source=scripts/versions.env
. scripts/versions.env
# shellcheck source=scripts/services.sh
. scripts/services.sh
service_count=$(services | grep -c .)
# An empty KIND_NODE_IMAGE counts as well: kind then takes its own default.
node_image=${KIND_NODE_IMAGE-$DEFAULT_KIND_NODE_IMAGE}
newest_kubernetes=${DEFAULT_KIND_NODE_IMAGE%@*} newest_kubernetes=${newest_kubernetes##*:}
addons_url=https://raw.githubusercontent.com/istio/istio/release-$ISTIO_VERSION/samples/addons
gateway_api_releases=https://github.com/kubernetes-sigs/gateway-api/releases/download
gateway_api_url=$gateway_api_releases/$GATEWAY_API_VERSION/experimental-install.yaml

usage() {
  cat <<EOF
usage: cluster.sh up [--here] [--addons DIR | --without-addons]
                                   bring up whatever of these is missing: the kind cluster "$cluster", Istio (demo
                                   profile), Prometheus, Grafana, Jaeger, Kiali, Loki and a collector for the proxies'
                                   access log, the Gateway API, the images, and the store in the injected namespace
                                   $namespace, which kubectl then uses by default
       cluster.sh status [--here]  say what is there
       cluster.sh down [--here]    delete the kind cluster

  --here            use the cluster of the current kubectl context instead of kind's; down then deletes only the
                    namespace $namespace, and only if up has made it
  --addons DIR      take the add-ons from DIR instead of the internet: samples/addons of an Istio release,
                    $ISTIO_VERSION. The Gateway API then comes from DIR/gateway-api.yaml, or not at all
  --without-addons  do not install the add-ons, the collector and the Gateway API

environment:
  KIND_NODE_IMAGE   the node image of a new kind cluster, now "$node_image"; empty: kind's own default. By
                    default $DEFAULT_KIND_NODE_IMAGE, which Istio $ISTIO_VERSION supports
  OUTFITTERS_IMAGES
                    REGISTRY/PATH[:TAG]: the cluster pulls the images from there, and none is built
EOF
}
say() { echo "== $*"; }
die() { echo "cluster.sh: $*" >&2; exit 1; }
wrong() { echo "cluster.sh: $*" >&2; usage >&2; exit 2; }

action=${1:-} here='' with_addons=yes addons_folder=''
[ $# -eq 0 ] || shift
while [ $# -gt 0 ]; do
  case $1 in
    --here) here=yes ;;
    --without-addons) with_addons='' ;;
    --addons)
      [ -n "${2:-}" ] || wrong '--addons needs a folder'
      addons_folder=$(cd "$called_from" && cd -- "$2" >/dev/null 2>&1 && pwd) ||
        die "--addons: there is no folder $2; it is samples/addons of an Istio $ISTIO_VERSION release"
      shift
      ;;
    *) wrong "there is no option $1" ;;
  esac
  shift
done
[ -z "$addons_folder" ] || [ "$action" = up ] || wrong '--addons works only with up'
[ -z "$addons_folder" ] || [ -n "$with_addons" ] || wrong '--addons and --without-addons exclude each other'
if [ -n "$addons_folder" ]; then
  absent=''
  for addon in "${addons[@]}"; do [ -r "$addons_folder/$addon.yaml" ] || absent+=" $addon.yaml"; done
  [ -z "$absent" ] ||
    die "--addons: $addons_folder lacks$absent; give it samples/addons of an Istio $ISTIO_VERSION release, which has all"
fi
kubectl_() { if [ -n "$here" ]; then kubectl "$@"; else kubectl --context "kind-$cluster" "$@"; fi; }
istioctl_() { if [ -n "$here" ]; then istioctl "$@"; else istioctl --context "kind-$cluster" "$@"; fi; }
# is_older VERSION OLDEST: whether a version such as v1.28.3 comes before one such as 1.29. A version that is not a
# number, such as that of a private build, does not.
is_older() {
  local pattern='^v?([0-9]+)\.([0-9]+)' major minor
  [[ $2 =~ $pattern ]] && major=${BASH_REMATCH[1]} minor=${BASH_REMATCH[2]} && [[ $1 =~ $pattern ]] || return 1
  ((BASH_REMATCH[1] < major || (BASH_REMATCH[1] == major && BASH_REMATCH[2] < minor)))
}
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
      istioctl) missing+=$'\n  istioctl  https://istio.io/latest/docs/setup/getting-started/#download, version '$ISTIO_VERSION ;;
      node) missing+=$'\n  node      https://nodejs.org/, version 20 or newer' ;;
    esac
  done
  [ -z "$missing" ] || die "these are missing on this machine:$missing"
  case " $* " in *' node '*) node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)' || die "Node $(node --version) is too old; 20 or newer is needed" ;; esac
  case " $* " in *' docker '*) docker info >/dev/null 2>&1 || die 'the Docker Engine does not answer; is it running?' ;; esac
}

# With OUTFITTERS_IMAGES: the names of those images, and the sed script that puts them into the manifests.
images='' rename=''
pulled_images() {
  [ -n "${OUTFITTERS_IMAGES:-}" ] || return 0
  local image name
  images=$(npm run --silent images -- --names | tail -n "$service_count") # npm may print other lines first
  for image in $images; do
    name=${image##*/} name=${name%%:*}
    rename+="s|localhost/outfitters/$name:dev|$image|;"
  done
}

# Images that a store has from elsewhere, and that work, stay, as the companion keeps them. x-served-by tells ours from
# the book's.
kept=0
keep_images() {
  local name port image
  for name in $(services); do
    image=$(kubectl_ get deployment "$name" --namespace "$namespace" --ignore-not-found \
      --output "jsonpath={.spec.template.spec.containers[?(@.name==\"$name\")].image}") ||
      die "cannot tell which image the Deployment $name in the namespace $namespace has"
    case $image in '' | localhost/outfitters/*) continue ;; esac
    port=$(port_of "$name")
    kubectl_ exec "deployment/$name" --namespace "$namespace" --container "$name" -- \
      curl --silent --head "localhost:$port/readyz" 2>/dev/null | grep --quiet --ignore-case '^x-served-by:' || continue
    say "keeping the image of $name, which works: $image"
    rename+="s|localhost/outfitters/$name:dev|$image|;"
    kept=$((kept + 1))
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
      say "creating the kind cluster $cluster with ${node_image:-the default node image of kind}"
      kind create cluster --name "$cluster" ${node_image:+--image "$node_image"} --wait 120s
    fi
  fi
  kubectl_ version >/dev/null 2>&1 || die 'the cluster does not answer'
  check_kubernetes

  local provider_missing=''
  if exists deployment --selector app=istiod --namespace istio-system; then
    say "Istio is there"
    check_istio
    local found
    found=$(gateways) || die 'cannot tell whether the cluster has an ingress gateway, which the exercises need'
    [ -n "$found" ] || die "Istio is installed, but it has no ingress gateway, which the exercises need: no namespace \
has a Service with the label istio=ingressgateway or istio=ingress. Add a gateway to this Istio, for example with the \
Helm chart \"gateway\" of the same version:
  helm install istio-ingress gateway --repo https://istio-release.storage.googleapis.com/charts \\
    --namespace istio-ingress --create-namespace"
    has_log_provider || provider_missing=yes
  else
    local client
    client=$(istioctl version --remote=false --short 2>/dev/null | sed 's/^client version: //')
    ! is_older "$client" "$ISTIO_OLDEST" || die "this istioctl would install Istio $client, and the oldest that the \
store supports is $ISTIO_OLDEST; install $ISTIO_VERSION: https://istio.io/latest/docs/setup/getting-started/#download"
    say "installing Istio, demo profile"
    istioctl_ install --skip-confirmation --set profile=demo --filename observability/mesh/istio.yaml
    [ -t 1 ] || echo # istioctl ends its last line only on a terminal
  fi
  kubectl_ wait --namespace istio-system --for=condition=Available deployment --all --timeout=300s >/dev/null

  if [ -n "$with_addons" ]; then
    local addon
    for addon in "${addons[@]}"; do
      if exists "$(kind_of "$addon")" "$addon" --namespace istio-system; then
        say "$addon is there"
      else
        say "installing $addon"
        install_file "$addon" "${addons_folder:-$addons_url}/$addon.yaml"
      fi
    done
    collect_access_logs "$provider_missing"
    install_gateway_api
  fi

  [ -n "$images" ] || keep_images
  if [ "$kept" -eq "$service_count" ]; then
    say "no image is missing"
  elif [ -n "$images" ]; then
    say "building no images: the cluster pulls them from $OUTFITTERS_IMAGES"
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
  next_steps
}

# The add-on Loki is a StatefulSet.
kind_of() { if [ "$1" = loki ]; then echo statefulset; else echo deployment; fi; }

# The ingress gateways, each as NAMESPACE/NAME and the value of its label "istio". istioctl installs
# istio-ingressgateway in istio-system; Istio's Helm guide installs istio-ingress in istio-ingress.
gateways() {
  kubectl_ get service --all-namespaces --selector 'istio in (ingressgateway, ingress)' \
    --output 'jsonpath={range .items[*]}{.metadata.namespace}/{.metadata.name} {.metadata.labels.istio}{"\n"}{end}'
}

check_kubernetes() {
  local version
  version=$(kubectl_ version 2>/dev/null | sed -n 's/^Server Version: //p') || version=''
  ! is_older "$version" "$KUBERNETES_OLDEST" || die "the cluster has Kubernetes $version, and the oldest that the \
store supports is $KUBERNETES_OLDEST; upgrade it, or delete it (scripts/cluster.sh down) and let up make a new one"
  ! is_older "$newest_kubernetes" "$version" || say "this is Kubernetes $version, but Istio $ISTIO_VERSION is tested only \
up to ${newest_kubernetes%.*}: if something fails for no clear reason, delete the cluster and let up make a new one"
}

check_istio() {
  local version
  version=$(istioctl_ version 2>/dev/null | sed -n 's/^control plane version: //p') || version='' # istiod may be down
  ! is_older "$version" "$ISTIO_OLDEST" || die "the cluster has Istio $version, and the oldest that the store supports \
is $ISTIO_OLDEST; upgrade it (https://istio.io/latest/docs/setup/upgrade/), or delete the cluster and let up make a new \
one"
}

# Whether the mesh config names a collector for the access log, as the demo profile does.
has_log_provider() {
  local config
  config=$(kubectl_ get configmap istio --namespace istio-system --ignore-not-found --output 'jsonpath={.data.mesh}') ||
    die "cannot read Istio's mesh config"
  [[ $config =~ envoyOtelAls ]]
}

# collect_access_logs PROVIDER_MISSING: installs the collector that sends the proxies' access log to Loki, and
# configures the proxies to send their log to the collector.
collect_access_logs() {
  local others
  if exists deployment opentelemetry-collector --namespace observability; then
    say "the collector of the access log is there"
  else
    say "installing the collector that sends the proxies' access log to Loki"
    kubectl_ apply --filename observability/mesh/collector.yaml >/dev/null
  fi
  if [ -n "$1" ]; then
    say "the proxies' access log does not reach Loki: this Istio's mesh config has no provider for it; \
observability/mesh says how to add it"
  elif others=$(telemetries_of_mesh | grep --invert-match --line-regexp mesh-logging); then
    say "the proxies' access log does not reach Loki yet: Istio uses only one Telemetry for the whole mesh, and \
there is one already, $others in istio-system; observability/mesh says what to add to it"
  else
    kubectl_ apply --filename observability/mesh/telemetry.yaml >/dev/null
  fi
}

# The Telemetries for the whole mesh: those in istio-system that select nothing.
telemetries_of_mesh() {
  kubectl_ get telemetries.telemetry.istio.io --namespace istio-system \
    --output 'go-template={{range .items}}{{if not .spec.selector}}{{.metadata.name}}{{"\n"}}{{end}}{{end}}'
}

install_gateway_api() {
  local version file=$gateway_api_url
  version=$(kubectl_ get crd httproutes.gateway.networking.k8s.io --ignore-not-found \
    --output 'jsonpath={.metadata.annotations.gateway\.networking\.k8s\.io/bundle-version}') ||
    die 'cannot tell whether the cluster has the Gateway API'
  if exists crd httproutes.gateway.networking.k8s.io; then
    say "the Gateway API is there"
    ! is_older "$version" "$GATEWAY_API_OLDEST" || say "its version is $version, but the exercises with --api \
gateway need $GATEWAY_API_OLDEST or newer: kubectl apply --server-side --filename $gateway_api_url"
    return
  fi
  if [ -n "$addons_folder" ]; then file=$addons_folder/gateway-api.yaml; fi
  if [ -n "$addons_folder" ] && [ ! -r "$file" ]; then
    say "leaving out the Gateway API, which exercises with --api gateway need: $addons_folder has no gateway-api.yaml; \
download it from $gateway_api_url"
    return
  fi
  say "installing the Gateway API, with its experimental channel"
  install_file 'the Gateway API' "$file" --server-side
}

# install_file NAME FILE [OPTION]: applies a file that may come from the internet.
install_file() {
  kubectl_ apply ${3:+"$3"} --filename "$2" >/dev/null || die "cannot install $1 from $2. If this machine does not \
reach the internet, take the add-ons from an Istio $ISTIO_VERSION release by --addons DIR, or leave them out by \
--without-addons"
}

next_steps() {
  local found gateway label
  found=$(gateways)
  read -r gateway label <<<"$found"
  cat <<EOF

The store runs in the namespace $namespace, which kubectl now uses by default (context $(kubectl config current-context)). On with chapter 2:
EOF
  if [ "$label" = ingressgateway ]; then
    echo '  kubectl apply -f k8s/istio/ch2/ingress-gateway.yaml'
  else
    echo "  sed 's/istio: ingressgateway/istio: $label/' k8s/istio/ch2/ingress-gateway.yaml | kubectl apply -f -"
  fi
  cat <<EOF
  kubectl port-forward -n ${gateway%/*} svc/${gateway#*/} 8080:80
  curl localhost:8080/api/catalog
EOF
  [[ $found != *$'\n'* ]] || echo "There are several ingress gateways. Say which one the exercises use: \
npm run exercise -- ch2 --gateway $gateway"
}

# tell_of NAME GET…: whether the cluster has what `kubectl get` would find.
tell_of() {
  local name=$1 state=missing
  shift
  ! exists "$@" || state=installed
  printf '%-10s %s\n' "$name" "$state"
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
  for what in istiod "${addons[@]}"; do
    tell_of "$what" "$(kind_of "$what")" "$what" --namespace istio-system
  done
  tell_of collector deployment opentelemetry-collector --namespace observability
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
