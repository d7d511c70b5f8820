# The images of the services, in one build with one install: docker buildx bake --file docker-bake.hcl. Without
# --file, bake adds the services of docker-compose.yml. `npm run images` sets the variables; you can as well, in the
# environment.

variable "REGISTRY" { default = "localhost/outfitters" }
variable "TAG" { default = "dev" }
variable "REVISION" { default = "unknown" }
# As in linux/amd64,linux/arm64; by default that of this machine.
variable "PLATFORMS" { default = "" }

group "default" { targets = ["catalog", "webapp", "forum"] }

target "service" {
  name = service
  matrix = { service = ["catalog", "webapp", "forum"] }
  args = { WORKSPACE = "services/${service}", VERSION = TAG, REVISION = REVISION }
  tags = ["${REGISTRY}/${service}:${TAG}"]
  platforms = PLATFORMS == "" ? [] : split(",", PLATFORMS)
  # Where a machine reaches its registries through a proxy or a mirror of its own, the build does as well.
  network = "host"
}
