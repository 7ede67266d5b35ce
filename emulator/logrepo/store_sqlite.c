#include "mem.h"
#include "store.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { BATCH_ROWS = 1000, BATCH_MS = 200, PATIENCE_MS = 10000 };

/* The comments are part of what `.schema` prints: the database explains itself. */
static const char schema[] =
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;\n"
    "CREATE TABLE event(\n"
    "  id INTEGER PRIMARY KEY,   -- order of arrival at the repository\n"
    "  at_ns INTEGER NOT NULL,   -- nanoseconds since the run's start; meta.start_ns is that start on the "
    "calendar\n"
    "  kind TEXT NOT NULL,       -- message, mark, transition, unexpected, request, executed, container, "
    "stage,\n"
    "                            -- migration, sent total, note, link, handoff, outage, abandoned, carried, cpu,\n"
    "                            -- supervision, claim, warmed\n"
    "  direction TEXT,           -- sent or recvd, carried: in the order of the scenario or back; else NULL\n"
    "  reporter TEXT NOT NULL,   -- who saw it\n"
    "  peer TEXT,                -- message: name of the receiver, or address of who it came from;\n"
    "                            -- migration: \"FROM TO\"; handoff, outage: the new, the last access point\n"
    "  sender TEXT,              -- message: whose it is; migration: the strategy\n"
    "  text TEXT NOT NULL,       -- the message, the transition, the stage's name, the outcome, ...\n"
    "  mud INTEGER,              -- index of the mobile user device in the scenario\n"
    "  number INTEGER,           -- request number; sent total: requests sent; handoff: of the association;\n"
    "                            -- link, carried: index of the link in the scenario; warmed: connections; migration: 1 = told again\n"
    "  migration INTEGER,        -- counted from 1 for each device; container: the one that brought it, 0 = "
    "fresh\n"
    "  begin_ns INTEGER,         -- of spans (request, stage, migration, handoff, outage, abandoned, cpu), which "
    "end at at_ns; a migration's begin\n"
    "                            -- is the mark \"migr begins\" where there is one, its end the mark \"migr finished\"\n"
    "  bytes INTEGER,            -- stage: bytes handled; carried, warmed: of IP\n"
    "  value INTEGER             -- request: times sent; executed: its container's migration;\n"
    "                            -- stage, migration: 0 or -errno;\n"
    "                            -- mark: requests replayed; sent total: requests answered; carried: packets;\n"
    "                            -- cpu: nanoseconds of CPU time that the host's processes of a program used\n"
    ");\n"
    "CREATE VIEW request AS SELECT mud, number, begin_ns AS sent_ns, at_ns AS answered_ns,\n"
    "  (at_ns - begin_ns) / 1e6 AS response_ms, value AS times_sent, text AS digest\n"
    "  FROM event WHERE kind = 'request';\n"
    "CREATE VIEW migration AS SELECT e.mud, e.migration, text AS outcome,\n"
    "  substr(peer, 1, instr(peer, ' ') - 1) AS from_edge, substr(peer, instr(peer, ' ') + 1) AS to_edge,\n"
    "  sender AS strategy, coalesce(begun_ns, begin_ns) AS begin_ns, coalesce(finished_ns, at_ns) AS end_ns,\n"
    "  (coalesce(finished_ns, at_ns) - coalesce(begun_ns, begin_ns)) / 1e9 AS total_s, coalesce(replayed, 0) AS replayed\n"
    "  FROM event e LEFT JOIN (SELECT mud, migration, min(at_ns) AS begun_ns FROM event\n"
    "    WHERE kind = 'mark' AND text = 'migr begins' GROUP BY mud, migration) b\n"
    "  ON b.mud = e.mud AND b.migration = e.migration LEFT JOIN (SELECT mud, migration, min(at_ns) AS finished_ns, value AS replayed\n"
    "    FROM event WHERE kind = 'mark' AND text = 'migr finished' GROUP BY mud, migration) f\n"
    "  ON f.mud = e.mud AND f.migration = e.migration AND e.text = 'finished' WHERE kind = 'migration';\n"
    "CREATE VIEW stage AS SELECT mud, migration, text AS stage, reporter, begin_ns, at_ns AS end_ns,\n"
    "  (at_ns - begin_ns) / 1e9 AS seconds, bytes, value AS status\n"
    "  FROM event WHERE kind = 'stage';\n"
    "CREATE VIEW silence AS SELECT mud, kind, peer AS access_point, begin_ns, at_ns AS end_ns,\n"
    "  (at_ns - begin_ns) / 1e6 AS ms, text AS phases\n"
    "  FROM event WHERE kind IN ('handoff', 'outage');\n"
    "CREATE VIEW transition AS SELECT at_ns, reporter, mud,\n"
    "  substr(text, 1, instr(text, ' -> ') - 1) AS old_state,\n"
    "  substr(text, instr(text, ' -> ') + 4, instr(text, ' on ') - instr(text, ' -> ') - 4) AS new_state,\n"
    "  substr(text, instr(text, ' on ') + 4) AS on_event\n"
    "  FROM event WHERE kind = 'transition';\n"
    "CREATE VIEW container AS SELECT at_ns, reporter AS edge, mud, migration, text AS state\n"
    "  FROM event WHERE kind = 'container';\n"
    "CREATE VIEW link_change AS SELECT at_ns, number AS link, reporter AS hosts, text AS change, value AS forward_bps\n"
    "  FROM event WHERE kind = 'link';\n";

struct sqlite_store {
    struct store store;
    char *path;
    sqlite3 *db;
    sqlite3_stmt *insert, *begin, *commit, *describe;
    int rows;               /* in the open transaction; 0 = none is open */
    struct timespec opened; /* when it was opened */
};

static int database_error(struct sqlite_store *s, const char *what, struct err *e)
{
    int code = sqlite3_errcode(s->db) & 0xff;
    int as_errno = code == SQLITE_FULL                                  ? ENOSPC
                   : code == SQLITE_CANTOPEN || code == SQLITE_READONLY ? EACCES
                                                                        : EIO;
    return err_set(e, as_errno, "%s: %s: %s", s->path, what, sqlite3_errmsg(s->db));
}

static int execute(struct sqlite_store *s, const char *sql, struct err *e)
{
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : database_error(s, "create", e);
}

static int prepare(struct sqlite_store *s, const char *sql, sqlite3_stmt **out, struct err *e)
{
    return sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL) == SQLITE_OK
               ? 0
               : database_error(s, "prepare", e);
}

static int step(struct sqlite_store *s, sqlite3_stmt *statement, const char *what, struct err *e)
{
    int status = sqlite3_step(statement) == SQLITE_DONE ? 0 : database_error(s, what, e);
    sqlite3_reset(statement);
    return status;
}

static void discard(struct sqlite_store *s)
{
    sqlite3_finalize(s->insert);
    sqlite3_finalize(s->begin);
    sqlite3_finalize(s->commit);
    sqlite3_finalize(s->describe);
    sqlite3_close(s->db);
    free(s->path);
    free(s);
}

static int create(struct sqlite_store *s, struct err *e)
{
    int status;
    if (sqlite3_open_v2(s->path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) != SQLITE_OK)
        return database_error(s, "open", e);
    sqlite3_busy_timeout(s->db, PATIENCE_MS);
    if ((status = execute(s, "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; BEGIN", e)) < 0 ||
        (status = execute(s, schema, e)) < 0 || (status = execute(s, "COMMIT", e)) < 0 ||
        (status = prepare(s, "BEGIN IMMEDIATE", &s->begin, e)) < 0 ||
        (status = prepare(s, "COMMIT", &s->commit, e)) < 0 ||
        (status = prepare(s, "INSERT OR REPLACE INTO meta VALUES(?, ?)", &s->describe, e)) < 0)
        return status;
    return prepare(s,
                   "INSERT INTO event(at_ns, kind, direction, reporter, peer, sender, text, mud, number, "
                   "migration, begin_ns, bytes, value) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                   &s->insert, e);
}

static int sqlite_describe(struct store *store, const char *key, const char *value, struct err *e)
{
    struct sqlite_store *s = container_of(store, struct sqlite_store, store);
    sqlite3_bind_text(s->describe, 1, key, -1, SQLITE_STATIC);
    sqlite3_bind_text(s->describe, 2, value, -1, SQLITE_STATIC);
    return step(s, s->describe, "describe", e);
}

static int sqlite_open(const char *path, struct simtime start, struct store **out, struct err *e)
{
    if (access(path, F_OK) == 0)
        return err_set(e, EEXIST, "%s: exists already", path);
    struct sqlite_store *s = mem_alloc(sizeof *s);
    s->store.kind = &store_sqlite;
    s->path = mem_copy_string(path);
    int status = create(s, e);
    autofree char *start_ns = mem_printf("%lld", (long long)start.ns);
    if (status == 0)
        status = sqlite_describe(&s->store, "schema", "1", e);
    if (status == 0)
        status = sqlite_describe(&s->store, "start_ns", start_ns, e);
    if (status < 0) {
        discard(s);
        return status;
    }
    *out = &s->store;
    return 0;
}

static void bind_text(sqlite3_stmt *statement, int column, const char *text)
{
    if (text && text[0])
        sqlite3_bind_text(statement, column, text, -1, SQLITE_STATIC);
    else
        sqlite3_bind_null(statement, column);
}

static void bind_index(sqlite3_stmt *statement, int column, int32_t index)
{
    if (index >= 0)
        sqlite3_bind_int(statement, column, index);
    else
        sqlite3_bind_null(statement, column);
}

static void bind_event(sqlite3_stmt *i, const struct event *ev)
{
    static const char *const directions[] = {[EVENT_SENT] = "sent", [EVENT_RECEIVED] = "recvd"};
    static const bool spans[EVENT_KINDS] = {
        [EVENT_REQUEST] = true, [EVENT_STAGE] = true,  [EVENT_MIGRATION] = true,
        [EVENT_HANDOFF] = true, [EVENT_OUTAGE] = true, [EVENT_ABANDONED] = true,
        [EVENT_CPU] = true};
    static const bool valued[EVENT_KINDS] = {[EVENT_REQUEST] = true,
                                             [EVENT_STAGE] = true,
                                             [EVENT_MARK] = true,
                                             [EVENT_MIGRATION] = true,
                                             [EVENT_EXECUTED] = true,
                                             [EVENT_SENT_TOTAL] = true};

    sqlite3_bind_int64(i, 1, ev->at.ns);
    sqlite3_bind_text(i, 2, event_kind_name(ev->kind), -1, SQLITE_STATIC);
    bind_text(i, 3, directions[ev->direction]);
    sqlite3_bind_text(i, 4, ev->reporter, -1, SQLITE_STATIC);
    bind_text(i, 5, ev->peer);
    bind_text(i, 6, ev->sender);
    sqlite3_bind_text(i, 7, ev->text, -1, SQLITE_STATIC);
    bind_index(i, 8, ev->mud);
    bind_index(i, 9, ev->number);
    bind_index(i, 10, ev->migration);
    spans[ev->kind] ? sqlite3_bind_int64(i, 11, ev->begin.ns) : sqlite3_bind_null(i, 11);
    ev->kind == EVENT_STAGE || ev->bytes ? sqlite3_bind_int64(i, 12, ev->bytes) : sqlite3_bind_null(i, 12);
    valued[ev->kind] || ev->value ? sqlite3_bind_int64(i, 13, ev->value) : sqlite3_bind_null(i, 13);
}

static void sqlite_set_patience(struct store *store, struct simtime patience)
{
    sqlite3_busy_timeout(container_of(store, struct sqlite_store, store)->db, (int)(patience.ns / 1000000));
}

static bool batch_is_due(const struct sqlite_store *s)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    int64_t ms = (now.tv_sec - s->opened.tv_sec) * 1000 + (now.tv_nsec - s->opened.tv_nsec) / 1000000;
    return s->rows >= BATCH_ROWS || ms >= BATCH_MS;
}

static int sqlite_flush(struct store *store, struct err *e)
{
    struct sqlite_store *s = container_of(store, struct sqlite_store, store);
    if (s->rows == 0)
        return 0;
    s->rows = 0;
    return step(s, s->commit, "commit", e);
}

/* Takes the right to write at once: whoever reads the log is no obstacle, whoever else writes is one here and nowhere later. */
static int begin(struct sqlite_store *s, struct err *e)
{
    int status = step(s, s->begin, "begin", e);
    if (status < 0 && sqlite3_errcode(s->db) == SQLITE_BUSY)
        return err_set(e, EBUSY, "%s: another program holds it", s->path);
    return status;
}

static int sqlite_add(struct store *store, const struct event *ev, struct err *e)
{
    struct sqlite_store *s = container_of(store, struct sqlite_store, store);
    int status;
    if (s->rows == 0) {
        if ((status = begin(s, e)) < 0)
            return status;
        clock_gettime(CLOCK_MONOTONIC_COARSE, &s->opened);
    }
    bind_event(s->insert, ev);
    s->rows++;
    if ((status = step(s, s->insert, "insert", e)) < 0)
        return status;
    return batch_is_due(s) ? sqlite_flush(store, e) : 0;
}

static int sqlite_close(struct store *store, struct err *e)
{
    struct sqlite_store *s = container_of(store, struct sqlite_store, store);
    int status = sqlite_flush(store, e);
    /* Out of WAL: a finished run is one file that opens on read-only media too. */
    if (status == 0 && sqlite3_exec(s->db, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL) != SQLITE_OK &&
        sqlite3_errcode(s->db) != SQLITE_BUSY) /* somebody is reading: it stays as it is */
        status = database_error(s, "close", e);
    discard(s);
    return status;
}

const struct store_kind store_sqlite = {
    .name = "sqlite",
    .file = "events.db",
    .open = sqlite_open,
    .describe = sqlite_describe,
    .set_patience = sqlite_set_patience,
    .add = sqlite_add,
    .flush = sqlite_flush,
    .close = sqlite_close,
};
