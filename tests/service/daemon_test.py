#!/usr/bin/env python3
"""The daemon and changectl as users run them: start, bad input, permissions, foreign clients.

Usage: daemon_test.py CHANGEJOURNALD CHANGECTL   (root; exit 4: skipped). CJ_GO_CLIENT names the Go
client that tests/varlink builds.
"""
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

DAEMON, CTL = "", ""
DEADLINE = 60


def run(*words, check=None, user=None, **more):
    done = subprocess.run(words, capture_output=True, text=True, timeout=DEADLINE, user=user,
                          **more)
    if check is not None and done.returncode != check:
        raise AssertionError(f"{words}: exit {done.returncode}, not {check}\n"
                             f"{done.stdout}{done.stderr}")
    return done


class Daemon:
    """A running daemon that has said READY=1."""

    def __init__(self, work, *options, watch=None):
        self.socket = os.path.join(work, "socket")
        self.state = os.path.join(work, "state")
        self.watch = watch
        words = [DAEMON, f"--state-directory={self.state}", f"--socket={self.socket}", *options]
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


class DaemonTest(unittest.TestCase):
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

    def test_systemd_hears_that_the_daemon_lives(self):
        notify = os.path.join(self.work, "watchdog")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(notify)
            manager.settimeout(DEADLINE)
            environment = dict(os.environ, NOTIFY_SOCKET=notify, WATCHDOG_USEC="100000")
            process = subprocess.Popen([DAEMON, f"--state-directory={self.work}/state",
                                        f"--socket={self.work}/socket", f"--watch={self.mount}"],
                                       stderr=subprocess.DEVNULL, env=environment)
            try:
                beats = 0
                while beats < 3:
                    beats += "WATCHDOG=1" in manager.recv(65536).decode()
            finally:
                process.terminate()
                self.assertEqual(process.wait(DEADLINE), 0)

    def test_a_change_is_told_once(self):
        daemon = self.start()
        token = daemon.ctl("checkpoint").stdout.strip()
        self.write("new")
        first = daemon.ctl("changes", f"--since={token}", "--format=json").stdout.splitlines()
        changes = [json.loads(line) for line in first]
        self.assertEqual(changes[0], {"change": "created", "path": self.mount + "/new",
                                      "type": "file", "data": True})
        summary = changes[-1]["summary"]
        self.assertTrue(summary["complete"])
        self.assertEqual(summary["changes"], len(changes) - 1)
        again = daemon.ctl("changes", f"--since={summary['next']}", "-0").stdout
        self.assertEqual(again, "")

    def test_tokens_that_are_of_no_use(self):
        daemon = self.start()
        token = daemon.ctl("checkpoint").stdout.strip()
        journal = token.split("-")[1]
        other = "00000000" if journal != "00000000" else "11111111"
        for bad in (f"cj1-{other}-2", f"cj1-{journal}-1", f"cj1-{journal}-999999"):
            done = daemon.ctl("changes", f"--since={bad}", check=3)
            self.assertIn("rescan needed", done.stderr)
        for malformed in (token[:10], token + "x", "cj1-", token.upper()):
            daemon.ctl("changes", f"--since={malformed}", check=2)

    def test_paths_outside_of_every_watch(self):
        daemon = self.start()
        token = daemon.ctl("checkpoint").stdout.strip()
        done = daemon.ctl("changes", f"--since={token}", "/etc", check=2)
        self.assertIn("not under any watch", done.stderr)

    def test_no_daemon(self):
        done = run(CTL, f"--socket={self.work}/nobody", "status", check=5)
        self.assertIn("changejournald", done.stderr)

    def test_bad_configuration(self):
        path = os.path.join(self.work, "bad.conf")
        with open(path, "w") as file:
            file.write("[Journal]\nMaxUse=lots\n[Watch]\nPath=relative\n")
        done = run(DAEMON, f"--config={path}", check=2)
        self.assertIn(f"{path}:2: ", done.stderr)
        self.assertIn(f"{path}:4: ", done.stderr)
        self.assertFalse(os.path.exists(self.work + "/state2"))

    def test_nothing_to_watch(self):
        empty = os.path.join(self.work, "empty.conf")
        open(empty, "w").close()
        code, said = start_fails(self.work, f"--config={empty}")
        self.assertEqual(code, 2)
        self.assertIn("nothing to watch", said)

    def test_filesystems_that_cannot_be_marked(self):
        code, said = start_fails(self.work, "--watch=/proc")
        self.assertNotEqual(code, 0)
        self.assertIn("/proc", said)
        for name in ("lower", "upper", "work", "merged"):
            os.mkdir(os.path.join(self.mount, name))
        layers = ",".join(f"{k}={self.mount}/{v}" for k, v in
                          (("lowerdir", "lower"), ("upperdir", "upper"), ("workdir", "work")))
        merged = os.path.join(self.mount, "merged")
        run("mount", "-t", "overlay", "overlay", "-o", layers, merged, check=0)
        code, said = start_fails(self.work, f"--watch={merged}")
        self.assertNotEqual(code, 0)
        self.assertIn("upper", said)

    def test_missing_and_relative_watches(self):
        code, said = start_fails(self.work, f"--watch={self.mount}/missing")
        self.assertNotEqual(code, 0)
        self.assertIn("missing", said)
        code, said = start_fails(self.work, "--watch=here")
        self.assertEqual(code, 2)
        self.assertIn("absolute", said)

    def test_not_root(self):
        nobody = pwd.getpwnam("nobody").pw_uid
        copy = os.path.join(self.work, "changejournald")
        shutil.copy(DAEMON, copy)
        os.chmod(copy, 0o755)
        done = run(copy, f"--state-directory={self.work}/n", f"--socket={self.work}/n.s",
                   f"--watch={self.mount}", user=nobody)
        self.assertEqual(done.returncode, 1)
        self.assertIn("root", done.stderr)

    def test_a_second_daemon_on_the_same_state(self):
        self.start()
        done = run(DAEMON, f"--state-directory={self.work}/state", f"--socket={self.work}/s2",
                   f"--watch={self.mount}", check=1)
        self.assertIn("in use", done.stderr)

    def test_a_socket_that_is_in_use(self):
        self.start()
        done = run(DAEMON, f"--state-directory={self.work}/other", f"--socket={self.work}/socket",
                   f"--watch={self.mount}", check=1)
        self.assertIn(f"{self.work}/socket", done.stderr)
        file = os.path.join(self.work, "file")
        open(file, "w").close()
        done = run(DAEMON, f"--state-directory={self.work}/other", f"--socket={file}",
                   f"--watch={self.mount}")
        self.assertNotEqual(done.returncode, 0)
        self.assertTrue(os.path.exists(file))

    def test_other_users_are_refused(self):
        daemon = self.start()
        nobody = pwd.getpwnam("nobody").pw_uid
        copy = os.path.join(self.work, "changectl")
        shutil.copy(CTL, copy)
        os.chmod(copy, 0o755)
        done = run(copy, f"--socket={daemon.socket}", "status", user=nobody, group=65534,
                   extra_groups=[])
        self.assertEqual(done.returncode, 4)
        self.assertIn("changejournal", done.stderr)

    def test_hostile_messages_harm_nobody_else(self):
        daemon = self.start()
        for message in (b"\0", b"{}\0", b"garbage\0", b"[" * 400_000 + b"\0", b"x" * 3_000_000,
                        b'{"method":"org.changejournal.Changes","parameters":7}\0', b'{"method":'):
            client = daemon.connect()
            try:
                client.sendall(message)
                client.shutdown(socket.SHUT_WR)
                while client.recv(65536):
                    pass
            except OSError:
                pass
            client.close()
            self.assertIn("parameters", daemon.call("org.changejournal.GetStatus"))
        reply = daemon.call("org.changejournal.Changes")
        self.assertEqual(reply["error"], "org.varlink.service.ExpectedMore")
        reply = daemon.call("org.changejournal.Checkpoint", nonsense=1)
        self.assertEqual(reply["error"], "org.varlink.service.InvalidParameter")

    def test_a_client_that_never_reads(self):
        daemon = self.start()
        token = daemon.ctl("checkpoint").stdout.strip()
        for i in range(20_000):
            os.mknod(os.path.join(self.mount, f"a rather long name of a file {i}"))
        stuck = [daemon.connect() for _ in range(3)]
        for client in stuck:
            client.sendall(json.dumps({"method": "org.changejournal.Changes", "more": True,
                                       "parameters": {"since": {"token": token}}}).encode() + b"\0")
        done = daemon.ctl("changes", f"--since={token}", "-0")
        self.assertGreater(done.stdout.count("\0"), 20_000)
        for client in stuck:
            client.close()
        self.assertIn("parameters", daemon.call("org.changejournal.GetStatus"))

    def test_too_many_answers_at_once(self):
        daemon = self.start()
        token = daemon.ctl("checkpoint").stdout.strip()
        followers = []
        for _ in range(6):
            client = daemon.connect()
            client.sendall(b'{"method":"org.changejournal.Log","more":true,'
                           b'"parameters":{"follow":true}}\0')
            followers.append(client)
        deadline = time.monotonic() + DEADLINE
        while (daemon.call("org.changejournal.GetStatus")["parameters"]["answers"] < 6
               and time.monotonic() < deadline):
            pass
        done = daemon.ctl("changes", f"--since={token}", check=1)
        self.assertIn("too many answers", done.stderr)
        for client in followers:
            client.close()

    def test_follow_tells_records_as_they_come(self):
        daemon = self.start()
        follower = subprocess.Popen([CTL, f"--socket={daemon.socket}", "log", "-f", "-o", "cat"],
                                    stdout=subprocess.PIPE, text=True)
        self.write("followed")
        line = follower.stdout.readline()
        self.assertIn("followed", line)
        follower.kill()
        follower.wait()
        follower.stdout.close()

    def test_a_restart_leaves_a_gap(self):
        daemon = self.start()
        token = daemon.ctl("checkpoint").stdout.strip()
        self.daemons.pop().stop()
        daemon = self.start()
        done = daemon.ctl("changes", f"--since={token}", check=3)
        self.assertIn("not running", done.stderr)
        self.assertIn("not running", daemon.ctl("status").stdout + daemon.ctl("periods").stdout)

    def test_the_journal_does_not_record_itself(self):
        self.daemons.append(Daemon(self.mount, watch=self.mount))
        daemon = self.daemons[-1]
        token = daemon.ctl("checkpoint").stdout.strip()
        daemon.ctl("checkpoint")
        self.write("other")
        told = daemon.ctl("changes", f"--since={token}", "-0").stdout.split("\0")
        self.assertEqual([path for path in told if "/state" in path], [])
        self.assertIn(self.mount + "/other", told)

    @unittest.skipUnless(os.environ.get("CJ_GO_CLIENT"), "SKIPPED: no Go client was built")
    def test_a_client_in_go(self):
        daemon = self.start()
        self.write("before")
        done = run(os.environ["CJ_GO_CLIENT"], f"unix:{daemon.socket}", check=0)
        self.assertIn("token cj1-", done.stdout)
        self.assertIn("next cj1-", done.stdout)


if __name__ == "__main__":
    DAEMON, CTL = sys.argv[1], sys.argv[2]
    if os.geteuid() != 0:
        print("SKIPPED: needs root")
        sys.exit(4)
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=1)
