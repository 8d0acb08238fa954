"""TCP, UDP and IPv6 to every address of the host."""
for address in TARGETS["addresses"]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    scope = (0, 2) if address.startswith("fe80") else ()
    for port in (TARGETS["tcp"], 22, 2375, 2376, 80):
        attempt(("tcp", address, port), lambda: connect(family, (address, port, *scope)))
    local = address in ("127.0.0.1", "::1")  # its own loopback takes what nobody hears
    attempt(("udp", address), lambda: connect(family, (address, TARGETS["udp"], *scope), socket.SOCK_DGRAM) or not local)
