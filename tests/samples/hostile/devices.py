"""Making device files, finding some."""
attempt("block", lambda: os.mknod("/tmp/disk", 0o666 | stat.S_IFBLK, os.makedev(8, 0)))
attempt("character", lambda: os.mknod("/tmp/mem", 0o666 | stat.S_IFCHR, os.makedev(1, 1)))
harmless = set("null zero full random urandom tty ptmx pts shm mqueue fd stdin stdout stderr core console".split())
did += sorted(set(os.listdir("/dev")) - harmless)
