/* What can be seen of whole runs on their links and from the machine beside them: captures, and that a run keeps to itself. */
#include "real_fixture.h"

#include <pcap/pcap.h>

#define ARGUMENTS(...) ((const char *const[]){"--world", "real", __VA_ARGS__, NULL})

/* --- captures ----------------------------------------------------------------------------------------------- */

static int packets_in(const char *path)
{
    char message[PCAP_ERRBUF_SIZE];
    struct pcap_pkthdr *header;
    const u_char *bytes;
    int count = 0, status;
    pcap_t *file = pcap_open_offline(path, message);
    if (!file)
        fail_msg("%s", message);
    while ((status = pcap_next_ex(file, &header, &bytes)) == 1)
        count++;
    if (status != PCAP_ERROR_BREAK)
        fail_msg("%s: %s", path, pcap_geterr(file));
    pcap_close(file);
    return count;
}

/* Who must have seen what. */
static const struct {
    const char *host, *filter;
} seen[] = {
    {"laptop", "wlan.fc.type_subtype == 0x0002"}, /* reassociation request */
    {"laptop", "tzsp && wlan.fc.type_subtype == 0x0000"},
    {"laptop", "tzsp && wlan.fc.type == 2"},
    {"pc2", "tcp.port == 3517 && tcp.len > 0"}, /* IAPP */
    {"pc1", "tcp.port == 3517 && tcp.len > 0"},
    {"pc1", "udp.port == 3518"},
    {"pc1", "tcp.port == 2222"},
};

static void assert_seen(const struct fixture_run *run)
{
    for (size_t i = 0; i < ARRAY_LEN(seen); i++) {
        autofree char *lines = shell("tshark -r %s/%s.pcap -Y '%s' 2>/dev/null | wc -l", run->folder,
                                     seen[i].host, seen[i].filter);
        if (atoi(lines) == 0)
            fail_msg("%s.pcap: nothing passes %s", seen[i].host, seen[i].filter);
    }
}

/* Both edges' hosts reach the one with the folder. */
#define NFS                                                                                                  \
    "--set", "migration.carrier=nfs", "--set",                                                               \
        "links=[{\"between\": [\"pc1\", \"pc2\"], \"rtt_ms\": 20}, {\"between\": [\"pc1\", \"pc3\"], \"rate_mbit\": 80}, " \
        "{\"between\": [\"pc2\", \"pc3\"], \"rate_mbit\": 80}, {\"between\": [\"laptop\", \"pc1\"]}, "     \
        "{\"between\": [\"laptop\", \"pc2\"]}]"

/* Captures by itself. */
#define NOTHING_READABLE "--set", "expect.6={\"metric\": \"packet_check.contents\", \"max\": 0}"

#define RSYNC "--set", "migration.carrier=rsync", "--set", "service.volume_mb=1"

/* Byeon21: over SCP nothing can be read; over NFS a file's name, and the ID and the password in it. Two at a time: they wait for most of
 * their time. */
static const struct {
    const char *name;
    const char *const *arguments;
    int exit;
    bool readable;
    const char *says;
} captured[] = {
    {"capture-nfs", ARGUMENTS(NFS, NOTHING_READABLE, SHORT), 1, true, "carrier nfs: names, contents can be read on the links"},
    {"capture-stream", ARGUMENTS(STREAM, NOTHING_READABLE, SHORT), 0, false, ""},
    {"capture-rsync", ARGUMENTS("--capture", RSYNC, SHORT), 0, false, ""},
    {"capture", ARGUMENTS("--capture", SHORT), 0, false, ""},
};

static void assert_readable(const struct fixture_run *run, bool readable)
{
    json_object *result = fixture_result(run);
    assert_int_equal(json_object_get_boolean(fixture_at(result, "/packet_check/names")), readable);
    assert_int_equal(json_object_get_boolean(fixture_at(result, "/packet_check/contents")), readable);
    assert_false(json_object_get_boolean(fixture_at(result, "/packet_check/credentials")));
    assert_true(fixture_number(result, "/packet_check/gaps") == 0);
    assert_true(fixture_number(result, "/packet_check/bytes") > 1000000);
    json_object_put(result);
}

static void judge_capture(struct fixture_run *run, size_t row)
{
    assert_readable(run, captured[row].readable);
    if (!strstr(buf_text(&run->said), captured[row].says))
        fail_msg("%s: %s", captured[row].name, buf_text(&run->said));
    if (captured[row].exit == 0)
        return;
    json_object *result = fixture_result(run);
    assert_false(json_object_get_boolean(fixture_at(result, "/expectations/6/holds")));
    json_object_put(result);
}

static void captures(void **state)
{
    (void)state;
    NEED_REAL_WORLD();
    enum { ROWS = ARRAY_LEN(captured), LAST = ROWS - 1 };
    struct fixture_run runs[ROWS];
    static const char *const hosts[] = {"pc1", "pc2", "laptop"};
    autofree char *before = fixture_machine();
    for (size_t i = 0; i < ROWS + 1; i++) {
        if (i < ROWS)
            fixture_start(&runs[i], captured[i].name, captured[i].arguments);
        if (i > 0) {
            assert_exit(&runs[i - 1], captured[i - 1].exit);
            judge_capture(&runs[i - 1], i - 1);
        }
    }
    assert_machine_as(before);
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        autofree char *path = mem_printf("%s/%s.pcap", runs[LAST].folder, hosts[i]);
        assert_true(packets_in(path) > 20);
    }
    autofree char *tshark = shell("command -v tshark || true");
    if (*tshark)
        assert_seen(&runs[LAST]);
    for (size_t i = 0; i < ROWS; i++)
        fixture_run_free(&runs[i]);
    if (!*tshark) {
        printf("skip: no tshark to judge the captures\n");
        skip();
    }
}

/* --- from the machine --------------------------------------------------------------------------------------- */

/* Sockets of the machine's own namespace, and whose they are. */
static char *listening(void)
{
    return shell("ss -Hlntup | awk '{print $1, $5, $7}' | sort -u");
}

/* docs/threat-model.md: sockets stay in the hosts' namespaces; keys are the run's own, private, and go with it. */
static void keeps_to_itself(void **state)
{
    (void)state;
    NEED_REAL_WORLD();
    struct fixture_run run;
    autofree char *machine = fixture_machine(), *before = listening();
    fixture_start(&run, "registry", ARGUMENTS("--capture", "--set", "migration.carrier=registry", "--set", "expect.5.min=0.1", SHORT));
    fixture_until_logged(&run, "migr begins");
    autofree char *during = listening(), *name = fixture_run_name(&run);
    autofree char *keys = shell("cd " JOURNAL_ROOT "/%s && find . -name '*key' -o -name password", name);
    autofree char *open = shell("cd " JOURNAL_ROOT "/%s && find . -maxdepth 0 -perm /077 && "
                                "find . '(' -name '*key' -o -name password ')' -perm /077",
                                name);
    assert_string_equal(during, before);
    assert_non_null(strstr(keys, "stream_key"));
    assert_string_equal(open, "");
    assert_exit(&run, 0);
    assert_readable(&run, false);
    assert_machine_as(machine);
    fixture_run_free(&run);
}

int main(int argc, char **argv)
{
    fixture_go_apart(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(captures),
        cmocka_unit_test(keeps_to_itself),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
