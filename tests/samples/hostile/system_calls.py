"""Io_uring, ptrace, keyrings, bpf, namespaces, mounting, modules, clocks and some thirty more."""
NUMBERS = {"x86_64": 0, "aarch64": 1}
column = NUMBERS[platform.machine()]
room = ctypes.create_string_buffer(256)
null = ctypes.c_void_p(None)
for name, numbers, args in (
    ("io_uring_setup", (425, 425), (4, room)), ("io_uring_enter", (426, 426), (0, 1, 0, 0, null, 0)),
    ("io_uring_register", (427, 427), (0, 0, null, 0)),
    ("userfaultfd", (323, 282), (1,)), ("bpf", (321, 280), (5, room, 120)), ("perf_event_open", (298, 241), (room, 0, -1, -1, 0)),
    ("add_key", (248, 217), (b"user", b"x", b"y", 1, -2)), ("request_key", (249, 218), (b"user", b"x", null, -2)),
    ("keyctl", (250, 219), (0, -3, 1)), ("ptrace", (101, 117), (0, 0, 0, 0)), ("process_vm_readv", (310, 270), (1, room, 1, room, 1, 0)),
    ("process_vm_writev", (311, 271), (1, room, 1, room, 1, 0)), ("unshare user", (272, 97), (0x10000000,)),
    ("unshare net", (272, 97), (0x40000000,)), ("unshare mounts", (272, 97), (0x20000,)), ("setns", (308, 268), (0, 0)),
    ("mount", (165, 40), (b"none", b"/tmp", b"tmpfs", 0, null)), ("umount2", (166, 39), (b"/tmp", 0)),
    ("pivot_root", (155, 41), (b"/tmp", b"/tmp")), ("chroot", (161, 51), (b"/tmp",)),
    ("init_module", (175, 105), (room, 16, b"")), ("finit_module", (313, 273), (0, b"", 0)), ("delete_module", (176, 106), (b"x", 0)),
    ("kexec_load", (246, 104), (0, 0, null, 0)), ("reboot", (169, 142), (0xFEE1DEAD, 672274793, 0x89ABCDEF, null)),
    ("swapon", (167, 224), (b"/tmp/x", 0)), ("swapoff", (168, 225), (b"/tmp/x",)), ("acct", (163, 89), (null,)),
    ("settimeofday", (164, 170), (room, null)), ("clock_settime", (227, 112), (0, room)), ("sethostname", (170, 161), (b"x", 1)),
    ("open_by_handle_at", (304, 265), (-100, room, 0)), ("fanotify_init", (300, 262), (0, 0)),
    ("open_tree", (428, 428), (-100, b"/", 1)), ("move_mount", (429, 429), (-100, b"/tmp", -100, b"/tmp", 0)),
    ("fsopen", (430, 430), (b"tmpfs", 0)), ("mount_setattr", (442, 442), (-100, b"/", 0, room, 32)),
    ("pidfd_getfd", (438, 438), (0, 0, 0)), ("quotactl", (179, 60), (0, null, 0, null)), ("syslog", (103, 116), (3, room, 10)),
    ("personality", (135, 92), (0x0040000,)), ("clone user", (56, 220), (0x10000000 | 17, null, null, null, null)),
    ("clone3 user", (435, 435), (struct.pack("=11Q", 0x10000000, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0), 88)),
):
    here = os.getpid()
    attempt(name, lambda: call(numbers[column], *args))
    if os.getpid() != here:
        os._exit(0)
