#!/usr/bin/env python3
"""The example of org.changejournal(7) does what the page says.

Usage: manual_test.py CHANGEJOURNALD CHANGECTL
"""
import os
import subprocess
import sys
import unittest

import daemon_fixture as fixture

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Manual(fixture.DaemonCase):
    def test_the_example(self):
        with open(f"{TOP}/docs/man/org.changejournal.7", encoding="utf-8") as file:
            text = file.read()
        text = text.split('.\\" example: ')[1].split("\n", 1)[1].split('.\\" end of example')[0]
        program = text.replace("\\-", "-").replace("\\e", "\\")
        daemon = self.start()
        with subprocess.Popen([sys.executable, "-c", program, daemon.socket], text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) as example:
            self.assertEqual(example.stdout.read(len("Change")), "Change")
            self.write("new")
            said, _ = example.communicate("\n", fixture.DEADLINE)
        self.assertEqual(example.returncode, 0)
        self.assertIn(f"created {self.mount}/new\n", said)
        self.assertRegex(said, r"\nnext: cj1-[0-9a-f]{8}-\d+\n$")


if __name__ == "__main__":
    fixture.main()
