#!/usr/bin/env python3
"""Every method of the change journal's interface, called from Python through libchangejournal.

Usage: tour.py SOCKET DIRECTORY      (DIRECTORY is watched; a file is made and changed there)
"""
import errno
import os
import select
import sys

import changejournal


def expect(what, holds):
    if not holds:
        sys.exit(f"{what}: is not so")


def write(path):
    with open(path, "a", encoding="utf-8") as file:
        file.write("x\n")


def consumer(journal, directory, file):
    """The journal keeps the position, and a feed moves it."""
    print("consumer at", journal.add_consumer("tour-python", paths=[directory]))
    feed = journal.feed(since_consumer="tour-python")
    write(file)
    found = False
    while not found:
        select.select([feed], [], [], 60)
        buffer = feed.read(0)
        if buffer is None:
            continue
        for record in feed.records(buffer):
            print("record", record.sequence, record.operations, os.fsdecode(record.path))
            found = found or record.path == os.fsencode(file)
        feed.put(buffer)  # acknowledged
    feed.close()
    end = journal.checkpoint("the tour's end")
    expect("it has moved", journal.acknowledge("tour-python", end))
    expect("it stands there", journal.consumers()["tour-python"][0] == end)
    journal.remove_consumer("tour-python")
    try:
        journal.remove_consumer("tour-python")
        expect("it is gone", False)
    except OSError as error:
        expect("it is gone", error.errno == errno.ENOENT)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    directory = sys.argv[2]
    file = os.path.join(directory, "tour-python")
    with changejournal.Journal(sys.argv[1]) as journal:
        journal.set_timeout(60_000)
        since = journal.checkpoint("a tour")
        write(file)
        told = {change.path: change for change in journal.changes(since_token=since,
                                                                  paths=[directory])}
        expect("the file is told", told[os.fsencode(file)].change == changejournal.CREATED)
        after = journal.next
        paths = journal.change_paths(since_token=since, flags=changejournal.NO_CHECKPOINT)
        expect("the list has it", os.fsencode(file) in paths)
        logged = [record.path for record in journal.log(since_token=since)]
        expect("the log has it", os.fsencode(file) in logged)
        consumer(journal, directory, file)
        for method in ("GetStatus", "GetPeriods", "Diagnose", "org.varlink.service.GetInfo"):
            print(method, sorted(journal.call(method)))
        *_, last = journal.call_more("Explain", path=file)
        expect("the file is told", last["verdict"]["told"])
        for reply in journal.call_more("Crawl"):
            print("Crawl", reply)
        print("next", after)
        try:
            list(journal.changes(since_token="cj1-00000000-1"))
            expect("rescan needed", False)
        except changejournal.JournalError as error:
            expect("rescan needed", error.errno == errno.ESTALE)
            print(error.strerror, "- go on from", error.next)
    print("every method has answered")


if __name__ == "__main__":
    main()
