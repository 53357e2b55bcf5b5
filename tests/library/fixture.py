"""A daemon and the library in this process, by the binding of library/examples/."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TOP, "tests", "service"))
sys.path.insert(0, os.path.join(TOP, "library", "examples"))
sys.dont_write_bytecode = True

import daemon_fixture  # noqa: E402
from daemon_fixture import DEADLINE, eventually, run  # noqa: E402,F401

EXAMPLES = os.path.join(TOP, "library", "examples")
SANITIZED = os.environ.get("CJ_SANITIZE", "")


def sanitizer_environment():
    """For an interpreter that loads a library with AddressSanitizer, which must come first; the
    interpreter itself leaks. The programs in C are those that are searched for leaks."""
    if "address" not in SANITIZED:
        return {}
    libraries = [run("gcc", f"-print-file-name={name}.so").stdout.strip()
                 for name in ("libasan", "libstdc++")]
    return {"LD_PRELOAD": " ".join(libraries), "ASAN_OPTIONS": "detect_leaks=0"}


def prepare():
    """Before the library is loaded."""
    if "thread" in SANITIZED:
        print("SKIPPED: ThreadSanitizer cannot be loaded into Python")
        sys.exit(4)
    if "address" in SANITIZED and "LD_PRELOAD" not in os.environ:
        os.environ.update(sanitizer_environment())
        os.execv(sys.executable, [sys.executable, *sys.argv])


prepare()
main = daemon_fixture.main
