"""`/proc/sys`, `/sys`, control groups, kernel memory."""
for path in ("/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname", "/proc/sys/vm/drop_caches",
             "/proc/sys/kernel/modprobe", "/proc/sys/fs/binfmt_misc/register", "/proc/irq/default_smp_affinity", "/proc/1/oom_adj",
             "/sys/kernel/uevent_helper", "/sys/power/state", "/sys/fs/cgroup/memory/memory.limit_in_bytes",
             "/proc/self/uid_map", "/proc/self/setgroups"):
    attempt(("write", path), lambda: write(path, "0 0 1\n"))
for path in ("/proc/timer_list", "/proc/keys", "/proc/scsi/scsi", "/proc/latency_stats"):
    attempt(path, lambda: open(path, "rb").read(1) != b"")
for path in ("/proc/kcore", "/dev/mem", "/dev/kmem", "/dev/port", "/dev/kmsg", "/proc/kmsg", "/proc/vmcore", "/dev/fuse", "/dev/kvm"):
    attempt(path, lambda: open(path, "rb").read(1))
attempt("better score", lambda: write("/proc/self/oom_score_adj", "-900"))
for folder, _, names in os.walk("/sys/fs/cgroup"):
    for name in names:
        if os.access(os.path.join(folder, name), os.W_OK):
            attempt(os.path.join(folder, name), lambda: write(os.path.join(folder, name), "1"))
