#!/usr/bin/env bash
# Creates a cluster for the exercises on a laptop: kind, Istio, its add-ons, the images and the store. It leaves
# existing parts alone.
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
# If KIND_NODE_IMAGE is set but empty, kind uses its own default image.
node_image=${KIND_NODE_IMAGE-$DEFAULT_KIND_NODE_IMAGE}
newest_kubernetes=${DEFAULT_KIND_NODE_IMAGE%@*} newest_kubernetes=${newest_kubernetes##*:}
addons_url=https://raw.githubusercontent.com/istio/istio/release-$ISTIO_VERSION/samples/addons
gateway_api_releases=https://github.com/kubernetes-sigs/gateway-api/releases/download
gateway_api_url=$gateway_api_releases/$GATEWAY_API_VERSION/experimental-install.yaml

usage() {
  cat <<EOF
usage: cluster.sh up [--here] [--addons DIR | --without-addons]
                                   install what is missing of these: the kind cluster "$cluster", Istio (demo profile),
                                   Prometheus, Grafana, Jaeger, Kiali, Loki and a collector for the proxies'
                                   access log, the Gateway API, the images, and the store in the injected namespace
                                   $namespace, which kubectl then uses by default
       cluster.sh status [--here]  list what is installed
       cluster.sh down [--here]    delete the kind cluster

  --here            use the cluster of the current kubectl context instead of kind's; down then deletes only the
                    namespace $namespace, and only if up has created it
  --addons DIR      take the add-ons from DIR instead of the internet: the folder samples/addons of an Istio
                    $ISTIO_VERSION release. The Gateway API is then installed only if DIR has gateway-api.yaml
  --without-addons  do not install the add-ons, the collector and the Gateway API

environment:
  KIND_NODE_IMAGE   the node image of a new kind cluster, now "$node_image". If empty, kind uses its own
                    default image. If not set, it is $DEFAULT_KIND_NODE_IMAGE,
                    which Istio $ISTIO_VERSION supports
  OUTFITTERS_IMAGES
                    REGISTRY/PATH[:TAG]: the cluster pulls the images from there, and this script builds none
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
        die "--addons: the folder $2 does not exist. Use the folder samples/addons of an Istio $ISTIO_VERSION release"
      shift
      ;;
    *) wrong "unknown option $1" ;;
  esac
  shift
done
[ -z "$addons_folder" ] || [ "$action" = up ] || wrong '--addons works only with up'
[ -z "$addons_folder" ] || [ -n "$with_addons" ] || wrong 'use either --addons or --without-addons, not both'
if [ -n "$addons_folder" ]; then
  absent=''
  for addon in "${addons[@]}"; do [ -r "$addons_folder/$addon.yaml" ] || absent+=" $addon.yaml"; done
  [ -z "$absent" ] ||
    die "--addons: $addons_folder lacks$absent. Use the folder samples/addons of an Istio $ISTIO_VERSION release"
fi
kubectl_() { if [ -n "$here" ]; then kubectl "$@"; else kubectl --context "kind-$cluster" "$@"; fi; }
# The kubectl context that this script uses.
context() { if [ -n "$here" ]; then kubectl config current-context; else echo "kind-$cluster"; fi; }
istioctl_() { if [ -n "$here" ]; then istioctl "$@"; else istioctl --context "kind-$cluster" "$@"; fi; }
# is_older VERSION OLDEST: whether the version, such as v1.28.3, is older than another, such as 1.29. A version that is
# not a number, for example of a private build, counts as new enough.
is_older() {
  local pattern='^v?([0-9]+)\.([0-9]+)' major minor
  [[ $2 =~ $pattern ]] && major=${BASH_REMATCH[1]} minor=${BASH_REMATCH[2]} && [[ $1 =~ $pattern ]] || return 1
  ((BASH_REMATCH[1] < major || (BASH_REMATCH[1] == major && BASH_REMATCH[2] < minor)))
}
# exists GET_ARGUMENT…: whether `kubectl get` finds something. If kubectl fails, the script ends: otherwise it could
# install a second copy.
exists() {
  local found
  found=$(kubectl_ get "$@" --ignore-not-found --output name) ||
    die "cannot read from the cluster: kubectl get $* failed. Its message above says why"
  [ -n "$found" ]
}

prerequisites() {
  local missing='' tool
  for tool in "$@"; do
    command -v "$tool" >/dev/null && continue
    case $tool in
      npm) missing+=$'\n  npm       comes with Node; on Debian it is a separate package' ;;
      docker) missing+=$'\n  docker    https://docs.docker.com/engine/install/' ;;
      kind) missing+=$'\n  kind      https://kind.sigs.k8s.io/docs/user/quick-start/#installation' ;;
      kubectl) missing+=$'\n  kubectl   https://kubernetes.io/docs/tasks/tools/' ;;
      istioctl)
        missing+=$'\n  istioctl  https://istio.io/latest/docs/setup/getting-started/#download, version '$ISTIO_VERSION
        ;;
      node) missing+=$'\n  node      https://nodejs.org/, version 20 or newer' ;;
    esac
  done
  [ -z "$missing" ] || die "these tools are missing on this machine; install them, then try again:$missing"
  case " $* " in
    *' node '*)
      node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)' ||
        die "Node $(node --version) is too old. Install Node 20 or newer: https://nodejs.org/en/download"
      ;;
  esac
  case " $* " in
    *' docker '*)
      docker info >/dev/null 2>&1 || die 'the Docker Engine does not answer. Start it, then try again: docker info'
      ;;
  esac
}

# If OUTFITTERS_IMAGES is set: the names of its images, and the sed script that puts them into the manifests.
images='' rename=''
pulled_images() {
  [ -n "${OUTFITTERS_IMAGES:-}" ] || return 0
  local image name
  # The names are the last lines: the command may print lines about an installation before them.
  images=$(npm run --silent images -- --names | tail -n "$service_count")
  for image in $images; do
    name=${image##*/} name=${name%%:*}
    rename+="s|localhost/outfitters/$name:dev|$image|;"
  done
}

# Keeps other images that an existing store runs, if they work. The companion does the same. The header x-served-by
# shows that an image is ours, and not the book's.
kept=0
keep_images() {
  local name port image
  for name in $(services); do
    image=$(kubectl_ get deployment "$name" --namespace "$namespace" --ignore-not-found \
      --output "jsonpath={.spec.template.spec.containers[?(@.name==\"$name\")].image}") ||
      die "cannot read the image of the Deployment $name in the namespace $namespace; kubectl's message above says why"
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
      say "the kind cluster $cluster exists already"
    else
      say "creating the kind cluster $cluster with ${node_image:-the default node image of kind}"
      kind create cluster --name "$cluster" ${node_image:+--image "$node_image"} --wait 120s
    fi
  fi
  kubectl_ version >/dev/null 2>&1 ||
    die "the cluster of the context $(context) does not answer. Its message: kubectl --context $(context) version"
  check_kubernetes

  local provider_missing=''
  if exists deployment --selector app=istiod --namespace istio-system; then
    say "Istio is installed already"
    check_istio
    local found
    found=$(gateways) ||
      die 'cannot find out whether the cluster has an ingress gateway, which the exercises need; see the message above'
    [ -n "$found" ] || die "Istio is installed, but it has no ingress gateway, which the exercises need: no namespace \
has a Service with the label istio=ingressgateway or istio=ingress. Add a gateway to this Istio, for example with the \
Helm chart \"gateway\" of the same version:
  helm install istio-ingress gateway --repo https://istio-release.storage.googleapis.com/charts \\
    --namespace istio-ingress --create-namespace"
    has_log_provider || provider_missing=yes
  else
    local client
    client=$(istioctl version --remote=false --short 2>/dev/null | sed 's/^client version: //')
    ! is_older "$client" "$ISTIO_OLDEST" || die "this istioctl installs Istio $client, but the oldest version that the \
store supports is $ISTIO_OLDEST. Install istioctl $ISTIO_VERSION:
  https://istio.io/latest/docs/setup/getting-started/#download"
    say "installing Istio, demo profile"
    istioctl_ install --skip-confirmation --set profile=demo --filename observability/mesh/istio.yaml
    [ -t 1 ] || echo # without a terminal, istioctl does not end its last line
  fi
  kubectl_ wait --namespace istio-system --for=condition=Available deployment --all --timeout=300s >/dev/null

  if [ -n "$with_addons" ]; then
    local addon
    for addon in "${addons[@]}"; do
      if exists "$(kind_of "$addon")" "$addon" --namespace istio-system; then
        say "$addon is installed already"
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
    say "building no images: the store has images that work"
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
    local labels='{.metadata.labels.istio-injection}{.metadata.labels.istio\.io/rev}'
    [ -n "$(kubectl_ get namespace "$namespace" --output jsonpath="$labels")" ] ||
      die "Istio does not inject proxies into the existing namespace $namespace. Label it, then try again: \
kubectl label namespace $namespace istio-injection=enabled"
  else
    say "creating the namespace $namespace, with sidecar injection"
    kubectl_ create namespace "$namespace"
    kubectl_ label namespace "$namespace" istio-injection=enabled "$mark" >/dev/null
  fi
  say "deploying the store"
  local existed=''
  ! exists deployment webapp --namespace "$namespace" || existed=yes
  kubectl_ kustomize k8s | sed "$rename" | kubectl_ apply --namespace "$namespace" --filename -
  # Existing pods still run the images from before.
  [ -z "$existed" ] || kubectl_ rollout restart deployment --namespace "$namespace" >/dev/null
  kubectl_ wait --namespace "$namespace" --for=condition=Available deployment --all --timeout=120s >/dev/null ||
    die "the store is not ready after two minutes. To see why: kubectl describe pods --namespace $namespace${images:+
If the registry does not have the images of OUTFITTERS_IMAGES, build and push them: npm run images -- --push}"
  [ -n "$here" ] || kubectl config use-context "kind-$cluster" >/dev/null
  kubectl config set-context --current --namespace "$namespace" >/dev/null
  next_steps
}

# The add-on Loki is a StatefulSet.
kind_of() { if [ "$1" = loki ]; then echo statefulset; else echo deployment; fi; }

# Prints a line for each ingress gateway: NAMESPACE/NAME and the value of its label "istio". istioctl installs
# istio-ingressgateway in istio-system; Istio's Helm guide installs istio-ingress in istio-ingress.
gateways() {
  kubectl_ get service --all-namespaces --selector 'istio in (ingressgateway, ingress)' \
    --output 'jsonpath={range .items[*]}{.metadata.namespace}/{.metadata.name} {.metadata.labels.istio}{"\n"}{end}'
}

check_kubernetes() {
  local version
  version=$(kubectl_ version 2>/dev/null | sed -n 's/^Server Version: //p') || version=''
  ! is_older "$version" "$KUBERNETES_OLDEST" || die "the cluster has Kubernetes $version, but the oldest \
version that the store supports is $KUBERNETES_OLDEST. Upgrade the cluster; or delete it (scripts/cluster.sh down), \
and create a new one (scripts/cluster.sh up)"
  ! is_older "$newest_kubernetes" "$version" || say "the cluster has Kubernetes $version, but Istio $ISTIO_VERSION is \
tested only up to ${newest_kubernetes%.*}. If something fails for no clear reason, create a new cluster: \
scripts/cluster.sh down, then scripts/cluster.sh up"
}

check_istio() {
  local version
  version=$(istioctl_ version 2>/dev/null | sed -n 's/^control plane version: //p') || version='' # no answer of istiod
  ! is_older "$version" "$ISTIO_OLDEST" || die "the cluster has Istio $version, but the oldest version that the \
store supports is $ISTIO_OLDEST. Upgrade Istio (https://istio.io/latest/docs/setup/upgrade/); or create a new cluster: \
scripts/cluster.sh down, then scripts/cluster.sh up"
}

# Whether the mesh config names a collector for the access log, as the demo profile does.
has_log_provider() {
  local config
  config=$(kubectl_ get configmap istio --namespace istio-system --ignore-not-found --output 'jsonpath={.data.mesh}') ||
    die "cannot read Istio's mesh config (configmap istio in istio-system); kubectl's message above says why"
  [[ $config =~ envoyOtelAls ]]
}

# collect_access_logs PROVIDER_MISSING: installs the collector that sends the proxies' access log to Loki, and
# configures the proxies to send their log to the collector.
collect_access_logs() {
  local others
  if exists deployment opentelemetry-collector --namespace observability; then
    say "the collector of the access log is installed already"
  else
    say "installing the collector that sends the proxies' access log to Loki"
    kubectl_ apply --filename observability/mesh/collector.yaml >/dev/null
  fi
  if [ -n "$1" ]; then
    say "the proxies' access log does not reach Loki: this Istio's mesh config has no provider for it. \
observability/mesh/README.md says how to add it"
  elif others=$(telemetries_of_mesh | grep --invert-match --line-regexp mesh-logging); then
    say "the proxies' access log does not reach Loki yet: Istio uses only one Telemetry for the whole mesh, and \
$others in istio-system exists already. observability/mesh/README.md says what to add to it"
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
    die 'cannot find out whether the cluster has the Gateway API; the message above says why'
  if exists crd httproutes.gateway.networking.k8s.io; then
    say "the Gateway API is installed already"
    ! is_older "$version" "$GATEWAY_API_OLDEST" || say "its version is $version, but the exercises with --api \
gateway need $GATEWAY_API_OLDEST or newer. To upgrade: kubectl apply --server-side --filename $gateway_api_url"
    return
  fi
  if [ -n "$addons_folder" ]; then file=$addons_folder/gateway-api.yaml; fi
  if [ -n "$addons_folder" ] && [ ! -r "$file" ]; then
    say "not installing the Gateway API, which exercises with --api gateway need: $addons_folder has no \
gateway-api.yaml. Download it from $gateway_api_url"
    return
  fi
  say "installing the Gateway API (experimental channel)"
  install_file 'the Gateway API' "$file" --server-side
}

# install_file NAME FILE [OPTION]: applies a file, which can be a URL.
install_file() {
  kubectl_ apply ${3:+"$3"} --filename "$2" >/dev/null ||
    die "cannot install $1 from $2. If this machine cannot reach the internet, take the add-ons from an Istio \
$ISTIO_VERSION release with --addons DIR, or leave them out with --without-addons"
}

next_steps() {
  local found gateway label
  found=$(gateways)
  read -r gateway label <<<"$found"
  cat <<EOF

The store runs in the namespace $namespace. kubectl now uses this namespace by default, in the context
$(kubectl config current-context). Continue with chapter 2:
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
  [[ $found != *$'\n'* ]] || echo "There are several ingress gateways. Name the one that the exercises use: \
npm run exercise -- ch2 --gateway $gateway"
}

# print_state NAME GET_ARGUMENT…: prints whether `kubectl get` finds the component.
print_state() {
  local name=$1 state=missing
  shift
  ! exists "$@" || state=installed
  printf '%-10s %s\n' "$name" "$state"
}

status() {
  prerequisites kubectl
  if [ -z "$here" ]; then
    prerequisites kind
    kind get clusters 2>/dev/null | grep --quiet --line-regexp "$cluster" ||
      { echo "cluster    kind has no cluster $cluster"; exit 1; }
  fi
  kubectl_ version >/dev/null 2>&1 || { echo 'cluster    does not answer'; exit 1; }
  local nodes kubelet
  # Some users may not read the nodes. For them, the status still lists the other parts.
  nodes=$(kubectl_ get nodes --no-headers | wc -l | tr -d ' ') || true
  kubelet=$(kubectl_ get nodes --output jsonpath='{.items[0].status.nodeInfo.kubeletVersion}') || true
  echo "cluster    $nodes node(s), Kubernetes $kubelet"
  local what complete=0
  for what in istiod "${addons[@]}"; do
    print_state "$what" "$(kind_of "$what")" "$what" --namespace istio-system
  done
  print_state collector deployment opentelemetry-collector --namespace observability
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
    exists namespace "$namespace" || { say "the context $(context) has no namespace $namespace"; return; }
    exists namespace --selector "$mark" --field-selector "metadata.name=$namespace" ||
      die "cluster.sh did not create the namespace $namespace in the context $(context), so it does not delete it. To \
delete it yourself: kubectl delete namespace $namespace"
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
