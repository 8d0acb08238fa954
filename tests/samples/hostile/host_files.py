"""Files, folders and disks of the host."""
for path in TARGETS["files"]:
    attempt(path, lambda: os.lstat(path))
    attempt(("write", path), lambda: write(path))
for path in ("/host", "/mnt/host", "/rootfs", "/var/lib/docker", "/root/.ssh", "/root/.docker", "/home/runner"):
    attempt(path, lambda: os.listdir(path))
did += [line for line in open("/proc/self/mountinfo") if " /dev/sd" in line or " /dev/vd" in line and " / " in line]
