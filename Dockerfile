# One recipe for both images: docker build --build-arg CONNECTOR=source-pigment .
# The base image is the one in metadata.yaml; a test holds the two together.
ARG BASE_IMAGE=docker.io/airbyte/python-connector-base:4.1.1@sha256:a268b44c733ae699a60f5fbc06a324945dba98945c6e2ab7f8609f2f895b0d28

FROM ${BASE_IMAGE} AS build
ARG CONNECTOR
USER root
WORKDIR /build
COPY requirements.lock ./
# uv is pinned in the lock like everything else; the hashes of the lock are checked for whatever is installed.
RUN sed -n '/^uv==/,/# via/p' requirements.lock > uv.txt \
    && python -m venv /build/tools \
    && /build/tools/bin/pip install --quiet --no-cache-dir --require-hashes -r uv.txt \
    && /build/tools/bin/uv venv --quiet --python "$(command -v python)" /opt/connector
COPY shared shared
COPY ${CONNECTOR} ${CONNECTOR}
RUN /build/tools/bin/uv pip install --quiet --no-cache --no-sources --compile-bytecode \
        --python /opt/connector/bin/python --constraints requirements.lock --build-constraints requirements.lock \
        ./shared "./${CONNECTOR}" \
    && find /opt/connector -type d \( -name tests -o -name test -o -name include \) -path '*/pyarrow/*' -prune -exec rm -rf {} + \
    && find /opt/connector -type d -name tests \( -path '*/pandas/*' -o -path '*/numpy/*' -o -path '*/nltk/*' \) -prune -exec rm -rf {} + \
    && ln -s "/opt/connector/bin/${CONNECTOR}" /opt/connector/bin/run-connector

FROM ${BASE_IMAGE}
ARG CONNECTOR
ARG VERSION
COPY --from=build /opt/connector /opt/connector
WORKDIR /airbyte/integration_code
USER airbyte
# The platform evaluates this in a shell and appends the command.
ENV AIRBYTE_ENTRYPOINT="/opt/connector/bin/run-connector"
ENV PYTHONDONTWRITEBYTECODE=1
ENTRYPOINT ["/opt/connector/bin/run-connector"]
LABEL io.airbyte.name="airbyte/${CONNECTOR}" io.airbyte.version="${VERSION}"
