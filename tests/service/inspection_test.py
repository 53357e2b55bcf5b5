#!/usr/bin/env python3
"""changectl status, metrics and top against a real daemon; top on a real terminal. What metrics
says is read by promtool or the Python client of Prometheus, where they are installed.

Usage: inspection_test.py CHANGEJOURNALD CHANGECTL
"""
import json
import os
import re
import shutil
import signal
import stat
import unittest

import daemon_fixture as fixture
from terminal import Terminal

try:
    from prometheus_client.parser import text_string_to_metric_families
except ImportError:
    text_string_to_metric_families = None

HEAD = "changectl top"


class Inspection(fixture.DaemonCase):
    def status(self, daemon):
        return json.loads(daemon.ctl("status", "--json").stdout)

    def test_status_has_rates_and_backlog(self):
        daemon = self.start()
        before = self.status(daemon)
        self.assertEqual(before["backlog"]["lag_usec"], 0)
        self.assertGreater(before["backlog"]["capacity_bytes"], 1 << 20)
        for i in range(200):
            os.mknod(f"{self.mount}/{i}")
        daemon.ctl("log", "-n1")  # all of it is stored
        after = self.status(daemon)
        self.assertGreaterEqual(after["rates"]["records"] - before["rates"]["records"], 200)
        self.assertGreaterEqual(after["rates"]["events"], after["rates"]["records"] - 1)
        self.assertGreater(after["rates"]["uptime_usec"], before["rates"]["uptime_usec"])
        self.assertLessEqual(after["rates"]["interval_usec"], after["rates"]["uptime_usec"])
        # From the first second on, and never of no time.
        self.assertTrue(fixture.eventually(lambda: re.search(
            r"\n +Rates: [\d.]+ events/s, [\d.]+ records/s in the last \d+\w",
            daemon.ctl("status").stdout)))
        self.assertRegex(daemon.ctl("status").stdout, r"\n +Backlog: none\n")

    def metrics(self, daemon):
        """{name: {labels: value}}, by a reader of the test's own."""
        said = {}
        for line in daemon.ctl("metrics").stdout.splitlines():
            if line.startswith("#"):
                continue
            name, labels, value = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line).groups()
            said.setdefault(name, {})[labels] = float(value)
        return said

    def test_metrics_are_what_status_says(self):
        daemon = self.start()
        self.write("one")
        daemon.ctl("consumer", "add", "mirror")
        self.write("two")
        status = self.status(daemon)
        said = self.metrics(daemon)
        self.assertGreater(said["changejournal_records_stored_total"][None], 0)
        self.assertEqual(said["changejournal_checkpoints_total"][None],
                         status["counters"]["checkpoints"])
        self.assertEqual(said["changejournal_watch_present"], {f'path="{self.mount}"': 1.0})
        self.assertIn('consumer="mirror"', said["changejournal_consumer_waiting_records"])
        self.assertEqual(said["changejournal_volumes"][None], 1)
        self.assertEqual(said["changejournal_lag_seconds"][None], 0)
        self.assertGreater(said["changejournal_resident_memory_bytes"][None], 1e6)
        build = f'version="{status["version"]}",journal="{status["journal"]}"'
        self.assertEqual(said["changejournal_build_info"], {build: 1.0})
        self.assertTrue(all(name.startswith("changejournal_") for name in said))

    def read_by_others(self, text):
        readers = 0
        if text_string_to_metric_families is not None:
            families = {each.name: each for each in text_string_to_metric_families(text)}
            self.assertEqual(families["changejournal_records_stored"].type, "counter")
            self.assertEqual(families["changejournal_lag_seconds"].type, "gauge")
            self.assertTrue(all(each.documentation for each in families.values()))
            readers += 1
            paths = [sample.labels["path"]
                     for sample in families["changejournal_watch_present"].samples]
            self.assertEqual(paths, [self.watched])
        promtool = shutil.which("promtool") or os.environ.get("CJ_PROMTOOL")
        if promtool:
            done = fixture.run(promtool, "check", "metrics", input=text)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
            readers += 1
        return readers

    def test_metrics_are_read_by_others(self):
        self.watched = self.mount + '/quo"te \\ and\nline'
        os.mkdir(self.watched)
        daemon = self.start(watch=self.watched)
        daemon.ctl("consumer", "add", "a")
        if not self.read_by_others(daemon.ctl("metrics").stdout):
            self.skipTest("neither promtool nor python3-prometheus-client is installed")

    def test_metrics_into_a_file(self):
        daemon = self.start()
        directory = os.path.join(self.work, "textfile")
        os.mkdir(directory)
        path = os.path.join(directory, "changejournal.prom")
        for _ in range(2):
            daemon.ctl("metrics", f"--output={path}")
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o644)
            self.assertEqual(os.listdir(directory), ["changejournal.prom"])
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.assertTrue(text.endswith("\n"))
        # A reader of the old file has all of it.
        with open(path, encoding="utf-8") as file:
            daemon.ctl("metrics", f"--output={path}")
            self.assertEqual(file.read(), text)
        # What fails leaves it alone.
        with open(path, encoding="utf-8") as file:
            text = file.read()
        done = fixture.run(fixture.CTL, f"--socket={self.work}/none", "metrics", f"--output={path}")
        self.assertEqual(done.returncode, 5)
        full = os.path.join(self.work, "full")
        os.mkdir(full)
        fixture.run("mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", full, check=0)
        done = daemon.ctl("metrics", f"--output={full}/a.prom", check=1)
        fixture.run("umount", "-l", full)
        self.assertIn("cannot write", done.stderr)
        daemon.ctl("metrics", f"--output={self.work}/missing/a.prom", check=1)
        with open(path, encoding="utf-8") as file:
            self.assertEqual(file.read(), text)

    def test_top_in_batches(self):
        daemon = self.start()
        os.mkdir(self.mount + "/quiet")
        os.mkdir(self.mount + "/busy \x1b[2J")
        top = fixture.subprocess.Popen(
            [fixture.CTL, f"--socket={daemon.socket}", "top", "-b", "-n", "2", "-d", "1s"],
            stdout=fixture.subprocess.PIPE, text=True)
        self.addCleanup(top.stdout.close)
        self.assertIn(HEAD, top.stdout.readline())  # the feed has begun
        for i in range(50):
            os.mknod(f"{self.mount}/busy \x1b[2J/{i}")
        os.mknod(self.mount + "/quiet/one")
        rest = top.stdout.read()
        self.assertEqual(top.wait(fixture.DEADLINE), 0)
        self.assertNotIn("\x1b", rest)
        last = rest[rest.index(HEAD):].splitlines()
        rows = [line.split(None, 2) for line in last[6:] if line]
        self.assertEqual(rows[0][2], f"$'{self.mount}/busy \\E[2J'")
        self.assertEqual(rows[0][1], "50")
        self.assertIn([self.mount + "/quiet", "1"], [[row[2], row[1]] for row in rows])
        self.assertRegex(last[1], r"^Events:  [\d.]+/s read, [1-9][\d.]*/s recorded")

    def top(self, daemon, *words):
        terminal = Terminal([fixture.CTL, f"--socket={daemon.socket}", "top", *words], rows=12)
        self.addCleanup(terminal.close)
        return terminal

    def test_top_on_a_terminal(self):
        daemon = self.start()
        os.mkdir(self.mount + "/a")
        terminal = self.top(daemon, "-d", "200ms")
        terminal.expect(HEAD)
        self.assertNotEqual(terminal.modes(), terminal.before)
        os.mknod(self.mount + "/a/file")
        terminal.expect(re.escape(self.mount + "/a\x1b[K"))
        # A smaller terminal: nothing is written below its end.
        terminal.resize(7, 40)
        terminal.expect(r"\x1b\[H[^\x1b]{0,40}\x1b\[K\r+\n")
        terminal.type("x")  # means nothing
        terminal.expect(HEAD)
        terminal.type("q")
        self.assertEqual(terminal.wait(), 0)
        self.assertTrue(terminal.text.endswith("\x1b[?7h\x1b[?25h\x1b[?1049l"))
        self.assertEqual(terminal.modes(), terminal.before)
        for picture in terminal.text.split("\x1b[H")[2:]:
            self.assertLessEqual(picture.count("\n"), 6)

    def test_top_gives_the_terminal_back_however_it_ends(self):
        daemon = self.start()
        for ended_by, status in ((signal.SIGINT, 0), (signal.SIGTERM, -signal.SIGTERM),
                                 (signal.SIGHUP, -signal.SIGHUP)):
            with self.subTest(signal=ended_by):
                terminal = self.top(daemon)
                terminal.expect(HEAD)
                terminal.process.send_signal(ended_by)
                self.assertEqual(terminal.wait(), status)
                self.assertTrue(terminal.text.endswith("\x1b[?1049l"), terminal.text)
                self.assertEqual(terminal.modes(), terminal.before)
        terminal = self.top(daemon, "-d", "1h")
        terminal.expect(HEAD)
        daemon.stop()
        self.daemons.clear()
        self.assertEqual(terminal.wait(), 1)
        self.assertEqual(terminal.modes(), terminal.before)
        self.assertRegex(terminal.text, r"\x1b\[\?1049l.*the daemon has ended the feed")

    def test_top_is_for_terminals(self):
        daemon = self.start()
        self.assertIn("--batch", daemon.ctl("top", check=2).stderr)
        daemon.ctl("top", "-d", "1ms", check=2)
        daemon.ctl("top", "-b", "-n", "0", check=2)
        daemon.ctl("top", "-b", "-n1", "/nowhere", check=2)
        self.assertEqual(daemon.ctl("top", "-b", "-n1", self.mount).stdout.count(HEAD), 1)


if __name__ == "__main__":
    fixture.main()
