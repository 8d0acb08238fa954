"""Other users and groups, capabilities, set-uid programs of the image."""
mine = os.getuid()
for uid in (0, 1, 1000, 10001, 20000, 20001, 65534):
    if uid != mine:
        attempt(("uid", uid), lambda: os.setresuid(uid, uid, uid))
        attempt(("gid", uid), lambda: os.getgid() != uid and os.setresgid(uid, uid, uid) is None)
attempt("groups", lambda: os.setgroups([0]))
head = struct.pack("=Ii", 0x20080522, 0)
attempt("capabilities", lambda: libc.capset(head, struct.pack("=6I", *[0xFFFFFFFF] * 6)) == 0)
attempt("ambient", lambda: libc.prctl(47, 2, 7, 0, 0) == 0)
attempt("no_new_privs", lambda: libc.prctl(38, 0, 0, 0, 0) == 0)
attempt("fence", lambda: libc.prctl(22, 0, 0, 0, 0) == 0)
for folder in ("/usr", "/bin", "/sbin", "/opt", "/venv"):
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                state = os.lstat(os.path.join(path, name))
                gained = "security.capability" in os.listxattr(os.path.join(path, name), follow_symlinks=False)
            except OSError:
                continue
            if gained or stat.S_ISREG(state.st_mode) and state.st_mode & (stat.S_ISUID | stat.S_ISGID):
                did.append(os.path.join(path, name))
for tool in ("su", "sudo", "newuidmap", "mount", "pkexec", "unshare"):
    attempt(tool, lambda: subprocess.run([tool, "-c", "id"], capture_output=True, timeout=9).stdout.startswith(b"uid=0"))
