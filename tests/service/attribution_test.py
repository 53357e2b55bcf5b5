#!/usr/bin/env python3
"""Attribution=yes, with real processes: log, follow and explain say who did it.

Usage: attribution_test.py CHANGEJOURNALD CHANGECTL   (root; exit 4: skipped)
"""
import json
import os
import select
import subprocess
import sys
import unittest

import daemon_fixture as fixture

NOBODY = 65534
# Writes a file, and lives until its input ends.
WRITER = "import os, sys; os.setresuid(*[int(sys.argv[2])] * 3); " \
    "open(sys.argv[1], 'a').write('x'); print(flush=True); sys.stdin.read()"


class Writer:
    """A process that has written to a file, and is there until the block ends."""

    def __init__(self, path, uid=0):
        self.process = subprocess.Popen([sys.executable, "-c", WRITER, path, str(uid)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.process.stdout.readline()
        self.pid = self.process.pid
        with open(f"/proc/{self.pid}/comm", encoding="utf-8") as file:
            self.comm = file.read().rstrip("\n")

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.process.stdin.close()
        self.process.wait(fixture.DEADLINE)
        self.process.stdout.close()


class AttributionTest(fixture.DaemonCase):
    def configured(self, attribution="yes"):
        path = os.path.join(self.work, "conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"[Journal]\nAttribution={attribution}\n[Watch]\nPath={self.mount}\n")
        os.chmod(self.mount, 0o777)
        return self.start(f"--config={path}", watch=None)

    def records(self, daemon, name):
        path = os.path.join(self.mount, name)
        lines = daemon.ctl("log", "-o", "json", path).stdout.splitlines()
        return [json.loads(line) for line in lines]

    def who(self, daemon, name):
        return [record.get("by") for record in self.records(daemon, name)]

    def recorded(self, daemon, name):
        """The log stores what the kernel has queued."""
        self.assertNotEqual(self.records(daemon, name), [])

    def test_the_process_is_told(self):
        daemon = self.configured()
        path = os.path.join(self.mount, "f")
        with Writer(path, NOBODY) as writer:
            self.recorded(daemon, "f")
        for by in self.who(daemon, "f"):
            self.assertEqual(by["pid"], writer.pid)
            self.assertEqual(by["comm"], writer.comm)
            self.assertEqual(by["uid"], NOBODY)
        shown = daemon.ctl("log", path).stdout
        self.assertIn(f" {writer.comm}[{writer.pid}] ", shown)
        shown = daemon.ctl("log", "-o", "verbose", path).stdout
        self.assertIn(f"\n    comm={writer.comm}\n    uid={NOBODY}\n", shown)
        self.assertIn(f" {writer.comm}[{writer.pid}] ", daemon.ctl("explain", path).stdout)
        lines = daemon.ctl("explain", "--json", path).stdout.splitlines()
        told = [json.loads(line)["record"]["by"]["comm"] for line in lines if '"role"' in line]
        self.assertEqual(set(told), {writer.comm})
        token = daemon.ctl("periods").stdout.splitlines()[1].split()[0]
        with subprocess.Popen([fixture.CTL, f"--socket={daemon.socket}", "follow", "--json",
                               f"--since={token}", path], stdout=subprocess.PIPE,
                              text=True) as feed:
            self.assertTrue(select.select([feed.stdout], [], [], fixture.DEADLINE)[0])
            self.assertEqual(json.loads(feed.stdout.readline())["by"]["comm"], writer.comm)
            feed.terminate()

    def test_two_processes_and_one_file(self):
        daemon = self.configured()
        path = os.path.join(self.mount, "f")
        with Writer(path) as first, Writer(path) as second:
            self.recorded(daemon, "f")
        self.assertEqual({by["pid"] for by in self.who(daemon, "f")}, {first.pid, second.pid})

    def test_a_process_that_is_gone(self):
        """The daemon stands still until it has ended: nobody can say what it was."""
        daemon = self.configured()
        fixture.stop_all(daemon.process.pid)
        with Writer(os.path.join(self.mount, "f")) as writer:
            pass
        daemon.process.send_signal(fixture.signal.SIGCONT)
        self.recorded(daemon, "f")
        for by in self.who(daemon, "f"):
            self.assertEqual(by, {"pid": writer.pid})
        shown = daemon.ctl("log", os.path.join(self.mount, "f")).stdout
        self.assertIn(f" [{writer.pid}] ", shown)

    def test_nobody_asks(self):
        daemon = self.configured("no")
        with Writer(os.path.join(self.mount, "f")) as writer:
            self.recorded(daemon, "f")
        self.assertEqual(set(map(str, self.who(daemon, "f"))), {"None"})
        for record in self.records(daemon, "f"):
            self.assertEqual(record["pid"], writer.pid)

    def test_it_outlives_the_daemon_and_ends_with_the_setting(self):
        daemon = self.configured()
        with Writer(os.path.join(self.mount, "f")) as writer:
            self.recorded(daemon, "f")
            daemon.stop()
            self.daemons.remove(daemon)
            daemon = self.configured("no")
            with open(os.path.join(self.mount, "g"), "w", encoding="utf-8"):
                pass
            self.recorded(daemon, "g")
        told = [by for by in self.who(daemon, "f") if by]
        self.assertEqual({by["comm"] for by in told}, {writer.comm})
        self.assertEqual(set(map(str, self.who(daemon, "g"))), {"None"})

    def test_the_unit(self):
        """Of a cgroup that is called as systemd calls them."""
        top = unified_groups()
        if top is None:
            self.skipTest("no cgroup2 is mounted to make a group in")
        group = os.path.join(top, f"cj-test-{os.getpid()}.service")
        try:
            os.mkdir(group)
        except OSError as error:
            self.skipTest(f"no group can be made: {error}")
        self.addCleanup(lambda: self.assertTrue(fixture.eventually(lambda: gone(group))))
        daemon = self.configured()
        path = os.path.join(self.mount, "f")
        command = f"echo $$ > {group}/cgroup.procs && echo x > {path} && echo && read end"
        with subprocess.Popen(["sh", "-c", command], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as shell:
            shell.stdout.readline()
            self.recorded(daemon, "f")
            shell.stdin.close()
        units = {by["unit"] for by in self.who(daemon, "f")}
        self.assertEqual(units, {os.path.basename(group)})
        self.assertIn(f"unit={os.path.basename(group)}\n",
                      daemon.ctl("log", "-o", "verbose", path).stdout)


def unified_groups():
    """Where the cgroup2 is mounted: beside the older hierarchies it is not at /sys/fs/cgroup."""
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        for line in file:
            before, after = line.split(" - ", 1)
            if after.split()[0] == "cgroup2":
                return before.split()[4]
    return None


def gone(group):
    try:
        os.rmdir(group)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    fixture.main()
