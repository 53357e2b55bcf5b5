"""libchangejournal for Python, by ctypes alone: what the examples need, and a pattern for more.

    with Journal() as journal:
        token = journal.checkpoint()
        ...
        for change in journal.changes(since_token=token):
            print(change.change, change.path)
        token = journal.next

Errors are OSError with the errno of the manual page; paths are bytes.
"""
import ctypes
import errno
import json
import os
from ctypes import (CFUNCTYPE, POINTER, Structure, byref, c_char_p, c_int, c_int64, c_size_t,
                    c_uint, c_void_p, sizeof, string_at)

LIBRARY = ctypes.CDLL(os.environ.get("CHANGEJOURNAL_LIBRARY", "libchangejournal.so.0"))

END, CHANGE, CRAWL, PIPE = range(4)
CREATED, MODIFIED, RENAMED, DELETED, RESCAN = range(1, 6)
NO_CHECKPOINT, EXPAND, NO_WAIT, PROGRESS, REVERSE, FOLLOW = (1 << bit for bit in range(6))


class Question(Structure):
    _fields_ = [("size", c_size_t), ("since_token", c_char_p), ("since_usec", POINTER(c_int64)),
                ("since_consumer", c_char_p), ("config_hash", c_char_p), ("until_token", c_char_p),
                ("until_usec", POINTER(c_int64)), ("paths", POINTER(c_char_p)),
                ("path_count", c_size_t), ("kinds", c_uint), ("types", c_uint),
                ("presence", c_uint), ("flags", c_uint), ("label", c_char_p),
                ("relative_to", c_char_p), ("lines", POINTER(c_int64)),
                ("resume_token", c_char_p), ("resume_sequence", c_int64),
                ("settle_usec", c_int64), ("from_usec", POINTER(c_int64)),
                ("to_usec", POINTER(c_int64))]


class NewConsumer(Structure):
    _fields_ = [("size", c_size_t), ("name", c_char_p), ("since_token", c_char_p),
                ("since_usec", POINTER(c_int64)), ("paths", POINTER(c_char_p)),
                ("path_count", c_size_t), ("config_hash", c_char_p),
                ("max_lag_usec", POINTER(c_int64)), ("max_lag_bytes", POINTER(c_int64))]


class CChange(Structure):
    _fields_ = [("change", c_int), ("type", c_int), ("flags", c_uint), ("path", c_void_p),
                ("path_length", c_size_t), ("origin", c_void_p), ("origin_length", c_size_t)]


class CSummary(Structure):
    _fields_ = [("since", c_char_p), ("next", c_char_p), ("changes", c_int64),
                ("excludes", c_int)]


class CAbsent(Structure):
    _fields_ = [("path", c_void_p), ("path_length", c_size_t), ("why", c_char_p)]


class CActor(Structure):
    _fields_ = [("pid", c_int64), ("comm", c_char_p), ("uid", c_int64), ("unit", c_char_p)]


class CRecord(Structure):
    _fields_ = [("sequence", c_int64), ("period", c_int64), ("time_usec", c_int64),
                ("volume", c_int64), ("pid", c_int64), ("operations", c_uint),
                ("operation_names", POINTER(c_char_p)), ("path", c_void_p),
                ("path_length", c_size_t), ("origin", c_void_p), ("origin_length", c_size_t),
                ("object", c_char_p), ("by", POINTER(CActor))]


class CGap(Structure):
    _fields_ = [("volume", c_char_p), ("from_usec", c_int64), ("to_usec", c_int64),
                ("cause", c_char_p), ("filled_in", c_int64), ("obstacle", c_char_p)]


class CConsumer(Structure):
    _fields_ = [("name", c_char_p), ("token", c_char_p), ("sequence", c_int64),
                ("path_count", c_size_t), ("paths", POINTER(c_void_p)),
                ("path_lengths", POINTER(c_size_t)), ("config_hash", c_char_p),
                ("added_usec", c_int64), ("acknowledged_usec", c_int64), ("waiting", c_int64),
                ("waiting_bytes", c_int64), ("lag_usec", c_int64), ("expired", c_char_p),
                ("max_lag_usec", c_int64), ("max_lag_bytes", c_int64), ("expired_usec", c_int64)]


RECORD_CALLBACK = CFUNCTYPE(c_int, c_void_p, POINTER(CRecord))
GAP_CALLBACK = CFUNCTYPE(c_int, c_void_p, POINTER(CGap))


class Callbacks(Structure):
    _fields_ = [("size", c_size_t), ("record", RECORD_CALLBACK), ("gap", GAP_CALLBACK),
                ("data", c_void_p)]


def declare(name, result, *arguments):
    function = getattr(LIBRARY, name)
    function.restype, function.argtypes = result, arguments
    return function


P = c_void_p  # a handle
TEXT, HANDLE = POINTER(c_char_p), POINTER(c_void_p)
for declaration in (
        ("cj_version", c_char_p), ("cj_new", P), ("cj_close", None, P),
        ("cj_connect", c_int, P, c_char_p), ("cj_set_timeout", c_int, P, c_int),
        ("cj_fd", c_int, P), ("cj_last_error", P, P), ("cj_error_text", c_char_p, P),
        ("cj_error_name", c_char_p, P), ("cj_error_next", c_char_p, P),
        ("cj_call", c_int, P, c_char_p, c_char_p, TEXT),
        ("cj_call_more", c_int, P, c_char_p, c_char_p, HANDLE),
        ("cj_replies_next", c_int, P, TEXT), ("cj_replies_close", None, P),
        ("cj_checkpoint", c_int, P, c_char_p, TEXT), ("cj_absent_count", c_size_t, P),
        ("cj_absent_get", POINTER(CAbsent), P, c_size_t),
        ("cj_changes", c_int, P, POINTER(Question), HANDLE),
        ("cj_change_paths", c_int, P, POINTER(Question), HANDLE),
        ("cj_answer_next", c_int, P, POINTER(POINTER(CChange))),
        ("cj_answer_summary", POINTER(CSummary), P), ("cj_answer_take_pipe", c_int, P),
        ("cj_answer_close", None, P),
        ("cj_log_open", c_int, P, POINTER(Question), HANDLE),
        ("cj_log_next", c_int, P, POINTER(POINTER(CRecord)), POINTER(POINTER(CGap))),
        ("cj_log_close", None, P),
        ("cj_consumer_add", c_int, P, POINTER(NewConsumer), TEXT),
        ("cj_consumer_remove", c_int, P, c_char_p), ("cj_consumers_list", c_int, P, HANDLE),
        ("cj_consumers_count", c_size_t, P), ("cj_consumers_get", POINTER(CConsumer), P, c_size_t),
        ("cj_consumers_close", None, P),
        ("cj_acknowledge", c_int, P, c_char_p, c_char_p, POINTER(c_int64), c_char_p),
        ("cj_feed_open", c_int, P, POINTER(Question), HANDLE), ("cj_feed_fd", c_int, P),
        ("cj_feed_read", c_int, P, c_int, HANDLE), ("cj_feed_put", c_int, P, P),
        ("cj_feed_drop", c_int, P, P), ("cj_feed_acknowledge", c_int, P),
        ("cj_feed_position", c_int, P, TEXT, POINTER(c_int64)),
        ("cj_feed_dispatch", c_int, P, c_int, POINTER(Callbacks)),
        ("cj_feed_last_error", P, P), ("cj_feed_close", None, P),
        ("cj_buffer_count", c_size_t, P), ("cj_buffer_record", POINTER(CRecord), P, c_size_t),
        ("cj_buffer_position", c_int, P, TEXT, POINTER(c_int64))):
    declare(*declaration)


class JournalError(OSError):
    """name: the daemon's error; next: of ESTALE, the token to go on from."""

    def __init__(self, code, error):
        super().__init__(-code, LIBRARY.cj_error_text(error).decode())
        self.name = LIBRARY.cj_error_name(error).decode()
        self.next = LIBRARY.cj_error_next(error).decode()


class Entry:
    """A change or a record, copied out of the library."""

    def __init__(self, struct):
        for name, _ in struct._fields_:
            if name not in ("path_length", "origin_length", "operation_names", "by"):
                setattr(self, name, getattr(struct, name))
        self.path = string_at(struct.path, struct.path_length)
        self.origin = string_at(struct.origin, struct.origin_length)
        by = getattr(struct, "by", None)
        self.by = (by[0].pid, by[0].comm, by[0].uid, by[0].unit) if by else None


def array(paths):
    return (c_char_p * len(paths))(*map(os.fsencode, paths))


def filled(kind, members):
    """A struct with its size; texts and paths may be str."""
    struct = kind(size=sizeof(kind))
    for name, value in members.items():
        if name == "paths":
            struct.paths, struct.path_count = array(value), len(value)
        elif name in ("since_usec", "until_usec", "lines", "from_usec", "to_usec",
                      "max_lag_usec", "max_lag_bytes"):
            setattr(struct, name, ctypes.pointer(c_int64(value)))
        else:
            setattr(struct, name, os.fsencode(value) if isinstance(value, str) else value)
    return struct


class Feed:
    """Records as they come, in buffers; putting one back acknowledges it."""

    def __init__(self, journal, question):
        self.handle = c_void_p()
        journal.check(LIBRARY.cj_feed_open(journal.handle, byref(question), byref(self.handle)))

    def check(self, result):
        if result < 0:
            raise JournalError(result, LIBRARY.cj_feed_last_error(self.handle))
        return result

    def fileno(self):
        return self.check(LIBRARY.cj_feed_fd(self.handle))

    def read(self, milliseconds=-1):
        """A buffer, or None: nothing came in time."""
        buffer = c_void_p()
        result = LIBRARY.cj_feed_read(self.handle, milliseconds, byref(buffer))
        return None if result == -errno.EAGAIN else self.check(result) and buffer

    @staticmethod
    def records(buffer):
        return [Entry(LIBRARY.cj_buffer_record(buffer, index)[0])
                for index in range(LIBRARY.cj_buffer_count(buffer))]

    def put(self, buffer):
        self.check(LIBRARY.cj_feed_put(self.handle, buffer))

    def drop(self, buffer):
        self.check(LIBRARY.cj_feed_drop(self.handle, buffer))

    def acknowledge(self):
        """Tells what put() could not, because there was no daemon."""
        self.check(LIBRARY.cj_feed_acknowledge(self.handle))

    def dispatch(self, function, milliseconds=-1):
        """Calls function(record) for each of a buffer; one that returns True stops."""
        def called(_, record):
            return 1 if function(Entry(record[0])) else 0
        callbacks = Callbacks(size=sizeof(Callbacks), record=RECORD_CALLBACK(called))
        return self.check(LIBRARY.cj_feed_dispatch(self.handle, milliseconds, byref(callbacks)))

    def position(self):
        token, sequence = c_char_p(), c_int64()
        self.check(LIBRARY.cj_feed_position(self.handle, byref(token), byref(sequence)))
        return token.value.decode(), sequence.value

    def close(self):
        LIBRARY.cj_feed_close(self.handle)
        self.handle = None


class Journal:
    def __init__(self, path=None):
        self.handle = c_void_p(LIBRARY.cj_new())
        self.next = None
        try:
            self.check(LIBRARY.cj_connect(self.handle, path and os.fsencode(path)))
        except OSError:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        LIBRARY.cj_close(self.handle)
        self.handle = None

    def check(self, result):
        if result < 0:
            raise JournalError(result, LIBRARY.cj_last_error(self.handle))
        return result

    def set_timeout(self, milliseconds):
        self.check(LIBRARY.cj_set_timeout(self.handle, milliseconds))

    def call(self, method, **parameters):
        reply = c_char_p()
        self.check(LIBRARY.cj_call(self.handle, method.encode(), json.dumps(parameters).encode(),
                                   byref(reply)))
        return json.loads(reply.value)

    def call_more(self, method, **parameters):
        replies, reply = c_void_p(), c_char_p()
        self.check(LIBRARY.cj_call_more(self.handle, method.encode(),
                                        json.dumps(parameters).encode(), byref(replies)))
        try:
            while self.check(LIBRARY.cj_replies_next(replies, byref(reply))):
                yield json.loads(reply.value)
        finally:
            LIBRARY.cj_replies_close(replies)

    def checkpoint(self, label=None):
        token = c_char_p()
        self.check(LIBRARY.cj_checkpoint(self.handle, label and label.encode(), byref(token)))
        return token.value.decode()

    def absent(self):
        """Trees that were not there at the last checkpoint: (path, why)."""
        trees = [LIBRARY.cj_absent_get(self.handle, index)[0]
                 for index in range(LIBRARY.cj_absent_count(self.handle))]
        return [(string_at(tree.path, tree.path_length), tree.why.decode()) for tree in trees]

    def changes(self, **question):
        """Changes one by one; when the last has come, `next` is the token for the next question."""
        answer, change = c_void_p(), POINTER(CChange)()
        self.check(LIBRARY.cj_changes(self.handle, byref(filled(Question, question)),
                                      byref(answer)))
        try:
            while self.check(LIBRARY.cj_answer_next(answer, byref(change))) != END:
                yield Entry(change[0])
            self.next = LIBRARY.cj_answer_summary(answer)[0].next.decode()
        finally:
            LIBRARY.cj_answer_close(answer)

    def change_paths(self, **question):
        answer, change = c_void_p(), POINTER(CChange)()
        self.check(LIBRARY.cj_change_paths(self.handle, byref(filled(Question, question)),
                                           byref(answer)))
        try:
            while self.check(LIBRARY.cj_answer_next(answer, byref(change))) != PIPE:
                pass
            with open(LIBRARY.cj_answer_take_pipe(answer), "rb") as pipe:
                paths = pipe.read().split(b"\0")[:-1]
            self.check(LIBRARY.cj_answer_next(answer, byref(change)))
            self.next = LIBRARY.cj_answer_summary(answer)[0].next.decode()
            return paths
        finally:
            LIBRARY.cj_answer_close(answer)

    def log(self, **question):
        log, record, gap = c_void_p(), POINTER(CRecord)(), POINTER(CGap)()
        self.check(LIBRARY.cj_log_open(self.handle, byref(filled(Question, question)), byref(log)))
        try:
            while self.check(LIBRARY.cj_log_next(log, byref(record), byref(gap))):
                if record:
                    yield Entry(record[0])
        finally:
            LIBRARY.cj_log_close(log)

    def feed(self, **question):
        return Feed(self, filled(Question, question))

    def add_consumer(self, name, **more):
        token = c_char_p()
        consumer = filled(NewConsumer, {"name": name, **more})
        self.check(LIBRARY.cj_consumer_add(self.handle, byref(consumer), byref(token)))
        return token.value.decode()

    def remove_consumer(self, name):
        self.check(LIBRARY.cj_consumer_remove(self.handle, name.encode()))

    def consumers(self):
        """{name: (token, sequence, waiting)}"""
        handle = c_void_p()
        self.check(LIBRARY.cj_consumers_list(self.handle, byref(handle)))
        found = {}
        for index in range(LIBRARY.cj_consumers_count(handle)):
            each = LIBRARY.cj_consumers_get(handle, index)[0]
            found[each.name.decode()] = each.token.decode(), each.sequence, each.waiting
        LIBRARY.cj_consumers_close(handle)
        return found

    def acknowledge(self, name, token, sequence=None):
        """Whether it has moved."""
        number = None if sequence is None else byref(c_int64(sequence))
        return self.check(LIBRARY.cj_acknowledge(self.handle, name.encode(), token.encode(),
                                                 number, None)) == 1
