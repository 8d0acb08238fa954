"""Environment, command lines and memory of all processes, `/run`, `/etc`, `.git`."""
places = ["/proc/%s/%s" % (n, what) for n in os.listdir("/proc") if n.isdigit() for what in ("environ", "cmdline", "mem")]
for path in places + glob.glob("/run/**", recursive=True) + glob.glob("/etc/*") + glob.glob("/repo/.git/**"):
    try:
        with open(path, "rb") as stream:
            text = stream.read(1 << 20)
    except OSError:
        continue
    did += [path for word in TARGETS["canary"] if word[::-1].encode() in text]
did += [name for name in os.environ if "TRYLINE" in name or "TOKEN" in name or "SECRET" in name or "DOCKER" in name]
