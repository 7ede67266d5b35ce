/* Exports of a run: the trace by Chrome's form, the tables as CSV. Runs from the project's root. */
#include "command_output.h"
#include "commands.h"
#include "json_file.h"
#include "shell_output.h"
#include "synthetic_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <pcap/pcap.h>

static json_object *read_json(const char *folder, const char *name)
{
    struct err e = ERR_INIT;
    json_object *root = NULL;
    if (json_file_read(folder, name, &root, &e) < 0)
        fail_msg("%s", e.text);
    return root;
}

struct seen {
    int entries, requests, messages, flows, arrived, roles, lanes, rates;
};

static void look_at(struct seen *seen, json_object *entry)
{
    const char *phase = json_text_at(entry, "ph"), *category = json_text_at(entry, "cat"),
               *name = json_text_at(entry, "name");
    seen->entries++;
    seen->messages += strcmp(category, "sent") == 0 || strcmp(category, "received") == 0;
    seen->requests += strcmp(category, "request") == 0;
    seen->flows += *phase == 's';
    seen->arrived += *phase == 'f';
    seen->roles += strcmp(name, "process_name") == 0;
    seen->lanes += strcmp(name, "thread_name") == 0;
    seen->rates += *phase == 'C';
    if (strlen(phase) != 1 || !strchr("XisfMC", *phase) || !(json_number_at(entry, "pid") >= 1) ||
        !(json_number_at(entry, "tid") >= 1) || !(json_number_at(entry, "ts") >= 0) || !*name)
        fail_msg("%s", json_object_to_json_string(entry));
}

/* Every flow that ends has begun, no later, under an id of its own. */
static void check_ends(json_object *entries)
{
    json_object *begins = json_object_new_object();
    for (size_t i = 0; i < json_object_array_length(entries); i++) {
        json_object *entry = json_object_array_get_idx(entries, i), *begin;
        char phase = json_text_at(entry, "ph")[0];
        autofree char *key = mem_printf("%.0f", json_number_at(entry, "id"));
        if (phase == 's' && json_object_object_get_ex(begins, key, NULL))
            fail_msg("%s has another's id", json_object_to_json_string(entry));
        if (phase == 's')
            json_object_object_add(begins, key, json_object_get(entry));
        if (phase != 'f')
            continue;
        if (!json_object_object_get_ex(begins, key, &begin) ||
            json_number_at(begin, "ts") > json_number_at(entry, "ts"))
            fail_msg("%s has not begun", json_object_to_json_string(entry));
        json_object_object_del(begins, key);
    }
    json_object_put(begins);
}

static int64_t ns_at(json_object *entry, const char *key)
{
    return llround(json_number_at(entry, key) * 1000);
}

/* Slices of a thread are told in order and do not overlap; flows lie inside the slice before. A thread is of one process, and has no other's number. */
static void check_threads(json_object *entries)
{
    json_object *last[64] = {NULL};
    int process_of[64] = {0};
    for (size_t i = 0; i < json_object_array_length(entries); i++) {
        json_object *entry = json_object_array_get_idx(entries, i);
        char phase = json_text_at(entry, "ph")[0];
        size_t thread = (size_t)json_number_at(entry, "tid");
        int process = (int)json_number_at(entry, "pid");
        assert_true(thread < ARRAY_LEN(last));
        assert_true(process_of[thread] == 0 || process_of[thread] == process);
        process_of[thread] = process;
        if (!strchr("Xsf", phase))
            continue;
        int64_t at = ns_at(entry, "ts"), begin = last[thread] ? ns_at(last[thread], "ts") : 0,
                length = last[thread] ? ns_at(last[thread], "dur") : 0;
        bool good = phase == 'X' ? ns_at(entry, "dur") >= 0 && at >= begin + length
                                 : last[thread] && at >= begin && at < begin + length;
        if (!good)
            fail_msg("%s after %s", json_object_to_json_string(entry),
                     json_object_to_json_string(last[thread]));
        if (phase == 'X')
            last[thread] = entry;
    }
}

static void run_and_export(const char *folder, const char *scenario, const char *form)
{
    assert_int_equal(
        command_output(run_main, folder, (const char *const[]){"--quiet", "-o", "@/run", scenario, NULL}), 0);
    assert_int_equal(command_output(export_main, folder, (const char *const[]){form, "@/run", NULL}), 0);
}

static const struct {
    const char *scenario;
    struct seen least;
    int roles, lanes;
} runs[] = {
    {"scenarios/kim22-quick.json", {.messages = 900, .arrived = 450}, 5, 12},
    {"scenarios/varying-link.json", {.messages = 900, .arrived = 400, .rates = 5}, 6, 12},
};

static void test_traces(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(runs); i++) {
        struct seen seen = {0};
        char *folder = folder_make();
        autofree char *run = mem_printf("%s/run", folder);
        (void)state;
        run_and_export(folder, runs[i].scenario, "trace");
        json_object *trace = read_json(run, "trace.json"), *result = read_json(run, "result.json"),
                    *entries = json_at(trace, "traceEvents");
        for (size_t k = 0; k < json_object_array_length(entries); k++)
            look_at(&seen, json_object_array_get_idx(entries, k));
        check_ends(entries);
        check_threads(entries);
        assert_int_equal(seen.requests, json_number_at(result, "requests.answered"));
        assert_int_equal(seen.roles, runs[i].roles);
        assert_in_range(seen.lanes, runs[i].lanes, 3 * runs[i].lanes);
        assert_true(seen.messages >= runs[i].least.messages);
        assert_true(seen.arrived >= runs[i].least.arrived && seen.arrived <= seen.flows);
        assert_true(seen.rates >= runs[i].least.rates);
        json_object_put(trace);
        json_object_put(result);
        folder_remove(folder);
    }
}

#define HOSTILE "a,\"b\"\r\n\\ </x>"

static void write_hostile(const char *folder)
{
    static struct synthetic_run run;
    synthetic_fill(&run, &synthetic_small);
    synthetic_add(&run, EVENT_NOTE, 7, HOSTILE, HOSTILE)->peer = HOSTILE;
    synthetic_write(&run, folder);
}

static void test_texts_are_kept(void **state)
{
    write_hostile(*state);
    assert_int_equal(
        command_output(export_main, *state, (const char *const[]){"trace", "-o", "@/t.json", "@", NULL}), 0);
    json_object *trace = read_json(*state, "t.json"), *entries = json_at(trace, "traceEvents");
    json_object *last = json_object_array_get_idx(entries, json_object_array_length(entries) - 1);
    assert_string_equal(json_text_at(last, "name"), HOSTILE);
    json_object_put(trace);
    assert_int_equal(command_output(export_main, *state, (const char *const[]){"csv", "@", NULL}), 0);
    autofree char *events = folder_read(*state, "csv/event.csv"),
                  *requests = folder_read(*state, "csv/request.csv");
    assert_non_null(strstr(
        events,
        ",7000000000,note,,\"a,\"\"b\"\"\r\n\\ </x>\",\"a,\"\"b\"\"\r\n\\ </x>\",,\"a,\"\"b\"\"\r\n\\ </x>\",0,,,,,\r\n"));
    assert_memory_equal(
        requests,
        "mud,number,sent_ns,answered_ns,response_ms,times_sent,digest\r\n0,0,500000000,520000000,20.0,1,ok\r\n",
        97);
}

static void test_what_cannot_be_exported(void **state)
{
    static const struct {
        const char *arguments[4];
        int status;
        const char *said;
    } rows[] = {
        {{"--help"}, 0, "usage: roamlab export"},
        {{"trace"}, 2, "a form and a result folder are needed"},
        {{"xml", "@"}, 2, "the form is trace, csv or pcapng: xml"},
        {{"trace", "@/none"}, 2, "none/events.db: No such file or directory (give the folder of a run"},
        {{"pcapng", "@"}, 2, ": no captures (run --world real --capture makes them)"},
        {{"pcapng", "@/none"}, 2, "none: No such file"},
        {{"csv", "@/none"}, 2, "none/events.db: No such file or directory (give the folder of a run"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int status = command_output(export_main, *state, rows[i].arguments);
        autofree char *output = folder_read(*state, "output");
        if (status != rows[i].status || !strstr(output, rows[i].said))
            fail_msg("%d %s", status, output);
    }
}

/* Packets of one byte each, that says when: at that many nanoseconds. */
static void write_capture(const char *folder, const char *name, const char *times)
{
    autofree char *path = mem_printf("%s/%s", folder, name);
    pcap_t *kind = pcap_open_dead_with_tstamp_precision(DLT_USER0, 100, PCAP_TSTAMP_PRECISION_NANO);
    pcap_dumper_t *file = pcap_dump_open(kind, path);
    for (; *times; times++) {
        struct pcap_pkthdr header = {.ts = {1, *times}, .caplen = 1, .len = 9};
        pcap_dump((u_char *)file, &header, (const u_char *)times);
    }
    pcap_dump_close(file);
    pcap_close(kind);
}

static void test_captures_become_one(void **state)
{
    static const char in_order[] = "abcdef";
    const char *const arguments[] = {"pcapng", "@", NULL};
    char text[PCAP_ERRBUF_SIZE];
    write_capture(*state, "pc1.pcap", "adf");
    write_capture(*state, "pc2.pcap", "bce");
    write_capture(*state, "idle.pcap", "");
    assert_int_equal(command_output(export_main, *state, arguments), 0);
    autofree char *path = mem_printf("%s/capture.pcapng", (char *)*state);
    pcap_t *merged = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, text);
    assert_non_null(merged);
    struct pcap_pkthdr *header;
    const u_char *bytes;
    for (const char *c = in_order; *c; c++) {
        assert_int_equal(pcap_next_ex(merged, &header, &bytes), 1);
        assert_true(header->caplen == 1 && header->len == 9 && *bytes == *c);
        assert_true(header->ts.tv_sec == 1 && header->ts.tv_usec == *c);
    }
    assert_int_equal(pcap_next_ex(merged, &header, &bytes), PCAP_ERROR_BREAK);
    pcap_close(merged);
}

static void test_wireshark_names_the_hosts(void **state)
{
    const char *const arguments[] = {"pcapng", "@", NULL};
    int status;
    if (system("command -v tshark >/dev/null 2>&1") != 0) {
        print_message("skip: tshark is not installed\n");
        skip();
    }
    write_capture(*state, "pc1.pcap", "a");
    write_capture(*state, "pc2.pcap", "b");
    assert_int_equal(command_output(export_main, *state, arguments), 0);
    autofree char *said = shell_output(
        *state,
        "tshark -r capture.pcapng -T fields -e frame.interface_name -e frame.time_relative 2>/dev/null",
        &status);
    assert_string_equal(said, "pc1\t0.000000000\npc2\t0.000000001\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_traces),           IN_FOLDER(test_texts_are_kept),
        IN_FOLDER(test_captures_become_one),     IN_FOLDER(test_wireshark_names_the_hosts),
        IN_FOLDER(test_what_cannot_be_exported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
