/* Pre-copy by the kernel's dirty tracking: a whole run; a pre-dump, a dump of what was written since, and a restore from both. Where the kernel has none,
 * a Debian kernel in QEMU is asked, which takes some minutes: ROAMLAB_QEMU=1. There, a run also carries a container by the kernel's NFS client. */
#define FIXTURE_SIZES 200000, 300, 50
#define FIXTURE_EDGES 1
#include "dirty_tracking.h"
#include "docker_fixture.h"
#include "nfs_client.h"
#include "shell_output.h"

#include <json-c/json.h>

enum { BEFORE = 10, SINCE = 2 };

static struct fixture *f;

/* --- the program ------------------------------------------------------------------------------------------------------------------------ */

static json_object *at(json_object *from, const char *pointer)
{
    json_object *value = NULL;
    if (json_pointer_get(from, pointer, &value) < 0)
        fail_msg("there is no %s", pointer);
    return value;
}

static int64_t stage_bytes(json_object *result, const char *name)
{
    json_object *stages = at(result, "/migrations/0/stages");
    for (size_t i = 0; i < json_object_array_length(stages); i++) {
        json_object *stage = json_object_array_get_idx(stages, i);
        if (!strcmp(json_object_get_string(at(stage, "/name")), name))
            return json_object_get_int64(at(stage, "/bytes"));
    }
    fail_msg("there is no stage %s", name);
    return 0;
}

/* Nothing is lost and digests are equal, says its exit status. */
static json_object *result_of_run(const char *folder, const char *arguments)
{
    int status;
    autofree char *command = mem_printf("./roamlab run --world real -o %s/run %s tests/dirty_tracking.json 2>&1", folder,
                                        arguments),
                  *path = mem_printf("%s/run/result.json", folder), *said = shell_output(".", command, &status);
    print_message("%s", said);
    assert_int_equal(status, 0);
    json_object *result = json_object_from_file(path);
    assert_non_null(result);
    return result;
}

static void a_run_dumps_and_sends_what_was_written(void **state)
{
    if (!f)
        skip();
    json_object *result = result_of_run(*state, "");
    assert_string_equal(json_object_get_string(at(result, "/environment/dirty_tracking")), "tracked");
    static const char *const early_and_late[][2] = {{"seed", "dump"}, {"send seed", "send changes"}};
    for (size_t i = 0; i < ARRAY_LEN(early_and_late); i++) {
        int64_t early = stage_bytes(result, early_and_late[i][0]), late = stage_bytes(result, early_and_late[i][1]);
        print_message("    %s %lld, %s %lld bytes\n", early_and_late[i][0], (long long)early, early_and_late[i][1],
                      (long long)late);
        assert_true(late < early / 2);
    }
    json_object_put(result);
}

/* By a third host; the way there is cut for two seconds, again and again, so that some of it strikes what is written there. */
static char *by_kernels_nfs(void)
{
    struct buf cuts = BUF_INIT;
    for (int at_s = 20; at_s < 240; at_s += 8)
        buf_printf(&cuts, "%s{\"at_s\":%d,\"loss\":1},{\"at_s\":%d,\"loss\":0}", cuts.len ? "," : "", at_s, at_s + 2);
    char *arguments =
        mem_printf("--set duration_s=100 --set migration.strategy=p-migr --set migration.carrier=nfs --set "
                   "migration.nfs_client=kernel --set migration.nfs_host=pc3 --set hosts.pc3={} --set "
                   "'links=[{\"between\":[\"pc1\",\"pc2\"],\"rtt_ms\":20},"
                   "{\"between\":[\"pc1\",\"pc3\"],\"rtt_ms\":20,\"rate_mbit\":8,\"schedule\":[%s]},"
                   "{\"between\":[\"pc2\",\"pc3\"],\"rtt_ms\":20,\"rate_mbit\":100}]'",
                   buf_text(&cuts));
    buf_free(&cuts);
    return arguments;
}

static void a_run_carries_by_the_kernels_nfs_client(void **state)
{
    struct err e = ERR_INIT;
    if (!f)
        skip();
    if (nfs_client_kernel.attempt(&e) < 0) {
        print_message("skip: %s\n", e.text);
        skip();
    }
    autofree char *arguments = by_kernels_nfs();
    json_object *result = result_of_run(*state, arguments);
    assert_string_equal(json_object_get_string(at(result, "/environment/nfs_client")), "kernel");
    static const char *const stages[] = {"send memory", "send layer"};
    for (size_t i = 0; i < ARRAY_LEN(stages); i++)
        print_message("    %s %lld bytes\n", stages[i], (long long)stage_bytes(result, stages[i]));
    json_object_put(result);
}

/* A kernel as users have it: what the one of this machine may lack. */
static void doctor_finds_what_debian_has(void **state)
{
    static const char *const names[] = {"dirty tracking", "netem",      "NFQUEUE",
                                        "NFS client",     "checkpoint", "stream"};
    int status;
    size_t good = 0;
    (void)state;
    if (!f)
        skip();
    autofree char *said = shell_output(".", "./roamlab doctor --json", &status);
    json_object *list = json_tokener_parse(said);
    assert_true(json_object_is_type(list, json_type_array));
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        json_object *row = json_object_array_get_idx(list, i);
        const char *name = json_object_get_string(at(row, "/name"));
        bool works = json_object_get_boolean(at(row, "/works"));
        print_message("    %s %-14s %s\n", works ? "✔" : "✘", name, json_object_get_string(at(row, "/what")));
        for (size_t k = 0; k < ARRAY_LEN(names); k++)
            good += works && !strcmp(names[k], name);
    }
    json_object_put(list);
    assert_int_equal(good, ARRAY_LEN(names));
}

/* --- the container ---------------------------------------------------------------------------------------------------------------------- */

static char *folder_of(const char *name)
{
    return mem_printf("%s/%s", f->edges[0].spool, name);
}

/* Freeze, what was written since the seed, the layer, thaw. The bytes of the memory. */
static uint64_t dump_since(const char *spool)
{
    struct docker_container *c = &f->edges[0].container;
    assert_int_equal(OPERATE(f, freeze, c, &f->job), 0);
    assert_int_equal(OPERATE(f, dump_since, c, &f->job, spool, "../../seed/memory"), 0);
    uint64_t bytes = f->bytes;
    assert_int_equal(OPERATE(f, take_layer, c, &f->job, spool), 0);
    assert_int_equal(OPERATE(f, thaw, c, &f->job), 0);
    return bytes;
}

/* Another container, as a target has it. */
static void restore(const char *spool)
{
    struct docker_container *c = &f->edges[0].container;
    assert_int_equal(OPERATE(f, discard, c, &f->job, NULL, NULL), 0);
    fixture_new_container(f, 0, "target");
    assert_int_equal(OPERATE(f, create, c, &f->job, NULL, spool), 0);
    assert_int_equal(OPERATE(f, restore, c, &f->job, spool), 0);
}

static void begin(void)
{
    fixture_new_model(f);
    fixture_new_container(f, 0, "source");
    assert_int_equal(OPERATE(f, start, &f->edges[0].container, &f->job, NULL), 0);
    fixture_probe(&f->edges[0], 0);
    fixture_requests(f, &f->edges[0], BEFORE, OFFLOAD_REQUEST);
}

static void only_what_was_written_is_dumped_again(void **state)
{
    (void)state;
    if (!f)
        skip();
    autofree char *seed = folder_of("seed"), *memory = folder_of("memory"),
                  *parent = folder_of("memory/parent"), *early = folder_of("seed/memory");
    struct docker_container *c = &f->edges[0].container;
    begin();
    assert_int_equal(OPERATE(f, pre_dump, c, &f->job, seed), 0);
    assert_true(f->bytes >= fixture_sizes.memory_pages * 4096);
    fixture_requests(f, &f->edges[0], SINCE, OFFLOAD_REQUEST);
    uint64_t since = dump_since(memory);
    print_message("    %u pages in all, %llu bytes after %d requests\n", fixture_sizes.memory_pages,
                  (unsigned long long)since, SINCE);
    assert_true(since < fixture_sizes.memory_pages * 4096 / 2);
    assert_int_equal(rename(early, parent), 0);
    struct offload before = fixture_probe(&f->edges[0], f->model.next);
    restore(memory);
    struct offload after = fixture_probe(&f->edges[0], f->model.next);
    assert_int_equal(after.number, before.number);
    assert_true(after.digest == before.digest && after.checksum == before.checksum);
    fixture_requests(f, &f->edges[0], BEFORE, OFFLOAD_REQUEST);
    assert_int_equal(OPERATE(f, discard, c, &f->job, NULL, f->edges[0].spool), 0);
}

/* The parent is as unusable as the dump if something of it is missing. */
static void half_a_chain_is_refused(void **state)
{
    (void)state;
    if (!f)
        skip();
    autofree char *seed = folder_of("seed"), *memory = folder_of("memory"),
                  *parent = folder_of("memory/parent"), *early = folder_of("seed/memory"),
                  *pages = folder_of("memory/parent/pages-1.img");
    begin();
    assert_int_equal(OPERATE(f, pre_dump, &f->edges[0].container, &f->job, seed), 0);
    dump_since(memory);
    assert_int_equal(rename(early, parent), 0);
    assert_int_equal(truncate(pages, 4096), 0);
    struct docker_container *c = &f->edges[0].container;
    assert_int_equal(OPERATE(f, discard, c, &f->job, NULL, NULL), 0);
    fixture_new_container(f, 0, "target");
    assert_int_equal(OPERATE(f, create, c, &f->job, NULL, memory), 0);
    assert_int_equal(OPERATE(f, restore, c, &f->job, memory), -EBADMSG);
    assert_int_equal(OPERATE(f, discard, c, &f->job, NULL, f->edges[0].spool), 0);
}

static int set_up(void **state)
{
    struct err e = ERR_INIT;
    (void)state;
    if (dirty_tracking_try(&e) < 0)
        print_message("skip: %s (ROAMLAB_QEMU=1 asks a kernel that has it)\n", e.text);
    else
        f = fixture_open();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_close(f);
    return 0;
}

/* In there, the kernel tracks. */
static void run_in_qemu(const char *program)
{
    execlp("tools/in-qemu", "tools/in-qemu", program, NULL);
    perror("tools/in-qemu");
    _exit(4);
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(a_run_dumps_and_sends_what_was_written),
        IN_FOLDER(a_run_carries_by_the_kernels_nfs_client),
        cmocka_unit_test(doctor_finds_what_debian_has),
        cmocka_unit_test(only_what_was_written_is_dumped_again),
        cmocka_unit_test(half_a_chain_is_refused),
    };
    (void)count;
    if (getenv("ROAMLAB_QEMU") && dirty_tracking_try(NULL) < 0)
        run_in_qemu(arguments[0]);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
