#!/usr/bin/env python3
"""Do installed documents lead to what is installed?

Usage: check_documents.py ROOT   (what packages or `cmake --install` have put below ROOT)

Followed are the relative links of every page below usr/share/doc, with their anchors, and what
pages, manual pages, units and examples name below /usr/share/doc and /usr/share/varlink or, as the
pages are called in the source, docs/. Prints a line for each that leads nowhere.
"""
import gzip
import os
import re
import sys
import tempfile

LINK = re.compile(r"\]\(([^)\s]+)\)")
NAMED = re.compile(r"/usr/share/(?:doc|varlink)/[\w./@+-]*[\w@+-]")
PAGE = re.compile(r"(?<![\w./-])docs/[\w./-]+\.md")
HOME = "usr/share/doc/changejournal"


def documents(root):
    """Yields (path below root, text) of everything that people read."""
    for folder, _, names in os.walk(root):
        for name in sorted(names):
            path = os.path.join(folder, name)
            below = os.path.relpath(path, root)
            if os.path.islink(path) or not re.match(
                    r"usr/share/(doc|man)/|(usr/)?lib/systemd/|etc/", below):
                continue
            opened = gzip.open(path) if name.endswith(".gz") else open(path, "rb")
            with opened as file:
                yield below, file.read().decode("utf-8", "replace")


def anchors(text):
    """What a link may name behind #: headings as hosts of Markdown make them to names."""
    found = set()
    for line in re.sub(r"```.*?```", "", text, flags=re.S).splitlines():
        if re.match(r"#+ ", line):
            words = re.sub(r"[^\w\- ]", "", line.lstrip("#").strip().lower())
            found.add(words.replace(" ", "-"))
    return found


def dead_links(root, below, text):
    for target in LINK.findall(text):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        folder = os.path.join(root, os.path.dirname(below))
        path = os.path.join(folder, file or os.path.basename(below))
        if not os.path.exists(path):
            yield f"{below}: the link to {target} leads to nothing that is installed"
        elif anchor:
            with open(path, encoding="utf-8") as page:
                if anchor not in anchors(page.read()):
                    yield f"{below}: {target}: there is no such heading"


def dead_names(root, below, text):
    text = text.replace("\\-", "-").replace("\\:", "").replace("\\&", "")
    named = [(name, name.lstrip("/")) for name in NAMED.findall(text)]
    named += [(name, os.path.join(HOME, name)) for name in PAGE.findall(text)]
    for name, path in named:
        if not os.path.exists(os.path.join(root, path)):
            yield f"{below}: {name} is not installed"


def findings(root):
    pages = 0
    found = []
    for below, text in documents(root):
        pages += 1
        if below.endswith(".md"):
            found += dead_links(root, below, text)
        if not re.search(r"/(changelog(\.Debian)?(\.gz)?|copyright)$", below):
            found += dead_names(root, below, text)
    return pages, found


def prove():
    """Every kind of finding is found in a sample that has it, and nothing in one that has none."""
    good = {"README.md": "# A b\n[x](docs/a.md#what-it-saves) [y](#a-b) [z](https://no.where/a)\n",
            "docs/a.md": "## What it *saves*\n[up](../README.md), docs/a.md\n"}
    bad = {"[x](gone.md)": "leads to nothing", "[x](docs/a.md#no)": "no such heading",
           "docs/gone.md": "is not installed", "/usr/share/doc/gone": "is not installed"}
    for line, complaint in [("", None), *bad.items()]:
        with tempfile.TemporaryDirectory() as root:
            for name, text in good.items():
                path = os.path.join(root, HOME, name)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text + (line if name == "README.md" else ""))
            found = findings(root)[1]
            assert len(found) == (complaint is not None), (line, found)
            assert complaint is None or complaint in found[0], (line, found)


def main():
    prove()
    pages, found = findings(sys.argv[1])
    for line in found:
        print(line)
    if pages == 0:
        print(f"{sys.argv[1]}: there are no documents")
    return 1 if found or pages == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
