# Builds every image of the project: `--build-arg WORKSPACE=services/catalog` chooses the workspace that runs in it.
# docker-bake.hcl builds the images of the services.

# The base of every stage. By default, it is a tag that moves: each build gets the newest fixes of Node 24 and Debian. A
# release names an exact version instead (.github/workflows/release.yml).
ARG BASE_IMAGE=node:24-bookworm-slim

FROM ${BASE_IMAGE} AS base
WORKDIR /store
# The book injects faults with `kubectl exec … -- curl`.
RUN command -v curl || \
    { apt-get update && apt-get install --yes --no-install-recommends curl && rm -rf /var/lib/apt/lists/*; }

# Only the package.json of every workspace, so that a change of the source does not repeat the installation.
FROM ${BASE_IMAGE} AS manifests
WORKDIR /store
COPY packages packages
COPY services services
RUN find . -type f ! -name package.json -delete && find . -type d -empty -delete

# Installs the dependencies of all images once. Nothing in this stage depends on WORKSPACE, so all images share it.
FROM ${BASE_IMAGE} AS dependencies
WORKDIR /store
COPY package.json package-lock.json .npmrc ./
COPY --from=manifests /store ./
RUN --mount=type=cache,target=/root/.npm \
    npm ci --omit=dev $(printf -- '--workspace=%s ' packages/local services/*)
# Deletes the files that only developers need: types and other TypeScript, source maps, documentation and tests. They
# are three fifths of the installation. The licenses stay.
RUN find node_modules -type f \( -name '*.ts' -o -name '*.[cm]ts' -o -name '*.map' \
      -o -name '*.md' ! -iname 'licen[cs]e*' \) -delete && \
    rm -rf node_modules/*/test node_modules/@*/*/test

# Copies the source and makes it readable for every user, because a clone made with umask 077 is not.
FROM ${BASE_IMAGE} AS source
ARG WORKSPACE
WORKDIR /store
COPY packages/service-kit packages/service-kit
COPY ${WORKSPACE} ${WORKSPACE}
RUN chmod -R a+rX .

FROM base
ARG WORKSPACE
COPY --from=dependencies /store/node_modules node_modules
COPY --from=source /store ./
WORKDIR /store/${WORKSPACE}

# The build starts the service once to fill Node's compile cache. With the cache, a start takes two thirds of the time
# and 20 MB less memory, because Node does not strip types again. Node keeps a separate cache for each uid, so a pod
# with another uid, as on OpenShift, compiles at each start.
ARG SERVER=src/server.ts
ENV NODE_ENV=production NODE_COMPILE_CACHE=/store/.compile-cache
RUN mkdir /store/.compile-cache && chown 1000:1000 /store/.compile-cache
# The user is a number. So the kubelet can check that it is not root, and no manifest has to set a user.
USER 1000:1000
# All images are built at the same time, in the host's network. So each uses its own random loopback address.
RUN export UPSTREAMS=http://localhost OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost \
      HOST=127.$(od -An -N3 -tu1 /dev/urandom | xargs | tr ' ' .) PORT=39217; \
    node ${SERVER} & \
    until curl --silent --output /dev/null $HOST:$PORT/readyz; do kill -0 $! || exit 1; sleep 0.1; done; \
    kill $! && wait $!

ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="outfitters ${WORKSPACE}" \
      org.opencontainers.image.description="The sample store of Istio in Action" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0"

# node itself is PID 1, so that it receives the signals.
ENTRYPOINT ["node"]
CMD ["src/server.ts"]
