#!/usr/bin/env bash
# Both images: release/images.sh VERSION TAG REGISTRY, where the tag of a release is its version.
# For linux/amd64 and linux/arm64 where the engine can build both, else for this machine's platform.
# They stay here, as archives in dist/ or in the engine; with PUSH=1 they go to REGISTRY, such as registry.example/acme.
set -euo pipefail
cd "$(dirname "$0")/../.."
version=$1 tag=$2 registry=$3 push=${PUSH:-}
platforms=linux/amd64,linux/arm64
docker=${DOCKER:-docker}
if [ -n "$push" ] && [ "$registry" = airbyte ]; then
    echo "images: PUSH=1 needs the registry to push to, such as REGISTRY=registry.example/acme"
    exit 1
fi
if ! "$docker" info >/dev/null 2>&1; then
    mkdir -p dist
    echo "images: NOT BUILT, no container engine is available here" | tee -a dist/not-done.txt
    [ -z "$push" ] || exit 1
    exit 0
fi
if ! "$docker" buildx inspect --bootstrap 2>/dev/null | grep -q 'linux/arm64'; then
    mkdir -p dist
    echo "images: only for this machine's platform, the engine cannot build for linux/arm64 (docker buildx with QEMU can)" |
        tee -a dist/not-done.txt
    make --no-print-directory images TAG="$tag" DOCKER="$docker" REGISTRY="$registry" PUSH="$push"
    exit 0
fi
mkdir -p dist
for connector in source-pigment destination-pigment; do
    if [ -n "$push" ]; then output="type=registry"; else output="type=oci,dest=dist/$connector-$tag.oci.tar"; fi
    "$docker" buildx build --platform "$platforms" -f Dockerfile --build-arg CONNECTOR="$connector" \
        --build-arg VERSION="$version" --build-arg TAG="$tag" --build-arg COMMIT="${COMMIT:-unknown}" \
        --build-arg SOURCE="${SOURCE:-}" ${BASE_IMAGE:+--build-arg BASE_IMAGE="$BASE_IMAGE"} \
        -t "$registry/$connector:$tag" --output "$output" .
done
echo "images: $platforms"
