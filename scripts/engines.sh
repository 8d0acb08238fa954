#!/usr/bin/env bash
# Makes sure that the further engines that tests start are installed: Podman, gVisor, bubblewrap. Says nothing when so.
set -euo pipefail

declare -A packages=(
    [podman]=podman [runsc]=runsc [bwrap]=bubblewrap [runc]=runc [openssl]=openssl [ip]=iproute2
    [nsenter]=util-linux [setpriv]=util-linux [newuidmap]=uidmap
)
export PATH=$PATH:/usr/sbin:/sbin
wanted=()
for program in "${!packages[@]}"; do
    command -v "$program" >/dev/null || wanted+=("${packages[$program]}")
done
[ ${#wanted[@]} != 0 ] || exit 0

command -v apt-get >/dev/null || {
    printf 'missing: %s\nInstall them with your system'"'"'s package manager, then run this again.\n' "${wanted[*]}" >&2
    exit 1
}
[ "$(id -u)" = 0 ] || {
    printf 'missing: %s\nRun: sudo apt-get install %s\n' "${wanted[*]}" "${wanted[*]}" >&2
    exit 1
}
echo "installing engines for the tests (${wanted[*]})" >&2
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${wanted[@]}" >/dev/null
