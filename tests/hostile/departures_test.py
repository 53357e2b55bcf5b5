#!/usr/bin/env python3
"""Clients that die in the middle of any answer: nothing of them is left in the daemon.

Usage: departures_test.py CHANGEJOURNALD CHANGECTL   (root; exit 4: skipped). CJ_CONNECTIONS: how
many.
"""
import array
import os
import random
import re
import select
import signal
import socket
import time

import hostile_fixture as fixture
from hostile_fixture import call, send

CONNECTIONS = int(os.environ.get("CJ_CONNECTIONS") or 2000)
MIB = 1 << 20
# What the heap keeps in pieces after a round, whatever the number of clients; a leak of a
# connection's buffer (16 KiB) or of a batch of records would be much more.
SLACK = 8 * MIB


class DeparturesTest(fixture.HostileCase):
    def setUp(self):
        super().setUp()
        self.random = random.Random(fixture.SEED)
        with self.root.connect() as root:
            self.token = call(root, "Checkpoint")["parameters"]["token"]
            for i in range(3000):
                open(os.path.join(self.mount, f"{i:0100}"), "w").close()
            call(root, "Checkpoint")
        self.methods = self.described()

    def described(self):
        """The names of all methods, so that one that is new is among them."""
        with self.root.connect() as root:
            root.sendall(b'{"method":"org.varlink.service.GetInterfaceDescription",'
                         b'"parameters":{"interface":"org.changejournal"}}\0')
            text = fixture.Replies(root).next()["parameters"]["description"]
        methods = re.findall(r"^method (\w+)\(", text, re.MULTILINE)
        self.assertIn("Follow", methods)
        return methods

    def parameters(self, method):
        """So that it does as much as it can."""
        since = {"token": self.token}
        return {
            "Changes": {"since": since, "checkpoint": False, "expand": self.random.random() < 0.5},
            "ChangePaths": {"since": since, "checkpoint": False},
            "Log": {"since": since, "follow": self.random.random() < 0.5},
            "Follow": {"since": since, "settle_usec": self.random.choice((0, 500))},
            "AddConsumer": {"name": f"c{self.random.randrange(30)}", "since": since},
            "RemoveConsumer": {"name": f"c{self.random.randrange(30)}"},
            "Acknowledge": {"name": f"c{self.random.randrange(30)}", "token": self.token},
        }.get(method, {})

    def receive(self, client, most):
        """Some bytes, and the descriptors that came with them."""
        try:
            _, control, _, _ = client.recvmsg(most, socket.CMSG_SPACE(16 * 4))
        except (ConnectionResetError, TimeoutError):
            return []
        fds = array.array("i")
        for level, kind, data in control:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                fds.frombytes(data[:len(data) - len(data) % 4])
        return list(fds)

    def depart(self, client, fds):
        """In one of the ways in which clients end."""
        way = self.random.randrange(5)
        if way == 0:  # with unread bytes behind it: the daemon sees a reset
            client.sendall(b'{"method":"org.cha')
        elif way == 1:
            client.shutdown(socket.SHUT_RD)
        elif way == 2:
            client.shutdown(socket.SHUT_RDWR)
        elif way == 3:
            for fd in fds:  # the pipe first
                os.close(fd)
            fds = []
        client.close()
        for fd in fds:
            os.close(fd)

    def visit(self, porter):
        method = self.random.choice(self.methods)
        client = porter.connect()
        try:
            send(client, method, more=True, **self.parameters(method))
            fds = []
            for _ in range(self.random.randrange(4)):
                if not select.select([client], [], [], self.random.choice((0, 0.001, 0.01)))[0]:
                    break
                fds += self.receive(client, self.random.choice((1, 100, 65536)))
            if fds and self.random.random() < 0.5:
                os.read(fds[0], 1000)
            self.depart(client, fds)
        except (BrokenPipeError, ConnectionResetError):
            client.close()  # this user's others have not ended yet

    def die(self, porter, count):
        """A process that holds some in the middle of something is killed."""
        clients = [porter.connect() for _ in range(count)]
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            for client in clients:
                method = self.random.choice(self.methods)
                send(client, method, more=True, **self.parameters(method))
                self.random.choice((lambda c: None, lambda c: self.receive(c, 1)))(client)
            theirs.send(b"x")
            signal.pause()
        for client in clients:
            client.close()
        theirs.close()
        ours.recv(1)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        ours.close()

    def round(self, count):
        left = count
        while left > 0:
            if self.random.random() < 0.02:
                held = min(left, 10)
                self.die(self.other, held)
                left -= held
            else:
                self.visit(self.hog if self.random.random() < 0.5 else self.other)
                left -= 1
        self.assert_quiet()
        return self.vitals()

    def test_nothing_is_left_of_whoever_goes(self):
        begin = time.monotonic()
        third = CONNECTIONS // 3
        first = self.round(third)  # what is taken once and kept is taken here
        second = self.round(third)
        third = self.round(CONNECTIONS - 2 * third)
        status = self.status()
        print(f"after a third of {CONNECTIONS}: {first}; two: {second}; all: {third}, "
              f"peak {third.peak >> 20} MiB; {time.monotonic() - begin:.0f} s", flush=True)
        self.assertEqual((status["connections"], status["answers"]), (1, 0))
        # A group that is being closed comes and goes.
        self.assertLessEqual(second.fds, first.fds + 4)
        self.assertLessEqual(third.fds, first.fds + 4)
        self.assertEqual((second.threads, third.threads), (first.threads, first.threads))
        if not fixture.SANITIZED:
            self.assertLess(third.resident, second.resident + SLACK)
        self.assert_log_is_bounded(time.monotonic() - begin)


if __name__ == "__main__":
    fixture.main()
