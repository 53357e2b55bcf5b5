#!/usr/bin/env python3
"""The manual pages: groff and man read them without a warning, each names the others under SEE
ALSO, and each is installed."""

import os
import re
import shutil
import subprocess
import sys
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDER = os.path.join(TOP, "docs", "man")
SKIPPED = 4  # what CTest counts as a skipped test
READERS = [
    ["groff", "-man", "-ww", "-Tutf8", "-z"],
    ["man", "--warnings", "-E", "UTF-8", "-l"],
]


def pages():
    return sorted(os.listdir(FOLDER))


def text(page):
    with open(os.path.join(FOLDER, page), encoding="utf-8") as file:
        return file.read()


def reference(page):
    """As pages write it: .BR changectl (1)"""
    name, section = page.rsplit(".", 1)
    return f".BR {name} ({section})"


class Manuals(unittest.TestCase):
    def test_no_warnings(self):
        environment = {**os.environ, "MANWIDTH": "80", "LC_ALL": "C.UTF-8"}
        for page in pages():
            for reader in READERS:
                with self.subTest(page=page, reader=reader[0]):
                    done = subprocess.run([*reader, os.path.join(FOLDER, page)], check=False,
                                          env=environment, text=True, stdout=subprocess.DEVNULL,
                                          stderr=subprocess.PIPE)
                    self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_each_names_the_others(self):
        self.assertGreater(len(pages()), 3)
        for page in pages():
            named = re.split(r"^\.SH SEE ALSO$", text(page), flags=re.MULTILINE)[1]
            for other in pages():
                with self.subTest(page=page, other=other):
                    self.assertEqual(reference(other) in named, other != page)

    def test_titles(self):
        for page in pages():
            with self.subTest(page=page):
                name, section = page.rsplit(".", 1)
                self.assertRegex(text(page), rf"^\.TH {re.escape(name.upper())} {section} ")

    def test_each_is_installed(self):
        with open(os.path.join(TOP, "client", "CMakeLists.txt"), encoding="utf-8") as file:
            installed = file.read()
        for page in pages():
            self.assertIn(f"docs/man/{page}\n", installed)


if __name__ == "__main__":
    missing = [reader[0] for reader in READERS if not shutil.which(reader[0])]
    if missing:
        print(f"skipped: no {', '.join(missing)} here; scripts/install-deps.sh test")
        sys.exit(SKIPPED)
    unittest.main()
