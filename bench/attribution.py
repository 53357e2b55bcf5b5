#!/usr/bin/env python3
"""What Attribution=yes costs: the daemon's processor time for the same work with and without it, in
turn, and how many records are told with the name of a process. Root.

Usage: attribution.py --build=DIR [--rounds=N] [--files=N] [--processes=N]
"""
import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

from measure import Daemon, Volume

# Opens, writes and closes file after file, or writes to one again and again.
WORKLOADS = {
    "one process, many files": lambda at, a: [
        sys.executable, "-c",
        f"for i in range({a.files}):\n with open(f'{at}/{{i}}', 'w') as f: f.write('x')"],
    "one process, one file": lambda at, a: [
        sys.executable, "-c",
        f"for i in range({a.files}):\n with open('{at}/f', 'a') as f: f.write('x')"],
    "many processes, a file each": lambda at, a: [
        "sh", "-c", f"i=0; "
        f"while [ $i -lt {a.processes} ]; do /bin/touch {at}/$i; i=$((i+1)); done"],
}


def processor_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ask(daemon, ctl, *words):
    return subprocess.run([ctl, f"--socket={daemon.socket}", *words], check=True,
                          capture_output=True, text=True).stdout


def measured(arguments, work, tree, attribution, workload):
    """Processor seconds, events, records, records with a name."""
    config = os.path.join(work, "conf")
    with open(config, "w", encoding="utf-8") as file:
        file.write(f"[Journal]\nAttribution={attribution}\n[Watch]\nPath={tree}\n")
    ctl = os.path.join(arguments.build, "client", "changectl")
    program = os.path.join(arguments.build, "service", "changejournald")
    with Daemon(program, work, tree, options=[f"--config={config}"]) as daemon:
        at = os.path.join(tree, "work")
        os.mkdir(at)
        before, began = daemon.settled(), processor_seconds(daemon.process.pid)
        subprocess.run(workload(at, arguments), check=True)
        after = daemon.settled()
        took = processor_seconds(daemon.process.pid) - began
        log = ask(daemon, ctl, "log", "-o", "json", at).splitlines()
        shutil.rmtree(at)
        return {"seconds": took,
                "events": after["events_read"] - before["events_read"],
                "records": after["records_stored"] - before["records_stored"],
                "named": sum('"comm"' in line for line in log)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--processes", type=int, default=3000)
    arguments = parser.parse_args()
    work = tempfile.mkdtemp(prefix="cj-attribution-")
    try:
        with Volume(work, "tree", "tmpfs", 1) as volume:
            for name, workload in WORKLOADS.items():
                rounds = {"no": [], "yes": []}
                for _ in range(arguments.rounds):
                    for attribution, results in rounds.items():
                        results.append(measured(arguments, work, volume.path, attribution,
                                                workload))
                medians = {which: {key: statistics.median(one[key] for one in results)
                                   for key in results[0]} for which, results in rounds.items()}
                no, yes = medians["no"], medians["yes"]
                print(f"{name}: processor {no['seconds']:.2f} s -> {yes['seconds']:.2f} s "
                      f"(ratio {yes['seconds'] / max(no['seconds'], 0.01):.2f}), "
                      f"events {no['events']:.0f} -> {yes['events']:.0f}, "
                      f"records {no['records']:.0f} -> {yes['records']:.0f}, "
                      f"of them named {yes['named']:.0f}", flush=True)
    finally:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
