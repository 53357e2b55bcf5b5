#!/usr/bin/env python3
"""The repository's habits, checked. Every rule is a function from a tree of files to findings.

Usage: check_habits.py [TOP]. Prints one line per finding and exits 1 if there is any. What a rule
is for stands in its docstring; which folder may include which is read from docs/layout.md.
"""

import os
import re
import shutil
import subprocess
import sys

MAX_LINES = 400
MAX_COLUMNS = 100
SOURCE = (".cc", ".h")
SCRIPT = (".sh", ".py")
# Spelled so that this file does not find itself.
OPEN_ENDS = ["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK", "place" + "holder", "st" + "ub"]


class Tree:
    """The files under version control (or about to be), as {path: text}."""

    def __init__(self, top, files):
        self.top = top
        self.files = files

    def matching(self, *endings):
        return [(path, text) for path, text in sorted(self.files.items()) if path.endswith(endings)]

    @classmethod
    def read(cls, top):
        command = ["git", "-C", top, "ls-files", "-co", "--exclude-standard", "-z"]
        listed = subprocess.run(command, capture_output=True, check=False)
        if listed.returncode == 0:
            names = [os.fsdecode(name) for name in listed.stdout.split(b"\0") if name]
        else:
            names = cls.walk(top)
        files = {}
        for name in names:
            path = os.path.join(top, name)
            if os.path.isfile(path) and not os.path.islink(path):
                with open(path, "rb") as file:
                    files[name] = file.read().decode("utf-8", "replace")
        return cls(top, files)

    @staticmethod
    def walk(top):
        """For a source archive, which has no version control."""
        names = []
        for folder, folders, found in os.walk(top):
            folders[:] = [name for name in folders if name not in ("build", ".git")]
            names += [os.path.relpath(os.path.join(folder, name), top) for name in found]
        return names


def lines_with(text, pattern):
    lines = enumerate(text.splitlines(), 1)
    return [(number, line) for number, line in lines if pattern.search(line)]


def allowed_includes(layout):
    """The table of docs/layout.md: {folder: set of folders and single headers}."""
    allowed = {}
    for line in layout.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `") and len(cells) == 3:
            folder = cells[0].strip("`/")
            allowed[folder] = {word.rstrip("/") for word in re.findall(r"`([^`]+)`", cells[2])}
    return allowed


def check_includes(tree):
    """A folder includes only what docs/layout.md lets it, so that the layers stay layers."""
    allowed = allowed_includes(tree.files.get("docs/layout.md", ""))
    if not allowed:
        yield "docs/layout.md: the table of folders is missing"
    for path, text in tree.matching(*SOURCE):
        folder = path.split("/")[0]
        if folder not in allowed:
            yield f"{path}: docs/layout.md does not know the folder {folder}/"
            continue
        for number, line in lines_with(text, re.compile(r'^\s*#\s*include\s*"')):
            target = line.split('"')[1]
            first = target.split("/")[0]
            if "/" not in target:
                if folder == "tests" and os.path.join(os.path.dirname(path), target) in tree.files:
                    continue  # a helper of this folder's tests only
                yield f"{path}:{number}: include with its folder: {target}"
            elif first != folder and first in allowed and not {first, target} & allowed[folder]:
                if "all" not in allowed[folder]:
                    yield f"{path}:{number}: {folder}/ may not include {target}"


def check_pragma_once(tree):
    """Every header can be included twice."""
    for path, text in tree.matching(".h"):
        code = [line for line in text.splitlines() if line.strip() and not line.startswith("//")]
        if not code or code[0] != "#pragma once":
            yield f"{path}: #pragma once must be its first line of code"


def check_sleeps(tree):
    """Waiting for a time instead of for a condition is slow at best and wrong at worst."""
    pattern = re.compile(r"sleep_for|sleep_until|\b(u|nano|clock_nano)?sleep\s*\(")
    for path, text in tree.matching(*SOURCE):
        for number, _ in lines_with(text, pattern):
            yield f"{path}:{number}: a sleep; wait for a condition with a deadline"
    for path, text in tree.matching(*SCRIPT):
        for number, _ in lines_with(text, re.compile(r"^\s*sleep\b|[;&|]\s*sleep\b|time\.sleep")):
            yield f"{path}:{number}: a sleep; wait for a condition with a deadline"


def check_open_ends(tree):
    """Work is finished or said to be missing where users look, not in a comment."""
    pattern = re.compile(r"\b(" + "|".join(OPEN_ENDS) + r")s?\b|\bnot " + "implemented")
    for path, text in tree.matching(*SOURCE, *SCRIPT, "CMakeLists.txt"):
        for number, line in lines_with(text, pattern):
            yield f"{path}:{number}: an open end: {line.strip()}"


EVERYWHERE = {"/home", "/media", "/mnt", "/opt", "/root", "/srv", "/tmp", "/usr/local/src",
              "/usr/src", "/var/lib", "/var/tmp"}


def check_machine_paths(tree):
    """What is committed works in any checkout."""
    here = os.path.dirname(os.path.abspath(tree.top)).rstrip("/")
    words = [r"/home/[a-z]\w*/", r"/Users/\w+/", r"/root/\w"]
    # A checkout right below a directory that every machine has says nothing.
    words += [re.escape(here) + "/"] if here and here not in EVERYWHERE else []
    pattern = re.compile("|".join(words))
    for path, text in sorted(tree.files.items()):
        for number, _ in lines_with(text, pattern):
            yield f"{path}:{number}: a path of one machine"


def check_sizes(tree):
    """A file over 400 lines asks to be two; a line over 100 columns asks to be read twice."""
    for path, text in tree.matching(*SOURCE, *SCRIPT, "CMakeLists.txt"):
        lines = text.splitlines()
        if len(lines) > MAX_LINES:
            yield f"{path}: {len(lines)} lines, more than {MAX_LINES}"
        for number, line in enumerate(lines, 1):
            if len(line) > MAX_COLUMNS:
                yield f"{path}:{number}: {len(line)} columns, more than {MAX_COLUMNS}"


def check_readmes(tree):
    """Every folder with code says what its one job is, in its README or in tests/README.md."""
    tests = tree.files.get("tests/README.md", "")
    for folder in sorted({os.path.dirname(path) for path, _ in tree.matching(*SOURCE, *SCRIPT)}):
        parts = folder.split("/")
        if parts[0] == "tests" and len(parts) > 1 and f"`{parts[1]}/`" in tests:
            continue
        readme = "/".join(parts[:2 if parts[0] == "tests" else 1]) + "/README.md"
        if readme not in tree.files:
            yield f"{folder}: {readme} is missing"


def built_sources(tree):
    """What the CMakeLists.txt name, as paths from the top; in a foreach the ending may be apart."""
    named = set()
    for path, text in tree.matching("CMakeLists.txt"):
        folder = os.path.dirname(path)
        for word in re.findall(r"[^\s()\"]+", text):
            word = re.sub(r"^\$\{(CMAKE|PROJECT)_SOURCE_DIR\}/", "/", word)
            word = re.sub(r"^\$\{CMAKE_CURRENT_SOURCE_DIR\}/", "", word)
            if "foreach" in text and not word.endswith(".cc"):
                word += ".cc"
            full = word[1:] if word.startswith("/") else os.path.join(folder, word)
            named.add(os.path.normpath(full))
    return named


def check_built(tree):
    """A .cc that no CMakeLists.txt names is not built, and so not tested."""
    named = built_sources(tree)
    for path, _ in tree.matching(".cc"):
        if path not in named:
            yield f"{path}: no CMakeLists.txt names it"


ASSERTION = re.compile(r"\b(REQUIRE|CHECK|FAIL|Check|Expect|Require)\w*\s*\(")


def asserting_helpers(text):
    """Functions of a folder's tests that assert, so that calling them is as good."""
    helpers = set()
    function = r"\b(\w+)\([^;{}]*\)\s*(?:const\s*)?\{(.*?)\n\}"
    for match in re.finditer(function, text, re.DOTALL):
        if ASSERTION.search(match.group(2)):
            helpers.add(match.group(1))
    for body in re.findall(r"^(?:class|struct) [^;{]*\{(.*?)^\};", text, re.DOTALL | re.MULTILINE):
        if ASSERTION.search(body):
            helpers |= set(re.findall(r"\b(\w+)\(", body))
    return helpers - {"TEST_CASE"}


def check_assertions(tree):
    """A test that asserts nothing cannot fail."""
    for path, text in tree.matching("_test.cc"):
        if not re.search(r"\b(TEST_CASE|SCENARIO|TEMPLATE_TEST_CASE)\b", text):
            yield f"{path}: no test case"
        near = [other for name, other in tree.matching(*SOURCE)
                if os.path.dirname(name) == os.path.dirname(path)]
        helpers = set().union(*map(asserting_helpers, near))
        for body in re.split(r"\n(?:TEMPLATE_)?TEST_CASE", text)[1:]:
            called = set(re.findall(r"\b(\w+)(?:<[^<>]*>)?\(", body))
            name = re.search(r'"([^"]*)"', body)
            if not ASSERTION.search(body) and not called & helpers:
                yield f"{path}: asserts nothing: {name.group(1) if name else '?'}"


def check_format(tree):
    """Nobody has to argue about blanks."""
    tool = shutil.which("clang-format-14") or shutil.which("clang-format")
    if not tool:
        print("SKIPPED: clang-format is not installed")
        return
    paths = [path for path, _ in tree.matching(*SOURCE)]
    for start in range(0, len(paths), 50):
        command = [tool, "--dry-run", "--Werror", *paths[start:start + 50]]
        run = subprocess.run(command, cwd=tree.top, capture_output=True, text=True, check=False)
        for path in sorted(set(re.findall(r"^(\S+?):\d+:\d+: error:", run.stderr, re.MULTILINE))):
            yield f"{path}: not as clang-format has it"


def check_scripts(tree):
    """Shell scripts are read by the shell, and by shellcheck where there is one."""
    shellcheck = shutil.which("shellcheck")
    if not shellcheck:
        print("SKIPPED: shellcheck is not installed")
    for path, text in sorted(tree.files.items()):
        if not re.match(r"#!.*\b(ba)?sh\b", text):
            continue
        file = os.path.join(tree.top, path)
        commands = [["bash", "-n", file]] + ([[shellcheck, "-x", file]] if shellcheck else [])
        for command in commands:
            run = subprocess.run(command, cwd=tree.top, capture_output=True, text=True, check=False)
            if run.returncode != 0:
                yield f"{path}: {os.path.basename(command[0])}: {(run.stdout + run.stderr).strip()}"
        if not os.access(file, os.X_OK):
            yield f"{path}: a script without its run bit"


RULES = [check_includes, check_pragma_once, check_sleeps, check_open_ends, check_machine_paths,
         check_sizes, check_readmes, check_built, check_assertions, check_format, check_scripts]


def main():
    default = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    tree = Tree.read(os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else default))
    findings = [finding for rule in RULES for finding in rule(tree)]
    for finding in findings:
        print(finding)
    print(f"{len(tree.files)} files, {len(RULES)} rules, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
