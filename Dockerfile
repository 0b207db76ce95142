# Builds either image: docker build --build-arg CONNECTOR=source-pigment .
# A test checks that the base image is the one in metadata.yaml.
ARG BASE_IMAGE=docker.io/airbyte/python-connector-base:4.1.1@sha256:a268b44c733ae699a60f5fbc06a324945dba98945c6e2ab7f8609f2f895b0d28

# The conversions in C, compiled for the image's platform; the compiler stays in this stage.
FROM ${BASE_IMAGE} AS rows
USER root
WORKDIR /build
COPY shared/pigment_native/build/tools.lock shared/pigment_native/build/
RUN python -m venv /build/tools \
    && /build/tools/bin/pip install --quiet --no-cache-dir --require-hashes -r shared/pigment_native/build/tools.lock
COPY shared/pigment_native/build/__main__.py shared/pigment_native/build/
COPY shared/pigment_native/rows.c shared/pigment_native/
RUN /build/tools/bin/python shared/pigment_native/build /build/librows.so

# The libraries: a layer that changes only with the lock file, so that a new version of ours is a small download.
FROM ${BASE_IMAGE} AS libraries
ARG CONNECTOR
# Dependencies that airbyte-cdk has for other kinds of connectors and that ours never import:
# integration_tests/check_lean_images.py proves it in the images.
ARG LEFT_OUT="pandas numpy nltk joblib tqdm rapidfuzz google-api-core google-auth google-cloud-secret-manager \
    googleapis-common-protos grpc-google-iam-v1 grpcio grpcio-status opentelemetry-api proto-plus protobuf pyasn1 \
    pyasn1-modules pygments rich rich-click markdown-it-py mdurl dateparser unidecode \
    regex setuptools"
USER root
WORKDIR /build
COPY requirements.lock ./
# uv is pinned in the lock file like everything else; every package that is installed must match its hash there.
RUN sed -n '/^uv==/,/# via/p' requirements.lock > uv.txt \
    && python -m venv /build/tools \
    && /build/tools/bin/pip install --quiet --no-cache-dir --require-hashes -r uv.txt \
    && /build/tools/bin/uv venv --quiet --python "$(command -v python)" /opt/connector
COPY shared/pyproject.toml shared/
COPY ${CONNECTOR}/pyproject.toml ${CONNECTOR}/
RUN /build/tools/bin/uv pip compile --quiet --no-cache --no-header --no-annotate --python /opt/connector/bin/python \
        --constraints requirements.lock --no-emit-package pigment-connectors-shared \
        $(printf -- '--no-emit-package %s ' ${LEFT_OUT}) \
        shared/pyproject.toml "${CONNECTOR}/pyproject.toml" --output-file libraries.txt \
    && /build/tools/bin/uv pip install --quiet --no-cache --no-deps --python /opt/connector/bin/python \
        --constraints requirements.lock --requirements libraries.txt
# Of botocore's service descriptions, keep only S3 and the services that issue its credentials. Timestamps and bytecode
# depend only on the files, so that the same lock file gives the same layer.
RUN packages="$(echo /opt/connector/lib/python3*/site-packages)" \
    && if [ -d "$packages/botocore/data" ]; then find "$packages/botocore/data" -mindepth 1 -maxdepth 1 -type d \
        ! -name s3 ! -name sts ! -name sso ! -name sso-oidc -exec rm -rf {} +; fi \
    && echo /opt/pigment > "$packages/pigment.pth" \
    && ln -s "/opt/pigment/bin/${CONNECTOR}" /opt/connector/bin/run-connector \
    && /opt/connector/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/connector/lib \
    && rm -f /opt/connector/.lock \
    && find /opt/connector -exec touch --no-dereference --date=@0 {} +

FROM libraries AS ours
ARG CONNECTOR
COPY shared shared
COPY ${CONNECTOR} ${CONNECTOR}
RUN /build/tools/bin/uv pip install --quiet --no-cache --no-deps --no-sources --target /opt/pigment \
        --python /opt/connector/bin/python --build-constraints requirements.lock ./shared "./${CONNECTOR}" \
    && rm -f /opt/pigment/.lock \
    && /opt/connector/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/pigment
COPY --from=rows /build/librows.so /opt/pigment/pigment_native/

FROM ${BASE_IMAGE}
ARG CONNECTOR
ARG VERSION
WORKDIR /airbyte/integration_code
USER airbyte
# The platform evaluates this in a shell and appends the command.
ENV AIRBYTE_ENTRYPOINT="/opt/connector/bin/run-connector"
ENV PYTHONDONTWRITEBYTECODE=1
ENTRYPOINT ["/opt/connector/bin/run-connector"]
COPY --from=libraries /opt/connector /opt/connector
COPY --from=ours /opt/pigment /opt/pigment
# The tag is the version of a release, or the commit that the image was built from.
ARG TAG=unreleased
ARG COMMIT=unknown
ARG SOURCE=""
LABEL io.airbyte.name="airbyte/${CONNECTOR}" io.airbyte.version="${VERSION}" \
    org.opencontainers.image.title="${CONNECTOR}" \
    org.opencontainers.image.version="${TAG}" \
    org.opencontainers.image.revision="${COMMIT}" \
    org.opencontainers.image.source="${SOURCE}" \
    org.opencontainers.image.licenses="MIT"
