#!/usr/bin/env python3
"""The examples drive every method of the interface: what they call is read off the socket.

Usage: tours_test.py CHANGEJOURNALD CHANGECTL   (root; exit 4: skipped)
"""
import json
import os
import sys

import fixture
from fixture import daemon_fixture
from wiretap import Wiretap, interface_methods


class ToursTest(daemon_fixture.DaemonCase):
    def tour(self, *words, **more):
        daemon = self.start()
        tap = Wiretap(os.path.join(self.work, "tap"), daemon)
        self.addCleanup(tap.close)
        done = daemon_fixture.run(*words, tap.path, self.mount, check=0, **more)
        self.assertIn("every method has answered", done.stdout)
        self.assertIn("org.changejournal.RescanNeeded" if "tour.py" not in words[-1]
                      else "rescan needed", done.stdout)
        self.assertEqual(tap.called(), interface_methods())
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
