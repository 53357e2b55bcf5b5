#!/usr/bin/env python3
"""What a test in Python leaves out is said with its reason, where scripts/test.sh counts it."""

import glob
import os
import subprocess
import sys
import unittest

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PROGRAM = """
import sys, unittest
sys.path.insert(0, sys.argv.pop())
sys.dont_write_bytecode = True
import loud_skips
class Case(unittest.TestCase):
    def test_done(self): pass
    def test_left_out(self): self.skipTest("there is no moon")
    @unittest.skip("nor a sun")
    def test_other(self): self.fail()
    def test_wrong(self): self.assertEqual(FAILS, False)
FAILS = sys.argv.pop() == "fails"
loud_skips.main()
"""


class Skips(unittest.TestCase):
    def test_reasons_are_told(self):
        for outcome, status in (("passes", 0), ("fails", 1)):
            with self.subTest(outcome=outcome):
                done = subprocess.run([sys.executable, "-c", PROGRAM, outcome,
                                       os.path.join(TESTS, "support")], text=True, check=False,
                                      stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
                self.assertEqual(done.stdout, "SKIPPED: there is no moon (test_left_out)\n"
                                 "SKIPPED: nor a sun (test_other)\n")
                self.assertEqual(done.returncode, status)

    def test_who_may_skip_says_so(self):
        """No test outside of this folder is run in another way."""
        for path in glob.glob(os.path.join(TESTS, "*", "*.py")):
            if os.path.dirname(path) in (os.path.dirname(os.path.abspath(__file__)),
                                         os.path.join(TESTS, "support")):
                continue
            with open(path, encoding="utf-8") as file, self.subTest(path=path):
                self.assertNotIn("unittest.main(", file.read())


if __name__ == "__main__":
    unittest.main()
