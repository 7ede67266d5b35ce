/* Pre-copy by the kernel's dirty tracking: a pre-dump, a dump of what was written since, and a restore from both. Where the kernel has none, all of it
 * but the comparison is asked of a Debian kernel in QEMU, which takes a minute or two: ROAMLAB_QEMU=1. */
/* Less than a huge page, which the kernel tracks as one. */
#define FIXTURE_SIZES 200000, 300, 50
#define FIXTURE_EDGES 1
#include "dirty_tracking.h"
#include "docker_fixture.h"

enum { BEFORE = 10, SINCE = 2 };

static struct fixture *f;

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
        cmocka_unit_test(only_what_was_written_is_dumped_again),
        cmocka_unit_test(half_a_chain_is_refused),
    };
    (void)count;
    if (getenv("ROAMLAB_QEMU") && dirty_tracking_try(NULL) < 0)
        run_in_qemu(arguments[0]);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
