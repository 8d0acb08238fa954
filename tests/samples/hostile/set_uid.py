"""A set-uid program of its own."""
import shutil
shutil.copy("/bin/sh", "/repo/sh")
os.chmod("/repo/sh", 0o6755)
said = subprocess.run(["/repo/sh", "-c", "id -u"], capture_output=True).stdout
did += [] if int(said) == os.getuid() else [said.decode()]
attempt("given away", lambda: os.chown("/repo/sh", 0, 0))
attempt("capability", lambda: os.setxattr("/repo/sh", "security.capability", struct.pack("<IIIII", 0x2000001, 1 << 7, 0, 0, 0)))
os.remove("/repo/sh")
