"""What restic and borg have in common here: runs that are skipped, and runs that are narrowed."""
import os
import stat

import command
import sealed
from names import look_up
from position import WARNED, Failure, Position, RescanNeeded, replace_file, report, shown

NARROW = "changejournal-narrow"

STATUSES = {
    3: "a narrowed run was asked for, and the journal cannot tell what changed",
    WARNED: "what was asked for was made, with a warning: of a file that could not be read, or\n"
            "     that changed meanwhile. The position has not moved",
}


def parser(description, where):
    made = command.parser(description, STATUSES)
    made.add_argument("--narrow", action="store_true",
                      help="copy only what has changed since the last run of either kind, into "
                      "a snapshot that holds nothing else")
    made.add_argument("--repository", metavar="WHERE", required=True, help=where)
    made.add_argument("source", help="a watched tree, or a directory in one")
    return made


def is_directory(state):
    return stat.S_ISDIR(state.st_mode)


def paths_of(source, there, directories):
    """Absolute paths, a directory before what is in it.

    restic goes down into each directory that it is given: it gets those that are empty, and sees
    the others on the way to what is in them. borg gets those above what is copied as well: who
    restores a file moves the time of its directory, which only the directory's own entry mends."""
    if not directories:
        paths = [os.path.normpath(os.path.join(source, name)) for name, _ in there]
        return [path for path, (_, state) in zip(paths, there)
                if not is_directory(state) or not os.listdir(path)]
    names = {b""}
    for name, _ in there:
        name = b"" if name == b"." else name
        while name not in names:
            names.add(name)
            name = os.path.dirname(name)
    return [os.path.join(source, name) if name else source for name in sorted(names)]


def lists(there, gone):
    """What is removed before the snapshot is restored over an older state, because restoring does
    not replace what is of another type, follows links, and writes into all links of a file.

    {"deleted": whatever stands at these names, "directories": what is no directory there}. What
    stood there before is not known; what is in a directory and was not told has to stay."""
    return {"deleted": sorted([*gone, *(name for name, state in there if not is_directory(state))]),
            "directories": [name for name, state in there
                            if is_directory(state) and name != b"."]}


def narrow(position, source, state, tool, more):
    names = position.next()
    there, gone = look_up(source, names)
    paths = paths_of(source, there, tool.takes_directories)
    report(f"{shown(source)}: {len(names)} names told, {len(gone)} of them gone")
    if not names:
        return
    for file, listed in lists(there, gone).items():
        path = os.path.join(state, file)
        replace_file(path, b"".join(os.path.join(source, name) + b"\0" for name in listed))
        paths.append(os.fsencode(path))
    tool.narrow(paths, more)


def whole(position, source, tool, more, full):
    try:
        if full:
            raise RescanNeeded("--full was given")
        if not position.next():
            report("nothing has changed since the last full snapshot: none is made")
            return False
    except RescanNeeded as why:
        report(f"{shown(source)}: {why}")
        position.begin()
    tool.full(source, more)
    return True


def main(args, more, tool):
    """`full` is where the last full snapshot began, `narrow` where the last of either kind did."""
    sealed.enter()
    journal = command.journal(args)
    source = command.source_of(args.source)
    journal.check_tree(source)
    sealed.seal(source)
    state = command.state_of(args, source, args.repository)
    name = "narrow" if args.narrow else "full"
    with Position(journal, state, source, name) as position:
        if args.narrow:
            try:
                narrow(position, source, state, tool, more)
            except RescanNeeded as why:
                raise Failure(f"{shown(source)}: {why}: what changed is not known; make a full "
                              f"snapshot: run without --narrow", 3) from why
            position.commit()
        elif whole(position, source, tool, more, args.full):
            # From a full snapshot on narrow ones have less to hold. The narrow position goes
            # first: if the other stays, the next full snapshot is made again.
            position.commit("narrow")
            position.commit()


def spawn(words, warned, **more):
    """`warned`: the exit status that means "done, but not with every file". Which ones is in what
    the tool said; that they are told again is all that has to be seen to here."""
    if command.spawn(words, good=(0, warned), **more).returncode == warned:
        raise Failure(f"{words[0]} warned, see above; what it made is there, and the position has "
                      f"not moved, so that the next run does the same again", WARNED)


def environment(**more):
    return dict(os.environ, **more)
