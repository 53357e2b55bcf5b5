#!/usr/bin/env python3
"""The daemon and changectl as users run them: start, bad input, permissions, foreign clients.

Usage: daemon_test.py CHANGEJOURNALD CHANGECTL   (root; exit 4: skipped). CJ_GO_CLIENT names the Go
client that tests/varlink builds.
"""
import json
import os
import pwd
import shutil
import socket
import subprocess
import time
import unittest

import daemon_fixture as fixture
from wiretap import Wiretap, interface_methods


class DaemonTest(fixture.DaemonCase):
    def test_systemd_hears_that_the_daemon_lives(self):
        notify = os.path.join(self.work, "watchdog")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(notify)
            manager.settimeout(fixture.DEADLINE)
            environment = dict(os.environ, NOTIFY_SOCKET=notify, WATCHDOG_USEC="100000")
            process = subprocess.Popen([fixture.DAEMON, f"--state-directory={self.work}/state",
                                        f"--socket={self.work}/socket", f"--watch={self.mount}"],
                                       stderr=subprocess.DEVNULL, env=environment)
            try:
                beats = 0
                while beats < 3:
                    beats += "WATCHDOG=1" in manager.recv(65536).decode()
            finally:
                process.terminate()
                self.assertEqual(process.wait(fixture.DEADLINE), 0)

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
        done = fixture.run(fixture.CTL, f"--socket={self.work}/nobody", "status", check=5)
        self.assertIn("changejournald", done.stderr)

    def test_bad_configuration(self):
        path = os.path.join(self.work, "bad.conf")
        with open(path, "w") as file:
            file.write("[Journal]\nMaxUse=lots\n[Watch]\nPath=relative\n")
        done = fixture.run(fixture.DAEMON, f"--config={path}", check=2)
        self.assertIn(f"{path}:2: ", done.stderr)
        self.assertIn(f"{path}:4: ", done.stderr)
        self.assertFalse(os.path.exists(self.work + "/state2"))

    def test_nothing_to_watch(self):
        empty = os.path.join(self.work, "empty.conf")
        open(empty, "w").close()
        code, said = fixture.start_fails(self.work, f"--config={empty}")
        self.assertEqual(code, 2)
        self.assertIn("nothing to watch", said)
        checked = fixture.run(fixture.DAEMON, f"--config={empty}", "--check-config", check=2)
        self.assertIn("nothing to watch", checked.stderr)

    def test_filesystems_that_cannot_be_marked(self):
        # By the command line and by the configuration: status 2, which is not started again.
        path = os.path.join(self.work, "proc.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write("[Watch]\nPath=/proc\n")
        for words in ("--watch=/proc", f"--config={path}"):
            code, said = fixture.start_fails(self.work, words)
            self.assertEqual(code, 2)
            self.assertIn("/proc: proc gives no lasting file handles", said)
            self.assertIn("watch a directory on", said)
        for name in ("lower", "upper", "work", "merged"):
            os.mkdir(os.path.join(self.mount, name))
        layers = ",".join(f"{k}={self.mount}/{v}" for k, v in
                          (("lowerdir", "lower"), ("upperdir", "upper"), ("workdir", "work")))
        merged = os.path.join(self.mount, "merged")
        fixture.run("mount", "-t", "overlay", "overlay", "-o", layers, merged, check=0)
        code, said = fixture.start_fails(self.work, f"--watch={merged}")
        self.assertEqual(code, 2)
        self.assertIn(f"{merged}: overlayfs cannot be watched", said)
        self.assertIn(f"instead, where its changes are made: {self.mount}/upper", said)
        # A filesystem of another kind may have to be mounted there first: then waiting helps.
        later = os.path.join(merged, "later")
        os.mkdir(later)
        for fstab, status in ((f"LABEL=x {later} ext4 noauto 0 0\n", 1), ("# nothing\n", 2)):
            path = os.path.join(self.work, "fstab")
            with open(path, "w", encoding="utf-8") as file:
                file.write(fstab)
            fixture.run("mount", "--bind", path, "/etc/fstab", check=0)
            self.addCleanup(fixture.run, "umount", "/etc/fstab")
            code, said = fixture.start_fails(self.work, f"--watch={later}")
            self.assertEqual(code, status, said)
            self.assertEqual(f"for {later}" in said, status == 1)

    def test_missing_and_relative_watches(self):
        code, said = fixture.start_fails(self.work, f"--watch={self.mount}/missing")
        self.assertNotEqual(code, 0)
        self.assertIn("missing", said)
        code, said = fixture.start_fails(self.work, "--watch=here")
        self.assertEqual(code, 2)
        self.assertIn("absolute", said)

    def test_not_root(self):
        nobody = pwd.getpwnam("nobody").pw_uid
        copy = os.path.join(self.work, "changejournald")
        shutil.copy(fixture.DAEMON, copy)
        os.chmod(copy, 0o755)
        done = fixture.run(copy, f"--state-directory={self.work}/n", f"--socket={self.work}/n.s",
                           f"--watch={self.mount}", user=nobody)
        self.assertEqual(done.returncode, 1)
        self.assertIn("root", done.stderr)

    def test_a_second_daemon_on_the_same_state(self):
        self.start()
        done = fixture.run(fixture.DAEMON, f"--state-directory={self.work}/state",
                           f"--socket={self.work}/s2",
                           f"--watch={self.mount}", check=1)
        self.assertIn("in use", done.stderr)

    def test_a_socket_that_is_in_use(self):
        self.start()
        done = fixture.run(fixture.DAEMON, f"--state-directory={self.work}/other",
                           f"--socket={self.work}/socket",
                           f"--watch={self.mount}", check=1)
        self.assertIn(f"{self.work}/socket", done.stderr)
        file = os.path.join(self.work, "file")
        open(file, "w").close()
        done = fixture.run(fixture.DAEMON, f"--state-directory={self.work}/other",
                           f"--socket={file}",
                           f"--watch={self.mount}")
        self.assertNotEqual(done.returncode, 0)
        self.assertTrue(os.path.exists(file))

    def test_other_users_are_refused(self):
        daemon = self.start()
        nobody = pwd.getpwnam("nobody").pw_uid
        copy = os.path.join(self.work, "changectl")
        shutil.copy(fixture.CTL, copy)
        os.chmod(copy, 0o755)
        done = fixture.run(copy, f"--socket={daemon.socket}", "status", user=nobody, group=65534,
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

    def config(self, *lines):
        path = os.path.join(self.work, "journal.conf")
        with open(path, "w") as file:
            file.write("\n".join(["[Journal]", *lines, ""]))
        return f"--config={path}"

    def test_a_restart_leaves_a_gap_that_a_crawl_fills(self):
        # 10 s for what is there: long enough to be looked at, short enough to be waited for.
        for i in range(3_000):
            os.mknod(os.path.join(self.mount, f"file {i}"))
        slow = self.config("CrawlRate=300", "CrawlMarginSec=20ms")
        daemon = self.start(slow)
        until = time.clock_gettime_ns(time.CLOCK_REALTIME) + 50_000_000
        while time.clock_gettime_ns(5) < until:  # CLOCK_REALTIME_COARSE, as change times
            pass
        token = daemon.ctl("checkpoint").stdout.strip()
        self.daemons.pop().stop()
        self.write("file 7", "changed behind its back")
        daemon = self.start(slow)
        done = daemon.ctl("changes", f"--since={token}", "--no-wait", check=3)
        self.assertIn("not running", done.stderr)
        self.assertIn("a crawl is filling the gap", done.stderr)
        status = daemon.call("org.changejournal.GetStatus")["parameters"]
        self.assertTrue(status["crawl"]["running"])
        self.assertNotIn("filled_in", status["gaps"][0])
        self.assertIn("open", daemon.ctl("status").stdout)
        with daemon.connect() as client:
            client.sendall(json.dumps({"method": "org.changejournal.Changes", "more": True,
                                       "parameters": {"since": {"token": token}, "progress": True}
                                       }).encode() + b"\0")
            first = client.recv(65536).split(b"\0")[0]
        self.assertIn("crawl", json.loads(first)["parameters"])
        answer = daemon.ctl("changes", f"--since={token}", "--format=json").stdout
        paths = [json.loads(line).get("path") for line in answer.splitlines()]
        self.assertEqual(paths, [self.mount + "/file 7", None])
        self.assertIn("filled by a crawl", daemon.ctl("status").stdout)
        self.assertIn("1 filled", daemon.ctl("periods").stdout)
        log = daemon.ctl("log").stdout.splitlines()
        gap = next(i for i, line in enumerate(log) if line.startswith("-- gap: "))
        self.assertIn("the daemon was not running; filled by a crawl --", log[gap])
        self.assertTrue(any("crawled" in line for line in log[gap + 1:]), log)
        backwards = daemon.ctl("log", "-r", "-o", "json").stdout.splitlines()
        self.assertEqual(sum("gap" in json.loads(line) for line in backwards), 1)
        self.assertEqual(len(daemon.ctl("log", "-n", "2").stdout.splitlines()), 2)
        # More than one reply holds.
        for i in range(600):
            os.mknod(os.path.join(self.mount, f"more {i}"))
        told = daemon.ctl("log", "-n", "1200", "-o", "cat").stdout.splitlines()
        self.assertEqual(sum("/more " in line for line in told), 600)
        self.assertIn("no gap is open", daemon.ctl("crawl").stderr)
        # An interval that ends before the crawl did lacks what it found.
        periods = daemon.call("org.changejournal.GetPeriods")["parameters"]["periods"]

        done = daemon.ctl("changes", f"--since={token}", f"--until={periods[2]['token']}", check=3)
        self.assertIn("not running", done.stderr)

    def test_a_time_before_the_first_checkpoint(self):
        self.write("old")
        daemon = self.start()
        done = daemon.ctl("changes", "--since=2000-01-01", "--no-wait", check=3)
        self.assertIn("no checkpoint that old", done.stderr)
        told = daemon.ctl("changes", "--since=2000-01-01", "--expand").stdout
        self.assertIn(f"? dir tree {self.mount}\n", told)
        self.assertIn(f"? file - {self.mount}/old\n", told)
        told = daemon.ctl("changes", "--since=beginning").stdout
        self.assertIn(f"? dir tree {self.mount}\n", told)
        daemon.ctl("changes", "--since=2000-01-01", "-0", check=3)
        daemon.ctl("changes", "--since=2001-01-01", "/etc", check=2)

    def test_a_crawl_that_is_asked_for(self):
        os.mkdir(os.path.join(self.mount, "d"))
        self.write("d/file")
        daemon = self.start()
        token = daemon.ctl("checkpoint").stdout.strip()
        done = daemon.ctl("crawl", self.mount + "/d")
        self.assertIn("1 told as changed", done.stderr)
        answer = daemon.ctl("changes", f"--since={token}", "--format=json").stdout
        self.assertEqual(json.loads(answer.splitlines()[0]),
                         {"change": "rescan", "path": self.mount + "/d", "type": "directory",
                          "recursive": True})
        done = daemon.ctl("crawl", "/etc", check=2)
        self.assertIn("not under any watch", done.stderr)
        self.assertEqual(daemon.ctl("crawl").stderr.split(";")[0], "no gap is open")

    def test_the_journal_does_not_record_itself(self):
        self.daemons.append(fixture.Daemon(self.mount, watch=self.mount))
        daemon = self.daemons[-1]
        token = daemon.ctl("checkpoint").stdout.strip()
        daemon.ctl("checkpoint")
        self.write("other")
        told = daemon.ctl("changes", f"--since={token}", "-0").stdout.split("\0")
        self.assertEqual([path for path in told if "/state" in path], [])
        self.assertIn(self.mount + "/other", told)

    @unittest.skipUnless(os.environ.get("CJ_GO_CLIENT"), "no Go client was built")
    def test_a_client_in_go(self):
        daemon = self.start()
        self.write("before")
        tap = Wiretap(os.path.join(self.work, "tap"), daemon)
        self.addCleanup(tap.close)
        done = fixture.run(os.environ["CJ_GO_CLIENT"], f"unix:{tap.path}", check=0)
        self.assertEqual(tap.called(), interface_methods())
        self.assertIn("token cj1-", done.stdout)
        self.assertIn("next cj1-", done.stdout)
        self.assertIn("every method has answered", done.stdout)


if __name__ == "__main__":
    fixture.main()
