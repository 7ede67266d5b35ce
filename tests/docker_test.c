/* Real containers, checkpointed in one dockerd and restored in another, on this machine. */
#include "docker_pair.h"
#include "warm_up.h"

static void warmed_up(struct docker_warm_up *w, int status, const struct err *e)
{
    (void)w;
    fixture_done(status, 0, e);
}

/* The first container makes the file of the Engine's namespace; nothing else is left of it. */
static void a_warm_up_leaves_no_container(void **state)
{
    (void)state;
    NEED_FIXTURE();
    struct edge *edge = &f->edges[0];
    struct docker_warm_up w = {.done = warmed_up};
    autofree char *made = mem_printf("%s/exec/netns/default", edge->root), *kept = mem_printf("%s/data/containers", edge->root);
    assert_int_not_equal(access(made, F_OK), 0);
    docker_warm_up_start(&w, &edge->daemon, "docker-test", f->image.name);
    assert_int_equal(fixture_wait(f, "warm up"), 0);
    assert_int_equal(access(made, F_OK), 0);
    assert_int_equal(rmdir(kept), 0);
    assert_int_equal(mkdir(kept, 0700), 0);
    docker_warm_up_cancel(&w); /* harmless */
}

/* As its control groups tell it: the service's memory, hardly more, and CPU time that requests cost. */
static void assert_usage(struct edge *edge)
{
    struct docker_usage before, after;
    uint64_t memory = fixture_sizes.memory_pages * 4096ULL;
    assert_int_equal(docker_container_usage(&edge->container, &before, &f->err), 0);
    fixture_requests(f, edge, 50, OFFLOAD_REQUEST);
    assert_int_equal(docker_container_usage(&edge->container, &after, &f->err), 0);
    for (int i = 0; i < 200 && after.memory_bytes < memory / 4 * 3; i++) { /* the kernel counts in batches, and adds up every two seconds */
        usleep(50000);
        assert_int_equal(docker_container_usage(&edge->container, &after, &f->err), 0);
    }
    assert_in_range(after.memory_bytes, memory / 4 * 3, 2 * memory);
    assert_true(after.cpu_ns > before.cpu_ns);
}

static void p_migr_there_and_back(void **state)
{
    (void)state;
    NEED_FIXTURE();
    begin("p-migr");
    assert_usage(&f->edges[0]);
    for (int hop = 0; hop < 4; hop++)
        migrate_layer(hop % 2, (hop + 1) % 2);
    assert_usage(&f->edges[0]);
    end();
}

static void c_migr(void **state)
{
    (void)state;
    NEED_FIXTURE();
    begin("c-migr");
    snapshot(0, true);
    assert_int_equal(
        OPERATE(f, save, &f->edges[0].container, &f->job, "roamlab/commit:ct", f->edges[0].spool), 0);
    assert_true(f->bytes > fixture_sizes.base_bytes + fixture_sizes.layer_pages * 4096);
    fixture_copy_spool(f, 0, 1);
    struct docker_container *target = &f->edges[1].container;
    autofree char *archive = mem_printf("%s/image.tar", f->edges[1].spool);
    assert_int_equal(OPERATE(f, load, target, &f->job, archive), 0);
    assert_int_equal(OPERATE(f, create, target, &f->job, "roamlab/commit:ct", NULL), 0);
    assert_int_equal(OPERATE(f, restore, target, &f->job, f->edges[1].spool), 0);
    catch_up_and_compare(0, 1);
    end();
}

/* The halted container comes back as it was when it was frozen, and nothing that was sent meanwhile was
 * executed. */
static void halt_and_revive(void **state)
{
    (void)state;
    NEED_FIXTURE();
    begin("halt");
    struct edge *edge = &f->edges[0];
    struct offload before = fixture_probe(edge, 0), after;
    assert_int_equal(OPERATE(f, freeze, &edge->container, &f->job), 0);
    assert_int_equal(OPERATE(f, dump, &edge->container, &f->job, edge->spool), 0);
    fixture_send(edge, OFFLOAD_REQUEST, f->model.next);
    assert_int_equal(OPERATE(f, halt, &edge->container, &f->job), 0);
    fixture_send(edge, OFFLOAD_PROBE, 0);
    assert_false(fixture_receive(edge, &after, 200));
    assert_int_equal(OPERATE(f, revive, &edge->container, &f->job, edge->spool), 0);
    after = fixture_probe(edge, 0);
    assert_same_state(&before, &after);
    fixture_requests(f, edge, 50, OFFLOAD_REQUEST);
    end();
}

/* Changing files under a running container's checkpoint is noticed by the probe: what the freeze is for. */
static void layer_of_another_instant_is_noticed(void **state)
{
    (void)state;
    NEED_FIXTURE();
    begin("torn");
    struct docker_container *source = &f->edges[0].container, *target = &f->edges[1].container;
    assert_int_equal(OPERATE(f, dump, source, &f->job, f->edges[0].spool), 0);
    struct offload at_dump = fixture_probe(&f->edges[0], 0);
    fixture_requests(f, &f->edges[0], 50, OFFLOAD_REQUEST);
    assert_int_equal(OPERATE(f, take_layer, source, &f->job, f->edges[0].spool), 0);
    fixture_copy_spool(f, 0, 1);
    assert_int_equal(OPERATE(f, create, target, &f->job, NULL, f->edges[1].spool), 0);
    assert_int_equal(OPERATE(f, restore, target, &f->job, f->edges[1].spool), 0);
    struct offload torn = fixture_probe(&f->edges[1], 0);
    assert_int_equal(torn.number, at_dump.number);
    assert_true(torn.digest == at_dump.digest);
    assert_true(torn.checksum != at_dump.checksum);
    end();
}

static void spoil_core(const struct edge *edge)
{
    autofree char *core = mem_printf("%s/memory/core-1.img", edge->spool);
    int fd = open(core, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "nonsense", 8, 0), 8);
    close(fd);
}

static void remove_manifest(const struct edge *edge)
{
    autofree char *manifest = mem_printf("%s/memory/roamlab.files", edge->spool);
    assert_int_equal(unlink(manifest), 0);
}

static void unusable_checkpoints_leave_the_source_serving(void **state)
{
    (void)state;
    NEED_FIXTURE();
    static const struct {
        void (*spoil)(const struct edge *edge);
        const char *says[2];
    } rows[] = {
        {truncate_pages, {"restore unusable: unusable checkpoint: ", "/pages-1.img has "}},
        {remove_manifest, {"restore unusable: unusable checkpoint: ", "/roamlab.files is missing"}},
        {spoil_core, {"restore unusable: docker: POST /containers/unusable/start: 500 ", "CRIU: Error ("}},
    };
    begin("unusable");
    struct docker_container *target = &f->edges[1].container;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        snapshot(0, false);
        fixture_copy_spool(f, 0, 1);
        rows[i].spoil(&f->edges[1]);
        assert_int_equal(OPERATE(f, create, target, &f->job, NULL, f->edges[1].spool), 0);
        assert_true(OPERATE(f, restore, target, &f->job, f->edges[1].spool) < 0);
        assert_non_null(strstr(f->err.text, rows[i].says[0]));
        assert_non_null(strstr(f->err.text, rows[i].says[1]));
        assert_int_equal(OPERATE(f, discard, target, &f->job, NULL, f->edges[1].spool), 0);
        fixture_requests(f, &f->edges[0], 50, OFFLOAD_REQUEST);
    }
    migrate_layer(0, 1); /* the same container can be tried again */
    end();
}

static void names_what_is_wrong(void **state)
{
    (void)state;
    NEED_FIXTURE();
    fixture_new_container(f, 0, "nobody");
    struct docker_container *c = &f->edges[0].container;
    assert_int_equal(OPERATE(f, freeze, c, &f->job), -ESRCH);
    assert_string_equal(f->err.text, "freeze nobody: the container does not run");
    assert_int_equal(OPERATE(f, create, c, &f->job, "roamlab/absent:1", NULL), -ENOENT);
    assert_string_equal(
        f->err.text, "create nobody: docker: POST /containers/create: 404 No such image: roamlab/absent:1");
    assert_int_equal(OPERATE(f, load, c, &f->job, "/nonexistent"), -ENOENT);
    assert_int_equal(OPERATE(f, discard, c, &f->job, NULL, NULL), 0);
}

/* Called off at several moments, a dump calls nobody back and leaves the container serving. */
static void cancelled_jobs_call_nobody(void **state)
{
    (void)state;
    NEED_FIXTURE();
    static const int moments_ms[] = {0, 5, 20, 40, 60, 80, 100, 140};
    begin("cancel");
    for (size_t i = 0; i < ARRAY_LEN(moments_ms); i++) {
        struct docker_job job = {.done = count_call};
        docker_container_dump(&f->edges[0].container, &job, f->edges[0].spool);
        run_for(moments_ms[i]);
        docker_job_cancel(&job);
        calls = 0; /* a dump that was faster than the moment has ended well before */
        fixture_requests(f, &f->edges[0], 5, OFFLOAD_REQUEST);
        run_for(100);
        assert_int_equal(calls, 0);
    }
    end();
}

/* A root whose Engine was stopped in order is good for another run, which finds the image there. */
static void an_engine_keeps_its_images(void **state)
{
    (void)state;
    NEED_FIXTURE();
    struct edge *edge = &f->edges[0];
    docker_container_free(&edge->container);
    docker_daemon_stop(&edge->daemon, true);
    assert_int_equal(fixture_wait(f, "stop dockerd"), 0);
    docker_daemon_free(&edge->daemon);
    fixture_start_daemon(f, edge);
    fixture_install(f, 0);
    assert_int_equal(f->bytes, 0);
}

static void engine_died(struct docker_daemon *d, const struct err *e)
{
    (void)d;
    fixture_done(-1, 0, e);
}

static void an_engine_that_dies_is_reported(void **state)
{
    (void)state;
    NEED_FIXTURE();
    struct docker_daemon *d = &f->edges[0].daemon;
    d->died = engine_died;
    kill(d->process.pid, SIGKILL);
    assert_int_equal(fixture_wait(f, "death"), -1);
    assert_string_equal(f->err.text, "dockerd was ended by signal 9");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_warm_up_leaves_no_container),
        cmocka_unit_test(p_migr_there_and_back),
        cmocka_unit_test(c_migr),
        cmocka_unit_test(halt_and_revive),
        cmocka_unit_test(layer_of_another_instant_is_noticed),
        cmocka_unit_test(unusable_checkpoints_leave_the_source_serving),
        cmocka_unit_test(names_what_is_wrong),
        cmocka_unit_test(cancelled_jobs_call_nobody),
        cmocka_unit_test(nothing_is_left_of_the_containers),
        cmocka_unit_test(an_engine_keeps_its_images),
        cmocka_unit_test(an_engine_that_dies_is_reported),
    };
    return cmocka_run_group_tests(tests, open_group, close_group);
}
