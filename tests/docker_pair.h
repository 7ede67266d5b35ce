/* A container that serves in one of the fixture's two Engines, and goes to the other. */
#ifndef ROAMLAB_DOCKER_PAIR_H
#define ROAMLAB_DOCKER_PAIR_H

#include "docker_fixture.h"

static struct fixture *f;

#define NEED_FIXTURE()                                                                                       \
    do {                                                                                                     \
        if (!f)                                                                                              \
            skip();                                                                                          \
    } while (0)

static inline void begin(const char *name)
{
    fixture_new_model(f);
    fixture_new_container(f, 0, name);
    fixture_new_container(f, 1, name);
    struct docker_container *source = &f->edges[0].container;
    assert_int_equal(OPERATE(f, start, source, &f->job, NULL), 0);
    struct offload fresh = fixture_probe(&f->edges[0], 0);
    assert_int_equal(fresh.number, 0);
    assert_true(fresh.digest == f->model.chain);
    fixture_requests(f, &f->edges[0], 50, OFFLOAD_REQUEST);
}

static inline void end(void)
{
    for (int i = 0; i < 2; i++)
        assert_int_equal(
            OPERATE(f, discard, &f->edges[i].container, &f->job, "roamlab/commit:ct", f->edges[i].spool), 0);
}

/* Freeze, dump, the layer by `layer`, thaw. */
static inline void snapshot(int edge, bool commit)
{
    struct docker_container *c = &f->edges[edge].container;
    const char *spool = f->edges[edge].spool;
    assert_int_equal(OPERATE(f, freeze, c, &f->job), 0);
    assert_int_equal(OPERATE(f, dump, c, &f->job, spool), 0);
    assert_in_range(f->bytes, fixture_sizes.memory_pages * 4096, fixture_sizes.memory_pages * 4096 + 4000000);
    if (commit)
        assert_int_equal(OPERATE(f, commit, c, &f->job, "roamlab/commit:ct"), 0);
    else
        assert_int_equal(OPERATE(f, take_layer, c, &f->job, spool), 0);
    assert_true(f->bytes >= fixture_sizes.layer_pages * 4096);
    assert_int_equal(OPERATE(f, thaw, c, &f->job), 0);
}

static inline void assert_same_state(const struct offload *a, const struct offload *b)
{
    assert_int_equal(a->number, b->number);
    assert_true(a->digest == b->digest);
    assert_true(a->checksum == b->checksum);
}

/* Goes on at the source, replays the same at the target, compares, and goes on there. */
static inline void catch_up_and_compare(int from, int to)
{
    struct statechain_model at_cut = f->model;
    fixture_requests(f, &f->edges[from], 20, OFFLOAD_REQUEST);
    f->model = at_cut;
    fixture_requests(f, &f->edges[to], 20, OFFLOAD_REPLAY);
    struct offload source = fixture_probe(&f->edges[from], f->model.next);
    struct offload target = fixture_probe(&f->edges[to], f->model.next);
    assert_same_state(&source, &target);
    assert_int_equal(OPERATE(f, discard, &f->edges[from].container, &f->job, NULL, NULL), 0);
    fixture_requests(f, &f->edges[to], 200, OFFLOAD_REQUEST);
}

static inline void migrate_layer(int from, int to)
{
    snapshot(from, false);
    fixture_copy_spool(f, from, to);
    struct docker_container *target = &f->edges[to].container;
    assert_int_equal(OPERATE(f, create, target, &f->job, NULL, f->edges[to].spool), 0);
    assert_int_equal(OPERATE(f, restore, target, &f->job, f->edges[to].spool), 0);
    catch_up_and_compare(from, to);
}

static inline void truncate_pages(const struct edge *edge)
{
    autofree char *pages = mem_printf("%s/memory/pages-1.img", edge->spool);
    struct stat st;
    assert_int_equal(stat(pages, &st), 0);
    assert_int_equal(truncate(pages, st.st_size / 2), 0);
}

static inline void stop_loop(struct timer *timer)
{
    (void)timer;
    loop_stop(f->loop);
}

static int calls; /* of count_call */

static inline void count_call(struct docker_job *job, int status, uint64_t bytes, const struct err *e)
{
    (void)job, (void)status, (void)bytes, (void)e;
    calls++;
}

static inline void run_for(int milliseconds)
{
    struct timer timer = {.fire = stop_loop};
    loop_arm_after(f->loop, &timer, simtime_ms(milliseconds));
    loop_run(f->loop);
    loop_cancel(f->loop, &timer); /* a job that ended may have stopped the loop */
}

static inline int count_entries(const char *format, const char *root)
{
    autofree char *folder = mem_printf(format, root);
    autofree char *command = mem_printf("ls -A %s 2>/dev/null | wc -l", folder);
    FILE *output = popen(command, "r");
    int count = -1;
    assert_int_equal(fscanf(output, "%d", &count), 1);
    pclose(output);
    return count;
}

static inline void nothing_is_left_of_the_containers(void **state)
{
    (void)state;
    NEED_FIXTURE();
    for (int i = 0; i < 2; i++) {
        const char *root = f->edges[i].root;
        assert_int_equal(count_entries("%s/data/containers", root), 0);
        assert_int_equal(count_entries("%s/exec/runtime-runc/moby", root), 0);
        assert_int_equal(count_entries("%s/tmp", root), 0);
        assert_int_not_equal(access(f->edges[i].spool, F_OK), 0);
    }
}

static inline int open_group(void **state)
{
    (void)state;
    fixture_pretend_a_containerd();
    f = fixture_open();
    return 0;
}

static inline int close_group(void **state)
{
    (void)state;
    fixture_close(f);
    return 0;
}

#endif
