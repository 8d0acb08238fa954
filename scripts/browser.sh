#!/usr/bin/env bash
# Makes sure that a Chromium is there for the tests of the report: says nothing when one is, installs one where it can.
set -euo pipefail

for name in chromium chromium-browser google-chrome; do
    command -v "$name" >/dev/null && exit 0
done
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    printf 'missing: chromium\n%s\n' \
        "Install it with your system's package manager (Debian, Ubuntu: sudo apt-get install chromium), then run this again." >&2
    exit 1
fi
echo "installing a browser (chromium)" >&2
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
