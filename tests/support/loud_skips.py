"""unittest.main() that says of each skipped test why, where scripts/test.sh counts it."""
import sys
import unittest


def main(**more):
    done = unittest.main(module="__main__", exit=False, **more).result
    for test, reason in done.skipped:
        print(f"SKIPPED: {reason} ({test.id().rsplit('.', 1)[-1]})")
    sys.exit(not done.wasSuccessful())
