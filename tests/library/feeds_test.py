#!/usr/bin/env python3
"""Feeds through the library: waiting, putting back, what is told again, and restarts.

Usage: feeds_test.py CHANGEJOURNALD CHANGECTL   (root; exit 4: skipped)
"""
import errno
import os
import select
import signal
import subprocess
import sys
import threading

import fixture
from fixture import daemon_fixture, eventually

import changejournal

# A reader that is killed with a buffer in its hands: argv: SOCKET; tells each path, puts the buffer
# back at a word from outside.
READER = """
import os, sys
sys.dont_write_bytecode = True
import changejournal
feed = changejournal.Journal(sys.argv[1]).feed(since_consumer="index")
while True:
    buffer = feed.read()
    for record in feed.records(buffer):
        print(os.fsdecode(record.path), flush=True)
    print("buffer", flush=True)
    sys.stdin.readline()
    feed.put(buffer)
"""


class FeedsTest(daemon_fixture.DaemonCase):
    def open(self, daemon, **question):
        journal = changejournal.Journal(daemon.socket)
        self.addCleanup(journal.close)
        journal.set_timeout(1000 * fixture.DEADLINE)
        return journal, journal.feed(**question)

    def path(self, name):
        return os.fsencode(os.path.join(self.mount, name))

    def until(self, feed, name, put=True):
        """Reads until this name is told: the paths of all records, and the last buffer."""
        paths = []
        while self.path(name) not in paths:
            buffer = feed.read(1000 * fixture.DEADLINE)
            self.assertIsNotNone(buffer)
            paths += [record.path for record in feed.records(buffer)]
            if put:
                feed.put(buffer)
        return paths, buffer

    def waiting(self, journal, name="index"):
        return journal.consumers()[name][2]

    def test_poll(self):
        daemon = self.start()
        _, feed = self.open(daemon)
        self.assertIsNone(feed.read(0))
        self.assertEqual(select.select([feed], [], [], 0)[0], [])
        for count in range(3):
            self.write(f"new {count}")
            poll = select.epoll()
            poll.register(feed.fileno(), select.EPOLLIN)
            self.assertEqual(len(poll.poll(fixture.DEADLINE)), 1)
            self.until(feed, f"new {count}")
            poll.close()
        feed.close()

    def test_what_was_received_already_can_be_waited_for(self):
        daemon = self.start()
        token = daemon.ctl("checkpoint").stdout.strip()
        for number in range(1500):  # more than a reply has; they arrive together
            os.mknod(os.path.join(self.mount, f"file {number}"))
        daemon.ctl("checkpoint")
        _, feed = self.open(daemon, since_token=token)
        told = set()
        buffers = 0
        while self.path("file 1499") not in told:
            self.assertEqual(select.select([feed], [], [], fixture.DEADLINE)[0], [feed])
            buffer = feed.read(0)
            if buffer is not None:
                buffers += 1
                told |= {record.path for record in feed.records(buffer)}
                feed.put(buffer)
        self.assertGreater(buffers, 2)
        self.assertLessEqual({self.path(f"file {number}") for number in range(1500)}, told)
        self.assertIsNone(feed.read(0))
        self.assertEqual(select.select([feed], [], [], 0)[0], [])
        feed.close()

    def test_putting_back_acknowledges(self):
        daemon = self.start()
        journal = changejournal.Journal(daemon.socket)
        journal.add_consumer("index", paths=[self.mount])
        _, feed = self.open(daemon, since_consumer="index")
        self.write("one")
        _, first = self.until(feed, "one", put=False)
        self.assertGreater(self.waiting(journal), 0)
        self.write("two")
        _, second = self.until(feed, "two", put=False)
        # Out of their order: the second counts only with the first.
        before = journal.consumers()["index"]
        feed.put(second)
        self.assertEqual(journal.consumers()["index"], before)
        with self.assertRaises(OSError) as refused:
            feed.put(second)
        self.assertEqual(refused.exception.errno, errno.EINVAL)
        feed.put(first)
        self.assertTrue(eventually(lambda: self.waiting(journal) == 0))
        feed.close()
        journal.close()

    def test_a_dropped_buffer_is_told_again(self):
        daemon = self.start()
        journal = changejournal.Journal(daemon.socket)
        journal.add_consumer("index")
        _, feed = self.open(daemon, since_consumer="index")
        self.write("one")
        self.until(feed, "one")
        stands = journal.consumers()["index"][:2]
        self.assertEqual(stands, feed.position())
        self.write("two")
        _, buffer = self.until(feed, "two", put=False)
        feed.drop(buffer)
        self.write("three")
        self.until(feed, "three")
        self.assertEqual(journal.consumers()["index"][:2], stands)
        feed.close()
        again = self.opened_again(daemon, since_consumer="index")
        told, _ = self.until(again, "three")
        self.assertIn(self.path("two"), told)
        self.assertNotIn(self.path("one"), told)
        again.close()
        journal.close()

    def opened_again(self, daemon, **question):
        """As soon as the daemon has noticed that the former feed has ended."""
        feeds = []

        def opened():
            try:
                feeds.append(self.open(daemon, **question)[1])
                return True
            except OSError as error:
                self.assertEqual(error.errno, errno.EBUSY)
                return False
        self.assertTrue(eventually(opened))
        return feeds[0]

    def test_a_reader_that_is_killed_loses_nothing(self):
        daemon = self.start()
        journal = changejournal.Journal(daemon.socket)
        journal.add_consumer("index")
        reader = subprocess.Popen(
            [sys.executable, "-c", READER, daemon.socket], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": fixture.EXAMPLES})

        def told_until(name):
            paths = []
            while True:
                line = reader.stdout.readline()
                self.assertNotEqual(line, "")
                if line != "buffer\n":
                    paths.append(os.fsencode(line[:-1]))
                elif self.path(name) in paths:
                    return paths
                else:
                    reader.stdin.write("\n")
                    reader.stdin.flush()
        self.write("one")
        told_until("one")
        reader.stdin.write("\n")
        reader.stdin.flush()
        self.write("two")
        self.assertIn(self.path("two"), told_until("two"))  # and not put back
        reader.send_signal(signal.SIGKILL)
        reader.wait()
        reader.stdin.close()
        reader.stdout.close()
        feed = self.opened_again(daemon, since_consumer="index")
        told, _ = self.until(feed, "two")
        self.assertNotIn(self.path("one"), told)
        feed.close()
        journal.close()

    def test_a_daemon_that_starts_again(self):
        daemon = self.start()
        journal = changejournal.Journal(daemon.socket)
        journal.add_consumer("index")
        _, feed = self.open(daemon, since_consumer="index")
        _, transient = self.open(daemon)
        descriptor = feed.fileno()
        self.write("one")
        self.until(transient, "one")
        _, held = self.until(feed, "one", put=False)
        self.daemons.pop().stop()
        for each in (feed, transient):
            # Readable, since there is something to be told; then quiet.
            self.assertEqual(select.select([each], [], [], fixture.DEADLINE)[0], [each])
            for code in (errno.ECONNRESET, errno.ECONNREFUSED):
                with self.assertRaises(OSError) as refused:
                    while True:
                        each.read()
                self.assertEqual(refused.exception.errno, code)
            self.assertEqual(select.select([each], [], [], 0)[0], [])
        self.start()
        self.write("two")
        self.assertIn(self.path("two"), self.until(transient, "two")[0])
        told, _ = self.until(feed, "two", put=False)
        self.assertNotIn(self.path("one"), told)  # behind what was read
        self.assertEqual(feed.fileno(), descriptor)
        feed.put(held)  # of the former connection, and good
        stands = journal.consumers()["index"][:2]
        self.assertEqual(stands, feed.position())
        feed.close()  # with buffers that were not put back
        transient.close()
        again = self.opened_again(daemon, since_consumer="index")
        self.assertIn(self.path("two"), self.until(again, "two")[0])
        again.close()
        journal.close()

    def test_an_acknowledgement_that_reached_nobody(self):
        daemon = self.start()
        journal = changejournal.Journal(daemon.socket)
        journal.add_consumer("index")
        _, feed = self.open(daemon, since_consumer="index")
        stood = journal.consumers()["index"][:2]
        self.write("one")
        held, told = [], []
        while self.path("one") not in told:
            held.append(feed.read(1000 * fixture.DEADLINE))
            told += [record.path for record in feed.records(held[-1])]
        self.daemons.pop().stop()
        for buffer in held:
            with self.assertRaises(OSError) as refused:
                feed.put(buffer)
            self.assertEqual(refused.exception.errno, errno.ECONNREFUSED)
        self.assertNotEqual(feed.position(), stood)  # it is handled all the same
        with self.assertRaises(OSError) as refused:
            feed.acknowledge()
        self.assertEqual(refused.exception.errno, errno.ECONNREFUSED)
        self.start()
        self.assertEqual(journal.consumers()["index"][:2], stood)
        feed.acknowledge()
        self.assertEqual(journal.consumers()["index"][:2], feed.position())
        feed.close()
        journal.close()

    def test_a_feed_and_its_connection_in_two_threads(self):
        journal, feed = self.open(self.start())
        names = [f"file {number}" for number in range(200)]
        tokens, failed = [], []

        def ask():
            try:
                for name in names:
                    self.write(name)
                    tokens.append(journal.checkpoint())
            except OSError as error:
                failed.append(error)
        other = threading.Thread(target=ask)
        other.start()
        told = set()
        while not {self.path(name) for name in names} <= told and not failed:
            buffer = feed.read(1000 * fixture.DEADLINE)
            self.assertIsNotNone(buffer)
            told |= {record.path for record in feed.records(buffer)}
            feed.put(buffer)
        other.join()
        self.assertEqual((failed, len(set(tokens))), ([], len(names)))
        feed.close()

    def test_a_transient_feed_goes_on_where_it_was(self):
        daemon = self.start()
        _, feed = self.open(daemon)
        self.write("one")
        self.until(feed, "one")
        token, sequence = feed.position()
        self.write("two")
        self.until(feed, "two", put=False)
        self.assertEqual(feed.position(), (token, sequence))
        feed.close()
        _, again = self.open(daemon, resume_token=token, resume_sequence=sequence)
        told, _ = self.until(again, "two")
        self.assertNotIn(self.path("one"), told)
        again.close()

    def test_callbacks(self):
        daemon = self.start()
        journal = changejournal.Journal(daemon.socket)
        journal.add_consumer("index")
        _, feed = self.open(daemon, since_consumer="index")
        self.write("one")
        told = []
        while self.path("one") not in told:
            count = feed.dispatch(lambda record: told.append(record.path))
            self.assertGreaterEqual(count, 0)
        self.assertEqual(journal.consumers()["index"][:2], feed.position())
        stands = feed.position()
        self.write("two")
        # A callback that stops: its buffer is not acknowledged. Nor may it use the feed.
        refused = []

        def stops(record):
            refused.append(changejournal.LIBRARY.cj_feed_read(feed.handle, 0, None))
            return record.path == self.path("two")
        while feed.dispatch(stops) != 1 or feed.position() != stands:
            pass
        self.assertEqual(set(refused), {-errno.EINPROGRESS})
        self.assertEqual(journal.consumers()["index"][:2], stands)
        feed.close()
        journal.close()

    def test_refusals(self):
        daemon = self.start()
        journal, feed = self.open(daemon)
        journal.add_consumer("index")
        alone = journal.feed(since_consumer="index")
        for question, code in (
                ({"since_consumer": "index"}, errno.EBUSY),
                ({"since_consumer": "nobody"}, errno.ESTALE),
                ({"since_token": "cj1-00000000-1"}, errno.ESTALE),
                ({"paths": ["/nowhere"]}, errno.EINVAL),
                ({"paths": ["relative"]}, errno.EINVAL),
                ({"flags": changejournal.EXPAND}, errno.EINVAL),
                ({"settle_usec": -1}, errno.EINVAL),
                ({"resume_token": "x", "since_token": "y"}, errno.EINVAL)):
            with self.subTest(question=question):
                with self.assertRaises(OSError) as refused:
                    journal.feed(**question)
                self.assertEqual(refused.exception.errno, code)
        feed.close()
        alone.close()

    def test_another_configuration(self):
        daemon = self.start()
        daemon.ctl("consumer", "add", "index", "--config-hash=v1")
        self.write("one")
        daemon.ctl("checkpoint")
        journal = changejournal.Journal(daemon.socket)
        self.addCleanup(journal.close)
        with self.assertRaises(changejournal.JournalError) as refused:
            journal.feed(since_consumer="index", config_hash="v2")
        self.assertEqual(refused.exception.errno, errno.ESTALE)
        self.assertIn("configuration", str(refused.exception))
        # From where it goes on when it has scanned.
        daemon.ctl("ack", "index", refused.exception.next, "--config-hash=v2")
        _, feed = self.open(daemon, since_consumer="index", config_hash="v2")
        self.write("two")
        told, _ = self.until(feed, "two")
        self.assertNotIn(self.path("one"), told)
        feed.close()


if __name__ == "__main__":
    fixture.main()
