#!/usr/bin/env python3
"""changectl log -f, while the daemon is started anew and connections end: it goes on, and tells
each change once.

Usage: log_follow_test.py CHANGEJOURNALD CHANGECTL   (root; exit 4: skipped).
"""
import json
import os
import signal
import socket
import subprocess
import sys
import threading

import daemon_fixture as fixture
import viewers_fixture
import wiretap
from fake_manager import Manager

ANN = viewers_fixture.ANN


class Cutter(wiretap.Relay):
    """Notes what comes back, and ends connections: after so many bytes of replies the first, and
    the next ones."""

    def __init__(self, path, daemon_socket, cuts):
        self.daemon_socket, self.cuts, self.replies = daemon_socket, [*cuts], b""
        super().__init__(path, self.reach)

    def reach(self):
        server = socket.socket(socket.AF_UNIX)
        server.connect(self.daemon_socket)
        return server

    def passages(self):
        left = self.cuts.pop(0) if self.cuts else sys.maxsize

        def count(data):
            nonlocal left
            passed = data[:left]
            left -= len(passed)
            self.replies += passed
            return passed
        return lambda data: data, count


class Follower:
    """changectl log -f, and what it has told."""

    def __init__(self, socket_path, words, who):
        self.lines = []
        self.process = subprocess.Popen(
            [fixture.CTL, f"--socket={socket_path}", "log", "-f", "-o", "json", *words],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **who)
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(json.loads(line))

    def records(self):
        return [line for line in self.lines if "sequence" in line]

    def paths(self):
        return [record["path"] for record in self.records()]

    def has_told(self, path):
        return fixture.eventually(
            lambda: path in self.paths() or self.process.poll() is not None) \
            and path in self.paths()

    def wait(self):
        """Its status and what it has said."""
        status = self.process.wait(fixture.DEADLINE)
        self.thread.join()
        return status, self.process.stderr.read()

    def close(self):
        self.process.kill()
        self.wait()
        self.process.stdout.close()
        self.process.stderr.close()


class LogFollow(viewers_fixture.ViewerCase):
    def setUp(self):
        super().setUp()
        self.manager = Manager(self.work)
        self.socket = os.path.join(self.work, "socket")
        self.process = None

    def tearDown(self):
        self.stop_daemon()
        super().tearDown()

    def start_daemon(self, state="state", watch=None):
        self.process = self.manager.start(
            fixture.DAEMON, f"--socket={self.socket}", f"--state-directory={self.work}/{state}",
            f"--watch={watch or self.mount}")

    def stop_daemon(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(fixture.DEADLINE)
        self.process = None

    def restart(self, *changes):
        """With these files written while no daemon is there."""
        self.stop_daemon()
        for name in changes:
            self.write(name)
        self.start_daemon()

    def follow(self, *words, at=None, **who):
        follower = Follower(at or self.socket, words, who)
        self.addCleanup(follower.close)
        return follower

    def relay(self, *cuts):
        relay = Cutter(os.path.join(self.work, "relay"), self.socket, cuts)
        self.addCleanup(relay.close)
        return relay, os.path.join(self.work, "relay")

    def log(self, *words, **who):
        said = fixture.run(fixture.CTL, f"--socket={self.socket}", "log", "-o", "json", *words,
                           check=0, **who).stdout
        return [json.loads(line) for line in said.splitlines()]

    def tells_once(self, follower, *words, **who):
        """What it has told is what the log has, from the first record that it has shown."""
        first = follower.records()[0]["sequence"]
        logged = [line["sequence"] for line in self.log(*words, **who) if "sequence" in line]
        self.assertEqual([record["sequence"] for record in follower.records()],
                         [sequence for sequence in logged if sequence >= first])

    def test_each_change_is_told_once_across_restarts(self):
        self.start_daemon()
        for i in range(15):
            self.write(f"old {i}")
        follower = self.follow()
        self.assertTrue(follower.has_told(self.path("old 14")))
        self.assertEqual(len(follower.records()), 10)
        for i in range(3):
            self.write(f"before {i}")
            self.assertTrue(follower.has_told(self.path(f"before {i}")))
            self.restart(f"meanwhile {i}")
            self.write(f"after {i}")
            self.assertTrue(follower.has_told(self.path(f"after {i}")))
        self.tells_once(follower)
        for i in range(3):
            for name in ("before", "meanwhile", "after"):
                self.assertIn(self.path(f"{name} {i}"), follower.paths())
        # What the process before had left was of use: nothing can have been missed.
        self.assertEqual([line for line in follower.lines if "gap" in line], [])

    def test_none_of_those_that_are_there(self):
        self.start_daemon()
        self.write("old")
        self.assertEqual(self.log("-n0"), [])
        self.assertEqual(self.log("-n0", "-r"), [])
        self.write("queued")
        relay, at = self.relay()
        follower = self.follow("-n0", at=at)
        self.assertTrue(fixture.eventually(lambda: b'"position"' in relay.replies))
        self.write("new")
        self.assertTrue(follower.has_told(self.path("new")))
        self.restart("meanwhile")
        self.assertTrue(follower.has_told(self.path("meanwhile")))
        self.tells_once(follower)
        self.assertNotIn(self.path("old"), follower.paths())
        self.assertNotIn(self.path("queued"), follower.paths())

    def test_from_a_checkpoint_with_filters(self):
        self.start_daemon()
        os.mkdir(self.path("in"))
        token = fixture.run(fixture.CTL, f"--socket={self.socket}", "checkpoint",
                            check=0).stdout.strip()
        self.write("in/before")
        words = ("--type=file", "--kind=entry", self.path("in"))
        follower = self.follow(f"--since={token}", *words)
        self.assertTrue(follower.has_told(self.path("in/before")))
        self.write("outside before")
        self.restart("in/meanwhile", "outside")
        os.mkdir(self.path("in/directory"))
        self.write("in/after")
        self.assertTrue(follower.has_told(self.path("in/after")))
        self.assertEqual(follower.paths(),
                         [self.path(f"in/{name}") for name in ("before", "meanwhile", "after")])
        self.tells_once(follower, *words)

    def test_it_begins_where_it_was_opened_also_where_nothing_has_been_shown(self):
        self.start_daemon()
        self.write("older")
        relay, path = self.relay()
        # It shows the last of none, and so says that it has begun without a line.
        follower = self.follow("--type=fifo", at=path)
        self.assertTrue(fixture.eventually(lambda: b'"position"' in relay.replies))
        self.stop_daemon()
        os.mkfifo(self.path("meanwhile"))
        self.start_daemon()
        os.mkfifo(self.path("after"))
        self.assertTrue(follower.has_told(self.path("after")))
        self.assertEqual(follower.paths(), [self.path("meanwhile"), self.path("after")])

    def test_a_reader_that_was_dropped_goes_on(self):
        self.start_daemon()
        self.write("first")
        relay, path = self.relay()
        follower = self.follow(at=path)
        self.assertTrue(follower.has_told(self.path("first")))
        fixture.stop_all(follower.process.pid)
        # More than lies between the two at a time: the daemon waits for its reader.
        for i in range(3000):
            os.mknod(self.path("a name that takes some room " + "x" * 150 + str(i)))
        relay.cut()
        self.write("meanwhile")
        follower.process.send_signal(signal.SIGCONT)
        self.assertTrue(follower.has_told(self.path("meanwhile")))
        self.tells_once(follower)

    def test_in_the_middle_of_what_it_begins_with(self):
        self.start_daemon()
        for i in range(3000):
            os.mknod(self.path("a name that takes some room " + "x" * 150 + str(i)))
        relay, path = self.relay(200_000, 200_001, 200_002)
        follower = self.follow("-n", "2900", at=path)
        self.assertTrue(fixture.eventually(lambda: len(follower.records()) == 2900))
        self.write("last")
        self.assertTrue(follower.has_told(self.path("last")))
        self.tells_once(follower)
        self.assertEqual(relay.cuts, [])

    def test_a_user_who_sees_a_part(self):
        self.directory("hers", 0o700, ANN["user"], ANN["group"])
        self.directory("private", 0o700)
        self.start_daemon()
        self.write("hers/before")
        follower = self.follow("-n", "2", **ANN)
        self.assertTrue(follower.has_told(self.path("hers/before")))
        self.write("private/before")
        self.restart("private/meanwhile", "hers/meanwhile")
        self.write("private/after")
        self.write("hers/after")
        self.assertTrue(follower.has_told(self.path("hers/after")))
        self.assertEqual([path for path in follower.paths() if "private" in path], [])
        self.assertIn(self.path("hers/meanwhile"), follower.paths())
        self.tells_once(follower, **ANN)

    def test_it_makes_the_log_no_longer(self):
        """Unlike a feed, whose reader is told of each change that comes after what he has read."""
        self.start_daemon()

        def append():
            with open(self.path("same"), "a", encoding="utf-8") as file:
                file.write("x")
            return len([line for line in self.log() if line.get("path") == self.path("same")])
        append()
        before = append()
        follower = self.follow()
        self.assertTrue(follower.has_told(self.path("same")))
        for i in range(3):
            self.assertEqual(append(), before)
            self.write(f"other {i}")
            self.assertTrue(follower.has_told(self.path(f"other {i}")))

    def test_gaps_are_told_once(self):
        """Without a manager that keeps what the process before has left."""
        daemon = self.start()
        self.write("before")
        follower = self.follow()
        self.assertTrue(follower.has_told(self.path("before")))
        for i in range(3):
            daemon.stop()
            self.daemons.remove(daemon)
            daemon = self.start()
            self.write(f"after {i}")
            self.assertTrue(follower.has_told(self.path(f"after {i}")))
        gaps = [json.dumps(line) for line in follower.lines if "gap" in line]
        causes = {line["gap"]["cause"] for line in follower.lines if "gap" in line}
        self.assertIn("the daemon was not running", causes)
        self.assertEqual(len(gaps), len(set(gaps)), gaps)

    def test_where_it_was_is_not_kept_any_more(self):
        self.start_daemon()
        self.write("before")
        follower = self.follow()
        self.assertTrue(follower.has_told(self.path("before")))
        self.stop_daemon()
        self.start_daemon(state="another")
        status, said = follower.wait()
        self.assertEqual(status, 3)
        self.assertIn("go on from cj1-", said)

    def test_a_path_that_nobody_watches(self):
        tree = self.path("tree")
        os.mkdir(tree)
        self.start_daemon(watch=tree)
        for path in (self.path("other"), tree, os.path.join(tree, "missing"), self.mount):
            log = fixture.run(fixture.CTL, f"--socket={self.socket}", "log", path, tree, check=0)
            self.assertEqual(log.stderr, f"changectl: {path} is not under any watch: see "
                             "'changectl status'\n" if path == self.path("other") else "")
        self.assertEqual(fixture.run(fixture.CTL, f"--socket={self.socket}", "log", "-q",
                                     self.path("other"), check=0).stderr, "")
        follower = self.follow(self.path("other"), tree)
        self.assertIn("is not under any watch", follower.process.stderr.readline())
        self.write("tree/file")
        self.assertTrue(follower.has_told(self.path("tree/file")))
        # Asking has cost nobody anything: what is recorded once in a period still is.
        for _ in range(5):
            self.write("tree/file", "more")
            self.log(self.path("other"))
            self.log(tree)
        self.assertEqual([record["sequence"] for record in self.log(tree)],
                         [record["sequence"] for record in follower.records()])
        # Who may not know what is watched is not told.
        self.assertEqual(fixture.run(fixture.CTL, f"--socket={self.socket}", "log",
                                     self.path("other"), check=0, **ANN).stderr, "")


if __name__ == "__main__":
    viewers_fixture.main()
