#!/usr/bin/env python3
"""Feeds as their readers see them: follow, its filters, consumers, slow readers, restarts.

Usage: feed_test.py CHANGEJOURNALD CHANGECTL   (root; exit 4: skipped).
"""
import json
import os
import select
import subprocess
import time

import daemon_fixture as fixture


class Feed:
    """The replies of Follow, as they come."""

    def __init__(self, daemon, **parameters):
        self.socket = daemon.connect()
        message = {"method": "org.changejournal.Follow", "more": True, "parameters": parameters}
        self.socket.sendall(json.dumps(message).encode() + b"\0")
        self.rest = b""
        self.gaps = []

    def reply(self):
        """The next one; None: the connection has ended."""
        while b"\0" not in self.rest:
            got = self.socket.recv(65536)
            if not got:
                return None
            self.rest += got
        text, self.rest = self.rest.split(b"\0", 1)
        reply = json.loads(text)
        if "parameters" in reply and "position" in reply["parameters"]:
            self.position = reply["parameters"]["position"]
            self.gaps += reply["parameters"].get("gaps", [])
        return reply

    def records(self, until):
        """All up to the reply that has one for which `until` holds."""
        told = []
        while True:
            some = self.reply()["parameters"]["records"]
            told += some
            if any(map(until, some)):
                return told

    def close(self):
        self.socket.close()


class FeedTest(fixture.DaemonCase):
    def feed(self, daemon, **parameters):
        feed = Feed(daemon, **parameters)
        self.addCleanup(feed.close)
        return feed

    def named(self, name):
        path = os.path.join(self.mount, name)
        return lambda record: record.get("path") == path

    def names(self, records):
        return [os.path.relpath(record["path"], self.mount) for record in records]

    def test_from_now_on_and_on_again(self):
        daemon = self.start()
        self.write("before")
        feed = self.feed(daemon)
        begin = feed.reply()["parameters"]
        self.assertEqual(begin["records"], [])
        self.write("one")
        first = feed.records(self.named("one"))
        self.assertNotIn("before", self.names(first))
        numbers = [record["sequence"] for record in first]
        self.assertEqual(numbers, sorted(numbers))
        self.assertGreater(numbers[0], begin["position"]["sequence"])
        position = feed.position
        feed.close()
        self.write("two")
        daemon.ctl("checkpoint")
        self.write("three")
        daemon.ctl("checkpoint")
        again = self.feed(daemon, resume=position)
        told = again.records(self.named("three"))
        self.assertIn("two", self.names(told))
        self.assertGreater(told[0]["sequence"], numbers[-1])
        # From where it began, all of it, as the numbers say.
        whole = self.feed(daemon, resume=begin["position"]).records(self.named("three"))
        self.assertEqual([record["sequence"] for record in whole],
                         list(range(begin["position"]["sequence"] + 1, told[-1]["sequence"] + 1)))

    def test_the_socket_can_be_waited_for(self):
        daemon = self.start()
        feed = self.feed(daemon)
        feed.reply()
        self.assertEqual(select.select([feed.socket], [], [], 0)[0], [])
        self.write("new")
        self.assertEqual(select.select([feed.socket], [], [], fixture.DEADLINE)[0], [feed.socket])
        feed.records(self.named("new"))

    def test_filters(self):
        daemon = self.start()
        os.mkdir(os.path.join(self.mount, "in"))
        token = daemon.ctl("checkpoint").stdout.strip()
        self.write("outside")
        self.write("in/file")
        os.symlink("nowhere", os.path.join(self.mount, "in/link"))
        os.mkdir(os.path.join(self.mount, "in/dir"))
        os.mkfifo(os.path.join(self.mount, "in/fifo"))
        os.chmod(os.path.join(self.mount, "in/fifo"), 0o600)
        self.write("in/gone")
        os.unlink(os.path.join(self.mount, "in/gone"))
        self.write("in/last")
        since = {"token": token}
        # in/gone may have been of any type but a directory.
        for filters, expected in (
                ({"paths": [self.mount + "/in"]},
                 {"in/file", "in/link", "in/dir", "in/fifo", "in/gone", "in/last"}),
                ({"types": ["file"]}, {"outside", "in/file", "in/gone", "in/last"}),
                ({"types": ["symlink", "file"]},
                 {"outside", "in/link", "in/file", "in/gone", "in/last"}),
                ({"kinds": ["data"]}, {"outside", "in/file", "in/gone", "in/last"})):
            with self.subTest(filters=filters):
                told = self.feed(daemon, since=since, **filters).records(self.named("in/last"))
                self.assertEqual(set(self.names(told)) - {".", "in"}, expected)
        metadata = self.feed(daemon, since=since, kinds=["metadata"], types=["fifo"])
        self.assertEqual(set(self.names(metadata.records(self.named("in/fifo")))), {"in/fifo"})
        directories = self.feed(daemon, since=since, types=["directory"])
        told = directories.records(self.named("in/dir"))
        self.assertLessEqual(set(self.names(told)), {".", "in", "in/dir"})

    def test_each_change_is_told_to_who_has_been_told_of_the_one_before(self):
        daemon = self.start()
        self.write("f")
        feed = self.feed(daemon)
        feed.reply()
        path = os.path.join(self.mount, "f")
        # One period has one record of a file's data, and hot files are not reported at all: not so
        # where somebody has been told and waits for more.
        for _ in range(20):
            with open(path, "a", encoding="utf-8") as file:
                file.write("x")
            feed.records(lambda record: record.get("path") == path
                         and "closed-write" in record["operations"])
        with open(path, "a", encoding="utf-8", buffering=1) as file:
            for _ in range(20):
                file.write("x\n")
                feed.records(lambda record: record.get("path") == path
                             and "modified" in record["operations"])

    def test_what_happens_to_a_directory_above_is_told(self):
        daemon = self.start()
        os.makedirs(os.path.join(self.mount, "a/b"))
        feed = self.feed(daemon, paths=[self.mount + "/a/b"], types=["file"])
        feed.reply()
        os.rename(os.path.join(self.mount, "a"), os.path.join(self.mount, "z"))
        told = feed.records(lambda record: "renamed" in record["operations"])
        self.assertEqual(told[-1]["from"], self.mount + "/a")
        daemon.ctl("crawl", self.mount)
        feed.records(lambda record: "crawled" in record["operations"]
                     and "directory" in record["operations"])

    def test_a_change_by_a_name_outside_of_the_watch(self):
        tree = os.path.join(self.mount, "tree")
        os.mkdir(tree)
        daemon = self.start(watch=tree)
        inside, outside = os.path.join(tree, "inside"), os.path.join(self.mount, "outside")
        open(inside, "w", encoding="utf-8").close()
        os.link(inside, outside)
        for filters in ({}, {"paths": [tree]}):
            feed = self.feed(daemon, **filters)
            feed.reply()
            with open(outside, "a", encoding="utf-8") as file:
                file.write("x")
            told = feed.records(lambda record: "modified" in record["operations"])
            # By the name that somebody else has not, if any is known.
            self.assertIn(told[-1].get("path"), (inside, None))

    def test_a_bind_mount_that_is_watched_as_well(self):
        tree, other = os.path.join(self.mount, "tree"), os.path.join(self.work, "other")
        os.mkdir(tree)
        os.mkdir(other)
        fixture.run("mount", "--bind", tree, other, check=0)
        self.addCleanup(fixture.run, "umount", "-l", other)
        daemon = self.start(f"--watch={other}", watch=tree)
        feed = self.feed(daemon, paths=[other])
        feed.reply()
        open(os.path.join(tree, "new"), "w", encoding="utf-8").close()
        feed.records(lambda record: record.get("path") == other + "/new")

    def test_a_burst_that_has_settled_is_told_once(self):
        daemon = self.start()
        feed = self.feed(daemon, settle_usec=100_000)
        feed.reply()
        path = os.path.join(self.mount, "busy")
        for _ in range(50):
            with open(path, "a", encoding="utf-8") as file:
                file.write("x")
            daemon.ctl("status")  # what the kernel has queued is read in between
        self.write("end")
        # On a slow machine it may be more than one burst.
        told = []
        while not any(map(self.named("end"), told)):
            told = feed.reply()["parameters"]["records"]
            said = [(record["path"], tuple(record["operations"])) for record in told]
            self.assertEqual(len(said), len(set(said)))

    def burst(self, feed, settle, change, most):
        """Calls `change` four times within each `settle` until the feed tells something, `most`
        times at the most. Returns that reply's records, when each change was, and when it came."""
        changed = []
        while len(changed) < most:
            changed.append(time.monotonic())
            change(len(changed))
            if select.select([feed.socket], [], [], settle / 4)[0]:
                break
        told = feed.reply()["parameters"]["records"]
        return told, changed, time.monotonic()

    def is_told_as_one(self, name, settle, daemon):
        feed = self.feed(daemon, settle_usec=int(settle * 1e6))
        feed.reply()
        told, changed, at = self.burst(
            feed, settle, lambda number: self.write(name.format(number)), most=12)
        self.assertGreaterEqual(at - changed[0], settle)
        feed.close()
        paths = {os.path.basename(record.get("path", "")) for record in told}
        return len(changed) == 12 and {name.format(i + 1) for i in range(12)} <= paths

    def test_a_burst_is_waited_for(self):
        """Of many files, and of one file that is written again and again."""
        daemon = self.start()
        for name in ("{}", "same"):
            # A busy machine may make a pause of its own within a burst, but not each time.
            self.assertTrue(any(self.is_told_as_one(name, settle, daemon)
                                for settle in (0.5, 1, 2, 4)), name)

    def test_a_burst_without_end_is_told_all_the_same(self):
        daemon = self.start()
        settle = 0.1
        feed = self.feed(daemon, settle_usec=int(settle * 1e6))
        feed.reply()
        told, changed, _ = self.burst(feed, settle, lambda number: self.write(f"f{number}"),
                                      most=fixture.DEADLINE * 40)
        self.assertLess(len(changed), fixture.DEADLINE * 40)
        self.assertTrue(told)

    def test_a_consumer_that_is_removed(self):
        """Its feed ends, and is not that of another consumer of its name."""
        daemon = self.start()
        for _ in range(2):
            daemon.ctl("consumer", "add", "index")
            feed = self.feed_of(daemon, {"consumer": "index"})
            self.write("file")
            feed.records(self.named("file"))
            daemon.ctl("consumer", "remove", "index")
            daemon.ctl("consumer", "add", "index")
            second = self.feed(daemon, since={"consumer": "index"})
            self.assertNotIn("error", second.reply())
            second.close()
            while "error" not in (last := feed.reply()):
                pass
            self.assertEqual(last["error"], "org.changejournal.NoSuchConsumer")
            self.assertIn("was removed", last["parameters"]["reason"])
            daemon.ctl("consumer", "remove", "index")

    def test_a_consumer_follows(self):
        daemon = self.start()
        daemon.ctl("consumer", "add", "index", f"--watch={self.mount}")
        for name in ("a", "b", "c"):
            self.write(name)
        since = {"consumer": "index"}
        feed = self.feed(daemon, since=since)
        told = feed.records(self.named("c"))
        self.assertLessEqual({"a", "b", "c"}, set(self.names(told)))
        second = self.feed(daemon, since=since).reply()
        self.assertEqual(second["error"], "org.changejournal.Busy")
        feed.close()
        half = [record for record in told if self.named("b")(record)][-1]["sequence"]
        daemon.ctl("ack", "index", feed.position["token"], f"--record={half}")
        daemon.ctl("checkpoint")
        rest = self.feed_of(daemon, since).records(self.named("c"))
        self.assertEqual(rest[0]["sequence"], half + 1)

    def feed_of(self, daemon, since):
        """A feed of a consumer, as soon as the connection that ended has let go of it."""
        feeds = []

        def opened():
            feeds.append(self.feed(daemon, since=since))
            return "error" not in feeds[-1].reply()
        self.assertTrue(fixture.eventually(opened))
        return feeds[-1]

    def test_a_consumer_by_changectl(self):
        daemon = self.start()
        daemon.ctl("consumer", "add", "index")
        self.write("a")
        follower = subprocess.Popen(
            [fixture.CTL, f"--socket={daemon.socket}", "follow", "--consumer=index", "--json"],
            stdout=subprocess.PIPE, text=True)
        self.addCleanup(follower.stdout.close)
        self.addCleanup(follower.wait, fixture.DEADLINE)
        self.addCleanup(follower.kill)
        seen = False
        for line in follower.stdout:
            told = json.loads(line)
            seen = seen or told.get("path") == os.path.join(self.mount, "a")
            if seen and "position" in told:
                break
        position = told["position"]
        daemon.ctl("ack", "index", position["token"], f"--record={position['sequence']}")
        listed = json.loads(daemon.ctl("consumer", "list", "--json").stdout)
        self.assertEqual(listed["consumers"][0]["waiting"], 0)

    def test_refusals(self):
        daemon = self.start()
        token = daemon.ctl("checkpoint").stdout.strip()
        for parameters, error in (
                ({"since": {"token": "cj1-00000000-1"}}, "org.changejournal.RescanNeeded"),
                ({"since": {"consumer": "nobody"}}, "org.changejournal.RescanNeeded"),
                ({"resume": {"token": token, "sequence": 1 << 62}},
                 "org.varlink.service.InvalidParameter"),
                ({"resume": {"token": token, "sequence": -1}},
                 "org.varlink.service.InvalidParameter"),
                ({"resume": {"token": token}}, "org.varlink.service.InvalidParameter"),
                ({"since": {"token": token}, "resume": {"token": token, "sequence": 0}},
                 "org.varlink.service.InvalidParameter"),
                ({"types": ["door"]}, "org.varlink.service.InvalidParameter"),
                ({"paths": ["/nowhere"]}, "org.varlink.service.InvalidParameter"),
                ({"paths": [self.mount] * 257}, "org.varlink.service.InvalidParameter"),
                ({"settle_usec": -1}, "org.varlink.service.InvalidParameter"),
                ({"settle_usec": 60_000_001}, "org.varlink.service.InvalidParameter")):
            with self.subTest(parameters=parameters):
                self.assertEqual(self.feed(daemon, **parameters).reply().get("error"), error)

    def test_changectl_goes_on_after_a_restart(self):
        daemon = self.start()
        token = daemon.ctl("checkpoint").stdout.strip()
        follower = subprocess.Popen(
            [fixture.CTL, f"--socket={daemon.socket}", "follow", f"--since={token}", "-o", "cat",
             self.mount], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(follower.stdout.close)
        self.addCleanup(follower.wait, fixture.DEADLINE)
        self.addCleanup(follower.kill)
        self.write("one")
        self.read_until(follower, "one")
        daemon.stop()
        self.daemons.remove(daemon)
        daemon = self.start()
        self.write("two")
        self.read_until(follower, "two")

    def read_until(self, follower, name):
        for line in follower.stdout:
            if line.strip() == os.path.join(self.mount, name):
                return
        self.fail(f"{name} was not told")

    def test_a_gap_is_told_in_its_place(self):
        daemon = self.start()
        feed = self.feed(daemon)
        feed.reply()
        self.write("one")
        feed.records(self.named("one"))
        position = feed.position
        daemon.stop()
        self.daemons.remove(daemon)
        self.write("unseen")
        daemon = self.start()
        self.write("two")
        again = self.feed(daemon, resume=position)
        told = again.records(self.named("two"))
        self.assertIn("the daemon was not running", [gap["cause"] for gap in again.gaps])
        self.assertNotIn("one", self.names(record for record in told if "path" in record))

    def test_a_slow_reader_costs_nobody_anything_and_misses_nothing(self):
        daemon = self.start()
        feed = self.feed(daemon)
        feed.reply()
        for i in range(3000):
            self.write("a-name-that-takes-some-room-in-a-reply-" + "x" * 100 + str(i))
        for _ in range(4):
            daemon.ctl("checkpoint")
        # It reads a step now and then, and holds no place while its reader is awaited.
        self.assertTrue(fixture.eventually(
            lambda: json.loads(daemon.ctl("status", "--json").stdout)["answers"] == 0))
        self.write("end")
        told = feed.records(self.named("end"))
        numbers = [record["sequence"] for record in told]
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + len(numbers))))


if __name__ == "__main__":
    fixture.main()
