"""Killing and stopping PID 1 and everybody else."""
for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP, signal.SIGSEGV):
    attempt(number, lambda: os.kill(1, number))
for number in {int(n) for n in os.listdir("/proc") if n.isdigit()} - {os.getpid()}:
    attempt(number, lambda: os.kill(number, signal.SIGKILL) or os.path.exists("/proc/%d" % number))
signal.signal(signal.SIGTERM, signal.SIG_IGN)
attempt("all", lambda: os.kill(-1, signal.SIGTERM) or False)
