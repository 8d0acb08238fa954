#!/usr/bin/env bash
# Makes sure that a Docker engine answers: says nothing when one does, installs and starts one where it can.
set -euo pipefail

answers() { timeout 20 docker info >/dev/null 2>&1; }

missing() {
    printf 'missing: %s\n%s\n' "$1" "$2" >&2
    exit 1
}

answers && exit 0

if [ "$(id -u)" != 0 ]; then
    command -v docker >/dev/null ||
        missing "docker" "Install Docker (Debian, Ubuntu: sudo apt-get install docker.io), then run this again."
    missing "a Docker engine that answers" \
        "Start it (sudo systemctl start docker) and let this user talk to it (sudo usermod -aG docker $(id -un), then log in again)."
fi
if [ -n "${DOCKER_HOST:-}" ]; then
    missing "the Docker engine named by DOCKER_HOST" "Start that engine, or unset DOCKER_HOST to use a local one."
fi
if ! command -v dockerd >/dev/null; then
    command -v apt-get >/dev/null ||
        missing "dockerd" "Install Docker with your system's package manager, then run this again."
    echo "installing a Docker engine (docker.io)" >&2
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends docker.io iptables >/dev/null
fi

log=$(mktemp -t tryline-dockerd-XXXXXX.log)
if [ -d /run/systemd/system ]; then
    systemctl start docker || true
else
    # Detached from this shell, its session and its output: it must outlive make.
    setsid nohup dockerd >"$log" 2>&1 </dev/null &
fi
for _ in $(seq 60); do
    answers && exit 0
    sleep 1
done
missing "a Docker engine that answers" "dockerd was started and does not answer within a minute; the end of $log:
$(tail -n 15 "$log")"
