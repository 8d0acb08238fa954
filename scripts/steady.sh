#!/usr/bin/env bash
# Runs pytest with these arguments; the few tests that fail beside others are run once more, each alone, and named.
#
# Some tests race against a busy machine: engines are killed, workers lost, clocks compared. What fails alone as well
# fails the run. What passes then is told as unsteady, to be mended, and does not.
set -uo pipefail
cd "$(dirname "$0")/.."
pytest=.venv/bin/pytest
failed=.pytest_cache/v/cache/lastfailed
most=5

# Names of the tests that failed last, one a line.
names() { .venv/bin/python -c 'import json, sys; print(*sorted(json.load(open(sys.argv[1]))), sep="\n")' "$failed"; }

rm -f "$failed"
"$pytest" "$@"
code=$?
[ "$code" = 1 ] && [ -f "$failed" ] || exit "$code" # 0: all passed; others: not the tests' doing
mapfile -t tests < <(names)
if [ "${#tests[@]}" -eq 0 ] || [ "${#tests[@]}" -gt "$most" ]; then
    exit "$code"
fi
printf '\nfailed beside others, and run once more, alone:\n' >&2
printf '  %s\n' "${tests[@]}" >&2
"$pytest" -q -n 0 "${tests[@]}" || exit 1
printf '\nUNSTEADY, to be mended: these failed beside others and passed alone:\n' >&2
printf '  %s\n' "${tests[@]}" >&2
