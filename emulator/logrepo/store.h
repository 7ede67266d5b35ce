/* Where events are kept: a small table of stores, chosen once when a repository is opened (Kim22: "storage
 * management" decides where, the "file writer" writes). Adding one = one file and one row in logrepo.c. */
#ifndef ROAMLAB_STORE_H
#define ROAMLAB_STORE_H

#include "err.h"
#include "event.h"

struct store;

struct store_kind {
    const char *name; /* "sqlite", "text" */
    const char *file; /* its file in the folder of a run */
    /* `start` is the calendar date of the run's time zero, as nanoseconds since 1970-01-01 UTC. A file that
     * exists already is an error: a run never writes over another. */
    int (*open)(const char *path, struct simtime start, struct store **out, struct err *e);
    /* One fact about the run as a whole; NULL if the store has no place for it. */
    int (*describe)(struct store *store, const char *key, const char *value, struct err *e);
    /* How long add() and flush() wait for a file that another process holds, before they refuse with -EBUSY, having done nothing; NULL if
     * nobody can hold it. 10 s at first. */
    void (*set_patience)(struct store *store, struct simtime patience);
    /* The event is copied or written; nothing of it is kept. */
    int (*add)(struct store *store, const struct event *event, struct err *e);
    /* What was added is readable by others afterwards. */
    int (*flush)(struct store *store, struct err *e);
    /* Flushes, makes the file complete and frees the store in every case. */
    int (*close)(struct store *store, struct err *e);
};

/* Every store starts with this. */
struct store {
    const struct store_kind *kind;
};

/* events.db: see store_sqlite.c for the schema, or `sqlite3 events.db .schema`. */
extern const struct store_kind store_sqlite;
/* events.log: Kim22's text form of EVENT_MESSAGE and EVENT_MARK, one line each:
 *     YYYY-MM-DD-hh-mm-ss-uuuuuu REPORTER PEER SENDER MESSAGE (sent|recvd)
 *     YYYY-MM-DD-hh-mm-ss-uuuuuu REPORTER PEER MARK
 * An absent name is "-". Virtual time starts on 1970-01-01. */
extern const struct store_kind store_text;

/* The i-th, or NULL behind the last. */
const struct store_kind *store_kind_at(int i);

#endif
