# shellcheck shell=bash
# For other scripts to source: the services and their ports, from the same files that scripts/project.ts reads.

services_folder=$(cd "$(dirname "${BASH_SOURCE[0]}")/../services" && pwd)

# services: prints the names of the services, one on each line.
services() {
  local manifest
  for manifest in "$services_folder"/*/package.json; do basename "$(dirname "$manifest")"; done
}

# port_of NAME: prints the port that the service listens on in its pod.
port_of() {
  sed -n '/"outfitters"/,/}/ s/.*"port": *\([0-9][0-9]*\).*/\1/p' "$services_folder/$1/package.json"
}
