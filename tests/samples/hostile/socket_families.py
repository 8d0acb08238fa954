"""Raw and packet sockets, netlink, vsock, kernel crypto and every other family."""
for family in range(50):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET):
        if family not in (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6) or kind == socket.SOCK_RAW:
            if (family, kind) != (socket.AF_UNIX, socket.SOCK_RAW):  # the same as datagrams
                attempt((family, kind), lambda: socket.socket(family, kind).close())
attempt("vsock", lambda: connect(40, (2, TARGETS["vsock"])))
