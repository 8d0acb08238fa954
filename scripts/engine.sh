#!/usr/bin/env bash
# Makes sure that a Docker engine works: says nothing when one does; installs, mends and starts one where it can.
#
# What a killed machine or session leaves is mended: files that name processes which are gone, or are others by now;
# an engine that hangs; a containerd without its engine, which would keep the next one waiting.
set -euo pipefail

PATIENCE=${ENGINE_PATIENCE:-60} # seconds in which an engine must answer, and a container start
STATE=/var/run/docker           # of an engine with no other settings

say() { printf '%s\n' "$*" >&2; }

missing() {
    printf 'missing: %s\n%s\n' "$1" "$2" >&2
    exit 1
}

answers() { timeout -k 1 "$((PATIENCE < 10 ? PATIENCE : 10))" docker info >/dev/null 2>&1; }

# Whether a container gets as far as its program: an engine can answer and start nothing. 127: no such program.
runs() {
    local image=tryline-probe:latest code=0
    tar -c -T /dev/null | timeout -k 1 30 docker import - "$image" >/dev/null 2>&1 || return 1
    timeout -k 1 "$PATIENCE" docker run --rm --network none "$image" /there-is-none >/dev/null 2>&1 || code=$?
    timeout -k 1 30 docker rmi -f "$image" >/dev/null 2>&1 || true
    [ "$code" = 127 ]
}

works() { answers && runs; }

# waits SECONDS CHECK...: whether a check holds within so many seconds.
waits() {
    local until=$((SECONDS + $1))
    shift
    while ! "$@"; do
        [ "$SECONDS" -lt "$until" ] || return 1
        sleep 0.5
    done
}

# The processes of the engine with no other settings: those of further engines have some, or another view of the disk.
engine_processes() {
    local folder words
    for folder in /proc/[0-9]*; do
        words=$({ tr '\0' ' ' <"$folder/cmdline"; } 2>/dev/null) || continue
        case "$(cat "$folder/comm" 2>/dev/null) $words" in
        *--config-file* | *--data-root* | *--pidfile* | *--exec-root*) continue ;;
        "dockerd "* | "containerd "*" $STATE/containerd/containerd.toml "*) ;;
        *) continue ;;
        esac
        [ "$(readlink "$folder/ns/mnt" 2>/dev/null)" = "$(readlink /proc/self/ns/mnt)" ] || continue
        echo "${folder#/proc/}"
    done
}

none_left() { [ -z "$(engine_processes)" ]; }

starting() { [ -n "$(engine_processes)" ]; }

# Ends an engine that is of no use, and removes what would keep the next one from starting.
clear_away() {
    local pids
    pids=$(engine_processes)
    # Words of a list: one process each.
    # shellcheck disable=SC2086
    if [ -n "$pids" ]; then
        say "ending a Docker engine that does not work"
        kill -TERM $pids 2>/dev/null || true
        kill -CONT $pids 2>/dev/null || true
        if ! waits 10 none_left; then
            kill -KILL $(engine_processes) 2>/dev/null || true
            waits 10 none_left || missing "a Docker engine that can be ended" "Its processes stay: $(engine_processes | xargs). Restart the machine."
        fi
    fi
    # An engine believes these: it takes whatever runs under such an id for another engine, or for its containerd.
    rm -f /var/run/docker.pid "$STATE/containerd/containerd.pid"
}

works && exit 0

if [ "$(id -u)" != 0 ]; then
    command -v docker >/dev/null ||
        missing "docker" "Install Docker (Debian, Ubuntu: sudo apt-get install docker.io), then run this again."
    answers &&
        missing "a Docker engine that runs containers" "It answers, and starts none; restart it (sudo systemctl restart docker)."
    missing "a Docker engine that answers" \
        "Start it (sudo systemctl start docker) and let this user talk to it (sudo usermod -aG docker $(id -un), then log in again)."
fi
if [ -n "${DOCKER_HOST:-}" ]; then
    missing "the Docker engine named by DOCKER_HOST" "Start that engine, or unset DOCKER_HOST to use a local one."
fi
if ! command -v dockerd >/dev/null; then
    command -v apt-get >/dev/null ||
        missing "dockerd" "Install Docker with your system's package manager, then run this again."
    say "installing a Docker engine (docker.io)"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends docker.io iptables >/dev/null
fi

# One that has just been started has its containers to look after before it answers.
if starting && waits "$PATIENCE" works; then exit 0; fi

if [ -d /run/systemd/system ]; then
    systemctl restart docker || true
    waits 60 works && exit 0
    missing "a Docker engine that works" "systemd started it, and it runs no container; see: journalctl -u docker"
fi
log=$(mktemp -t tryline-dockerd-XXXXXX.log)
for _ in 1 2; do
    clear_away
    # Detached from this shell, its session and its output: it must outlive make.
    setsid nohup dockerd >>"$log" 2>&1 </dev/null &
    engine=$!
    until=$((SECONDS + 60))
    while [ "$SECONDS" -lt "$until" ] && kill -0 "$engine" 2>/dev/null; do
        works && exit 0
        sleep 0.5
    done
done
missing "a Docker engine that works" "dockerd was started twice and runs no container; the end of $log:
$(tail -n 15 "$log")"
