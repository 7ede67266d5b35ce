#include "export_csv.h"
#include "files.h"
#include "mem.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Quoted where RFC 4180 asks for it; an absent value is nothing, an empty text is "". */
static void put_field(FILE *out, const char *text)
{
    if (text && *text && !strpbrk(text, ",\"\r\n")) {
        fputs(text, out);
        return;
    }
    if (!text)
        return;
    fputc('"', out);
    for (; *text; text++)
        fputs(*text == '"' ? "\"\"" : (const char[]){*text, '\0'}, out);
    fputc('"', out);
}

static int put_rows(FILE *out, sqlite3_stmt *rows)
{
    int columns = sqlite3_column_count(rows), status;
    for (int i = 0; i < columns; i++) {
        fputs(i ? "," : "", out);
        put_field(out, sqlite3_column_name(rows, i));
    }
    fputs("\r\n", out);
    while ((status = sqlite3_step(rows)) == SQLITE_ROW) {
        for (int i = 0; i < columns; i++) {
            fputs(i ? "," : "", out);
            put_field(out, (const char *)sqlite3_column_text(rows, i));
        }
        fputs("\r\n", out);
    }
    return status;
}

static int database_error(sqlite3 *db, const char *what, struct err *e)
{
    return err_set(e, EIO, "%s: %s", what, sqlite3_errmsg(db));
}

static int write_table(sqlite3 *db, const char *name, const char *folder, struct err *e)
{
    autofree char *path = mem_printf("%s/%s.csv", folder, name),
                  *sql = mem_printf("SELECT * FROM \"%s\"", name);
    sqlite3_stmt *rows = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &rows, NULL) != SQLITE_OK)
        return database_error(db, name, e);
    FILE *out = fopen(path, "we");
    int status = out ? put_rows(out, rows) : SQLITE_DONE;
    sqlite3_finalize(rows);
    if (status != SQLITE_DONE)
        database_error(db, name, e);
    bool written = out && !ferror(out);
    if (out && fclose(out) < 0)
        written = false;
    return status != SQLITE_DONE ? -EIO : written ? 0 : err_errno(e, "%s", path);
}

static int write_tables(sqlite3 *db, const char *folder, struct err *e)
{
    static const char names[] =
        "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite%'";
    sqlite3_stmt *tables = NULL;
    int status = 0, step = SQLITE_DONE;
    if (sqlite3_prepare_v2(db, names, -1, &tables, NULL) != SQLITE_OK)
        return database_error(db, "events.db", e);
    while (status == 0 && (step = sqlite3_step(tables)) == SQLITE_ROW)
        status = write_table(db, (const char *)sqlite3_column_text(tables, 0), folder, e);
    if (status == 0 && step != SQLITE_DONE)
        status = database_error(db, "events.db", e);
    sqlite3_finalize(tables);
    return status;
}

int export_csv(const char *folder, const char *out, struct err *e)
{
    autofree char *path = mem_printf("%s/events.db", folder);
    sqlite3 *db = NULL;
    if (access(path, R_OK) < 0) {
        err_errno(e, "%s", path);
        return err_hint(e, "give the folder of a run, the one with events.db in it");
    }
    int status =
        sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK ? 0 : database_error(db, path, e);
    if (status == 0)
        status = files_make_folder(out, 0755, e);
    if (status == 0)
        status = write_tables(db, out, e);
    sqlite3_close(db);
    return status;
}
