#!/usr/bin/env bash
# Makes the virtual environment and installs exactly what the lock files name, hashes checked.
set -euo pipefail
venv=${1:?usage: install.sh VENV}
python=${PYTHON:-python3}

# Prints what is missing and how to get it, then gives up.
missing() {
    printf 'missing: %s\n%s\n' "$1" "$2" >&2
    exit 1
}

# Installs Debian packages where that can be done without asking anybody.
packages() {
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        export DEBIAN_FRONTEND=noninteractive
        apt-get update -qq
        apt-get install -y -qq --no-install-recommends "$@" >/dev/null
    else
        missing "$*" "Install it with your system's package manager (Debian, Ubuntu: apt-get install $*)."
    fi
}

command -v "$python" >/dev/null || packages python3
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    missing "Python 3.11 or newer" "$python is $("$python" -V 2>&1). Say which one to use: make PYTHON=python3.12"
command -v git >/dev/null || packages git
if [ ! -x "$venv/bin/python" ]; then
    "$python" -c 'import ensurepip, venv' 2>/dev/null || packages python3-venv python3-pip
    "$python" -m venv "$venv"
fi
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
# The checkout itself, so that the command `tryline` exists; hatchling is in the lock, nothing is fetched.
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
