#!/usr/bin/env python3
"""More connections than there is room for, and users who want everything for themselves.

Usage: connections_test.py CHANGEJOURNALD CHANGECTL   (root; exit 4: skipped). CJ_CONNECTIONS: how
many at once.
"""
import os
import select
import time

import hostile_fixture as fixture
from hostile_fixture import call, eventually, is_served, send

CONNECTIONS = int(os.environ.get("CJ_CONNECTIONS") or 2000)
# service/varlink/limits.h
LIMIT, LIMIT_OF_USER, FOR_ROOT = 1024, 128, 64
RECEIVE_TIMEOUT = 10
# service/answer_places.h
PLACES_OF_USER = 6
MIB = 1 << 20


class ConnectionsTest(fixture.HostileCase):
    def ended(self, client):
        """Whether the daemon has closed it: there is nothing to read but the end."""
        client.settimeout(fixture.DEADLINE)
        try:
            return client.recv(1) == b""
        except ConnectionResetError:
            return True

    def test_many_connections_at_once(self):
        begin = time.monotonic()
        self.serve(self.root, self.other)
        before = self.vitals()
        users = [self.porter(uid, [fixture.group_id()]) for uid in range(4100, 4120)]
        clients = []
        for i in range(CONNECTIONS):
            clients.append(users[i % len(users)].connect())
            self.addCleanup(clients[-1].close)
        opened = time.monotonic() - begin
        # Root, who is one more, gets in and is answered while they all hold on.
        with self.root.connect() as root:
            held = call(root, "GetStatus")["parameters"]["connections"]
        self.assertLessEqual(held, LIMIT)
        most = self.vitals()
        served = sum(is_served(client) for client in clients)
        # Of the others each has heard a clear end.
        self.assertLessEqual(served, LIMIT - FOR_ROOT)
        self.assertGreater(served, min(CONNECTIONS, LIMIT) - FOR_ROOT - 20)
        for client in clients:
            client.close()
        fared = self.served()
        print(f"{CONNECTIONS} connections in {opened:.1f} s, {served} served; others had {fared}; "
              f"before {before}, with them {most}, after {self.vitals()}", flush=True)
        self.assert_as_before(before)
        self.assertLess(most.fds, before.fds + LIMIT + 32)
        if not fixture.SANITIZED:
            self.assertLess(self.vitals().peak, 300 * MIB)
        self.assert_log_is_bounded(time.monotonic() - begin)

    def test_one_user_has_no_more_than_his_share(self):
        clients = self.hold(self.hog, LIMIT_OF_USER + 50)
        self.assertEqual(sum(is_served(client) for client in clients), LIMIT_OF_USER)
        with self.other.connect() as other, self.root.connect() as root:
            self.assertTrue(is_served(other) and is_served(root))

    def test_connecting_and_closing_at_once(self):
        self.serve(self.root, self.other)
        before = self.vitals()
        for _ in range(CONNECTIONS):
            self.hog.connect().close()
        fared = self.served()
        print(f"{CONNECTIONS} came and went; others had {fared}", flush=True)
        self.assert_as_before(before)

    def test_half_a_message(self):
        self.serve(self.root, self.other)
        before = self.vitals()
        clients = self.hold(self.hog, LIMIT_OF_USER)
        for client in clients:
            client.sendall(b'{"method":"org.changejournal.Ge')
        begin = time.monotonic()
        self.assertTrue(all(self.ended(client) for client in clients))
        took = time.monotonic() - begin
        print(f"others had {self.served()}", flush=True)
        self.assertGreater(took, RECEIVE_TIMEOUT / 2)
        self.assertLess(took, RECEIVE_TIMEOUT * 3)
        self.assert_as_before(before)

    def test_one_user_who_takes_all_answers(self):
        token = self.fill(5000)
        before = self.vitals()
        clients = self.hold(self.hog, LIMIT_OF_USER)
        for client in clients:
            send(client, "Changes", more=True, since={"token": token}, checkpoint=False)
        # He has what one user may have; the rest of his questions wait.
        self.assertTrue(eventually(lambda: self.status()["answers"] == PLACES_OF_USER))
        self.serve(self.root, self.other)
        print(f"others had {self.served()}; before {before}, with him {self.vitals()}", flush=True)
        self.assertEqual(self.status()["answers"], PLACES_OF_USER)
        for client in clients:
            client.close()
        self.assert_as_before(before)
        if not fixture.SANITIZED:
            self.assertLess(self.vitals().peak, before.resident + 100 * MIB)

    def test_one_user_whose_feeds_nobody_reads(self):
        token = self.fill(5000)
        before = self.vitals()
        clients = self.hold(self.hog, LIMIT_OF_USER)
        for i, client in enumerate(clients):
            # Also bunches: these are the largest pieces that a feed holds.
            send(client, "Follow", more=True, since={"token": token}, settle_usec=i % 2 * 1000)
        for client in clients:
            self.assertTrue(select.select([client], [], [], fixture.DEADLINE)[0])
        self.serve(self.root, self.other)
        with_them = self.vitals()
        print(f"others had {self.served()}; before {before}, with him {with_them}", flush=True)
        if not fixture.SANITIZED:
            self.assertLess(self.vitals().peak, before.resident + 150 * MIB)
        for client in clients:
            client.close()
        self.assert_as_before(before)

    def test_one_user_with_much_work(self):
        """Each Diagnose makes and closes groups, which takes the kernel's time."""
        clients = self.hold(self.hog, LIMIT_OF_USER)
        self.serve(self.root, self.other)
        for _ in range(3):
            for client in clients:
                send(client, "Diagnose")
        # Of two hundred answers that he waits for, few come before the one that another asks for.
        waiting = select.select(clients, [], [], 0)[0]
        with self.other.connect() as other:
            call(other, "GetStatus")
        answered = select.select(clients, [], [], 0)[0]
        self.assertLess(len(answered) - len(waiting), 40)
        print(f"others had {self.served()}", flush=True)


if __name__ == "__main__":
    fixture.main()
