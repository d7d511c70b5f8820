# The images for both architectures: docker buildx bake --file docker-bake.hcl --push, with REGISTRY and TAG in the environment.

variable "REGISTRY" { default = "localhost/outfitters" }
variable "TAG" { default = "dev" }
variable "REVISION" { default = "unknown" }

group "default" { targets = ["catalog", "webapp", "forum"] }

target "service" {
  platforms = ["linux/amd64", "linux/arm64"]
  args = { VERSION = TAG, REVISION = REVISION }
  attest = ["type=provenance,mode=max", "type=sbom"]
}

target "catalog" {
  inherits = ["service"]
  args = { WORKSPACE = "services/catalog" }
  tags = ["${REGISTRY}/catalog:${TAG}"]
}

target "webapp" {
  inherits = ["service"]
  args = { WORKSPACE = "services/webapp" }
  tags = ["${REGISTRY}/webapp:${TAG}"]
}

target "forum" {
  inherits = ["service"]
  args = { WORKSPACE = "services/forum" }
  tags = ["${REGISTRY}/forum:${TAG}"]
}
