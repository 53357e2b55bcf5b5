"""What the tests of the daemon share: a daemon that runs, a mounted filesystem, and commands.

DAEMON and CTL are set by main().
"""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                                "support"))
sys.dont_write_bytecode = True
import loud_skips  # noqa: E402

DAEMON, CTL = "", ""
DEADLINE = 60


def run(*words, check=None, user=None, timeout=DEADLINE, **more):
    done = subprocess.run(words, capture_output=True, text=True, timeout=timeout, user=user, **more)
    if check is not None and done.returncode != check:
        raise AssertionError(f"{words}: exit {done.returncode}, not {check}\n"
                             f"{done.stdout}{done.stderr}")
    return done


def eventually(condition):
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        if condition():
            return True
    return False


def unmount(path):
    """As soon as the daemon, which crawls there for a moment or writes, has let go."""
    said = None

    def done():
        nonlocal said
        said = run("umount", path)
        return said.returncode == 0
    if not eventually(done):
        raise AssertionError(said.stderr)


def stop_all(pid):
    """SIGSTOP; returns when every thread stands still."""
    os.kill(pid, signal.SIGSTOP)

    def stopped():
        states = []
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/stat", encoding="utf-8") as file:
                states.append(file.read().rsplit(")", 1)[1].split()[0])
        return set(states) == {"T"}
    if not eventually(stopped):
        raise AssertionError("the daemon goes on in spite of SIGSTOP")


class Daemon:
    """A running daemon that has said READY=1."""

    def __init__(self, work, *options, watch=None, state=None):
        self.socket = os.path.join(work, "socket")
        self.state = state or os.path.join(work, "state")
        self.watch = watch
        words = [DAEMON, f"--socket={self.socket}", *options]
        if not any(option.startswith("--state-directory=") for option in options):
            words.append(f"--state-directory={self.state}")
        if watch:
            words.append(f"--watch={watch}")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            # What systemd would wait for.
            manager.bind(os.path.join(work, "notify"))
            manager.settimeout(DEADLINE)
            environment = dict(os.environ, NOTIFY_SOCKET=os.path.join(work, "notify"))
            self.process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True,
                                            env=environment)
            while "READY=1" not in manager.recv(65536).decode():
                pass
        os.unlink(os.path.join(work, "notify"))

    def connect(self):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(DEADLINE)
        client.connect(self.socket)
        return client

    def ctl(self, *words, check=0, **more):
        return run(CTL, f"--socket={self.socket}", *words, check=check, **more)

    def call(self, method, **parameters):
        with self.connect() as client:
            message = {"method": method, "parameters": parameters}
            client.sendall(json.dumps(message).encode() + b"\0")
            text = b""
            while not text.endswith(b"\0"):
                got = client.recv(65536)
                if not got:
                    return None
                text += got
            return json.loads(text[:-1])

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(DEADLINE)
        self.process.stderr.close()


def start_fails(work, *options, user=None):
    done = run(DAEMON, f"--state-directory={work}/state2", f"--socket={work}/socket2", *options,
               user=user)
    return done.returncode, done.stderr


class DaemonCase(unittest.TestCase):
    def setUp(self):
        self.work = tempfile.mkdtemp(prefix="cj-daemon-")
        os.chmod(self.work, 0o755)
        self.mount = os.path.join(self.work, "mnt")
        os.mkdir(self.mount)
        run("mount", "-t", "tmpfs", "tmpfs", self.mount, check=0)
        self.daemons = []

    def tearDown(self):
        for daemon in self.daemons:
            daemon.stop()
        run("umount", "-R", "-l", self.mount)
        shutil.rmtree(self.work, ignore_errors=True)

    def start(self, *options, **more):
        daemon = Daemon(self.work, *options, watch=more.get("watch", self.mount))
        self.daemons.append(daemon)
        return daemon

    def write(self, name, text="x"):
        with open(os.path.join(self.mount, name), "w") as file:
            file.write(text)


def enter_own_mount_namespace():
    """What is mounted here is seen by nobody else, and goes when the last of our children ends. (A
    filesystem that others have copied into a namespace of theirs does not end with its umount.)"""
    if os.environ.pop("CJ_OWN_MOUNTS", None) is None:
        os.environ["CJ_OWN_MOUNTS"] = "1"
        os.execvp("unshare", ["unshare", "--mount", "--propagation=private",
                              sys.executable, *sys.argv])


def main():
    """Runs the tests of the program that imports this: PROGRAM CHANGEJOURNALD CHANGECTL ..."""
    global DAEMON, CTL
    DAEMON, CTL = sys.argv[1], sys.argv[2]
    if os.geteuid() != 0:
        print("SKIPPED: needs root")
        sys.exit(4)
    enter_own_mount_namespace()
    loud_skips.main(argv=sys.argv[:1] + sys.argv[3:])
