"""The fork server as the agent sees it: its process, and the table of what it was asked."""

import json
import os
import threading

from tryline_inside import identity, processes

MAX_ANSWER = 16 * 1024 * 1024


class Warm:
    """The fork server's process and the table of what it was asked."""

    def __init__(self, job, reply):
        self.reply = reply
        ask_read, self.ask_write = os.pipe()
        self.answer_read, answer_write = os.pipe()
        house = processes.house
        self.tenant = house.admit(own=True, name="s")
        self.block = house.blocks.pop() if self.tenant.own and house.blocks else None
        fds = [ask_read, answer_write]
        become = own = None
        if self.block is not None:
            lowest, highest = self.block
            width = max(2, int(job["spec"].get("width", 2)))
            most = house.processes and max(16, (house.processes - 24) // width)
            own = {
                "lowest": lowest,
                "highest": highest,
                "room": identity.ROOM,
                "lists": house.lists,
                "processes": most,
            }
            fds += house.lists.values()

            def become():
                identity.become_server(self.tenant.uid, lowest, highest)

        spec = dict(job["spec"], ask_fd=ask_read, report_fd=answer_write, own=own)
        path = "%s/serve.json" % processes.HERE
        with open(path, "w") as stream:
            json.dump(spec, stream)
        os.chmod(path, 0o644)
        argv = [processes.PYTHON, processes.HERE + "/tryline_inside/runner.py", "@" + path]
        limits = {"file": int(job.get("file_mb", 64)) << 20}
        self.waiting = {}
        self.lock = threading.Lock()
        self.writing = threading.Lock()
        self.dead = ""
        self.out = processes.Tail(64 << 10)
        env = processes.environment(job.get("env"), self.tenant.place)
        try:
            self.process = processes.start(
                argv, env, limits, self.tenant, fds, busy=lambda: bool(self.waiting), become=become
            )
        except BaseException:
            house.tenants.remove(self.tenant)
            raise
        finally:
            os.close(ask_read)
            os.close(answer_write)
        threading.Thread(target=self.drain, daemon=True).start()
        threading.Thread(target=self.listen, daemon=True).start()

    def drain(self):
        while True:
            data = self.process.stdout.read1(1 << 16)
            if not data:
                return
            self.out.add(data)

    def listen(self):
        try:
            self.read_answers()
        finally:
            os.close(self.answer_read)
            with self.lock:
                self.dead = "the fork server ended"
                left = list(self.waiting)
            for job in left:
                self.settle(job, {"error": self.dead, "output": self.out.text()[-4000:]})

    def read_answers(self):
        """Passes answers on until the server ends, or says something endless."""
        buffer = bytearray()
        while len(buffer) <= MAX_ANSWER:
            data = os.read(self.answer_read, 1 << 20)
            if not data:
                return
            buffer += data
            if b"\n" not in data:
                continue
            lines = buffer.split(b"\n")
            buffer = lines.pop()
            for line in lines:
                try:
                    message = json.loads(line.decode("utf-8", "replace"))
                    job = message.pop("job", None) if isinstance(message, dict) else None
                    if isinstance(job, int):
                        self.settle(job, message)
                except (ValueError, RecursionError):
                    continue

    def settle(self, job, message):
        with self.lock:
            known = self.waiting.pop(job, None)
        if known is not None:
            self.reply(dict(message, id=job))

    def ask(self, job_id, message):
        with self.lock:
            if not self.dead:
                self.waiting[job_id] = True
        if self.dead:
            self.reply({"id": job_id, "error": self.dead, "output": self.out.text()[-4000:]})
            return
        try:
            self.tell(dict(message, job=job_id))
        except OSError:
            self.settle(job_id, {"error": "the fork server ended", "output": self.out.text()[-4000:]})

    def cancel(self, jobs):
        """Ends what was asked and is not wanted any more; the server answers each."""
        try:
            self.tell({"kind": "cancel", "jobs": jobs, "job": None})
        except OSError:
            pass  # it ended, and all that waits is answered by that

    def tell(self, message):
        """Writes one line to the server. Raises OSError when it is gone."""
        with self.writing:  # not the lock that answers need: the server may be busy sending one
            view = memoryview((json.dumps(message) + "\n").encode())
            while view:
                view = view[os.write(self.ask_write, view) :]

    def stop(self):
        house = processes.house
        house.kill(self.tenant, self.process.pid)
        self.process.wait()
        if self.block is not None:
            house.clear_block(*self.block)
        house.part(self.tenant, self.process.pid)
        processes.forget(self.process.pid)
        with self.writing:
            os.close(self.ask_write)
