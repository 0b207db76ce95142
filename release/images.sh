#!/usr/bin/env bash
# Both images for every platform that the engine can build for: release/images.sh VERSION REGISTRY
# With a registry other than the default they are pushed as one manifest each; without one they stay in dist/ as archives.
set -euo pipefail
cd "$(dirname "$0")/.."
version=$1 registry=$2 push=${PUSH:-}
platforms=linux/amd64,linux/arm64
docker=${DOCKER:-docker}
if ! "$docker" info >/dev/null 2>&1; then
    echo "images: NOT BUILT, no container engine can be had here"
    exit 0
fi
if ! "$docker" buildx inspect --bootstrap 2>/dev/null | grep -q 'linux/arm64'; then
    echo "images: only for this machine's platform, the engine cannot build for linux/arm64 (docker buildx with QEMU can)"
    make images REGISTRY="$registry"
    [ -z "$push" ] || for connector in source-pigment destination-pigment; do "$docker" push "$registry/$connector:$version"; done
    exit 0
fi
for connector in source-pigment destination-pigment; do
    if [ -n "$push" ]; then output="type=registry"; else output="type=oci,dest=dist/$connector-$version.oci.tar"; fi
    "$docker" buildx build --platform "$platforms" -f Dockerfile --build-arg CONNECTOR="$connector" \
        --build-arg VERSION="$version" -t "$registry/$connector:$version" --output "$output" .
done
echo "images: $platforms"
