#!/usr/bin/env python3
"""Answers as clients take them from the daemon: slow readers, overtaken lists, followers.

Usage: answers_test.py CHANGEJOURNALD CHANGECTL   (root; exit 4: skipped)
"""
import json
import os
import select
import subprocess
import time

import daemon_fixture as fixture


class AnswersTest(fixture.DaemonCase):
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

    def test_names_that_rsync_would_take_for_comments(self):
        daemon = self.start()
        token = daemon.ctl("checkpoint").stdout.strip()
        names = {"#one", ";two", "plain"}
        for name in names:
            self.write(name)
        done = daemon.ctl("changes", f"--since={token}", "-0", "--expand",
                          f"--relative-to={self.mount}")
        told = set(done.stdout.split("\0"))
        self.assertLessEqual({"./#one", "./;two", "plain"}, told)
        copy = os.path.join(self.work, "copy")
        fixture.run("rsync", "-aHAX", "--from0", "--files-from=-", "--delete-missing-args",
                    self.mount + "/", copy, input=done.stdout, check=0)
        self.assertEqual(set(os.listdir(copy)), names)

    def test_relative_to_what_nobody_watches_is_a_slip(self):
        daemon = self.start()
        token = daemon.ctl("checkpoint").stdout.strip()
        self.write("file")
        for options in ((), ("-0",), ("--format=json",)):
            ask = ("changes", f"--since={token}", "--no-checkpoint", *options)
            said = daemon.ctl(*ask, "--relative-to=/etc", check=2).stderr
            self.assertIn("/etc is not under any watch", said)
            said = daemon.ctl(*ask, "--relative-to=/etc", self.mount, check=2).stderr
            self.assertIn("no PATH that was given lies below or above it", said)
            self.assertIn(self.mount[1:] + "/file",
                          daemon.ctl(*ask, "--relative-to=/").stdout)

    def list_while_renaming(self, daemon, names, renames):
        """Asks for the members of what was "d"; renames it while the list comes."""
        os.mkdir(os.path.join(self.mount, "d"))
        for name in names:
            os.mknod(os.path.join(self.mount, "d", name))
        token = daemon.ctl("checkpoint").stdout.strip()
        os.rename(os.path.join(self.mount, "d"), os.path.join(self.mount, "r0"))
        asking = subprocess.Popen([fixture.CTL, f"--socket={daemon.socket}", "changes",
                                   f"--since={token}", "-0", "--expand"],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        # Far less than one list, and far more than all pipes on the way hold.
        step = 2 << 20
        output = bytearray()
        for i in range(renames):
            os.rename(os.path.join(self.mount, f"r{i}"), os.path.join(self.mount, f"r{i + 1}"))
            output += asking.stdout.read(step)
        rest, errors = asking.communicate(timeout=fixture.DEADLINE)
        return asking.returncode, bytes(output) + rest, errors

    def test_a_list_that_a_rename_overtakes_is_made_again(self):
        names = [f"{i:0250}" for i in range(12_000)]
        status, output, errors = self.list_while_renaming(self.start(), names, 1)
        self.assertEqual(status, 0, errors)
        listed = set(output.decode().split("\0"))
        for directory in ("d", "r0", "r1"):
            self.assertIn(f"{self.mount}/{directory}/{names[0]}", listed)
            self.assertIn(f"{self.mount}/{directory}/{names[-1]}", listed)

    def test_a_list_that_cannot_be_told_ends_where_that_is_found(self):
        above = os.path.join(self.mount, "above")
        tree = os.path.join(above, "tree")
        os.makedirs(tree)
        daemon = self.start(watch=tree)
        token = daemon.ctl("checkpoint").stdout.strip()
        self.write("above/tree/made")
        os.rename(above, os.path.join(self.mount, "away"))
        os.rename(os.path.join(self.mount, "away"), above)
        done = daemon.ctl("changes", f"--since={token}", "-0", check=3)
        self.assertIn("must be scanned anew", done.stderr)
        self.assertNotIn(tree, done.stdout.split("\0"))  # that would be all of it

    def test_a_list_that_renames_overtake_again_and_again(self):
        names = [f"{i:0250}" for i in range(12_000)]
        status, _, errors = self.list_while_renaming(self.start(), names, 10)
        self.assertEqual(status, 1, errors)
        self.assertIn(b"renamed while the list was made; ask again", errors)

    def ask_and_read_nothing(self, daemon, method, parameters):
        client = daemon.connect()
        call = {"method": f"org.changejournal.{method}", "more": True, "parameters": parameters}
        client.sendall(json.dumps(call).encode() + b"\0")
        return client

    def await_status(self, daemon, name, value):
        deadline = time.monotonic() + fixture.DEADLINE
        while daemon.call("org.changejournal.GetStatus")["parameters"][name] != value:
            self.assertLess(time.monotonic(), deadline)

    def test_a_question_waits_for_a_place_among_the_answers(self):
        daemon = self.start()
        token = daemon.ctl("checkpoint").stdout.strip()
        for i in range(4_000):  # more than a socket holds
            os.mknod(os.path.join(self.mount, f"{i:0250}"))
        question = {"since": {"token": token}, "checkpoint": False}
        clients = [self.ask_and_read_nothing(daemon, "Changes", question) for _ in range(6)]
        self.await_status(daemon, "answers", 6)
        asking = subprocess.Popen([fixture.CTL, f"--socket={daemon.socket}", "changes", "-q", "-0",
                                   f"--since={token}"], stdout=subprocess.DEVNULL)
        self.await_status(daemon, "connections", 8)
        self.assertIsNone(asking.poll())
        clients.pop().close()
        self.assertEqual(asking.wait(fixture.DEADLINE), 0)
        for client in clients:
            client.close()

    def test_paths_that_are_long_and_escaped_fit_into_replies(self):
        daemon = self.start()
        token = daemon.ctl("checkpoint").stdout.strip()
        directory = os.path.join(self.mount, *["\x01" * 250] * 15)
        os.makedirs(directory)
        files = 1_000  # whose paths are more than a message holds, once escaped
        for i in range(files):
            os.mknod(os.path.join(directory, str(i)))
        for words in (("changes", f"--since={token}", "--format=json"), ("log", "-o", "json")):
            lines = daemon.ctl(*words).stdout.splitlines()
            paths = {json.loads(line).get("path") for line in lines}
            self.assertLessEqual({os.path.join(directory, str(i)) for i in range(files)}, paths)

    def test_whoever_follows_the_log_takes_no_place_among_the_answers(self):
        daemon = self.start()
        followers = [self.ask_and_read_nothing(daemon, "Log", {"follow": True}) for _ in range(9)]
        self.await_status(daemon, "connections", 10)
        self.await_status(daemon, "answers", 0)
        self.write("followed")
        for client in followers:
            text = b""
            while b"followed" not in text:
                got = client.recv(65536)
                self.assertTrue(got)
                text += got
            client.close()

    def test_whoever_follows_from_a_checkpoint_waits_for_records(self):
        daemon = self.start()
        self.write("before")
        token = daemon.ctl("checkpoint").stdout.strip()

        def seconds():
            with open(f"/proc/{daemon.process.pid}/stat", encoding="ascii") as stat:
                fields = stat.read().rsplit(")", 1)[1].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

        follower = subprocess.Popen([fixture.CTL, f"--socket={daemon.socket}", "log", "-f",
                                     f"--since={token}", "-o", "cat"],
                                    stdout=subprocess.PIPE, text=True)
        self.await_status(daemon, "connections", 2)
        before = seconds()
        self.assertEqual(select.select([follower.stdout], [], [], 1.0)[0], [])
        self.assertLess(seconds() - before, 0.5)
        self.write("after")
        self.assertIn("after", follower.stdout.readline())
        follower.kill()
        follower.communicate()

    def test_follow_tells_records_as_they_come(self):
        daemon = self.start()
        follower = subprocess.Popen([fixture.CTL, f"--socket={daemon.socket}", "log", "-f",
                                     "-o", "cat"],
                                    stdout=subprocess.PIPE, text=True)
        self.write("followed")
        line = follower.stdout.readline()
        self.assertIn("followed", line)
        follower.kill()
        follower.wait()
        follower.stdout.close()


if __name__ == "__main__":
    fixture.main()
