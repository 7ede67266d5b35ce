#include "import.h"
#include "figures.h"
#include "kim22_log.h"
#include "mem.h"
#include "report.h"
#include "result.h"
#include "result_folder.h"
#include "summary.h"

#include <errno.h>
#include <string.h>

/* Named "kim22" for "logs/kim22.log". */
static char *default_folder(const char *file, struct err *e)
{
    const char *slash = strrchr(file, '/');
    const char *base = slash ? slash + 1 : file;
    const char *dot = strrchr(base, '.');
    int len = dot && dot != base ? (int)(dot - base) : (int)strlen(base);
    autofree char *name = mem_printf("%.*s", len, base);
    return result_folder_make(name, e);
}

static void report_clocks(const struct kim22_log *log)
{
    for (int i = 1; i < log->reporter_count; i++) {
        const struct kim22_reporter *r = &log->reporters[i];
        if (!r->connected)
            printf("clock of %s: no message links it to %s, taken as it is\n", r->name,
                   log->reporters[0].name);
        else if (r->uncertainty.ns == INT64_MAX)
            printf("clock of %s: %+.3f ms against %s, with the delay inside\n", r->name,
                   simtime_to_ms(r->offset), log->reporters[0].name);
        else
            printf("clock of %s: %+.3f ms against %s, ± %.3f\n", r->name, simtime_to_ms(r->offset),
                   log->reporters[0].name, simtime_to_ms(r->uncertainty));
    }
    for (size_t i = 0; i < log->impossible_count; i++) {
        const struct kim22_impossible *p = &log->impossible[i];
        fprintf(stderr, "roamlab: %s:%d: received %.3f ms before it was sent (line %d)\n", log->path,
                p->received_line, simtime_to_ms(p->by), p->sent_line);
    }
}

static int store(const struct kim22_log *log, const char *folder, struct err *e)
{
    struct logrepo *repo = NULL;
    int status = logrepo_open(folder, kim22_log_start(log), &repo, e);
    if (status < 0)
        return status;
    status = kim22_log_store(log, repo, e);
    int closed = logrepo_close(repo, status < 0 ? NULL : e);
    return status < 0 ? status : closed;
}

static int analyse(const char *file, const char *folder, struct err *e)
{
    struct result_input input = {.world = "imported", .name = file};
    json_object *result = NULL;
    int status = result_of_run(folder, &input, &result, e);
    if (status < 0)
        return status;
    struct err figures = ERR_INIT;
    if (figures_of_result(folder, &figures) < 0)
        err_print(&figures);
    struct err report = ERR_INIT;
    if (report_write(folder, &report) < 0)
        err_print(&report);
    putchar('\n');
    summary_print(result, folder, stdout);
    status = result_exit_status(result);
    json_object_put(result);
    return status;
}

int import_kim22(const char *file, const char *out)
{
    struct err e = ERR_INIT;
    struct kim22_log *log = NULL;
    if (kim22_log_read(file, &log, &e) < 0)
        return command_failed(&e, 2);
    autofree char *folder = out ? mem_copy_string(out) : default_folder(file, &e);
    kim22_log_synchronise(log);
    int status = folder ? store(log, folder, &e) : -e.code;
    if (status == 0)
        report_clocks(log);
    kim22_log_free(log);
    if (status == 0)
        status = analyse(file, folder, &e);
    if (status < 0)
        return command_failed(&e, status == -EEXIST ? 2 : 4);
    return status;
}
