#include "event_reader.h"
#include "buf.h"
#include "mem.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LOOK_EVERY = 10000 }; /* instructions of SQLite's: a millisecond */

struct event_reader {
    char *path;
    sqlite3 *db;
    sqlite3_stmt *select;
    int (*stops)(void);
};

static int database_error(struct event_reader *r, struct err *e)
{
    if (sqlite3_errcode(r->db) == SQLITE_INTERRUPT)
        return err_set(e, EINTR, "interrupted");
    err_set(e, EIO, "%s: %s", r->path, sqlite3_errmsg(r->db));
    return err_hint(e, "is it a result folder of this version of roamlab?");
}

static void build_query(uint32_t kinds, struct buf *sql)
{
    buf_printf(
        sql, "SELECT at_ns, kind, direction, reporter, peer, sender, text, mud, number, migration, begin_ns, "
             "bytes, value FROM event");
    const char *between = " WHERE kind IN (";
    for (int k = 0; k < EVENT_KINDS && kinds != EVENT_MASK_ALL; k++)
        if (kinds & EVENT_MASK(k)) {
            buf_printf(sql, "%s'%s'", between, event_kind_name((enum event_kind)k));
            between = ", ";
        }
    buf_printf(sql, "%s ORDER BY at_ns, id", between[0] == ',' ? ")" : "");
}

static int prepare(struct event_reader *r, uint32_t kinds, struct err *e)
{
    if (access(r->path, R_OK) < 0) {
        err_errno(e, "%s", r->path);
        return err_hint(e, "give the folder of a run, the one with events.db in it");
    }
    if (sqlite3_open_v2(r->path, &r->db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
        return database_error(r, e);
    struct buf sql = BUF_INIT;
    build_query(kinds, &sql);
    int status = sqlite3_prepare_v2(r->db, buf_text(&sql), -1, &r->select, NULL) == SQLITE_OK
                     ? 0
                     : database_error(r, e);
    buf_free(&sql);
    return status;
}

int event_reader_open(const char *folder, uint32_t kinds, struct event_reader **out, struct err *e)
{
    struct event_reader *r = mem_alloc(sizeof *r);
    r->path = mem_printf("%s/events.db", folder);
    int status = prepare(r, kinds, e);
    if (status < 0) {
        event_reader_close(r);
        return status;
    }
    *out = r;
    return 0;
}

static int look_for_stop(void *reader)
{
    const struct event_reader *r = reader;
    return r->stops();
}

void event_reader_stop_when(struct event_reader *r, int (*stops)(void))
{
    r->stops = stops;
    sqlite3_progress_handler(r->db, LOOK_EVERY, look_for_stop, r);
}

static const char *text_of(sqlite3_stmt *row, int column)
{
    const char *text = (const char *)sqlite3_column_text(row, column);
    return text ? text : "";
}

static int32_t index_of(sqlite3_stmt *row, int column)
{
    return sqlite3_column_type(row, column) == SQLITE_NULL ? -1 : sqlite3_column_int(row, column);
}

static enum event_direction direction_of(const char *name)
{
    return strcmp(name, "sent") == 0 ? EVENT_SENT : strcmp(name, "recvd") == 0 ? EVENT_RECEIVED : EVENT_NONE;
}

int event_reader_next(struct event_reader *r, struct event *ev, struct err *e)
{
    int status = sqlite3_step(r->select);
    if (status == SQLITE_DONE)
        return 0;
    if (status != SQLITE_ROW)
        return database_error(r, e);
    *ev = (struct event){
        .at = simtime_ns(sqlite3_column_int64(r->select, 0)),
        .kind = event_kind_of(text_of(r->select, 1)),
        .direction = direction_of(text_of(r->select, 2)),
        .reporter = text_of(r->select, 3),
        .peer = text_of(r->select, 4),
        .sender = text_of(r->select, 5),
        .text = text_of(r->select, 6),
        .mud = index_of(r->select, 7),
        .number = index_of(r->select, 8),
        .migration = index_of(r->select, 9),
        .begin = simtime_ns(sqlite3_column_int64(r->select, 10)),
        .bytes = sqlite3_column_int64(r->select, 11),
        .value = sqlite3_column_int64(r->select, 12),
    };
    if (ev->kind == EVENT_KINDS)
        return err_set(e, EPROTO, "%s: an event of the unknown kind \"%s\"", r->path, text_of(r->select, 1));
    return 1;
}

char *event_reader_fact(struct event_reader *r, const char *key)
{
    sqlite3_stmt *query = NULL;
    char *value = NULL;
    if (sqlite3_prepare_v2(r->db, "SELECT value FROM meta WHERE key = ?", -1, &query, NULL) == SQLITE_OK) {
        sqlite3_bind_text(query, 1, key, -1, SQLITE_STATIC);
        if (sqlite3_step(query) == SQLITE_ROW)
            value = mem_copy_string(text_of(query, 0));
    }
    sqlite3_finalize(query);
    return value;
}

void event_reader_close(struct event_reader *r)
{
    if (!r)
        return;
    sqlite3_finalize(r->select);
    sqlite3_close(r->db);
    free(r->path);
    free(r);
}
