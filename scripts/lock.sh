#!/usr/bin/env bash
# Resolves pyproject.toml into the two lock files, with hashes and without the address of any registry.
set -euo pipefail
uv=${1:-uv}
options=(--quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links
         --no-header --no-annotate)
"$uv" pip compile "${options[@]}" pyproject.toml -o requirements.lock
"$uv" pip compile "${options[@]}" pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock
