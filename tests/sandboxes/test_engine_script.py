"""`make engine`: an engine works after whatever a killed machine left, and one that works is left alone."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = [pytest.mark.engine, pytest.mark.thorough]

SCRIPT = Path(__file__).parents[2] / "scripts/engine.sh"

# Where it has a machine of its own: no network, no processes, no /run and no images of the real one.
PRIVATE = """
set -eu
mount --make-rprivate /
mount -t tmpfs tmpfs /run
mkdir -p /run/docker/containerd /var/lib/docker
mount -t tmpfs tmpfs /var/lib/docker
ip link set lo up
unset DOCKER_HOST
export ENGINE_PATIENCE=3
engine() { bash "$1"; echo "$2: $(docker version --format up) $(cat /run/docker.pid)"; }
dockerd() { cat /run/docker.pid; }
"""


def machine(script: str) -> dict[str, str]:
    """What each run of the script led to, by name; the whole machine is gone afterwards."""
    assert os.geteuid() == 0 and shutil.which("dockerd"), "run `make engine` as root"
    ran = subprocess.run(
        [
            *("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--"),
            *("bash", "-c", PRIVATE + script, "test", str(SCRIPT)),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return dict(line.split(": ", 1) for line in ran.stdout.splitlines() if ": " in line)


def test_it_starts_one_whatever_a_killed_machine_left() -> None:
    told = machine("""
echo 1 >/run/docker.pid
echo 1 >/run/docker/containerd/containerd.pid
engine "$1" "other processes have their ids"
engine "$1" "it works"
tar -c -T /dev/null | docker import - empty >/dev/null
docker run -d --stop-timeout 1 --network none -v /usr:/usr -v /lib:/lib -v /lib64:/lib64 -v /bin:/bin \
    empty /bin/sleep 1000 >/dev/null
kill -KILL "$(dockerd)"
sleep 0.2
engine "$1" "it was killed"
echo "containers: $(docker ps -q | wc -l)"
""")
    first, second, third = (told[name].split() for name in list(told)[:3])
    assert first[0] == second[0] == third[0] == "up"
    assert first[1] == second[1] != "1", "one that works is left alone"
    assert third[1] != second[1]
    assert told["containers"] == "0"


@pytest.mark.parametrize("part", ["docker.pid", "docker/containerd/containerd.pid"])
def test_one_that_hangs_is_ended_and_started_anew(part: str) -> None:
    told = machine(f"""
engine "$1" "it works"
kill -STOP "$(cat /run/{part})"
engine "$1" "it hung"
""")
    works, hung = (row.split() for row in told.values())
    assert works[0] == hung[0] == "up"
    assert works[1] != hung[1]
