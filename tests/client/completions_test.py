#!/usr/bin/env python3
"""The completions for bash and zsh offer what changectl --help says, verb by verb: no more, no
less; changectl(1) tells of it. Both completions are run by their shell, with the shell's own
helpers replaced.

Usage: completions_test.py CHANGECTL"""

import os
import re
import shutil
import subprocess
import sys
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "support"))
sys.dont_write_bytecode = True
import loud_skips  # noqa: E402

BASH = os.path.join(TOP, "client", "changectl.bash")
ZSH = os.path.join(TOP, "client", "_changectl")
MANUAL = os.path.join(TOP, "docs", "man", "changectl.1")
OPTION = re.compile(r"--[a-z][a-z-]*")

# The function asks _init_completion for the words; the word that is completed is the last one.
BASH_DRIVER = """
source "$1"; shift
_init_completion() { words=(changectl "${arguments[@]}"); cur=${words[-1]}; prev=${words[-2]}; }
compopt() { :; }
arguments=("$@")
_changectl
printf '%s\\n' "${COMPREPLY[@]}"
"""

# _arguments is told the options of a verb, _describe the verbs.
ZSH_DRIVER = """
compdef() { : }
_arguments() { print -rl -- "$@"; state=verb }
_describe() { print -rl -- ${(P)@[-1]} }
source $1
if [[ -n $2 ]]; then _changectl_$2; else _changectl; fi
"""


def output(*command):
    done = subprocess.run(command, text=True, check=False, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)
    if done.returncode != 0 or done.stderr:
        raise AssertionError(f"{command}: status {done.returncode}: {done.stderr}")
    return done.stdout


def section(text, title):
    return re.search(rf"^{title}:\n(.*?)(?:\n\n|\Z)", text, re.MULTILINE | re.DOTALL).group(1)


def help_of(*words):
    return output(CHANGECTL, *words, "--help")


def verbs(*words):
    """Those below a verb, or of the program; none where there are none."""
    text = help_of(*words)
    if "Subcommands:" not in text:
        return []
    return re.findall(r"^  ([\w-]+)", section(text, "Subcommands"), re.MULTILINE)


def commands():
    """Every verb, and what is below it, as words."""
    return [words for verb in verbs()
            for words in [(verb,)] + [(verb, each) for each in verbs(verb)]]


def options(*words):
    """The long options at the beginnings of the lines of --help."""
    found = set()
    for line in section(help_of(*words), "Options").splitlines():
        found |= set(OPTION.findall(re.match(r"  (\S*)", line).group(1)))
    return found


class Manual:
    """changectl(1): a section for each verb, and its call in the synopsis."""

    def __init__(self):
        with open(MANUAL, encoding="utf-8") as file:
            text = file.read().replace("\\-", "-")
        self.sections = dict(re.findall(r"^\.S[HS] (.*)\n((?:(?!\.S[HS] ).*\n)*)", text,
                                        re.MULTILINE))
        self.calls = self.sections["SYNOPSIS"].split(".SY changectl\n")[1:]

    def options(self, *words):
        """Those that have a paragraph of their own, or a place in the synopsis."""
        verb = " ".join(words)
        places = re.findall(r"^\.TP\n(.*)", self.sections[verb], re.MULTILINE)
        places += [call for call in self.calls if re.search(rf"^\.B {verb}$", call, re.MULTILINE)]
        return set(OPTION.findall("\n".join(places))) - {"--socket"}


def bash(*words):
    return output("bash", "--norc", "-c", BASH_DRIVER, "bash", BASH, *words).split()


class Completions(unittest.TestCase):
    def test_help_is_understood(self):
        self.assertIn("changes", verbs())
        self.assertLessEqual({"--since", "--null", "--quiet"}, options("changes"))
        self.assertEqual(options(), {"--help", "--version", "--socket"})

    def test_bash(self):
        self.assertEqual(set(bash("")), set(verbs()))
        self.assertEqual({word.rstrip("=") for word in bash("--")}, options())
        for words in commands():
            with self.subTest(words=words):
                self.assertEqual({word.rstrip("=") for word in bash(*words, "--")}, options(*words))
                if verbs(*words):
                    self.assertEqual(set(bash(*words, "")), set(verbs(*words)))

    def test_bash_values(self):
        # What is left is what replaces the word behind the "=".
        formats = ["text", "json", "paths"]
        self.assertEqual(bash("changes", "--format="), formats)
        self.assertEqual(bash("changes", "--format=j"), ["json"])
        self.assertEqual(bash("changes", "--format", ""), formats)
        self.assertEqual(bash("log", "-o", "v"), ["verbose"])
        self.assertEqual(bash("log", "-S", "y"), ["yesterday"])
        self.assertEqual(bash("log", "--kind", "m"), ["metadata"])

    @unittest.skipUnless(shutil.which("zsh"), "zsh is not installed")
    def test_zsh(self):
        def zsh(verb=""):
            return output("zsh", "-f", "-c", ZSH_DRIVER, "zsh", ZSH, verb)
        told = zsh()
        self.assertEqual(set(OPTION.findall(told)), options())
        self.assertEqual(set(re.findall(r"^([a-z][\w-]*):", told, re.MULTILINE)), set(verbs()))
        for words in commands():
            with self.subTest(words=words):
                told = zsh("_".join(words))
                # Without the lists of what excludes what, and without the descriptions.
                offered = [re.sub(r"^\([^)]*\)|\[.*", "", line) for line in told.splitlines()]
                self.assertEqual(set(OPTION.findall("\n".join(offered))), options(*words))


    def test_the_manual(self):
        manual = Manual()
        self.assertEqual(set(OPTION.findall(manual.sections["OPTIONS"])), options())
        for words in commands():
            if verbs(*words):
                continue  # the verbs below it have sections
            with self.subTest(words=words):
                self.assertEqual(manual.options(*words), options(*words) - {"--help"})


if __name__ == "__main__":
    CHANGECTL = sys.argv.pop(1)
    loud_skips.main()
