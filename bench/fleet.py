"""Many checkpoints: what a question costs that goes back over all of them. A part of measure.py.

The same few files change again and again. What such a question has to tell does not grow with the
periods, and what it reads must hardly grow either.
"""
import os
import statistics
import time

from queries import changectl, seconds_of

FILES = 100             # all that ever changes
CHANGED = 10            # of them in each period
PERIODS = (1_000, 10_000, 300_000)  # the last is a month of ten thousand a day


def pass_periods(daemon, names, begin, end):
    for period in range(begin, end):
        for turn in range(CHANGED):
            with open(names[(period * CHANGED + turn) % FILES], "ab") as file:
                file.write(b"x")
        daemon.call("Checkpoint")


def measure(bench, progress):
    result = {"files": FILES, "changed_in_a_period": CHANGED, "questions": []}
    with bench.volume("fleet", 1) as volume, bench.daemon(volume.path) as daemon:
        names = [os.path.join(volume.path, f"file{number}") for number in range(FILES)]
        for name in names:
            with open(name, "wb"):
                pass
        token = daemon.call("Checkpoint")["token"]
        done = 0
        for periods in PERIODS:
            periods //= 10 if bench.options.quick else 1
            started = time.monotonic()
            pass_periods(daemon, names, done, periods)
            made = periods - done
            done = periods
            per_checkpoint = (time.monotonic() - started) / made
            command = changectl(bench, daemon, f"--since={token}", "-0")
            asked = [seconds_of(command) for _ in range(bench.options.rounds)]
            if asked[0][1].count(b"\0") < FILES:
                raise RuntimeError("the answer is too short")
            seconds = statistics.median(took for took, _ in asked)
            result["questions"].append({"periods": periods, "records": periods * CHANGED,
                                        "seconds": seconds,
                                        "seconds_per_checkpoint": per_checkpoint})
            progress(f"fleet: {periods} periods, {seconds * 1e3:.1f} ms")
    return result


def rows(result):
    for asked in result.get("questions", []):
        yield (f"fleet: {FILES} files changed in {asked['periods']:,} periods",
               f"{asked['seconds'] * 1e3:.1f} ms")
