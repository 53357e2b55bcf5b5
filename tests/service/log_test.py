#!/usr/bin/env python3
"""changectl log against a real daemon: filters, times, formats, and the pager on a real terminal.

Usage: log_test.py CHANGEJOURNALD CHANGECTL
"""
import json
import os
import shutil
import signal
import time
import unittest

import daemon_fixture as fixture
from terminal import Terminal, children, variables


class Log(fixture.DaemonCase):
    def records(self, daemon, *words):
        said = daemon.ctl("log", "-o", "json", *words).stdout
        return [json.loads(line) for line in said.splitlines()]

    def ask(self, daemon, **parameters):
        """The first reply."""
        with daemon.connect() as client:
            client.sendall(json.dumps({"method": "org.changejournal.Log", "more": True,
                                       "parameters": parameters}).encode() + b"\0")
            return json.loads(client.recv(65536).split(b"\0")[0])

    def names(self, daemon, *words):
        return [os.path.basename(each.get("path", "")) for each in self.records(daemon, *words)]

    def test_kinds_and_types(self):
        daemon = self.start()
        self.write("file")
        os.mkdir(self.mount + "/directory")
        os.mkfifo(self.mount + "/fifo")
        os.chmod(self.mount + "/fifo", 0o600)
        os.symlink("file", self.mount + "/link")
        told = self.records(daemon, "--kind=metadata")
        self.assertEqual({os.path.basename(each["path"]) for each in told}, {"fifo"})
        self.assertTrue(all("attributes" in each["operations"] for each in told))
        self.assertEqual(set(self.names(daemon, "--type=fifo,symlink")), {"fifo", "link"})
        self.assertEqual(set(self.names(daemon, "--type=directory")), {"directory"})
        self.assertEqual(set(self.names(daemon, "--kind=data", "--type=file")), {"file"})
        # The last ones of those that are wanted, not those that are wanted of the last ones.
        self.assertEqual(self.names(daemon, "--type=directory", "-n", "1"), ["directory"])
        refused = self.ask(daemon, kinds=["entries"])
        self.assertEqual(refused["parameters"]["parameter"], "kinds")

    def test_times_are_exact(self):
        daemon = self.start()
        self.write("early")
        daemon.ctl("checkpoint")
        self.write("middle")
        self.names(daemon)  # it has been read, and so has its time
        middle = time.time()
        fixture.eventually(lambda: time.time() > middle + 0.05)
        self.write("late")
        at = f"@{middle:.6f}"
        self.assertEqual(set(self.names(daemon, f"--since={at}")), {"late"})
        self.assertEqual(set(self.names(daemon, f"--until={at}")), {"early", "middle"})
        self.assertEqual(self.names(daemon, f"--until={at}", "-r", "-n1"), ["middle"])
        # There is no checkpoint that old, and no need of one.
        self.assertEqual(set(self.names(daemon, "--since=yesterday")), {"early", "middle", "late"})
        self.assertEqual(self.names(daemon, "--since=2020-01-01", "--until=2020-01-02"), [])
        refused = self.ask(daemon, follow=True, to_usec=5)
        self.assertEqual(refused["parameters"]["parameter"], "follow")

    def test_formats(self):
        daemon = self.start()
        self.write("one")
        sequence = daemon.ctl("log", "-o", "json-seq").stdout
        texts = sequence.split("\x1e")
        self.assertEqual(texts[0], "")
        self.assertTrue(all(text.endswith("\n") for text in texts[1:]))
        self.assertEqual([json.loads(text) for text in texts[1:]], self.records(daemon))
        line = daemon.ctl("log", "-o", "short-iso", "--utc", "-n1").stdout
        self.assertRegex(line, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00 \d+ ")
        line = daemon.ctl("log", "-o", "short-iso-precise", "--utc", "-n1").stdout
        self.assertRegex(line, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00 \d+ ")
        line = daemon.ctl("log", "-o", "short-unix", "-n1").stdout
        self.assertLess(abs(float(line.split()[0]) - time.time()), 3600)
        self.assertEqual(daemon.ctl("log", "--type=block").stdout, "")

    def fill(self, daemon, count):
        for i in range(count):
            os.mknod(f"{self.mount}/file {i:04}")
        self.assertEqual(len(self.names(daemon, "-n", str(count))), count)

    def on_terminal(self, daemon, *words, **environment):
        terminal = Terminal([fixture.CTL, f"--socket={daemon.socket}", "log", *words], environment)
        self.addCleanup(terminal.close)
        return terminal

    @unittest.skipUnless(shutil.which("less"), "less is not installed")
    def test_less(self):
        daemon = self.start()
        self.fill(daemon, 100)
        terminal = self.on_terminal(daemon)
        terminal.expect("file 0005")
        pager, = children(terminal.process.pid)
        self.assertEqual(os.path.basename(os.readlink(f"/proc/{pager}/exe")), "less")
        self.assertEqual(variables(pager)[b"LESS"], b"FRSXMK")
        # No login here whose rights these are: less must not run commands.
        self.assertEqual(variables(pager)[b"LESSSECURE"], b"1")
        self.assertNotIn("file 0099", terminal.text)
        terminal.type("q")
        self.assertEqual(terminal.wait(), 0)
        self.assertNotIn("changectl:", terminal.text)

        # The end is shown first. Where it is interrupted the terminal is as it was before the shell
        # goes on.
        terminal = Terminal(["sh", "-c", 'trap : INT; "$@"; echo over; read line', "sh",
                             fixture.CTL, f"--socket={daemon.socket}", "log", "-e"])
        self.addCleanup(terminal.close)
        terminal.expect("file 0099")
        self.assertNotEqual(terminal.modes(), terminal.before)
        terminal.expect(r"\(END\)")

        def over():
            # less(1) may be in the middle of something, which Ctrl-C then ends instead of it.
            terminal.type("\x03")
            try:
                return terminal.expect("over", 1)
            except AssertionError:
                return False
        self.assertTrue(fixture.eventually(over))
        self.assertEqual(terminal.modes(), terminal.before)
        terminal.type("\n")
        terminal.wait()

    @unittest.skipUnless(shutil.which("less"), "less is not installed")
    def test_less_is_left_in_the_middle_of_much(self):
        daemon = self.start()
        self.fill(daemon, 20_000)
        terminal = self.on_terminal(daemon)
        terminal.expect("file 0003")
        terminal.type("q")
        self.assertEqual(terminal.wait(), 0)
        self.assertNotIn("changectl:", terminal.text)
        # The daemon has let go of the reader that went away.
        self.assertTrue(fixture.eventually(
            lambda: daemon.call("org.changejournal.GetStatus")["parameters"]["answers"] == 0))

    def pager(self, text):
        path = os.path.join(self.work, "pager")
        with open(path, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\n" + text)
        os.chmod(path, 0o755)
        return path

    def test_pagers_of_ones_own(self):
        daemon = self.start()
        self.fill(daemon, 5)
        own = self.pager('echo "arguments: $# $1"; sed s/file/FILE/; exit 7\n')
        # Not with more rights than who logged in, unless he says so.
        terminal = self.on_terminal(daemon, PAGER=own)
        self.assertEqual(terminal.wait(), 0)
        self.assertNotIn("arguments", terminal.text)
        self.assertIn("file 0004", terminal.text)
        terminal = self.on_terminal(daemon, PAGER=f"{own} ;$(id)", SYSTEMD_PAGERSECURE="no")
        self.assertEqual(terminal.wait(), 0)  # what a pager says is its own affair
        self.assertIn("arguments: 1 ;$(id)", terminal.text)
        self.assertIn("FILE 0004", terminal.text)
        # None is asked for, or there is none.
        for words, environment in ((("--no-pager",), {"PAGER": own}), ((), {"SYSTEMD_PAGER": ""}),
                                   ((), {"PATH": "/nowhere"}), ((), {"TERM": "dumb"})):
            with self.subTest(words=words, environment=environment):
                terminal = self.on_terminal(daemon, *words, **environment,
                                            SYSTEMD_PAGERSECURE="no")
                self.assertEqual(terminal.wait(), 0)
                self.assertNotIn("arguments", terminal.text)
                self.assertIn("file 0004", terminal.text)

    def test_a_pager_is_only_for_terminals_and_for_what_ends(self):
        daemon = self.start()
        self.fill(daemon, 3)
        own = self.pager("echo paged; cat\n")
        environment = dict(os.environ, PAGER=own, SYSTEMD_PAGERSECURE="no")
        self.assertNotIn("paged", daemon.ctl("log", env=environment).stdout)
        terminal = self.on_terminal(daemon, "-f", PAGER=own, SYSTEMD_PAGERSECURE="no")
        seen = terminal.expect("file 0002")
        self.assertNotIn("paged", seen)
        self.assertEqual(children(terminal.process.pid), [])
        terminal.type("\x03")
        self.assertEqual(terminal.wait(), -signal.SIGINT)
        # An error comes without it.
        terminal = self.on_terminal(daemon, "--since=cj1-00000000-1", PAGER=own,
                                    SYSTEMD_PAGERSECURE="no")
        self.assertEqual(terminal.wait(), 3)
        self.assertNotIn("paged", terminal.text)

    def test_a_killed_changectl_takes_its_pager_along(self):
        daemon = self.start()
        self.fill(daemon, 3)
        own = self.pager("exec tail -f /dev/null\n")
        terminal = self.on_terminal(daemon, PAGER=own, SYSTEMD_PAGERSECURE="no")
        self.assertTrue(fixture.eventually(lambda: children(terminal.process.pid)))
        pager, = children(terminal.process.pid)
        self.assertTrue(fixture.eventually(
            lambda: os.path.basename(os.readlink(f"/proc/{pager}/exe")) == "tail"))
        terminal.process.kill()
        self.assertEqual(terminal.wait(), -signal.SIGKILL)

        def gone():
            try:
                with open(f"/proc/{pager}/stat", encoding="ascii") as file:
                    return file.read().rsplit(")", 1)[1].split()[0] == "Z"
            except FileNotFoundError:
                return True
        self.assertTrue(fixture.eventually(gone))

    def test_nothing_to_show(self):
        daemon = self.start()
        terminal = self.on_terminal(daemon)
        self.assertEqual(terminal.wait(), 0)
        self.assertIn("-- No records --", terminal.text)
        terminal = self.on_terminal(daemon, "-q")
        self.assertEqual(terminal.wait(), 0)
        self.assertNotIn("--", terminal.text)


if __name__ == "__main__":
    fixture.main()
