/* Links files, and sets of links on interfaces that exist. Runs from the project's root. */
#include "interrupt.h"
#include "link_set.h"
#include "mem.h"
#include "privileges.h"

#define place station /* strategy.h has places of another kind */
#include "link_fixture.h"
#include "shell_output.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

/* --- files ---------------------------------------------------------------------------------------------------- */

static void test_bad_files(void **state)
{
    static const struct {
        const char *text, *error;
    } rows[] = {
        {"{}", "f: links: is missing"},
        {"{\"links\":[]}", "f: links: has 0 entries"},
        {"{\"links\":[{}]}", "f: links.0.here: is missing"},
        {"{\"links\":[{\"here\":{}}]}", "f: links.0.here.interface: is missing"},
        {"{\"links\":[{\"here\":{\"interface\":\"a b\"}}]}",
         "f: links.0.here.interface: is no name of an interface"},
        {"{\"links\":[{\"here\":{\"interface\":\"sixteen-letters-\"}}]}",
         "f: links.0.here.interface: is no name"},
        {"{\"links\":[{\"here\":{\"interface\":\"v0\",\"namespace\":\"a b\"}}]}",
         "f: links.0.here.namespace: is no"},
        {"{\"links\":[{\"here\":{\"interface\":\"v0\"},\"rtt\":1}]}", "f: links.0.rtt: unknown key"},
        {"{\"links\":[{\"here\":{\"interface\":\"v0\"},\"congestion\":\"bbr\"}]}",
         "f: links.0.congestion: unknown key"},
        {"{\"links\":[{\"here\":{\"interface\":\"v0\"},\"loss\":2}]}", "f: links.0.loss: is 2"},
        {"{\"links\":[{\"here\":{\"interface\":\"v0\"},\"peer\":\"10.0.0.0/33\"}]}",
         "f: links.0.peer: is no IPv4"},
        {"{\"links\":[{\"here\":{\"interface\":\"v0\"},\"peer\":\"10.0.0/24\"}]}",
         "f: links.0.peer: is no IPv4"},
        {"{\"links\":[{\"here\":{\"interface\":\"v0\"},\"peer\":\"10.0.0.0/\"}]}",
         "f: links.0.peer: is no IPv4"},
        {"{\"links\":[{\"here\":{\"interface\":\"v0\"},\"trace\":{\"file\":\"/nonexistent\"}}]}",
         "f: links.0.trace.file: /nonexistent cannot be read"},
        {"{\"links\":[{\"here\":{\"interface\":\"v0\"},\"trace\":{\"text\":\"1,2\\n\"}}]}",
         "f: links.0.trace.text: text:1: has 2 of 4 fields"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        struct links_file *file = links_file_parse("f", rows[i].text, strlen(rows[i].text), &e);
        if (file || !strstr(e.text, rows[i].error))
            fail_msg("row %zu: \"%s\" instead of \"%s\"", i, e.text, rows[i].error);
    }
}

static void test_good_file(void **state)
{
    static const char text[] =
        "{\"links\":[{\"here\":{\"interface\":\"v0\",\"namespace\":\"a\"},\"there\":{\"interface\":\"v1\"},"
        "\"rtt_ms\":40,\"rate_mbit\":{\"back\":5}},{\"here\":{\"interface\":\"v2\",\"namespace\":\"/proc/1/ns/net\"},"
        "\"peer\":\"10.1.0.0/16\",\"delay_ms\":{\"forward\":7},\"trace\":{\"text\":\"0,1,2,0\\n\"}}]}";
    (void)state;
    struct err e = ERR_INIT;
    struct links_file *file = links_file_parse("f", text, sizeof text - 1, &e);
    if (!file)
        fail_msg("%s", e.text);
    assert_int_equal(file->links.link_count, 2);
    assert_string_equal(file->entries[0].ends[0].namespace, "/run/netns/a");
    assert_null(file->entries[0].ends[1].namespace);
    assert_string_equal(file->links.hosts[0].name, "a:v0");
    assert_string_equal(file->links.hosts[1].name, "v1");
    assert_int_equal(file->links.links[0].params[0].delay.ns, 20000000);
    assert_int_equal(file->links.links[0].params[0].rate_bps, 0);
    assert_int_equal(file->links.links[0].params[1].rate_bps, 5000000);
    assert_string_equal(file->entries[1].ends[0].namespace, "/proc/1/ns/net");
    assert_null(file->entries[1].ends[1].interface);
    assert_int_equal(file->entries[1].peer_prefix, 16);
    assert_int_equal(ntohl(file->entries[1].peer.s_addr), 0x0a010000);
    assert_int_equal(file->links.links[1].params[0].delay.ns, 7000000);
    assert_int_equal(file->links.links[1].params[1].delay.ns, 0);
    assert_true(link_set_needs_process(file, &link_driver_kernel));
    struct links_file *again = links_file_parse("g", file->text, strlen(file->text), &e);
    assert_string_equal(again->text, file->text);
    links_file_free(again);
    links_file_free(file);
}

/* --- sets ------------------------------------------------------------------------------------------------------- */

struct bed {
    char *namespaces[2], *paths[2], *name;
    struct station places[2];
    struct links_file *file;
    const struct link_driver *driver;
};

static int shell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static int shell(const char *format, ...)
{
    char command[512];
    va_list args;
    va_start(args, format);
    vsnprintf(command, sizeof command, format, args);
    va_end(args);
    return system(command);
}

static int make_bed(void **state)
{
    struct err e = ERR_INIT;
    static const char *const addresses[] = {"198.18.9.1", "198.18.9.2"};
    struct bed *bed = mem_alloc(sizeof *bed);
    *state = bed;
    if (privileges_check(&e) < 0 || !(bed->driver = link_driver_choose(NULL, NULL, 0, &e))) {
        printf("skip: %s\n", e.text);
        return 0;
    }
    bed->name = mem_printf("test-%d", getpid());
    for (int i = 0; i < 2; i++) {
        bed->namespaces[i] = mem_printf("rl-set-%d-%d", getpid(), i);
        bed->paths[i] = mem_printf("/run/netns/%s", bed->namespaces[i]);
        bed->places[i] = (struct station){bed->paths[i], addresses[i]};
        must(shell("ip netns add %s", bed->namespaces[i]) == 0, "ip netns");
    }
    must(shell("ip -n %s link add v0 type veth peer name v0 netns %s", bed->namespaces[0],
               bed->namespaces[1]) == 0,
         "veth");
    for (int i = 0; i < 2; i++)
        must(shell("ip -n %s addr add %s/24 dev v0 && ip -n %s link set v0 up", bed->namespaces[i],
                   addresses[i], bed->namespaces[i]) == 0,
             "ip addr");
    autofree char *text =
        mem_printf("{\"links\":[{\"here\":{\"interface\":\"v0\",\"namespace\":\"%s\"},\"there\":"
                   "{\"interface\":\"v0\",\"namespace\":\"%s\"},\"rtt_ms\":60,"
                   "\"schedule\":[{\"at_s\":2,\"rtt_ms\":20}]}]}",
                   bed->namespaces[0], bed->namespaces[1]);
    bed->file = links_file_parse("bed", text, strlen(text), &e);
    must(bed->file != NULL, e.text);
    return 0;
}

static int remove_bed(void **state)
{
    struct bed *bed = *state;
    for (int i = 0; i < 2 && bed->namespaces[i]; i++) {
        shell("ip netns del %s", bed->namespaces[i]);
        free(bed->namespaces[i]);
        free(bed->paths[i]);
    }
    links_file_free(bed->file);
    free(bed->name);
    free(bed);
    return 0;
}

/* A process that holds the set until it is told to end. */
static pid_t hold(const struct bed *bed)
{
    int fds[2];
    char byte;
    must(pipe(fds) == 0, "pipe");
    pid_t pid = fork();
    if (pid == 0) {
        struct err e = ERR_INIT;
        interrupt_catch();
        struct link_set *set = link_set_apply(bed->file, bed->driver, bed->name, &e);
        must(set != NULL, e.text);
        must(write(fds[1], "", 1) == 1, "pipe");
        int status = link_set_play(set, &e);
        _exit(link_set_remove(set, &e) < 0 || status < 0);
    }
    close(fds[1]);
    must(read(fds[0], &byte, 1) == 1, "the holder");
    close(fds[0]);
    return pid;
}

static double rtt(const struct bed *bed)
{
    return round_trip_ms(&bed->places[0], &bed->places[1], 5);
}

/* Links of our own emulator carry nothing when it was killed, until they are cleared. */
static void test_a_killed_set_is_closed_until_cleared(void **state)
{
    struct bed *bed = *state;
    if (!bed->driver)
        skip();
    struct err e = ERR_INIT;
    pid_t pid = hold(bed);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    if (strcmp(bed->driver->name, "userspace") == 0)
        assert_true(rtt(bed) < 0);
    assert_int_equal(link_set_clear(bed->name, &e), 1);
    double after = rtt(bed);
    assert_true(after >= 0 && after < 15);
}

/* Nothing stays of a set that cannot be applied as a whole. */
static void test_a_set_is_applied_as_a_whole(void **state)
{
    struct bed *bed = *state;
    if (!bed->driver)
        skip();
    struct err e = ERR_INIT;
    autofree char *text =
        mem_printf("{\"links\":[{\"here\":{\"interface\":\"v0\",\"namespace\":\"%s\"},\"there\":"
                   "{\"interface\":\"v0\",\"namespace\":\"%s\"},\"rtt_ms\":60},"
                   "{\"here\":{\"interface\":\"v9\",\"namespace\":\"%s\"},\"there\":"
                   "{\"interface\":\"v9\",\"namespace\":\"%s\"},\"rtt_ms\":60}]}",
                   bed->namespaces[0], bed->namespaces[1], bed->namespaces[0], bed->namespaces[1]);
    struct links_file *file = links_file_parse("bed", text, strlen(text), &e);
    assert_non_null(file);
    assert_null(link_set_apply(file, bed->driver, bed->name, &e));
    assert_non_null(strstr(e.text, "links.1.here"));
    assert_int_equal(link_set_clear(bed->name, &e), -ENOENT);
    double after = rtt(bed);
    assert_true(after >= 0 && after < 15);
    links_file_free(file);
}

/* Asks in the environment of this program or, if it has none, of one that has led here. */
static void test_spares_the_users_ssh(void **state)
{
    static const struct {
        const char *connection, *link;
        bool refused;
    } rows[] = {
        {"127.0.0.9 5000 127.0.0.1 22", "\"here\":{\"interface\":\"lo\"}", true},
        {"127.0.0.9 5000 127.0.0.1 22", "\"here\":{\"interface\":\"v0\"},\"there\":{\"interface\":\"lo\"}", true},
        {"127.0.0.9 5000 127.0.0.1 22", "\"here\":{\"interface\":\"lo\"},\"peer\":\"127.0.0.0/28\"", true},
        {"127.0.0.9 5000 127.0.0.1 22", "\"here\":{\"interface\":\"lo\"},\"peer\":\"127.0.0.1\"", false},
        {"127.0.0.9 5000 127.0.0.1 22", "\"here\":{\"interface\":\"lo\",\"namespace\":\"blue\"}", false},
        {"127.0.0.9 5000 127.0.0.1 22", "\"here\":{\"interface\":\"v0\"}", false},
        {"127.0.0.9 5000 192.0.2.1 22", "\"here\":{\"interface\":\"lo\"}", false},
        {"", "\"here\":{\"interface\":\"lo\"}", false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        autofree char *text = mem_printf("{\"links\":[{%s}]}", rows[i].link);
        struct links_file *file = links_file_parse("f", text, strlen(text), &e);
        if (!file)
            fail_msg("row %zu: %s", i, e.text);
        setenv("SSH_CONNECTION", rows[i].connection, 1);
        if ((link_set_check_ssh(file, &e) == -EBUSY) != rows[i].refused)
            fail_msg("row %zu: \"%s\"", i, e.text);
        links_file_free(file);
    }
    unsetenv("SSH_CONNECTION");
}

static void test_finds_ssh_behind_sudo(void **state)
{
    int status;
    folder_write(*state, "lo.json", "{\"links\":[{\"here\":{\"interface\":\"lo\"}}]}");
    autofree char *command = mem_printf("SSH_CONNECTION='127.0.0.9 5000 127.0.0.1 22' sh -c "
                                        "'unset SSH_CONNECTION; ./roamlab link apply %s/lo.json; exit $?' 2>&1",
                                        (char *)*state),
                  *said = shell_output(".", command, &status);
    assert_non_null(strstr(said, "/lo.json: links.0.here: lo carries the ssh connection"));
    assert_int_equal(WEXITSTATUS(status), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_good_file),
        cmocka_unit_test(test_spares_the_users_ssh),
        IN_FOLDER(test_finds_ssh_behind_sudo),
        cmocka_unit_test_setup_teardown(test_a_killed_set_is_closed_until_cleared, make_bed, remove_bed),
        cmocka_unit_test_setup_teardown(test_a_set_is_applied_as_a_whole, make_bed, remove_bed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
