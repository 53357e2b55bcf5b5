#!/usr/bin/env python3
"""The manual pages: groff and man read them without a warning, each names the others of its package
under SEE ALSO, each is installed, and those of integrations/ have the options that --help has."""

import os
import re
import shutil
import subprocess
import sys
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDER = os.path.join(TOP, "docs", "man")
SKIPPED = 4  # what CTest counts as a skipped test
# The pages from which those of integrations/, which is another package, are found.
ENTRANCES = ("changectl.1", "changejournal.7")
READERS = [
    ["groff", "-man", "-ww", "-Tutf8", "-z"],
    ["man", "--warnings", "-E", "UTF-8", "-l"],
]


def text(page):
    with open(os.path.join(FOLDER, page), encoding="utf-8") as file:
        return file.read()


def plain(words):
    """Without marks, and with one space between words."""
    return " ".join(re.sub(r"`|^# ?", "", words.replace("\\-", "-"), flags=re.MULTILINE).split())


def is_alias(page):
    return text(page).startswith(".so ")


def pages():
    return sorted(page for page in os.listdir(FOLDER) if not is_alias(page))


def aliases():
    return sorted(page for page in os.listdir(FOLDER) if is_alias(page))


def is_integration(page):
    return page.startswith("changejournal-")


def escaped(name):
    """A hyphen that may be copied into a command line."""
    return name.replace("-", r"\-")


def reference(page):
    """As pages write it: .BR changectl (1)"""
    name, section = page.rsplit(".", 1)
    return f".BR {escaped(name)} ({section})"


def must_name(page, other):
    if is_integration(page) == is_integration(other):
        return page != other
    return page in ENTRANCES or other in ENTRANCES


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
                    self.assertEqual(reference(other) in named, must_name(page, other))

    def test_aliases(self):
        """One page for two names: it has both."""
        for page in aliases():
            with self.subTest(page=page):
                target = os.path.basename(text(page).split()[1])
                self.assertIn(target, pages())
                name, section = page.rsplit(".", 1)
                self.assertEqual(text(page), f".so man{section}/{target}\n")
                heading = re.search(r"^\.SH NAME\n(.*) \\- ", text(target), re.MULTILINE)
                self.assertIn(escaped(name), heading[1].split(", "))

    def test_options_of_integrations(self):
        found = [page for page in pages() + aliases() if is_integration(page)]
        self.assertGreater(len(found), 5)
        for page in found:
            name = page.rsplit(".", 1)[0]
            program = os.path.join(TOP, "integrations", name)
            said = subprocess.run([program, "--help"], check=True, text=True,
                                  stdout=subprocess.PIPE).stdout
            options = set(re.findall(r"^  .*?(--[a-z-]+)", said, re.MULTILINE))
            self.assertIn("--help", options)
            target = os.path.basename(text(page).split()[1]) if is_alias(page) else page
            for option in sorted(options):
                with self.subTest(page=page, option=option):
                    self.assertRegex(text(target),
                                     r"(?m)^\.[BIR]+ .*" + re.escape(escaped(option)) + r"\b")

    def test_the_interface(self):
        """org.changejournal(7) has every method, type and error as the interface has it, and what
        is said of it there."""
        with open(os.path.join(TOP, "service", "org.changejournal.varlink"),
                  encoding="utf-8") as file:
            described = re.findall(
                r"^((?:#.*\n)*)((?:type|method|error) [\s\S]*?)\s*(?=\n\n|\Z)", file.read(),
                re.MULTILINE)
        self.assertGreater(len(described), 20)
        page = text("org.changejournal.7").replace("\\-", "-")
        words = plain(page)
        for comment, each in described:
            with self.subTest(described=each.splitlines()[0]):
                self.assertIn(f"\n{each}\n.fi\n", page)
                title = f".SS {re.split(r'[ (]', each)[1]}"
                self.assertIn(f"\n{title}\n", page)
                self.assertIn(plain(f"{title}\n{comment}.PP .RS .nf"), words)

    def test_titles(self):
        for page in pages():
            with self.subTest(page=page):
                name, section = page.rsplit(".", 1)
                title = f".TH {escaped(name.upper())} {section} "
                self.assertTrue(text(page).startswith(title), title)

    def test_each_is_installed(self):
        for page in pages() + aliases():
            folder = ("integrations" if is_integration(page) else
                      "library" if page.endswith(".3") else "client")
            with open(os.path.join(TOP, folder, "CMakeLists.txt"), encoding="utf-8") as file:
                self.assertIn(f"docs/man/{page}\n", file.read())


if __name__ == "__main__":
    missing = [reader[0] for reader in READERS if not shutil.which(reader[0])]
    if missing:
        print(f"SKIPPED: no {', '.join(missing)} here; scripts/install-deps.sh test")
        sys.exit(SKIPPED)
    unittest.main()
