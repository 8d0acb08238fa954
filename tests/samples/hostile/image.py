"""Changing the image, the interpreter and the agent's own files."""
for folder in ("/", "/usr", "/usr/bin", "/bin", "/etc", "/lib", "/opt", "/opt/tryline", "/opt/tryline/generated", "/venv", "/venv/bin",
               "/venv/lib", "/run", "/run/tryline", "/run/tryline/tryline_inside", "/var", "/root", "/dev", "/proc", "/sys", "/mnt"):
    attempt(folder, lambda: write(folder + "/tryline-abuse"))
for path in glob.glob("/venv/bin/*") + glob.glob("/venv/lib/*/site-packages/*/__init__.py") + glob.glob("/run/tryline/*/*.py"):
    attempt(path, lambda: write(path))
    attempt(path, lambda: os.chmod(path, 0o777))
    attempt(path, lambda: os.rename(path, path + "x"))
attempt("remount", lambda: call(165, b"none", b"/", None, 0x21, None) if platform.machine() == "x86_64" else False)
