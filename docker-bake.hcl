# The images of the services, in one build with one install: docker buildx bake --file docker-bake.hcl. Without --file,
# bake also builds the services of docker-compose.yml. `npm run images` sets the variables. You can also set them in the
# environment.

variable "REGISTRY" { default = "localhost/outfitters" }
variable "TAG" { default = "dev" }
variable "REVISION" { default = "unknown" }
# The same default as in the Dockerfile. The prefix keeps it apart from variables of other tools.
variable "OUTFITTERS_BASE_IMAGE" { default = "node:24-bookworm-slim" }
# For example linux/amd64,linux/arm64; by default, the platform of this machine.
variable "PLATFORMS" { default = "" }

group "default" { targets = ["service"] }

target "service" {
  name = service
  matrix = { service = ["catalog", "forum", "webapp"] }
  args = {
    BASE_IMAGE = OUTFITTERS_BASE_IMAGE
    WORKSPACE = "services/${service}"
    VERSION = TAG
    REVISION = REVISION
  }
  tags = ["${REGISTRY}/${service}:${TAG}"]
  platforms = PLATFORMS == "" ? [] : split(",", PLATFORMS)
  # If this machine reaches its registries through a local proxy or mirror, the build uses it too.
  network = "host"
}
