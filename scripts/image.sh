#!/usr/bin/env bash
# Builds the image of the action: image.sh [NAME], by default `tryline:local`. Prints its id.
#
# BASE names another base than the Dockerfile does. Where that cannot be pulled, a Debian is made here and built on
# (DEBIAN_MIRROR names another mirror, which then stands in the image's sources.list).
# An index (PIP_INDEX_URL or pip's own configuration) and certificate authorities (PIP_CERT, SSL_CERT_FILE ...) are
# used while it is built, and are not in the image.
set -euo pipefail
name=${1:-tryline:local}
root=$(cd "$(dirname "$0")/.." && pwd)
suite=bookworm
made=tryline/debian:$suite
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Prints what is missing and how to get it, then gives up.
missing() {
    printf 'missing: %s\n%s\n' "$1" "$2" >&2
    exit 1
}

# Whether the engine has an image, or gets it from a registry that answers in time.
have() {
    docker image inspect "$1" >/dev/null 2>&1 && return
    # Where there is no way to a registry, an engine says so within seconds or never.
    timeout "${PULL_SECONDS:-15}" docker pull --quiet "$1" >/dev/null 2>&1 && return
    curl --silent --max-time 3 --output /dev/null https://registry-1.docker.io/v2/ 2>/dev/null &&
        docker pull --quiet "$1" >/dev/null
}

# Makes a minimal Debian an image of the engine: 15 to 30 seconds, from Debian's mirror.
make_debian() {
    docker image inspect "$made" >/dev/null 2>&1 && return
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || missing "a base image" \
        "$base cannot be pulled, and making a Debian needs root on Debian or Ubuntu. Let the engine reach a registry,
load the image (docker load), or name one that the engine has: BASE=NAME make image"
    export DEBIAN_FRONTEND=noninteractive
    if ! command -v mmdebstrap >/dev/null || [ ! -f /usr/share/keyrings/debian-archive-keyring.gpg ]; then
        apt-get update -qq
        apt-get install -y -qq --no-install-recommends mmdebstrap debian-archive-keyring >/dev/null
    fi
    echo "no registry has $base for us: making a Debian ($suite)" >&2
    # Without the package that merges /usr, which brings perl: here it is merged from the start.
    if ! mmdebstrap --quiet --variant=minbase --keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
        --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr --include=usr-is-merged \
        --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
        --dpkgopt='path-exclude=/usr/share/doc/*' --aptopt='Acquire::Languages "none"' \
        "$suite" - "$mirror" 2>"$work/log" | docker import --change 'CMD ["bash"]' - "$made" >/dev/null; then
        docker image rm "$made" >/dev/null 2>&1 || true
        missing "a base image" "$base cannot be pulled, and no Debian could be made from $mirror (DEBIAN_MIRROR names another):
$(tail -n 5 "$work/log")"
    fi
}

command -v docker >/dev/null || missing "docker" "Run: make engine"
timeout 20 docker info >/dev/null 2>&1 || missing "a Docker engine that answers" "Run: make engine"

options=()
base=${BASE:-$(sed -n 's/^ARG BASE=//p' "$root/Dockerfile")}
if ! have "$base"; then
    [ -z "${BASE:-}" ] || missing "the image $base" "The engine neither has it nor can pull it."
    make_debian
    base=$made
fi
options+=(--build-arg "BASE=$base")
[ -z "${VERSION:-}" ] || options+=(--build-arg "VERSION=$VERSION")
revision=$(git -C "$root" rev-parse HEAD 2>/dev/null || true)
[ -z "$revision" ] || options+=(--build-arg "REVISION=$revision")

# By name alone: an address may hold a password, and arguments can be read by everybody on this machine.
configured() { python3 -m pip config get "global.$1" 2>/dev/null || true; }
export PIP_INDEX_URL=${PIP_INDEX_URL:-${UV_DEFAULT_INDEX:-${UV_INDEX_URL:-$(configured index-url)}}}
[ -z "$PIP_INDEX_URL" ] || options+=(--build-arg PIP_INDEX_URL)

for authorities in "${PIP_CERT:-}" "${SSL_CERT_FILE:-}" "${REQUESTS_CA_BUNDLE:-}" "$(configured cert)"; do
    if [ -n "$authorities" ] && [ -f "$authorities" ]; then
        cp "$authorities" "$work/ca.pem"
        break
    fi
done
optional=()
[ ! -f "$work/ca.pem" ] || optional=(-C "$work" ca.pem)

# The context is piped in, so that the authorities need not lie in the checkout; its files are those of .dockerignore.
tar -C "$root" --exclude=__pycache__ -cf - Dockerfile .dockerignore bot templates pyproject.toml README.md LICENSE \
    requirements.lock requirements-dev.lock "${optional[@]}" |
    docker build --quiet --force-rm "${options[@]}" --tag "$name" -
