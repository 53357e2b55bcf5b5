"""A service manager that keeps descriptors between processes, as systemd's FD store does."""
import fcntl
import os
import socket
import subprocess
import threading

LONG = 30


class Manager:
    """As much of systemd as keeps descriptors for the next process (sd_notify(3), FDSTORE=1)."""

    def __init__(self, work):
        self.path = os.path.join(work, "manager")
        self.kept = {}
        self.ready = threading.Event()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            text, descriptors, _, _ = socket.recv_fds(self.socket, 65536, 8)
            lines = dict(line.split("=", 1) for line in text.decode().splitlines())
            if "FDSTORE" in lines:
                self.kept[lines["FDNAME"]] = descriptors[0]
            else:
                for descriptor in descriptors:  # a barrier ends when it is closed
                    os.close(descriptor)
            if "FDSTOREREMOVE" in lines and lines["FDNAME"] in self.kept:
                os.close(self.kept.pop(lines["FDNAME"]))
            if "READY" in lines:
                self.ready.set()

    def start(self, *words):
        """A process that gets what is kept; returns when it is ready."""
        self.ready.clear()
        names, kept = list(self.kept), list(self.kept.values())

        def pass_on():
            # Out of the way first: the targets may be taken.
            high = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, 100) for descriptor in kept]
            for number, descriptor in enumerate(high):
                os.dup2(descriptor, 3 + number)
        environment = dict(os.environ, NOTIFY_SOCKET=self.path)
        if kept:
            environment.update(LISTEN_FDS=str(len(kept)), LISTEN_FDNAMES=":".join(names))
            words = ("sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh", *words)
        process = subprocess.Popen(words, env=environment, preexec_fn=pass_on, close_fds=False,
                                   stderr=subprocess.DEVNULL)
        if not self.ready.wait(LONG):
            raise AssertionError("the daemon is not ready")
        return process
