"""Name resolution, queries to name servers."""
for name in ("example.com", "localhost.example.com", "metadata.google.internal", "host.docker.internal"):
    attempt(name, lambda: socket.getaddrinfo(name, 80))
for server in re.findall(r"nameserver (\S+)", open("/etc/resolv.conf").read()) + ["1.1.1.1", "8.8.8.8"]:
    if not server.startswith("127."):
        query = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03com\x00\x00\x01\x00\x01"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
            attempt(server, lambda: made.sendto(query, (server, 53)))
