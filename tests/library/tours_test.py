#!/usr/bin/env python3
"""The examples drive every method of the interface: what they call is read off the socket.

Usage: tours_test.py CHANGEJOURNALD CHANGECTL   (root; exit 4: skipped)
"""
import array
import json
import os
import re
import socket
import sys
import threading

import fixture
from fixture import daemon_fixture


def interface_methods():
    path = os.path.join(fixture.TOP, "service", "org.changejournal.varlink")
    with open(path, encoding="utf-8") as file:
        return {"org.changejournal." + name
                for name in re.findall(r"^method (\w+)\(", file.read(), re.MULTILINE)}


class Wiretap:
    """Between clients and the daemon: hands all on, descriptors too, and notes the calls."""

    def __init__(self, path, daemon):
        self.path, self.daemon, self.methods = path, daemon, set()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = self.daemon.connect()
            server.settimeout(None)
            for words in ((client, server, True), (server, client, False)):
                threading.Thread(target=self.hand_on, args=words, daemon=True).start()

    def hand_on(self, source, target, calls):
        rest = b""
        try:
            while True:
                data, descriptors, _, _ = socket.recv_fds(source, 65536, 4)
                if not data:
                    break
                if calls:
                    *whole, rest = (rest + data).split(b"\0")
                    self.methods |= {json.loads(message)["method"] for message in whole}
                if descriptors:
                    rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))
                    data = data[target.sendmsg([data], [rights]):]
                    for descriptor in descriptors:
                        os.close(descriptor)
                target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class ToursTest(daemon_fixture.DaemonCase):
    def tour(self, *words, **more):
        daemon = self.start()
        tap = Wiretap(os.path.join(self.work, "tap"), daemon)
        self.addCleanup(tap.close)
        done = daemon_fixture.run(*words, tap.path, self.mount, check=0, **more)
        self.assertIn("every method has answered", done.stdout)
        self.assertIn("org.changejournal.RescanNeeded" if "tour.py" not in words[-1]
                      else "rescan needed", done.stdout)
        called = {method for method in tap.methods if method.startswith("org.changejournal.")}
        self.assertEqual(called, interface_methods())
        self.assertEqual(json.loads(daemon.ctl("consumer", "list", "--json").stdout)["consumers"],
                         [])
        return done

    def test_in_c(self):
        done = self.tour(os.environ["CJ_TOUR"])
        self.assertEqual(done.stderr, "")  # nor what a sanitizer has to say

    def test_in_python(self):
        self.tour(sys.executable, "-B", os.path.join(fixture.EXAMPLES, "tour.py"),
                  env={**os.environ, **fixture.sanitizer_environment()})


if __name__ == "__main__":
    fixture.main()
