"""A daemon among clients that mean harm: who they are, what it costs, whether others are served.

The group `changejournal` is that of this machine, or one that only our mount namespace knows.
"""
import collections
import grp
import json
import os
import random
import resource
import socket
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "service"))
sys.dont_write_bytecode = True

import daemon_fixture  # noqa: E402
from daemon_fixture import DEADLINE, eventually, run  # noqa: E402,F401

SEED = int(os.environ.get("CJ_SEED") or random.randrange(10**9))
# Users that need no entry in the system's databases.
HOG, OTHER, STRANGER = 4001, 4002, 4003
# The sanitizers keep what is freed, and their memory says nothing.
SANITIZED = b"__sanitizer" in open(sys.argv[1], "rb").read() if len(sys.argv) > 1 else False


def group_id():
    return grp.getgrnam("changejournal").gr_gid


def make_group():
    """For the system's own databases, as seen from here and by the daemon that we start."""
    try:
        group_id()
    except KeyError:
        path = f"/tmp/cj-group-{os.getpid()}"
        with open("/etc/group", encoding="utf-8") as known, \
                open(path, "w", encoding="utf-8") as ours:
            ours.write(known.read() + "changejournal:x:4242:\n")
        os.chmod(path, 0o644)
        run("mount", "--bind", path, "/etc/group", check=0)
        os.unlink(path)


class Porter:
    """A process of another user that connects for us: who connects is who the daemon sees."""

    def __init__(self, path, uid, groups=()):
        self.ours, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            status = 1
            try:
                os.closerange(3, theirs.fileno())  # what others hold open is not ours to keep
                os.closerange(theirs.fileno() + 1, 1 << 16)
                os.setgroups(list(groups))
                os.setgid(uid)
                os.setuid(uid)
                while theirs.recv(1):
                    with socket.socket(socket.AF_UNIX) as client:
                        client.connect(path)
                        socket.send_fds(theirs, [b"x"], [client.fileno()])
                status = 0
            finally:
                os._exit(status)
        theirs.close()

    def connect(self):
        self.ours.send(b"x")
        _, fds, _, _ = socket.recv_fds(self.ours, 1, 1)
        client = socket.socket(fileno=fds[0])
        client.settimeout(DEADLINE)
        return client

    def close(self):
        self.ours.close()
        os.waitpid(self.pid, 0)


def send(client, method, more=False, **parameters):
    message = {"method": "org.changejournal." + method, "parameters": parameters}
    if more:
        message["more"] = True
    client.sendall(json.dumps(message).encode() + b"\0")


class Replies:
    """Of one connection, in their order; ends where it is closed."""

    def __init__(self, client):
        self.client = client
        self.rest = b""

    def next(self):
        while b"\0" not in self.rest:
            got = self.client.recv(65536)
            if not got:
                return None
            self.rest += got
        text, self.rest = self.rest.split(b"\0", 1)
        return json.loads(text)


def call(client, method, **parameters):
    send(client, method, **parameters)
    return Replies(client).next()


def is_served(client):
    """Whether its owner gets an answer; one that was refused has been closed."""
    try:
        return call(client, "GetStatus") is not None
    except (BrokenPipeError, ConnectionResetError):
        return False


class Vitals:
    """What a process has of the system."""

    def __init__(self, pid):
        with open(f"/proc/{pid}/status", encoding="utf-8") as file:
            lines = dict(line.split(":", 1) for line in file)
        self.resident = int(lines["VmRSS"].split()[0]) << 10
        self.peak = int(lines["VmHWM"].split()[0]) << 10
        self.threads = int(lines["Threads"])
        self.targets = collections.Counter(map(kind_of_target, targets(pid)))
        # How many the store has of its tables (max_open_files), and the search for silent writers
        # of the kernel's threads (fanotify/kernel_threads.h), is no matter of the clients.
        self.fds = self.targets.total() - self.targets[TABLE] - self.targets[THREAD]

    def __str__(self):
        return f"{self.resident >> 20} MiB, {self.fds} descriptors, {self.threads} threads"

    def __repr__(self):
        return f"{self}: {dict(self.targets)}"


TABLE = "a table of the store"
THREAD = "anon_inode:[pidfd]"


def targets(pid):
    """Of all open descriptors."""
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            yield os.readlink(f"/proc/{pid}/fd/{fd}")
        except FileNotFoundError:
            pass  # closed meanwhile


def kind_of_target(target):
    if target.endswith(".sst"):
        return TABLE
    return target if target.startswith("anon_inode:") else target.split(":[", 1)[0]


class Customer(threading.Thread):
    """Asks for what it knows to be true: a file that it has just written must be in the answer, in
    the feed, and be the reason for nothing else."""

    def __init__(self, case, connect, name):
        super().__init__()
        self.case, self.connect, self.name = case, connect, name
        self.told = self.longest = 0
        self.fault = None
        self.stop = threading.Event()

    def run(self):
        try:
            with self.connect() as client, self.connect() as following:
                self.serve(client, following)
        except Exception as error:  # pylint: disable=broad-except
            self.fault = f"{self.name}, answer {self.told}: {type(error).__name__}: {error}"

    def serve(self, client, following):
        token = call(client, "Checkpoint")["parameters"]["token"]
        send(following, "Follow", more=True)
        feed = Replies(following)
        feed.next()
        while not self.stop.is_set():
            name = f"{self.name}-{self.told}"
            self.case.write(name)
            begin = time.monotonic()
            token = self.ask(client, token, os.path.join(self.case.mount, name))
            self.follow(feed, os.path.join(self.case.mount, name))
            status = call(client, "GetStatus")["parameters"]
            if status["pid"] != self.case.daemon.process.pid:
                raise AssertionError("the status is another daemon's")
            self.longest = max(self.longest, time.monotonic() - begin)
            self.told += 1
            os.unlink(os.path.join(self.case.mount, name))

    def ask(self, client, token, path):
        send(client, "Changes", more=True, since={"token": token})
        replies, covered = Replies(client), False
        while True:
            reply = replies.next()
            if reply is None or "error" in reply:
                raise AssertionError(f"the answer was {reply}")
            for change in reply["parameters"].get("changes", []):
                where = change["path"]
                if not (where + "/").startswith(self.case.mount + "/"):
                    raise AssertionError(f"{where} is not watched")
                above = change.get("recursive") and (path + "/").startswith(where + "/")
                covered = covered or where == path or above
            if "continues" not in reply:
                break
        if not covered:
            raise AssertionError(f"{path} is not in the answer")
        return reply["parameters"]["summary"]["next"]

    @staticmethod
    def follow(feed, path):
        while True:
            reply = feed.next()
            if reply is None or "error" in reply:
                raise AssertionError(f"the feed ended with {reply}")
            if any(record.get("path") == path for record in reply["parameters"]["records"]):
                return

    def finish(self):
        self.stop.set()
        self.join(DEADLINE)
        if self.is_alive():
            self.fault = f"{self.name} waits for answer {self.told}"
        return self.fault


class HostileCase(daemon_fixture.DaemonCase):
    def setUp(self):
        super().setUp()
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        self.daemon = self.start()
        self.log = []
        self.reader = threading.Thread(target=lambda: self.log.extend(self.daemon.process.stderr))
        self.reader.start()
        self.addCleanup(self.reader.join)
        self.root = self.porter(0)
        self.hog = self.porter(HOG, [group_id()])
        self.other = self.porter(OTHER, [group_id()])
        self.customers = []

    def tearDown(self):
        self.daemon.process.terminate()
        self.assertEqual(self.daemon.process.wait(DEADLINE), 0, "".join(self.log))
        super().tearDown()

    def porter(self, uid, groups=()):
        porter = Porter(self.daemon.socket, uid, groups)
        self.addCleanup(porter.close)
        return porter

    def hold(self, porter, count):
        """Connections of one user, as many as he asks for; they are closed at the end."""
        clients = [porter.connect() for _ in range(count)]
        for client in clients:
            self.addCleanup(client.close)
        return clients

    def fill(self, files):
        """Records for answers and feeds that no socket's buffer takes; returns since when."""
        with self.root.connect() as root:
            token = call(root, "Checkpoint")["parameters"]["token"]
            top = os.path.join(self.mount, "d" * 200)
            os.mkdir(top)
            for i in range(files):
                open(os.path.join(top, f"{i:0200}"), "w").close()
            call(root, "Checkpoint")
        return token

    def vitals(self):
        return Vitals(self.daemon.process.pid)

    def status(self):
        with self.root.connect() as client:
            return call(client, "GetStatus")["parameters"]

    def serve(self, *porters):
        """Others who want to be served while something is done to the daemon."""
        for porter in porters:
            customer = Customer(self, porter.connect, f"customer{len(self.customers)}")
            self.customers.append(customer)
            customer.start()
            self.assertTrue(eventually(lambda each=customer: each.told > 0 or each.fault))

    def served(self):
        """Ends them; returns how they fared."""
        before = [customer.told for customer in self.customers]
        # Also now, at the end of it all.
        eventually(lambda: all(customer.told > told or customer.fault for customer, told
                               in zip(self.customers, before)))
        for customer in self.customers:
            self.assertIsNone(customer.finish())
        return ", ".join(f"{each.told} answers within {each.longest:.2f} s"
                         for each in self.customers)

    def assert_quiet(self):
        """Nothing of the clients is left but this question's own connection."""
        self.assertTrue(eventually(lambda: (lambda status: status["connections"] == 1 and
                                            status["answers"] == 0)(self.status())))

    def assert_as_before(self, before):
        self.assert_quiet()
        self.assertTrue(eventually(lambda: self.vitals().fds <= before.fds + 4),
                        f"before {before!r}, now {self.vitals()!r}")
        self.assertEqual(self.vitals().threads, before.threads)

    def assert_log_is_bounded(self, seconds):
        """complaints.h: 20 in 10 seconds, and a count; beside these the daemon's own."""
        self.assertLess(len(self.log), 40 + 3 * seconds, "".join(self.log[-20:]))


def main():
    if os.geteuid() == 0 and "CJ_OWN_MOUNTS" in os.environ:
        make_group()
    print(f"CJ_SEED={SEED}", flush=True)
    daemon_fixture.main()
