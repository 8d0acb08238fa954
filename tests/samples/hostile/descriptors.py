"""Files and sockets that were left open."""
for fd in os.listdir("/proc/self/fd"):
    try:
        way = os.readlink("/proc/self/fd/" + fd)
    except OSError:
        continue
    if not way.startswith(("pipe:", "/dev/null", "/proc/")):
        did.append(way)
