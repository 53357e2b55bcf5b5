// libchangejournal: what has changed under the watched trees since a checkpoint? For C11 and C++.
// How it is used is in libchangejournal(3) and examples/; the guarantees are in changejournal(7).
//
// Results. Functions that can fail return 0 or a positive number, or a negative errno; why is in
// cj_last_error() or cj_feed_last_error(). Nothing is written through a result pointer then.
//
//   -ESTALE        rescan needed: there is no complete answer; cj_error_next() says where to go on
//   -EACCES        the caller may not: the socket's mode, or the daemon's refusal
//   -ECONNREFUSED  no daemon is there
//   -ECONNRESET    the daemon has closed the connection: it is stopping, or its limits say so
//   -ETIMEDOUT     the call's reply did not come in time; the call was given up
//   -EAGAIN        nothing has come yet; the same function may be called again
//   -EBUSY         a limit on concurrent use, or somebody else has it: try again later
//   -ENOENT        no such consumer
//   -EINVAL        an argument is wrong, says this library or the daemon
//   -EINPROGRESS   this connection has an answer that is not at its end: close that first
//   -ENOTCONN      the connection was made anew under this answer, log or replies: close them
//   -EOPNOTSUPP    the daemon does not know the method, or it is one for cj_call_more()
//   -ENODATA       the answer was cut short: what has come of it is not all
//   -E2BIG         the question is larger than the daemon takes: name fewer paths
//   -EPROTO        the daemon does not keep to its interface
//   -EIO           the daemon failed; its log says more
//   -ENOMEM        out of memory
// and what socket(2), connect(2), poll(2), sendmsg(2) and recvmsg(2) may say of the process.
//
// Threads. There is no state beside that of the handles, no signal handler, and no thread. A handle
// is used by one thread at a time; a connection and the answers, logs and replies that it has given
// count as one. A feed is a handle of its own, together with its buffers. Different handles may be
// used at the same time. After fork(2) one of the two processes may use a handle; exec passes none.
//
// Memory. What is returned by a pointer to const belongs to the library and stays until the next
// call with its handle, or as is said there. Handles, and NULL, may be closed in any order.
//
// Bytes. Paths are bytes, never taken for UTF-8: they end with a NUL, and their length is there as
// well. All other text is UTF-8.
//
// Growth. A struct that the caller fills begins with its size, which says how much of it there is;
// zero in all members after it is a good beginning. Structs that the library fills are only ever
// read through pointers; later versions add members at their ends. Unknown constants, of a newer
// daemon, are to be expected.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define CJ_DEFAULT_SOCKET "/run/changejournal/org.changejournal"

// The version of the library, "0.1.0". Never freed.
const char* cj_version(void);

// ---------------------------------------------------------------------------- connections
typedef struct cj_connection cj_connection;
typedef struct cj_error cj_error;

// A handle that is not connected yet; NULL: out of memory. cj_close() frees it.
cj_connection* cj_new(void);
// path: of the daemon's socket; NULL: CJ_DEFAULT_SOCKET. Connects at once. Where the connection has
// ended later, or an answer was closed before its end, the next call connects again: a call is
// never repeated, but the next one finds the daemon that was started meanwhile.
int cj_connect(cj_connection* connection, const char* path);
// For calls and each of their replies: how long to wait; -1 (at first): for ever.
int cj_set_timeout(cj_connection* connection, int milliseconds);
// Readable while a reply, or a part of one, waits, received already or not. For poll(2), select(2)
// and epoll(7), with a timeout of 0. It stays the same as long as the handle lives, which owns it.
int cj_fd(cj_connection* connection);
void cj_close(cj_connection* connection);

// Of the last call that failed; stays until the next one does.
const cj_error* cj_last_error(const cj_connection* connection);
int cj_error_code(const cj_error* error);          // a negative errno; 0: nothing has failed yet
const char* cj_error_text(const cj_error* error);  // for people: what happened, and what to do
const char* cj_error_name(const cj_error* error);  // "org.changejournal.Busy"; "": not the daemon's
const char* cj_error_next(const cj_error* error);  // of -ESTALE: the token to go on from, or ""
// The daemon's words about it: JSON; "{}" where there are none.
const char* cj_error_parameters(const cj_error* error);

// ---------------------------------------------------------------------------- any method
typedef struct cj_replies cj_replies;

// method: of org.changejournal, or with its interface ("org.varlink.service.GetInfo").
// parameters, *reply: JSON objects; NULL is {}.
int cj_call(cj_connection* connection, const char* method, const char* parameters,
            const char** reply);
// For methods that answer in several replies.
int cj_call_more(cj_connection* connection, const char* method, const char* parameters,
                 cj_replies** replies);
// 1: a reply, until the next call; 0: the one before was the last; -EAGAIN: none in time.
int cj_replies_next(cj_replies* replies, const char** reply);
// The descriptor that came with the last reply (ChangePaths), for the caller to close; -1: none.
int cj_replies_take_fd(cj_replies* replies);
void cj_replies_close(cj_replies* replies);

// ---------------------------------------------------------------------------- checkpoints
// A watched tree that is not there: a copy made now has nothing of it.
struct cj_absent {
  const char* path;
  size_t path_length;
  const char* why;
};

// Starts a new period; *token stands for this moment. label: for people, may be NULL.
int cj_checkpoint(cj_connection* connection, const char* label, const char** token);
// Of the last cj_checkpoint() or cj_consumer_add(): how many trees were not there, and which.
size_t cj_absent_count(const cj_connection* connection);
const struct cj_absent* cj_absent_get(const cj_connection* connection, size_t index);

// ---------------------------------------------------------------------------- what has changed
// Kinds of change, as a mask to ask for; none is all.
enum { CJ_KIND_ENTRY = 1, CJ_KIND_DATA = 2, CJ_KIND_METADATA = 4 };
// clang-format off
// Types of object, as a mask to ask for; none is all.
enum {
  CJ_FILE = 1, CJ_DIRECTORY = 2, CJ_SYMLINK = 4, CJ_FIFO = 8, CJ_SOCKET = 16, CJ_CHAR = 32,
  CJ_BLOCK = 64
};
// Operations of a record; several at once have no order.
enum {
  CJ_OP_CREATED = 1, CJ_OP_DELETED = 2, CJ_OP_RENAMED = 4, CJ_OP_REPLACED = 8, CJ_OP_LINKED = 16,
  CJ_OP_MODIFIED = 32, CJ_OP_CLOSED_WRITE = 64, CJ_OP_ATTRIBUTES = 128, CJ_OP_SILENT = 256,
  CJ_OP_INTENT = 512, CJ_OP_DIRECTORY = 1024, CJ_OP_CRAWLED = 2048
};
// clang-format on
enum { CJ_PRESENCE_ALL = 0, CJ_PRESENCE_EXISTING = 1, CJ_PRESENCE_DELETED = 2 };
// Flags of a question.
enum {
  CJ_NO_CHECKPOINT = 1,  // answer up to now, without a new period
  CJ_EXPAND = 2,         // name every member of what is recursive
  CJ_NO_WAIT = 4,        // -ESTALE at once where a crawl is still filling a gap
  CJ_PROGRESS = 8,       // tell how far that crawl is: CJ_CRAWL
  CJ_REVERSE = 16,       // log: newest first
  CJ_FOLLOW = 32         // log: go on with records as they are stored
};

// For cj_changes(), cj_change_paths(), cj_log_open() and cj_feed_open(); what one of them does not
// take must be zero there, or it is -EINVAL. Exactly one of the since_ members is set, at most one
// for logs and feeds; a time stands for the newest checkpoint at or before it.
struct cj_question {
  size_t size;  // sizeof(struct cj_question)
  const char* since_token;
  const int64_t* since_usec;  // since 1970-01-01 UTC
  const char* since_consumer;
  const char* config_hash;  // of the consumer's configuration; NULL: not said
  const char* until_token;
  const int64_t* until_usec;
  const char* const* paths;  // subtrees, path_count of them; none: all watches, or the consumer's
  size_t path_count;
  unsigned kinds;
  unsigned types;           // feeds, logs
  unsigned presence;        // changes
  unsigned flags;           // changes, logs
  const char* label;        // of the checkpoint that is made
  const char* relative_to;  // cj_change_paths(): paths relative to this directory, and no others
  const int64_t* lines;     // logs: only the last of them, or with CJ_REVERSE the first
  // Feeds: where a former one was (cj_feed_position()), in place of a token or a time.
  const char* resume_token;
  int64_t resume_sequence;
  int64_t settle_usec;  // feeds: tell a burst when nothing more has come for so long
  // Logs: only records with times from the one to the other, both included. Times of the records
  // themselves, where since_usec and until_usec stand for checkpoints.
  const int64_t* from_usec;
  const int64_t* to_usec;
};

enum { CJ_CREATED = 1, CJ_MODIFIED = 2, CJ_RENAMED = 3, CJ_DELETED = 4, CJ_RESCAN = 5 };
// Flags of a change.
enum {
  CJ_DATA = 1,
  CJ_METADATA = 2,
  CJ_RECURSIVE = 4,  // the path and everything below it
  CJ_TRANSIENT = 8,  // came and went, or was changed and put back
  CJ_MAYBE = 16      // was opened for writing; nothing says whether it was changed
};

struct cj_change {
  int change;      // CJ_CREATED ...
  int type;        // CJ_FILE ...; 0: not known
  unsigned flags;  // CJ_DATA ...
  const char* path;
  size_t path_length;
  const char* from;  // of CJ_RENAMED; otherwise empty
  size_t from_length;
};

// What says that an answer is whole.
struct cj_summary {
  const char* since;
  const char* next;  // the token for the next question
  int64_t changes;
  int excludes;  // Exclude= leaves out something of what was asked for, or could: never told
};

// How far a crawl is.
struct cj_crawl {
  int running;
  int64_t directories;
  int64_t entries;
  int64_t expected;  // entries that the filesystems say they have; 0: not known
  int64_t changed;
  int64_t completed;   // crawls since the daemon's start
  int64_t start_usec;  // of the one that runs, or ran last; 0: there was none
  int64_t took_usec;   // of the last one; 0 while one runs
  int64_t unreadable;  // entries, counted as changed
};

typedef struct cj_answer cj_answer;
enum { CJ_END = 0, CJ_CHANGE = 1, CJ_CRAWL = 2, CJ_PIPE = 3 };

// *answer must be closed before the next call on this connection.
int cj_changes(cj_connection* connection, const struct cj_question* question, cj_answer** answer);
// The same as NUL-terminated paths in a pipe, for many: CJ_PIPE comes once, then, when the pipe has
// been read to its end, CJ_END. Only that says that the list is whole.
int cj_change_paths(cj_connection* connection, const struct cj_question* question,
                    cj_answer** answer);
// CJ_CHANGE: *change, until the next call. CJ_CRAWL: see cj_answer_crawl(). CJ_PIPE: see
// cj_answer_take_pipe(). CJ_END: all has come, and the summary. -EAGAIN: nothing in time.
// Any other error: what has come is not all.
int cj_answer_next(cj_answer* answer, const struct cj_change** change);
// How many changes the next calls give without waiting.
size_t cj_answer_ready(const cj_answer* answer);
const struct cj_crawl* cj_answer_crawl(const cj_answer* answer);      // NULL: none was told
const struct cj_summary* cj_answer_summary(const cj_answer* answer);  // NULL before CJ_END
// The pipe's read end, for the caller to close, once; -1: there is none.
int cj_answer_take_pipe(cj_answer* answer);
void cj_answer_close(cj_answer* answer);

// ---------------------------------------------------------------------------- records
// Who made a record, as found a moment later. Names are what programs call themselves: no proof.
struct cj_actor {
  int64_t pid;
  const char* comm;  // empty: it had ended
  int64_t uid;       // the effective one; -1: it had ended
  const char* unit;  // of systemd; empty: it was in none
};

// Names are as they were, in directories as they are called now. CJ_OP_RENAMED with CJ_OP_DIRECTORY
// means all below both: whoever keeps a database by path forgets or moves what is below `from`, and
// looks through `path`. One of the two is empty where that is outside of the watches.
struct cj_record {
  int64_t sequence;
  int64_t period;
  int64_t time_usec;
  int64_t volume;
  int64_t pid;
  unsigned operations;                 // CJ_OP_CREATED ...
  const char* const* operation_names;  // as the interface has them; NULL after the last
  const char* path;                    // empty: not known
  size_t path_length;
  const char* from;  // of a rename; otherwise empty
  size_t from_length;
  const char* object;         // of the file itself, whatever its name; empty: not known
  const struct cj_actor* by;  // NULL: not known, or not for the caller to know
};

// Changes may be missing here.
struct cj_gap {
  const char* volume;  // empty: all
  int64_t from_usec;
  int64_t to_usec;
  const char* cause;
  int64_t filled_in;     // the period in which a crawl filled it; 0: it is open
  const char* obstacle;  // why it cannot be filled now; empty: not known
};

typedef struct cj_log cj_log;

// The records as they are stored. *log must be closed before the next call on this connection.
int cj_log_open(cj_connection* connection, const struct cj_question* question, cj_log** log);
// 1: *record or *gap, the other is NULL, until the next call. 0: the end. -EAGAIN: none in time.
// After other errors of a log with CJ_FOLLOW the next call connects again and goes on behind the
// last entry, as a feed does: 1, both are NULL where it tells no more yet. -ENOTCONN: it cannot.
int cj_log_next(cj_log* log, const struct cj_record** record, const struct cj_gap** gap);
// How many entries the next calls give without waiting.
size_t cj_log_ready(const cj_log* log);
void cj_log_close(cj_log* log);

// ---------------------------------------------------------------------------- feeds
// Records as they come, at least once, in their order. A feed of a consumer moves the consumer's
// position as its buffers are put back; of any other one, keep cj_feed_position().
typedef struct cj_feed cj_feed;
typedef struct cj_buffer cj_buffer;

// The feed has connections of its own, to where `connection` leads and with its timeout, and may
// live longer. It may begin with the one that is there: the next call connects again. An error of
// opening is the connection's. Begins with since_ (none: now) or resume_; of a consumer, where that
// stands, or at resume_. Of a consumer there is one feed at a time: -EBUSY.
int cj_feed_open(cj_connection* connection, const struct cj_question* question, cj_feed** feed);
// Readable while cj_feed_read() has anything to do, be it received already or not. It stays the
// same as long as the feed lives, over restarts of the daemon, too; while there is no connection it
// is not readable. Owned by the library. A negative errno: it could not be made.
int cj_feed_fd(cj_feed* feed);
// Waits for some records: 1, and a buffer that the caller has until it puts it back; no more are
// read than are asked for. -EAGAIN: none came in so many milliseconds (-1: for ever). A buffer may
// be without records, where others than those asked for were stored: put it back all the same.
// -ECONNRESET: the connection has ended. The next call connects again and goes on behind the last
// buffer that was read, whether put back or not; it says -ECONNREFUSED while the daemon is not
// there, and -EBUSY while it has not noticed that the former connection has ended.
int cj_feed_read(cj_feed* feed, int milliseconds, cj_buffer** buffer);

size_t cj_buffer_count(const cj_buffer* buffer);
// Until the buffer is put back.
const struct cj_record* cj_buffer_record(const cj_buffer* buffer, size_t index);
// Gaps come before the records of their buffer.
size_t cj_buffer_gap_count(const cj_buffer* buffer);
const struct cj_gap* cj_buffer_gap(const cj_buffer* buffer, size_t index);
// The position behind it: *token until the buffer is put back. Any of the two may be NULL.
int cj_buffer_position(const cj_buffer* buffer, const char** token, int64_t* sequence);

// Gives the buffer back, which is gone then whatever the result. Its records have been handled: a
// consumer's are acknowledged, as soon as all buffers before it have been put back, too. An error
// is of the acknowledgement, which the next one makes good.
int cj_feed_put(cj_feed* feed, cj_buffer* buffer);
// Gives the buffer back, its records not handled: they, and what comes after them, are not
// acknowledged by this feed any more. The next feed tells them again.
int cj_feed_drop(cj_feed* feed, cj_buffer* buffer);
// Tries once more what an acknowledgement has failed to tell.
int cj_feed_acknowledge(cj_feed* feed);
// Where to resume: behind the last buffer before which all have been put back.
int cj_feed_position(const cj_feed* feed, const char** token, int64_t* sequence);

// Reads one buffer, calls back for each gap and record of it, and puts it back. The number of
// records, or an error of cj_feed_read() or cj_feed_put(). A callback that returns anything but 0
// ends it: that is returned, and the buffer is dropped. It may not use this feed, nor throw.
struct cj_callbacks {
  size_t size;                                                // sizeof(struct cj_callbacks)
  int (*record)(void* data, const struct cj_record* record);  // may be NULL
  int (*gap)(void* data, const struct cj_gap* gap);           // may be NULL
  void* data;
};
int cj_feed_dispatch(cj_feed* feed, int milliseconds, const struct cj_callbacks* callbacks);

const cj_error* cj_feed_last_error(const cj_feed* feed);
// Frees the buffers that were not put back, too; they are not acknowledged.
void cj_feed_close(cj_feed* feed);

// ---------------------------------------------------------------------------- consumers
// Reading positions that the journal keeps under names. Exactly zero or one of the since_ members.
struct cj_new_consumer {
  size_t size;              // sizeof(struct cj_new_consumer)
  const char* name;         // 1 to 64 letters, digits and ._@:-
  const char* since_token;  // none of the two: a checkpoint that is made now
  const int64_t* since_usec;
  const char* const* paths;  // what it reads unless it asks for others, path_count of them
  size_t path_count;
  const char* config_hash;
  const int64_t* max_lag_usec;
  const int64_t* max_lag_bytes;
};

struct cj_consumer {
  const char* name;
  const char* token;  // what comes before it, and of its period records up to sequence, is done
  int64_t sequence;
  size_t path_count;
  const char* const* paths;
  const size_t* path_lengths;
  const char* config_hash;  // empty: none
  int64_t added_usec;
  int64_t acknowledged_usec;  // 0: never
  int64_t waiting;            // records behind it
  int64_t waiting_bytes;
  int64_t lag_usec;
  const char* expired;   // why nothing is kept for it; empty: it is live
  int64_t max_lag_usec;  // 0: no limit of its own
  int64_t max_lag_bytes;
  int64_t expired_usec;  // 0: it is live, or it is not known when
};

struct cj_kept {
  const char* oldest;  // checkpoints that can be asked for
  const char* newest;
  int64_t first_sequence;  // of the records that are kept
  int64_t next_sequence;
};

typedef struct cj_consumers cj_consumers;

int cj_consumer_add(cj_connection* connection, const struct cj_new_consumer* consumer,
                    const char** token);
int cj_consumer_remove(cj_connection* connection, const char* name);
// *consumers is a copy, good until it is closed.
int cj_consumers_list(cj_connection* connection, cj_consumers** consumers);
size_t cj_consumers_count(const cj_consumers* consumers);
const struct cj_consumer* cj_consumers_get(const cj_consumers* consumers, size_t index);
const struct cj_kept* cj_consumers_kept(const cj_consumers* consumers);
void cj_consumers_close(cj_consumers* consumers);
// What comes before the token has been handled, and of its period records up to *sequence (NULL:
// none). config_hash: of its configuration from now on; NULL: as it was. 1: it has moved; 0: it
// stood there already, or further on.
int cj_acknowledge(cj_connection* connection, const char* name, const char* token,
                   const int64_t* sequence, const char* config_hash);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
