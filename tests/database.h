/* A run's events.db, looked at from outside while it is written and afterwards. */
#ifndef ROAMLAB_TEST_DATABASE_H
#define ROAMLAB_TEST_DATABASE_H

#include "mem.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <unistd.h>

/* The writer of a run holds the database nearly always and lets go for a millisecond: SQLite's own busy timeout, which looks ten times a second,
 * may miss it for long. */
static inline int database_busy(void *context, int times)
{
    (void)context;
    usleep(200);
    return times < 50000;
}

/* sqlite3_close() it. */
static inline sqlite3 *database_open(const char *folder)
{
    autofree char *path = mem_printf("%s/events.db", folder);
    sqlite3 *db;
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    sqlite3_busy_handler(db, database_busy, NULL);
    return db;
}

/* The first value of the first row. */
static inline int64_t database_number(sqlite3 *db, const char *query)
{
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_prepare_v2(db, query, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return number;
}

static inline void database_assert_whole(sqlite3 *db)
{
    sqlite3_stmt *check;
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &check, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(check), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(check, 0), "ok");
    sqlite3_finalize(check);
}

/* Nobody else may write until it rolls back. */
static inline void database_hold(sqlite3 *db)
{
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
}

static inline void database_release(sqlite3 *db)
{
    assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
}

#endif
