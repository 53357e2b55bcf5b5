#!/usr/bin/env python3
"""Users who are neither root nor in the group, and want everything for themselves: each has what
service/journal_interface.h says, however many of them there are, and others do not notice.

Usage: strangers_test.py CHANGEJOURNALD CHANGECTL   (root; exit 4: skipped).
"""
import os
import select
import signal
import threading
import time

import hostile_fixture as fixture
from hostile_fixture import Replies, eventually, send
from wiretap import interface_methods

# What users may ask for (docs/visibility.md); all else says nothing but no.
FOR_ALL = {"Changes", "ChangePaths", "Log", "Follow", "Checkpoint"}

# service/varlink/limits.h
LIMIT_OF_USER = 128
# service/journal_interface.h: feeds_per_viewer, viewer_places, viewer_turns, viewer_feed_pause
FEEDS, PLACES, PLACES_OF_USER, TURNS, TURNS_OF_USER, PAUSE = 16, 4, 2, 2, 1, 0.1
# service/answer_places.h
PLACES_OF_MEMBER = 6
BUSY = "org.changejournal.Busy"


class Asker(threading.Thread):
    """Wants to be told again and again."""

    def __init__(self, client):
        super().__init__()
        self.client, self.fault, self.stop = client, None, threading.Event()
        self.start()

    def run(self):
        replies = Replies(self.client)
        while not self.stop.is_set() and self.fault is None:
            send(self.client, "Log", more=True, lines=100)
            reply = replies.next()
            while reply and "continues" in reply:
                reply = replies.next()
            if reply is None or "error" in reply:
                self.fault = f"the answer was {reply}"

    def finish(self):
        self.stop.set()
        self.join(fixture.DEADLINE)
        self.client.close()
        return self.fault


class StrangersTest(fixture.HostileCase):
    def setUp(self):
        super().setUp()
        self.strangers = [self.porter(fixture.STRANGER + i) for i in range(3)]

    def test_what_is_not_for_them(self):
        """Every method, with and without `more`, before anything is made of its parameters."""
        names = {method.removeprefix("org.changejournal.") for method in interface_methods()}
        self.assertLessEqual(FOR_ALL, names)
        for method in sorted(names - FOR_ALL):
            for more in ({}, {"more": True}):
                with self.strangers[0].connect() as client:
                    send(client, method, name="x", nonsense=1, **more)
                    reply = Replies(client).next()
                    refusals = ["PermissionDenied"] + ([] if more else ["ExpectedMore"])
                    self.assertIn(reply.get("error"),
                                  [f"org.varlink.service.{name}" for name in refusals],
                                  f"{method}: {reply}")

    def begin(self, client, method):
        """A feed or a log that is followed; returns its first reply."""
        send(client, method, more=True, **({"follow": True} if method == "Log" else {}))

    def first(self, client):
        return Replies(client).next()

    def test_feeds_of_one_of_them(self):
        self.write("seen")  # so that a log has something to begin with
        self.serve(self.root, self.other)
        with_others = self.status()["connections"]
        for methods in (["Follow"], ["Log"], ["Follow", "Log"]):
            with self.subTest(methods=methods):
                clients = self.hold(self.strangers[0], LIMIT_OF_USER)
                for i, client in enumerate(clients):
                    self.begin(client, methods[i % len(methods)])
                replies = [self.first(client) for client in clients]
                refused = [reply for reply in replies if "error" in reply]
                self.assertEqual({reply["error"] for reply in refused}, {BUSY})
                self.assertEqual(len(refused), LIMIT_OF_USER - FEEDS)
                self.assertIn(f"{FEEDS} times", refused[0]["parameters"]["reason"])
                # Another one has as many of his own.
                another = self.hold(self.strangers[1], 1)[0]
                self.begin(another, methods[0])
                self.assertNotIn("error", self.first(another))
                # Whoever has ended one may begin another.
                told = [client for client, reply in zip(clients, replies) if "error" not in reply]
                told[0].close()
                spare = clients[next(i for i, reply in enumerate(replies) if "error" in reply)]

                def begun(client=spare, method=methods[0]):
                    self.begin(client, method)
                    return "error" not in self.first(client)
                self.assertTrue(eventually(begun))
                for client in [another, *clients]:
                    client.close()
                # Until they have ended they count.
                self.assertTrue(eventually(lambda: self.status()["connections"] == with_others))
        print(f"others had {self.served()}", flush=True)

    def ask_all(self, porter, token):
        """As many answers as he has connections, none of which he reads."""
        clients = self.hold(porter, LIMIT_OF_USER)
        for client in clients:
            send(client, "Changes", more=True, since={"token": token})
        return clients

    def answers(self):
        return self.status()["answers"]

    def test_answers_of_one_of_them_and_of_all(self):
        token = self.fill(5000)
        self.serve(self.root, self.other)
        waiting = []
        for stranger, most in zip(self.strangers, (PLACES_OF_USER, PLACES, PLACES)):
            waiting.append(self.ask_all(stranger, token))
            self.assertTrue(eventually(lambda want=most: self.answers() >= want))
        # Their places are none of those that others have.
        member = self.ask_all(self.hog, token)
        most = PLACES + PLACES_OF_MEMBER
        self.assertTrue(eventually(lambda: self.answers() >= most))
        print(f"others had {self.served()}", flush=True)
        self.assertLessEqual(self.answers(), most)
        for client in member:
            client.close()
        # Up to now those of the customers may have been among them.
        self.assertTrue(eventually(lambda: self.answers() == PLACES))
        self.assertTrue(eventually(lambda: [self.being_answered(each) for each in waiting] ==
                                   [PLACES_OF_USER, PLACES - PLACES_OF_USER, 0]))
        # The third one gets what the first two leave, and no more than one may have.
        for client in waiting[0] + waiting[1]:
            client.close()
        self.assertTrue(eventually(lambda: self.being_answered(waiting[2]) == PLACES_OF_USER))
        self.assertTrue(eventually(lambda: self.answers() == PLACES_OF_USER))
        for client in waiting[2]:
            client.close()
        self.assert_quiet()

    @staticmethod
    def being_answered(clients):
        return len(select.select(clients, [], [], 0)[0])

    def acting(self):
        """As how many threads at a time the daemon is each of the strangers. It stands still while
        they are counted."""
        pid = self.daemon.process.pid
        fixture.daemon_fixture.stop_all(pid)
        try:
            users = []
            for task in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{task}/status", encoding="utf-8") as file:
                    users += [line.split()[4] for line in file if line.startswith("Uid:")]
        finally:
            os.kill(pid, signal.SIGCONT)
        return [users.count(str(fixture.STRANGER + i)) for i in range(len(self.strangers))]

    def test_work_for_one_of_them_and_for_all(self):
        """What they may list is found out anew in each step. That is most of the work where it is
        a long way to each directory."""
        deep = "d/" * 500
        os.makedirs(os.path.join(self.mount, deep))
        for i in range(100):
            os.mkdir(os.path.join(self.mount, f"{deep}{i}"))
            self.write(f"{deep}{i}/file")
        for count, of_all in ((1, TURNS_OF_USER), (3, TURNS)):
            askers = [Asker(client) for stranger in self.strangers[:count]
                      for client in self.hold(stranger, 4)]
            seen = []

            def at_work(seen=seen):
                seen.append(self.acting())
                return len(seen) >= 500 and max(map(sum, seen)) >= of_all
            self.assertTrue(eventually(at_work), seen)
            for asker in askers:
                self.assertIsNone(asker.finish())
            self.assertEqual(max(map(max, seen)), TURNS_OF_USER, seen)
            self.assertEqual(max(map(sum, seen)), of_all, seen)

    def test_their_feeds_rest_between_two_steps(self):
        steps = 10
        for method in ("Follow", "Log"):
            with self.subTest(method=method), self.strangers[0].connect() as client:
                self.write(f"{method}-before")
                self.begin(client, method)
                feed = Replies(client)
                feed.next()
                begin = None
                for i in range(steps):
                    name = f"{method}-{i}"
                    self.write(name)
                    fixture.Customer.follow(feed, os.path.join(self.mount, name))
                    begin = begin or time.monotonic()
                # It was told of each before the next one was there. The first may have come late.
                self.assertGreater(time.monotonic() - begin, PAUSE * (steps - 2))


if __name__ == "__main__":
    fixture.main()
