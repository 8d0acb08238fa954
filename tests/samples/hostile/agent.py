"""Memory, files and namespaces of PID 1 through `/proc`."""
others = [n for n in os.listdir("/proc") if n.isdigit() and int(n) != os.getpid() and os.stat("/proc/" + n).st_uid != os.getuid()]
assert "1" in others
for number in others:
    for name in ("mem", "environ", "maps", "auxv", "stack", "syscall", "io", "personality"):
        attempt((number, name), lambda: open("/proc/%s/%s" % (number, name), "rb").read(1) != b"")
    for name in ("fd", "fdinfo", "map_files"):
        attempt((number, name), lambda: os.listdir("/proc/%s/%s" % (number, name)))
    for name in ("root", "cwd", "exe", "ns/net"):
        attempt((number, name), lambda: os.readlink("/proc/%s/%s" % (number, name)))
    attempt((number, "write"), lambda: open("/proc/%s/mem" % number, "wb"))
    attempt((number, "adjust"), lambda: write("/proc/%s/oom_score_adj" % number, "1000"))
