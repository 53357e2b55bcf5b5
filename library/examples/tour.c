// Every method of the change journal's interface, called from C; the manual page is
// libchangejournal(3).
//
//   cc -o tour tour.c $(pkg-config --cflags --libs changejournal)
//   ./tour SOCKET DIRECTORY      (DIRECTORY is watched; a file is made and changed there)
#include <changejournal.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Ends the program with what the library says.
static void check(const char *what, int result, const cj_error *error) {
  if (result >= 0) return;
  fprintf(stderr, "%s: %s\n", what, cj_error_text(error));
  exit(1);
}

static void expect(const char *what, int holds) {
  if (holds) return;
  fprintf(stderr, "%s: is not so\n", what);
  exit(1);
}

static char *copy(const char *text) {
  char *result = strdup(text);
  expect("memory", result != NULL);
  return result;
}

static void write_file(const char *path) {
  FILE *file = fopen(path, "a");
  expect(path, file != NULL && fputs("x\n", file) >= 0 && fclose(file) == 0);
}

// Asks what has changed; returns the token for the next question, to be freed.
static char *changes(cj_connection *journal, const char *since, const char *directory,
                     const char *expected) {
  const char *paths[] = {directory};
  const struct cj_question question = {
      .size = sizeof question, .since_token = since, .paths = paths, .path_count = 1};
  cj_answer *answer;
  check("changes", cj_changes(journal, &question, &answer), cj_last_error(journal));
  const struct cj_change *change;
  int found = 0;
  int result;
  while ((result = cj_answer_next(answer, &change)) == CJ_CHANGE) {
    // A path is bytes: it may have any but NUL.
    printf("change %d type %d flags %u %.*s\n", change->change, change->type, change->flags,
           (int)change->path_length, change->path);
    if (strcmp(change->path, expected) == 0) found = 1;
  }
  check("changes", result, cj_last_error(journal));
  expect("the file is told", found);
  char *next = copy(cj_answer_summary(answer)->next);  // the answer is whole: keep the token now
  cj_answer_close(answer);
  return next;
}

// The same as a list of paths, which a pipe brings.
static void change_paths(cj_connection *journal, const char *since, const char *expected) {
  const struct cj_question question = {
      .size = sizeof question, .since_token = since, .flags = CJ_NO_CHECKPOINT};
  cj_answer *answer;
  const struct cj_change *change;
  check("paths", cj_change_paths(journal, &question, &answer), cj_last_error(journal));
  expect("a pipe", cj_answer_next(answer, &change) == CJ_PIPE);
  FILE *pipe = fdopen(cj_answer_take_pipe(answer), "r");
  expect("pipe", pipe != NULL);
  char *path = NULL;
  size_t room = 0;
  int found = 0;
  while (getdelim(&path, &room, '\0', pipe) > 0) {
    if (strcmp(path, expected) == 0) found = 1;
  }
  free(path);
  fclose(pipe);
  expect("the list is whole", cj_answer_next(answer, &change) == CJ_END);
  expect("the file is in the list", found);
  printf("paths next %s\n", cj_answer_summary(answer)->next);
  cj_answer_close(answer);
}

static void log_records(cj_connection *journal, const char *since, const char *expected) {
  const struct cj_question question = {.size = sizeof question, .since_token = since};
  cj_log *log;
  const struct cj_record *record;
  const struct cj_gap *gap;
  int found = 0;
  int result;
  check("log", cj_log_open(journal, &question, &log), cj_last_error(journal));
  while ((result = cj_log_next(log, &record, &gap)) > 0) {
    if (gap != NULL) printf("gap: %s\n", gap->cause);
    if (record != NULL && strcmp(record->path, expected) == 0) found = 1;
  }
  check("log", result, cj_last_error(journal));
  expect("the log has the file", found);
  cj_log_close(log);
}

// A consumer: the journal keeps the position, and a feed moves it.
static void consumer(cj_connection *journal, const char *directory, const char *file) {
  const char *paths[] = {directory};
  const struct cj_new_consumer wanted = {
      .size = sizeof wanted, .name = "tour-c", .paths = paths, .path_count = 1};
  const char *token;
  check("add", cj_consumer_add(journal, &wanted, &token), cj_last_error(journal));
  printf("consumer at %s\n", token);
  const struct cj_question question = {.size = sizeof question, .since_consumer = "tour-c"};
  cj_feed *feed;
  check("feed", cj_feed_open(journal, &question, &feed), cj_last_error(journal));
  write_file(file);
  struct pollfd ready = {.fd = cj_feed_fd(feed), .events = POLLIN};
  for (int found = 0; !found;) {
    expect("poll", poll(&ready, 1, 60000) == 1);
    cj_buffer *buffer;
    int result = cj_feed_read(feed, 0, &buffer);
    if (result == -EAGAIN) continue;
    check("read", result, cj_feed_last_error(feed));
    for (size_t i = 0; i < cj_buffer_count(buffer); i++) {
      const struct cj_record *record = cj_buffer_record(buffer, i);
      printf("record %lld operations %u %s\n", (long long)record->sequence, record->operations,
             record->path);
      if (strcmp(record->path, file) == 0) found = 1;
    }
    check("put", cj_feed_put(feed, buffer), cj_feed_last_error(feed));  // acknowledged
  }
  cj_feed_close(feed);

  check("checkpoint", cj_checkpoint(journal, "the tour's end", &token), cj_last_error(journal));
  char *end = copy(token);
  int moved = cj_acknowledge(journal, "tour-c", end, NULL, NULL);
  check("acknowledge", moved, cj_last_error(journal));
  expect("it has moved", moved == 1);
  cj_consumers *list;
  check("list", cj_consumers_list(journal, &list), cj_last_error(journal));
  for (size_t i = 0; i < cj_consumers_count(list); i++) {
    const struct cj_consumer *each = cj_consumers_get(list, i);
    printf("%s stands at %s, %lld wait\n", each->name, each->token, (long long)each->waiting);
    if (strcmp(each->name, "tour-c") == 0) {
      expect("it stands there", strcmp(each->token, end) == 0);
    }
  }
  const struct cj_kept *kept = cj_consumers_kept(list);
  printf("records %lld to %lld are kept\n", (long long)kept->first_sequence,
         (long long)kept->next_sequence - 1);
  expect("it is the newest checkpoint", strcmp(kept->newest, end) == 0);
  cj_consumers_close(list);
  free(end);
  check("remove", cj_consumer_remove(journal, "tour-c"), cj_last_error(journal));
  expect("it is gone", cj_consumer_remove(journal, "tour-c") == -ENOENT);
}

// Why the file is in an answer: a method without a function of its own. Its last reply has the
// verdict. The path is one that JSON takes as it is; others go into path_base64.
static void explain(cj_connection *journal, const char *file) {
  size_t room = strlen(file) + sizeof "{\"path\":\"\"}";
  char *parameters = malloc(room);
  expect("memory", parameters != NULL);
  snprintf(parameters, room, "{\"path\":\"%s\"}", file);
  cj_replies *replies;
  const char *reply;
  int result;
  int told = 0;
  check("Explain", cj_call_more(journal, "Explain", parameters, &replies), cj_last_error(journal));
  while ((result = cj_replies_next(replies, &reply)) > 0) {
    if (strstr(reply, "\"verdict\"") != NULL) told = 1;
  }
  check("Explain", result, cj_last_error(journal));
  expect("there is a verdict", told);
  cj_replies_close(replies);
  free(parameters);
}

// Methods without functions of their own: JSON in, JSON out.
static void others(cj_connection *journal, const char *file) {
  const char *const methods[] = {"GetStatus", "GetPeriods", "Diagnose",
                                 "org.varlink.service.GetInfo"};
  for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
    const char *reply;
    check(methods[i], cj_call(journal, methods[i], NULL, &reply), cj_last_error(journal));
    printf("%s: %zu bytes\n", methods[i], strlen(reply));
  }
  explain(journal, file);
  cj_replies *replies;
  const char *reply;
  int result;
  check("Crawl", cj_call_more(journal, "Crawl", "{}", &replies), cj_last_error(journal));
  while ((result = cj_replies_next(replies, &reply)) > 0) printf("Crawl: %s\n", reply);
  check("Crawl", result, cj_last_error(journal));
  cj_replies_close(replies);
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: %s SOCKET DIRECTORY\n", argv[0]);
    return 2;
  }
  cj_connection *journal = cj_new();
  expect("memory", journal != NULL);
  check("connect", cj_connect(journal, argv[1]), cj_last_error(journal));
  cj_set_timeout(journal, 60000);
  printf("library %s\n", cj_version());

  char *file = malloc(strlen(argv[2]) + sizeof "/tour-c");
  expect("memory", file != NULL);
  strcat(strcpy(file, argv[2]), "/tour-c");
  const char *token;
  check("checkpoint", cj_checkpoint(journal, "a tour", &token), cj_last_error(journal));
  char *since = copy(token);
  write_file(file);
  char *next = changes(journal, since, argv[2], file);
  change_paths(journal, since, file);
  log_records(journal, since, file);
  consumer(journal, argv[2], file);
  others(journal, file);
  printf("next %s\n", next);
  free(next);
  free(since);
  free(file);

  // A journal that never was: -ESTALE, and where to go on after a scan.
  const struct cj_question foreign = {.size = sizeof foreign, .since_token = "cj1-00000000-1"};
  cj_answer *answer;
  const struct cj_change *change;
  check("changes", cj_changes(journal, &foreign, &answer), cj_last_error(journal));
  expect("rescan needed", cj_answer_next(answer, &change) == -ESTALE);
  cj_answer_close(answer);
  const cj_error *error = cj_last_error(journal);
  printf("%s (%s): go on from '%s'\n", cj_error_text(error), cj_error_name(error),
         cj_error_next(error));
  cj_close(journal);
  puts("every method has answered");
  return 0;
}
