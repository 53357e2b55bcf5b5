"""changejournal-rsync against the real rsync: after every quiet run the mirror is the source."""
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys

import fixture
from fixture import ROUNDS, run

import command  # of integrations/


class Mirror(fixture.TreeCase):
    def setUp(self):
        super().setUp()
        self.mirror = self.path("mirror")
        self.state = self.path("position")

    def run_it(self, *more, options=(), check=0):
        return self.tool("rsync", f"--state-directory={self.state}", *options, self.source,
                         self.mirror, *more, check=check)

    def token(self):
        with open(os.path.join(self.state, "token"), encoding="ascii") as file:
            return file.read()

    def test_rounds_of_random_edits(self):
        self.editor.edit(60)
        self.assertIn("copying all", self.run_it())
        self.assert_same(self.mirror)
        narrow = 0
        for _ in range(ROUNDS):
            self.editor.edit(40)
            said = self.run_it()
            if "copying all" in said:
                # Where directories were renamed into each other a list of names may be refused.
                self.assertIn("cannot be listed", said)
            else:
                narrow += 1
            self.assert_same(self.mirror)
        self.assertGreater(narrow, 0)
        self.assertIn(" 0 names", self.run_it())

    def test_only_what_changed_is_looked_at(self):
        for number in range(200):
            os.mkdir(f"{self.source}/{number}")
            self.write_source(f"{number}/file")
        for name in ("top", "linked"):
            self.write_source(name)
        os.link(f"{self.source}/linked", f"{self.source}/9/link")
        self.run_it()
        inodes = [os.stat(f"{self.mirror}/{name}").st_ino for name in ("top", "linked", "9/link")]
        before = {number: os.stat(f"{self.source}/{number}").st_atime_ns for number in range(200)}
        self.write_source("7/file", "other")
        os.rename(f"{self.source}/8", f"{self.source}/renamed")
        self.run_it()
        after = {number: os.stat(f"{self.source}/{number}").st_atime_ns
                 for number in range(200) if number not in (7, 8)}
        self.assertEqual([n for n in after if after[n] != before[n]], [])
        # Nor is anything copied that stands beside what changed.
        self.assertEqual([os.stat(f"{self.mirror}/{name}").st_ino
                          for name in ("top", "linked", "9/link")], inodes)
        self.assert_same(self.mirror)

    def write_source(self, name, text="x"):
        with open(os.path.join(self.source, name), "w", encoding="ascii") as file:
            file.write(text)

    def test_a_failing_transfer_loses_nothing(self):
        self.editor.edit(40)
        self.run_it()
        token = self.token()
        self.editor.edit(30)
        # Without room for what is new rsync ends in the middle.
        self.write_source("large", "x" * (1 << 20))
        run("mount", "-t", "tmpfs", "-o", "size=512k", "none", self.mirror, check=0)
        self.assertIn("position has not moved", self.run_it(check=1))
        self.assertEqual(self.token(), token)
        run("umount", self.mirror, check=0)
        self.editor.edit(10)
        self.run_it()
        self.assert_same(self.mirror)

    def test_a_link_where_a_directory_was(self):
        """Of the copy rsync then asks for an access list that only directories have, and fails."""
        self.write_source("file")
        os.mkdir(f"{self.source}/name")
        self.run_it()
        os.rmdir(f"{self.source}/name")
        os.link(f"{self.source}/file", f"{self.source}/name")
        said = self.run_it()
        self.assert_same(self.mirror)
        self.assertIn("once more", said)

    def test_a_failing_first_copy_is_begun_anew(self):
        self.write_source("large", "x" * (1 << 20))
        os.mkdir(self.mirror)
        run("mount", "-t", "tmpfs", "-o", "size=512k", "none", self.mirror, check=0)
        self.run_it(check=1)
        run("umount", self.mirror, check=0)
        self.assertIn("copying all", self.run_it())
        self.assert_same(self.mirror)

    def test_rescan_needed_is_a_full_copy(self):
        self.editor.edit(40)
        self.run_it()
        # A token of another journal, as after the loss of the state directory.
        self.lose_position()
        self.editor.edit(20)
        self.assertIn("of another journal", self.run_it())
        self.assert_same(self.mirror)
        self.editor.edit(20)
        self.assertNotIn("copying all", self.run_it())
        self.assert_same(self.mirror)

    def lose_position(self):
        with open(os.path.join(self.state, "token"), "w", encoding="ascii") as file:
            file.write("cj1-00000000-1\n")

    def content(self, name):
        with open(os.path.join(self.mirror, name), encoding="ascii") as file:
            return file.read()

    def write_and_set_back(self, name, text):
        self.write_source(name, text)
        os.utime(os.path.join(self.source, name), (1577836800, 1577836800))

    def test_a_full_copy_onto_a_mirror_trusts_no_time(self):
        self.write_and_set_back("k", "AAAA")
        self.write_source("large", "x" * (1 << 20))
        first = self.run_it()
        self.assertIn("copying all", first)
        self.assertNotIn("compared", first)  # with an empty directory
        large = os.stat(f"{self.mirror}/large").st_ino
        for text, options in (("BBBB", []), ("CCCC", ["--full"])):
            self.write_and_set_back("k", text)
            if not options:
                self.lose_position()
            self.assertIn("compared by its bytes", self.run_it(options=options))
            self.assertEqual(self.content("k"), text)
            self.assert_same(self.mirror)
        # What is equal is not written again.
        self.assertEqual(os.stat(f"{self.mirror}/large").st_ino, large)
        # Who wants rsync's own way says so.
        self.write_and_set_back("k", "DDDD")
        self.run_it("--", "--no-checksum", options=["--full"])
        self.assertEqual(self.content("k"), "CCCC")

    def test_a_full_copy_parts_links_that_the_mirror_has_alone(self):
        for pair in ("ab", "cd"):
            self.write_source(pair[0])
            os.link(f"{self.source}/{pair[0]}", f"{self.source}/{pair[1]}")
        self.run_it()
        run("cp", "-a", f"{self.source}/a", f"{self.source}/new", check=0)
        os.rename(f"{self.source}/new", f"{self.source}/a")
        os.chmod(f"{self.source}/a", 0o600)
        linked = os.stat(f"{self.mirror}/c").st_ino
        self.lose_position()
        self.run_it()
        self.assert_same(self.mirror)
        self.assertEqual(os.stat(f"{self.mirror}/d").st_ino, linked)

    def test_a_writer_during_the_run(self):
        self.editor.edit(40)
        self.run_it()
        for _ in range(3):
            with self.busy():
                self.run_it(check=None)
        self.run_it()
        self.assert_same(self.mirror)

    def run_another(self, program, check=0):
        """With another program in rsync's place, whose text in Python is given."""
        os.mkdir(self.path("bin"))
        with open(self.path("bin/rsync"), "w", encoding="ascii") as file:
            file.write("#!/usr/bin/python3\n" + program)
        os.chmod(self.path("bin/rsync"), 0o755)
        search = f"{self.path('bin')}:{os.environ['PATH']}"
        return self.tool("rsync", f"--state-directory={self.state}", self.source, self.mirror,
                         check=check, env=dict(os.environ, PATH=search))

    def test_a_narrow_run_may_take_long(self):
        """Longer than the second after which a run is looked at for the first time."""
        self.run_it()
        self.write_source("new")
        real = shutil.which("rsync")
        self.run_another("import os, sys, time\nend = time.monotonic() + 1.5\n"
                         "while time.monotonic() < end:\n    os.sched_yield()\n"
                         f"os.execv('{real}', sys.argv)\n")
        self.assert_same(self.mirror)

    def test_a_pipe_does_not_hold_up_for_ever(self):
        """An rsync that opens a named pipe, as it does where a file becomes one meanwhile."""
        os.mkfifo(self.path("pipe"))
        said = self.run_another(
            "import os, signal, sys\n"
            f"def end(*_): sys.exit(os.mkdir('{self.path('ended')}'))\n"
            "signal.signal(signal.SIGTERM, end)\n"
            f"open('{self.path('pipe')}').read()\n", check=1)
        self.assertTrue(os.path.isdir(self.path("ended")))  # It could clear up.
        self.assertIn("became a named pipe", said)
        self.assertFalse(os.path.exists(self.state + "/token"))

    def test_an_rsync_that_stands_still_is_begun_anew(self):
        """Its processes wait for each other, as those of 3.5.0 do at times."""
        self.editor.edit(40)
        real = shutil.which("rsync")
        said = self.run_another(
            "import os, sys\n"
            f"if os.path.exists('{self.path('stood')}'):\n    os.execv('{real}', sys.argv)\n"
            f"os.mkdir('{self.path('stood')}')\n"
            "ends = os.pipe()\nos.fork()\nos.read(ends[0], 1)\n")
        self.assertIn("stood still for 30 seconds", said)
        self.assert_same(self.mirror)

    def test_who_does_something_does_not_stand_still(self):
        busy = "print(flush=True)\nwhile True: pass"
        reads = "print(flush=True)\nwhile True: open('/proc/stat').read()"
        for program in (busy, reads, f"import subprocess, sys\n"
                        f"subprocess.run([sys.executable, '-c', {busy!r}])"):
            with subprocess.Popen([sys.executable, "-c", program], start_new_session=True,
                                  stdout=subprocess.PIPE) as child:
                child.stdout.read(1)  # It has begun, and whoever started it does nothing more.
                before = command.doings(child.pid)
                try:
                    self.assertTrue(fixture.eventually(
                        lambda: (now := command.doings(child.pid)) is None or now != before))
                finally:
                    os.killpg(child.pid, signal.SIGKILL)

    def test_an_absent_tree_empties_no_mirror(self):
        self.write_source("precious")
        self.run_it()
        token = self.token()
        run("umount", self.source, check=0)
        said = self.run_it(check=7)
        self.assertIn("not mounted", said)
        self.run_it(options=["--full"], check=7)
        self.assertTrue(os.path.exists(os.path.join(self.mirror, "precious")))
        self.assertEqual(self.token(), token)
        run("mount", "-o", "loop", self.path("ext4.img"), self.source, check=0)
        # The daemon hears of the mount in a moment.
        self.assertTrue(fixture.eventually(lambda: not self.is_absent()))
        self.assertIn("copying all", self.run_it())
        self.assert_same(self.mirror)

    def is_absent(self):
        return "absent" in json.loads(self.daemon.ctl("status", "--json").stdout)["watches"][0]

    def test_one_run_at_a_time(self):
        self.run_it()
        lock = os.open(os.path.join(self.state, "lock"), os.O_RDWR)
        self.addCleanup(os.close, lock)
        fcntl.flock(lock, fcntl.LOCK_EX)
        self.assertIn("another run", self.run_it(check=6))

    def test_links_in_the_mirror_lead_nowhere(self):
        os.makedirs(f"{self.source}/d/e")
        self.write_source("d/e/file", "new")
        self.run_it()
        outside = self.path("outside")
        os.makedirs(outside + "/e")
        run("rm", "-r", f"{self.mirror}/d", check=0)
        os.symlink(outside, f"{self.mirror}/d")
        self.write_source("d/e/file", "newer")
        self.write_source("d/other")
        self.run_it(check=None)
        self.assertEqual(os.listdir(outside), ["e"])
        self.assertEqual(os.listdir(outside + "/e"), [])

    def test_directory_becomes_link_and_file(self):
        for name in "ab":
            os.makedirs(f"{self.source}/{name}/below")
            self.write_source(f"{name}/below/file")
        os.makedirs(f"{self.source}/elsewhere/below")
        self.write_source("elsewhere/below/file", "not to be taken for another")
        self.run_it()
        run("rm", "-r", f"{self.source}/a", f"{self.source}/b", check=0)
        os.symlink("elsewhere", f"{self.source}/a")
        self.write_source("b")
        self.run_it()
        self.assert_same(self.mirror)

    def test_over_a_remote_shell(self):
        """The shell drops the name of the host."""
        shell = self.path("shell")
        with open(shell, "w", encoding="ascii") as file:
            file.write('#!/bin/sh\nshift\nexec sh -c "$*"\n')
        os.chmod(shell, 0o755)
        self.editor.edit(40)
        for _ in range(2):
            self.tool("rsync", f"--state-directory={self.state}", self.source,
                      f"host:{self.mirror}", "--", f"--rsh={shell}")
            self.assert_same(self.mirror)
            self.editor.edit(40)

    def test_what_cannot_be_mirrored_is_refused(self):
        said = self.tool("rsync", "/etc", self.mirror, check=2)
        self.assertIn("no watched tree", said)
        self.tool("rsync", self.source, self.source + "/below", check=2)
        self.tool("rsync", self.path("not there"), self.mirror, check=2)
        os.mkdir(self.state)
        os.chmod(self.state, 0o777)
        self.assertIn("others may write", self.run_it(check=2))


if __name__ == "__main__":
    fixture.main("rsync", "mkfs.ext4")
