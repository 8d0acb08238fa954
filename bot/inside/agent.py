"""PID 1 of a sandbox: takes jobs as frames on stdin, runs them as an unprivileged user, answers on stdout.

A frame is a 4-byte big-endian length and that many bytes of JSON; a job of kind `tree` is followed by one frame
of raw tar bytes. The agent imports nothing of the repository, and repository code never runs as its user. It
ends when stdin ends, and with it, as PID 1, the container: a host that was killed leaves nothing behind. One that
forgot its container, or was cut off from it, neither: the agent ends by itself after some hours.
"""

import json
import os
import signal
import struct
import subprocess
import sys
import tarfile
import threading
import time

from tryline_inside import fence, identity, processes, tree, warm

MAX_FRAME = 512 * 1024 * 1024
LIFE = 4 * 3600
"""Seconds that a container may live: as long as its label says."""

_out_lock = threading.Lock()
walls = {"fence": "not raised"}
"""What stands around repository code: 'on', or why not."""


def reply(message):
    """Writes one frame. Only the agent holds the container's stdout."""
    data = json.dumps(message).encode("utf-8", "surrogateescape")
    with _out_lock:
        stream = sys.stdout.buffer
        stream.write(struct.pack(">I", len(data)) + data)
        stream.flush()


def read_frame(stream):
    """One frame's bytes, or None at the end of the stream."""
    head = stream.read(4)
    if len(head) < 4:
        return None
    size = struct.unpack(">I", head)[0]
    if size > MAX_FRAME:
        raise SystemExit("frame too large")
    data = stream.read(size)
    return data if len(data) == size else None


def handle(kind, job):
    if kind == "run":
        return processes.run(job)
    if kind == "put":
        return tree.put(job)
    if kind == "get":
        return tree.get(job)
    if kind == "hello":
        ids = processes.house.why or "own"
        return {"python": list(sys.version_info[:3]), "cpus": os.cpu_count(), "fence": walls["fence"], "ids": ids}
    return {"error": "unknown job %r" % kind}


def answer(job):
    try:
        result = handle(job["kind"], job)
    except Exception as problem:  # reported to the host, which decides; the agent itself must go on
        result = {"error": "%s: %s" % (type(problem).__name__, problem)}
    reply(dict(result, id=job.get("id")))


def main():
    """Serves until stdin ends."""
    ends = time.monotonic() + LIFE
    # Without an engine, repository code may have our own id and send these: no handler, and process 1 gets none.
    if os.getuid() == 0:
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.signal(signal.SIGALRM, lambda *_: os._exit(0) if time.monotonic() > ends - 1 else None)
    signal.alarm(LIFE)
    walls["fence"] = fence.raised()
    if identity.ctypes is not None:
        identity.prctl(identity.DUMPABLE, 0)  # nobody reads its memory, whoever he is
    processes.open_house()
    stream = sys.stdin.buffer
    server = None
    while True:
        data = read_frame(stream)
        if data is None:
            os._exit(0)
        job = json.loads(data.decode())
        kind = job["kind"]
        if kind == "tree":
            body = read_frame(stream)
            if body is None:
                os._exit(0)
            try:
                reply({"id": job["id"], "files": tree.extract(body)})
            except (OSError, tarfile.TarError) as problem:
                reply({"id": job["id"], "error": "cannot unpack the repository: %s" % problem})
        elif kind == "warm":
            if server is not None:
                server.stop()  # what it left must be gone: the container ends with the agent where it is not
                server = None
            try:
                server = warm.Warm(job, reply)
            except (OSError, subprocess.SubprocessError) as problem:
                reply({"id": job["id"], "error": "the fork server does not start: %s" % problem})
            else:
                server.ask(job["id"], {"kind": "hello"})
        elif kind == "trial":
            if server is None:
                reply({"id": job["id"], "error": "no fork server"})
            else:
                server.ask(job["id"], job["message"])
        elif kind == "cancel":
            if server is not None:
                server.cancel(job["jobs"])
        else:
            threading.Thread(target=answer, args=(job,), daemon=True).start()
