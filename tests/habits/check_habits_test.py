#!/usr/bin/env python3
"""Every rule of check_habits.py finds a bad sample and lets a good one pass."""

import os
import tempfile
import unittest

import check_habits as habits

LAYOUT = """| folder | owns | may include |
|---|---|---|
| `base/` | what all share | nothing of ours |
| `fanotify/` | the kernel | `base` |
| `journal/` | what is kept | `base`, `fanotify/event.h` |
| `tests/` | tests | `all` |
"""


def tree(files, top="/somewhere/else"):
    return habits.Tree(top, {"docs/layout.md": LAYOUT, **files})


class Rules(unittest.TestCase):
    maxDiff = None

    def bad(self, rule, files, expected):
        findings = "\n".join(rule(tree(files)))
        self.assertIn(expected, findings)

    def good(self, rule, files):
        self.assertEqual([], list(rule(tree(files))))

    def test_includes(self):
        rule = habits.check_includes
        includes = '#include "base/a.h"\n#include "fanotify/event.h"\n'
        self.good(rule, {"journal/a.cc": includes})
        self.good(rule, {"tests/x/a.cc": '#include "journal/a.h"\n'})
        self.good(rule, {"tests/x/a.cc": '#include "b.h"\n', "tests/x/b.h": ""})
        self.bad(rule, {"tests/x/a.cc": '#include "b.h"\n'}, "include with its folder")
        self.bad(rule, {"fanotify/a.cc": '#include "journal/a.h"\n'}, "fanotify/ may not include")
        other = {"journal/a.cc": '#include "fanotify/group.h"\n'}
        self.bad(rule, other, "journal/ may not include")
        self.bad(rule, {"base/a.cc": '#include "a.h"\n'}, "include with its folder")
        self.bad(rule, {"news/a.cc": ""}, "does not know the folder")
        empty = habits.Tree("/", {})
        self.assertIn("table of folders is missing", "\n".join(rule(empty)))

    def test_pragma_once(self):
        self.good(habits.check_pragma_once, {"base/a.h": "// What.\n#pragma once\n"})
        self.bad(habits.check_pragma_once, {"base/a.h": "#ifndef A\n#pragma once\n"}, "first line")

    def test_sleeps(self):
        for line in ("this_thread::sleep_for(1s);", "usleep(1);", "sleep (1);", "nanosleep(&t);"):
            self.bad(habits.check_sleeps, {"base/a.cc": line}, "a sleep")
        self.bad(habits.check_sleeps, {"scripts/a.sh": "  sleep 1\n"}, "a sleep")
        self.good(habits.check_sleeps, {"base/a.cc": "// It never sleeps.\nbool asleep();\n"})

    def test_open_ends(self):
        for word in habits.OPEN_ENDS:
            self.bad(habits.check_open_ends, {"base/a.cc": f"// {word}: later\n"}, "an open end")
        self.good(habits.check_open_ends, {"base/a.cc": 'error("MethodNotImplemented");\n'})

    def test_machine_paths(self):
        self.bad(habits.check_machine_paths, {"README.md": "cd /somewhere/x\n"}, "README.md:1")
        self.bad(habits.check_machine_paths, {"a.sh": "cd /home/" + "me/src\n"}, "a.sh:1")
        self.good(habits.check_machine_paths, {"README.md": "/var/lib/changejournal\n"})

    def test_sizes(self):
        self.good(habits.check_sizes, {"base/a.cc": "x\n" * habits.MAX_LINES})
        self.bad(habits.check_sizes, {"base/a.cc": "x\n" * (habits.MAX_LINES + 1)}, "401 lines")
        self.good(habits.check_sizes, {"base/a.cc": "\u00fc" * habits.MAX_COLUMNS})
        self.bad(habits.check_sizes, {"base/a.cc": "x" * (habits.MAX_COLUMNS + 1)}, "101 columns")

    def test_readmes(self):
        self.good(habits.check_readmes, {"base/a.cc": "", "base/README.md": ""})
        self.good(habits.check_readmes, {"base/deep/a.cc": "", "base/README.md": ""})
        self.bad(habits.check_readmes, {"base/a.cc": ""}, "base/README.md is missing")
        self.good(habits.check_readmes, {"tests/x/a.cc": "", "tests/README.md": "- `x/`: it\n"})
        one = {"tests/x/a.cc": "", "tests/README.md": ""}
        self.bad(habits.check_readmes, one, "tests/x/README.md")

    def test_built(self):
        self.good(habits.check_built, {"base/a.cc": "", "base/CMakeLists.txt": "add(a.cc)"})
        self.good(habits.check_built, {"x/y/a.cc": "", "x/CMakeLists.txt": "add(y/a.cc)"})
        self.good(habits.check_built, {"x/a.cc": "", "y/CMakeLists.txt": "add(../x/a.cc)"})
        other = {"base/a.cc": "", "base/CMakeLists.txt": "add(aa.cc)"}
        self.bad(habits.check_built, other, "base/a.cc")

    def test_assertions(self):
        good = 'TEST_CASE("a") {\n  CHECK(1 == 1);\n}\n'
        self.good(habits.check_assertions, {"tests/a_test.cc": "\n" + good})
        self.bad(habits.check_assertions, {"tests/a_test.cc": "int a;\n"}, "no test case")
        helper = "\nvoid Run() {\n  REQUIRE(1 == 1);\n}\n\nTEST_CASE(\"b\") {\n  Run();\n}\n"
        self.good(habits.check_assertions, {"tests/a_test.cc": helper})
        method = "class Plan {\n  void Run() {\n    CHECK(1 == 1);\n  }\n};\n"
        method += "\nTEST_CASE(\"c\") {\n  Plan().Run();\n}\n"
        self.good(habits.check_assertions, {"tests/a_test.cc": method})
        lazy = "\n" + good + 'TEST_CASE("lazy") {\n  Run();\n}\n'
        self.bad(habits.check_assertions, {"tests/a_test.cc": lazy}, "asserts nothing: lazy")

    def test_format_and_scripts(self):
        with tempfile.TemporaryDirectory() as top:
            samples = {"good.cc": "int a;\n", "bad.cc": "int   a ;\n",
                       "good.sh": "#!/bin/bash\necho good\n", "bad.sh": "#!/bin/bash\nif true\n"}
            for name, text in samples.items():
                with open(os.path.join(top, name), "w", encoding="utf-8") as file:
                    file.write(text)
            os.chmod(os.path.join(top, "good.sh"), 0o755)
            found = tree(samples, top)
            if habits.shutil.which("clang-format-14") or habits.shutil.which("clang-format"):
                self.assertEqual(["bad.cc: not as clang-format has it"],
                                 list(habits.check_format(found)))
            scripts = "\n".join(habits.check_scripts(found))
            self.assertIn("bad.sh: bash:", scripts)
            self.assertIn("bad.sh: a script without its run bit", scripts)
            self.assertNotIn("good.sh", scripts)


if __name__ == "__main__":
    unittest.main()
