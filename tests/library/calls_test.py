#!/usr/bin/env python3
"""Calls through the library: answers, errors, limits, and paths that are not UTF-8.

Usage: calls_test.py CHANGEJOURNALD CHANGECTL   (root; exit 4: skipped)
"""
import ctypes
import errno
import os
import pwd
import select
import socket

import fixture
from fixture import daemon_fixture

import changejournal


class CallsTest(daemon_fixture.DaemonCase):
    def connect(self, daemon):
        journal = changejournal.Journal(daemon.socket)
        self.addCleanup(journal.close)
        journal.set_timeout(1000 * fixture.DEADLINE)
        return journal

    def refused(self, function, *arguments, **more):
        with self.assertRaises(changejournal.JournalError) as refused:
            result = function(*arguments, **more)
            list(result)
        return refused.exception

    def test_paths_are_bytes(self):
        journal = self.connect(self.start())
        since = journal.checkpoint()
        name = b"a \xff\xfe\n\"name"
        path = os.path.join(os.fsencode(self.mount), name)
        os.mkdir(path)
        with open(os.path.join(path, b"\xe9"), "w", encoding="utf-8"):
            pass
        told = {change.path: change for change in journal.changes(since_token=since, paths=[path])}
        self.assertEqual(told[path].change, changejournal.CREATED)
        self.assertIn(os.path.join(path, b"\xe9"), told)
        self.assertIn(path, journal.change_paths(since_token=since))
        relative = journal.change_paths(since_token=since, relative_to=path)
        self.assertIn(b"\xe9", relative)
        self.assertIn(path, [record.path for record in journal.log(since_token=since)])
        os.rename(path, path + b"2")
        renamed = [change for change in journal.changes(since_token=journal.checkpoint())]
        self.assertEqual(renamed, [])
        moved = [change for change in journal.changes(since_token=since)
                 if change.path == path + b"2"]
        self.assertEqual(len(moved), 1)

    def test_the_same_as_changectl(self):
        daemon = self.start()
        journal = self.connect(daemon)
        since = journal.checkpoint()
        for number in range(1200):  # more than one reply has
            os.mknod(os.path.join(self.mount, f"file {number}"))
        until = journal.checkpoint()
        listed = daemon.ctl("changes", f"--since={since}", f"--until={until}", "-0").stdout
        paths = [os.fsdecode(change.path)
                 for change in journal.changes(since_token=since, until_token=until)]
        # A list is told while the records are read, the others when all of them have been.
        self.assertEqual(sorted(paths), sorted(listed.split("\0")[:-1]))
        self.assertEqual([os.fsdecode(path) for path in
                          journal.change_paths(since_token=since, until_token=until)],
                         listed.split("\0")[:-1])
        log = [record for record in journal.log(since_token=since, until_token=until, lines=5)]
        self.assertEqual(len(log), 5)
        backwards = journal.log(since_token=since, until_token=until, lines=5,
                                flags=changejournal.REVERSE)
        self.assertEqual([record.sequence for record in backwards],
                         [record.sequence for record in log][::-1])

    def test_the_log_by_kind_type_and_time(self):
        journal = self.connect(self.start())
        since = journal.checkpoint()
        os.mkdir(os.path.join(self.mount, "directory"))
        self.write("file")
        journal.checkpoint()

        def logged(**question):
            return [os.path.basename(record.path)
                    for record in journal.log(since_token=since, **question)]
        directories = logged(types=2)  # CJ_DIRECTORY
        self.assertIn(b"directory", directories)
        self.assertNotIn(b"file", directories)
        written = logged(kinds=2)  # CJ_KIND_DATA
        self.assertIn(b"file", written)
        self.assertNotIn(b"directory", written)
        records = list(journal.log(since_token=since))
        last = max(record.time_usec for record in records)
        self.assertEqual([record.sequence for record in journal.log(to_usec=last,
                                                                    since_token=since)],
                         [record.sequence for record in records])
        self.assertEqual(logged(from_usec=last + 1), [])
        self.assertNotIn(b"directory", logged(to_usec=records[0].time_usec - 1))

    def test_what_the_paths_of_records_mean(self):
        """As the interface says of Record."""
        watched, beside = (os.path.join(self.mount, name) for name in ("watched", "beside"))
        os.makedirs(os.path.join(beside, "in"))
        os.mkdir(watched)
        journal = self.connect(self.start(watch=watched))
        since = journal.checkpoint()

        def logged():
            journal.checkpoint()
            prefix = os.fsencode(watched) + b"/"
            return [(record.path.removeprefix(prefix), record.origin.removeprefix(prefix),
                     record.operations & 4 != 0)  # CJ_OP_RENAMED
                    for record in journal.log(since_token=since)]
        os.mkdir(os.path.join(watched, "a"))
        os.mknod(os.path.join(watched, "a", "x"))  # one event, and one record
        self.assertEqual(logged(), [(b"a", b"", False), (b"a/x", b"", False)])
        os.rename(os.path.join(watched, "a"), os.path.join(watched, "b"))
        os.rename(os.path.join(beside, "in"), os.path.join(watched, "in"))
        self.assertEqual(logged(), [(b"a", b"", False), (b"b/x", b"", False), (b"b", b"a", True),
                                    (b"in", b"", True)])
        os.rename(os.path.join(watched, "b"), os.path.join(beside, "b"))
        self.assertEqual(logged(), [(b"a", b"", False), (b"b", b"a", True), (b"in", b"", True),
                                    (b"", b"b", True)])

    def test_who_made_a_record(self):
        path = os.path.join(self.work, "who.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"[Journal]\nAttribution=yes\n[Watch]\nPath={self.mount}\n")
        journal = self.connect(self.start(f"--config={path}", watch=None))
        feed = journal.feed()
        since = journal.checkpoint()
        self.write("file")
        journal.checkpoint()
        with open("/proc/self/comm", "rb") as file:
            comm = file.read().rstrip(b"\n")
        logged = list(journal.log(since_token=since))
        self.assertTrue(logged)
        for record in logged:
            self.assertEqual(record.by[:3], (os.getpid(), comm, os.geteuid()))
        fed = []
        while not fed:
            buffer = feed.read(1000 * fixture.DEADLINE)
            self.assertIsNotNone(buffer)
            fed = feed.records(buffer)
            feed.put(buffer)
        self.assertEqual(fed[0].by[:3], (os.getpid(), comm, os.geteuid()))
        feed.close()
        # Without it nobody is named.
        self.daemons.pop().stop()
        other = self.connect(self.start())
        since = other.checkpoint()
        self.write("other")
        other.checkpoint()
        self.assertEqual({record.by for record in other.log(since_token=since)}, {None})

    def test_rescan_needed_says_where_to_go_on(self):
        journal = self.connect(self.start())
        error = self.refused(journal.changes, since_token="cj1-00000000-1")
        self.assertEqual((error.errno, error.name),
                         (errno.ESTALE, "org.changejournal.RescanNeeded"))
        self.write("later")
        after = [change.path for change in journal.changes(since_token=error.next)]
        self.assertIn(os.fsencode(os.path.join(self.mount, "later")), after)

    def test_no_daemon(self):
        for path in (f"{self.work}/nothing", f"{self.work}/no/directory"):
            with self.assertRaises(OSError) as refused:
                changejournal.Journal(path)
            self.assertEqual(refused.exception.errno, errno.ECONNREFUSED)
            self.assertIn(path, str(refused.exception))
        with self.assertRaises(OSError) as refused:
            changejournal.Journal("x" * 200)
        self.assertEqual(refused.exception.errno, errno.EINVAL)

    def test_a_daemon_that_goes_and_comes(self):
        daemon = self.start()
        journal = self.connect(daemon)
        token = journal.checkpoint()
        self.daemons.pop().stop()
        self.assertEqual(self.refused(journal.checkpoint).errno, errno.ECONNREFUSED)
        self.start()
        self.assertNotEqual(journal.checkpoint(), token)

    def test_another_user_may_not_add_consumers(self):
        daemon = self.start()
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(pwd.getpwnam("nobody").pw_uid)
            try:
                changejournal.Journal(daemon.socket).add_consumer("mine")
                said = "nothing"
            except OSError as error:
                said = errno.errorcode[error.errno]
            os.write(writer, said.encode())
            os._exit(0)
        os.waitpid(child, 0)
        self.assertEqual(os.read(reader, 100), b"EACCES")
        os.close(reader)
        os.close(writer)

    def test_programs_that_are_executed_inherit_nothing(self):
        daemon = self.start()
        journal = self.connect(daemon)
        since = journal.checkpoint()

        def inherited():
            return fixture.run("ls", "/proc/self/fd", check=0, close_fds=False).stdout
        before = inherited()
        own = len(os.listdir("/proc/self/fd"))
        library = changejournal.LIBRARY
        feed, lister = journal.feed(), self.connect(daemon)
        for descriptor in (feed.fileno(), library.cj_fd(lister.handle)):
            self.assertGreaterEqual(descriptor, 0)
        answer, change = ctypes.c_void_p(), ctypes.POINTER(changejournal.CChange)()
        question = changejournal.filled(changejournal.Question, {"since_token": since})
        self.assertEqual(library.cj_change_paths(lister.handle, question, answer), 0)
        self.assertEqual(library.cj_answer_next(answer, change), changejournal.PIPE)
        pipe = library.cj_answer_take_pipe(answer)
        self.assertGreaterEqual(pipe, 0)
        self.assertGreater(len(os.listdir("/proc/self/fd")), own + 3)
        self.assertEqual(inherited(), before)
        os.close(pipe)
        library.cj_answer_close(answer)
        feed.close()

    def test_a_consumer_that_is_added_again_where_it_stood(self):
        """As changectl(1) says: for other limits."""
        daemon = self.start()
        journal = self.connect(daemon)
        journal.add_consumer("index", max_lag_usec=10**12)
        feed = journal.feed(since_consumer="index")
        self.write("one")
        while journal.consumers()["index"][1] == 0:
            feed.put(feed.read(1000 * fixture.DEADLINE))
        feed.close()
        token, sequence = journal.consumers()["index"][:2]
        journal.remove_consumer("index")
        journal.add_consumer("index", since_token=token, max_lag_bytes=10**9)
        self.assertTrue(journal.acknowledge("index", token, sequence))
        self.assertEqual(journal.consumers()["index"][:2], (token, sequence))

    def test_time_runs_out(self):
        path = os.path.join(self.work, "silent")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen()
            journal = changejournal.Journal(path)
            journal.set_timeout(1)
            self.assertEqual(self.refused(journal.checkpoint).errno, errno.ETIMEDOUT)
            # Of a long answer nothing has come yet; it is still under way.
            answer, change = ctypes.c_void_p(), ctypes.POINTER(changejournal.CChange)()
            question = changejournal.filled(changejournal.Question, {"since_token": "t"})
            library = changejournal.LIBRARY
            self.assertEqual(library.cj_changes(journal.handle, question, answer), 0)
            for _ in range(2):
                self.assertEqual(library.cj_answer_next(answer, change), -errno.EAGAIN)
            self.assertEqual(self.refused(journal.checkpoint).errno, errno.EINPROGRESS)
            # Handles may be closed in any order.
            journal.close()
            self.assertEqual(library.cj_answer_next(answer, change), -errno.EAGAIN)
            library.cj_answer_close(answer)

    def test_an_answer_is_left_before_its_end(self):
        journal = self.connect(self.start())
        since = journal.checkpoint()
        for number in range(3000):
            os.mknod(os.path.join(self.mount, f"file {number}"))
        descriptor = changejournal.LIBRARY.cj_fd(journal.handle)
        answer = journal.changes(since_token=since)
        next(answer)
        self.assertEqual(select.select([descriptor], [], [], 0)[0], [descriptor])
        answer.close()
        self.assertEqual(select.select([descriptor], [], [], 0)[0], [])
        self.assertEqual(len(journal.change_paths(since_token=since)), 3001)
        self.assertEqual(changejournal.LIBRARY.cj_fd(journal.handle), descriptor)

    def test_what_is_refused(self):
        journal = self.connect(self.start())
        for question, said in (
                ({}, "since"), ({"since_token": "a", "since_usec": 1}, "since"),
                ({"since_token": "a", "config_hash": "b"}, "config_hash"),
                ({"since_token": b"\xff"}, "UTF-8"), ({"since_token": "a", "kinds": 8}, "kinds"),
                ({"since_token": "a", "types": 1}, "types"),
                ({"since_token": "a", "presence": 3}, "presence"),
                ({"since_token": "a", "flags": changejournal.FOLLOW}, "flags"),
                ({"since_token": "a", "relative_to": "/"}, "relative_to"),
                ({"since_token": "a", "from_usec": 1}, "from_usec"),
                ({"since_token": "a", "to_usec": 1}, "to_usec"),
                ({"since_token": "a", "resume_sequence": 1}, "resume_sequence"),
                ({"since_token": "a", "path_count": 1}, "path")):
            with self.subTest(question=question):
                error = self.refused(journal.changes, **question)
                self.assertEqual((error.errno, error.name), (errno.EINVAL, ""))
                self.assertIn(said, error.strerror)
        self.assertEqual(self.refused(journal.call, "NoSuchMethod").errno, errno.EOPNOTSUPP)
        error = self.refused(journal.call, "Changes", since={"token": "cj1-00000000-1"})
        self.assertEqual((error.errno, error.name),
                         (errno.EOPNOTSUPP, "org.varlink.service.ExpectedMore"))
        error = self.refused(journal.call, "Checkpoint", nonsense=1)
        self.assertEqual((error.errno, error.name),
                         (errno.EINVAL, "org.varlink.service.InvalidParameter"))
        many = [f"{self.mount}/{'x' * 250}{number}" for number in range(5000)]
        token = journal.checkpoint()
        self.assertEqual(self.refused(journal.changes, since_token=token, paths=many).errno,
                         errno.E2BIG)
        self.assertTrue(journal.checkpoint())  # and the next call is as good as any

    def test_trees_that_are_not_there(self):
        later = os.path.join(self.work, "later")
        path = os.path.join(self.work, "later.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"[Watch]\nPath={self.mount}\n[Watch]\nPath={later}\n")
        journal = self.connect(self.start(f"--config={path}", watch=None))
        journal.checkpoint()
        self.assertEqual([tree for tree, _ in journal.absent()], [os.fsencode(later)])
        self.assertIn("not there", journal.absent()[0][1])
        journal.add_consumer("index", since_token=journal.checkpoint())
        self.assertEqual(journal.absent(), [])


if __name__ == "__main__":
    fixture.main()
