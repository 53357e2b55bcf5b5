#!/usr/bin/env python3
"""Every preset of CMakePresets.json configures: an error in one is seen where it is made, not hours
later in the stage that alone builds it. Nothing is built."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SKIPPED = 4  # what CTest counts as a skipped test


def presets():
    """(name, compiler) of every preset that may be chosen."""
    with open(os.path.join(TOP, "CMakePresets.json"), encoding="utf-8") as file:
        listed = {one["name"]: one for one in json.load(file)["configurePresets"]}
    for name, one in listed.items():
        if one.get("hidden"):
            continue
        base = listed[one["inherits"]]["cacheVariables"]
        yield name, {**base, **one["cacheVariables"]}["CMAKE_CXX_COMPILER"]


class Presets(unittest.TestCase):
    def test_each_configures(self):
        for name, _ in presets():
            with self.subTest(preset=name), tempfile.TemporaryDirectory() as build:
                done = subprocess.run(["cmake", "--preset", name, "-B", build], cwd=TOP, text=True,
                                      check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                self.assertEqual(done.returncode, 0, done.stdout)


if __name__ == "__main__":
    missing = {compiler for _, compiler in presets() if not shutil.which(compiler)}
    if missing:
        print(f"SKIPPED: no {', '.join(sorted(missing))} here; scripts/install-deps.sh ci")
        sys.exit(SKIPPED)
    unittest.main()
