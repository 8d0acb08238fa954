"""The engine's socket, the host's abstract sockets."""
attempt("abstract", lambda: connect(socket.AF_UNIX, "\0" + TARGETS["abstract"]))
known = "/var/run/docker.sock /run/docker.sock /run/containerd/containerd.sock /run/podman/podman.sock"
known += " /run/systemd/private /run/dbus/system_bus_socket /run/udev/control /dev/log"
for path in [TARGETS["path"], *known.split()]:
    attempt(path, lambda: connect(socket.AF_UNIX, path))
did += [line.split()[-1] for line in open("/proc/net/unix").read().splitlines()[1:] if TARGETS["abstract"] in line]
