#!/usr/bin/env bash
# Makes DIR a virtual environment with a real vLLM server that runs on the CPU: what the live tests talk to.
#
# Everything but torch is installed by hash from requirements-vllm.lock. Torch's build for the CPU is not on PyPI: it
# comes from a folder or page that PIP_FIND_LINKS or pip's own configuration names, else from torch's own index.
# The second run does nothing: DIR/stamp says what is installed.
set -euo pipefail
dir=${1:?usage: vllm.sh DIR}
python=${PYTHON:-python3}
uv=${UV:-uv}
lock=requirements-vllm.lock
torch_index=https://download.pytorch.org/whl/cpu
cd "$(dirname "$0")/.."

# Prints what is missing and how to get it, then gives up.
missing() {
    printf 'missing: %s\n%s\n' "$1" "$2" >&2
    exit 1
}

[ "$(uname -sm)" = "Linux x86_64" ] || missing "a machine that vLLM's build for the CPU runs on" \
    "The wheel is for Linux on x86-64; this is $(uname -sm). Run the other tests with: make check"
grep -qm1 avx2 /proc/cpuinfo || missing "the processor's AVX2 instructions" \
    "vLLM's build for the CPU needs them. Run the other tests with: make check"
command -v "$python" >/dev/null || missing "$python" "Run make install first, or say which one: make PYTHON=python3.12"
command -v "$uv" >/dev/null || missing "uv" "Run make install first; it puts uv into .venv/bin."

torch=$(sed -n 's/^# torch==/torch==/p' "$lock")
[ -n "$torch" ] || missing "the line '# torch==VERSION' in $lock" "Run: make lock"
want="$(sha256sum <"$lock" | cut -c1-64) $("$python" -VV | tr '\n' ' ')"
if [ -f "$dir/stamp" ] && [ "$(cat "$dir/stamp")" = "$want" ] && [ -x "$dir/bin/python" ]; then
    exit 0
fi

free=$(df -Pm "$(mkdir -p "$dir" && cd "$dir" && pwd)" | awk 'NR == 2 {print $4}')
[ "$free" -ge 5000 ] || missing "5 GB of free disk for $dir" "There are $free MB. Free some, or name another place: make VLLM=DIR"
# Only what an earlier run of this script made is thrown away.
if [ -n "$(ls -A "$dir")" ] && [ ! -f "$dir/pyvenv.cfg" ]; then
    missing "an empty folder" "$dir holds other files. Name another place: make VLLM=DIR"
fi
echo "installing vLLM for the CPU into $dir (about 3.4 GB, two to three minutes)" >&2
rm -rf "$dir"
"$uv" venv --quiet --python "$(command -v "$python")" "$dir"

# uv reads no configuration of pip's; pip's is where a site says where torch is.
links=${PIP_FIND_LINKS:-$("$python" -m pip config get global.find-links 2>/dev/null || true)}
options=()
for link in $links; do options+=(--find-links "$link"); done
install=("$uv" pip install --quiet --python "$dir/bin/python" --no-deps)
# Of torch, only the folders count; the registry has its build for CUDA, which is four gigabytes and no use here.
if ! { [ ${#options[@]} -gt 0 ] && "${install[@]}" --no-index "${options[@]}" "$torch" 2>/dev/null; }; then
    "${install[@]}" --index-url "$torch_index" "$torch" || missing "$torch" \
        "It is neither in the folders of pip's find-links (${links:-none are configured}) nor could it be had from
$torch_index. Download the wheel where that address can be reached and set PIP_FIND_LINKS to its folder."
fi
# Compiled once, here: three processes of the server would each compile thousands of files at every start.
"${install[@]}" --require-hashes --compile-bytecode -r "$lock" || missing "a package of $lock" \
    "The line above says which. The lock is for the registry that pip is configured for; see also UV_INDEX_URL."
env -u PYTHONDONTWRITEBYTECODE "$dir/bin/python" -c 'import vllm, torch, xgrammar' >/dev/null 2>"$dir/import.log" ||
    missing "a vLLM that imports" "$(tail -n 5 "$dir/import.log")"
printf '%s' "$want" >"$dir/stamp"
