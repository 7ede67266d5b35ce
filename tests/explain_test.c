/* Every metric, key and kind of event has an explanation; a miss names the nearest. */
#include "command_output.h"
#include "commands.h"
#include "event.h"
#include "metric.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <ctype.h>

static void explained(const char *folder, const char *name, const char *said)
{
    int status = command_output(explain_main, folder, (const char *const[]){name, NULL});
    autofree char *output = folder_read(folder, "output");
    if (status || !strstr(output, said))
        fail_msg("%s: no %s in %s", name, said, output);
}

static void test_every_metric(void **state)
{
    for (int i = 0; metric_at(i); i++) {
        autofree char *path = mem_copy_string(metric_at(i));
        for (char *c = path; *c; c++)
            *c = *c == 'N' ? '3' : *c;
        autofree char *head = mem_printf("%s: a metric\n  ", path);
        explained(*state, path, head);
        explained(*state, path, metric_at(i));
    }
}

static void test_every_kind_of_event(void **state)
{
    for (int i = 0; i < EVENT_KINDS; i++) {
        const char *name = event_kind_name((enum event_kind)i);
        autofree char *head = mem_printf("%s: a kind of event\n  ", name);
        explained(*state, name, head);
        autofree char *output = folder_read(*state, "output");
        assert_true(isupper((unsigned char)output[strlen(head)]));
    }
}

static const struct {
    const char *name;
    int status;
    const char *said;
} rows[] = {
    {"links.0.rtt_ms", 0, "links.N.rtt_ms: a key of scenarios\n  round-trip time"},
    {"links.rtt_ms", 0, "links.N.rtt_ms: a key"},
    {"rtt_ms", 0, "links.N.rtt_ms: a key"},
    {"muds.phone.window", 0, "muds.NAME.window: a key"},
    {"expect.2.paper", 0, "expect.N.paper: a key"},
    {"migration", 0, "migration: a key of scenarios\n"},
    {"migration", 0, "migration: a kind of event\n"},
    {"seed", 0, "a whole number from 0"},
    {"hold_ms", 0, "migrations.N.hold_ms: a metric\n"},
    {"p95", 0, "response_ms.p95: a metric\n"},
    {"p95", 0, "roaming.handoff_ms.p95: a metric\n"},
    {"rtt_mz", 2, "there is no metric, key or kind of event rtt_mz (did you mean rtt_ms?)"},
    {"repsonse_ms.p99", 2, "(did you mean response_ms.p99?)"},
    {"hand", 2, "there is no metric, key or kind of event hand"},
    {"links..rtt_ms", 2, "there is no metric"},
    {"muds..window", 2, "there is no metric"},
    {".", 2, "there is no metric"},
    {"", 2, "there is no metric"},
};

static void test_rows(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int status = command_output(explain_main, *state, (const char *const[]){rows[i].name, NULL});
        autofree char *output = folder_read(*state, "output");
        if (status != rows[i].status || !strstr(output, rows[i].said))
            fail_msg("%s: %d %s", rows[i].name, status, output);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_every_metric),
        IN_FOLDER(test_every_kind_of_event),
        IN_FOLDER(test_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
