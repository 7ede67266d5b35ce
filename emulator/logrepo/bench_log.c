#include "bench_log.h"
#include "files.h"
#include "logrepo.h"
#include "mem.h"
#include "proc.h"

#include <math.h>
#include <stdlib.h>

enum { TRIES = 3, TARGET_PER_S = 300000 };

/* As in most runs: a message is sent, and received. */
static struct event event_number(int i)
{
    return (struct event){.at = simtime_us(i),
                          .kind = EVENT_MESSAGE,
                          .direction = i % 2 ? EVENT_RECEIVED : EVENT_SENT,
                          .reporter = i % 2 ? "AP-1" : "USER",
                          .peer = i % 2 ? "198.18.0.4" : "AP-1",
                          .sender = "USER",
                          .text = "SVCQ 0",
                          .number = i,
                          .migration = -1};
}

static int store_all(const char *folder, int events, struct err *e)
{
    struct logrepo *repo = NULL;
    int status = logrepo_open(folder, SIMTIME_ZERO, &repo, e);
    for (int i = 0; status == 0 && i < events; i++) {
        const struct event event = event_number(i);
        status = logrepo_add(repo, &event, e);
    }
    int closed = logrepo_close(repo, e);
    return status < 0 ? status : closed;
}

static int try_once(int events, double *events_per_s, struct err *e)
{
    const char *base = getenv("TMPDIR");
    autofree char *folder = mem_printf("%s/roamlab-bench-XXXXXX", base ? base : "/tmp");
    if (!mkdtemp(folder))
        return err_errno(e, "%s", folder);
    double begin = proc_own_seconds();
    int status = store_all(folder, events, e);
    *events_per_s = events / (proc_own_seconds() - begin);
    files_remove(folder, NULL);
    return status;
}

int bench_log(int events, double *events_per_s, struct err *e)
{
    *events_per_s = 0;
    for (int i = 0; i < TRIES; i++) {
        double this_time = 0;
        if (try_once(events, &this_time, e) < 0)
            return err_wrap(e, "bench log");
        *events_per_s = fmax(*events_per_s, this_time);
    }
    return 0;
}

bool bench_log_print(double events_per_s, FILE *out)
{
    bool met = events_per_s >= TARGET_PER_S;
    fprintf(out, "Events stored per second of processor time, SQLite and text\n\n  %-18s %9.0f\n  %-18s %9d\n\n%s\n", "roamlab", events_per_s,
            "target: at least", TARGET_PER_S, met ? "The target is met." : "The target is missed.");
    return met;
}
