/* Real containers, checkpointed in one dockerd and restored in another, on this machine. */
#include "docker_fixture.h"
#include "root.h"
#include "warm_up.h"

#include <glob.h>

static struct fixture *f;

#define NEED_FIXTURE()                                                                                       \
    do {                                                                                                     \
        if (!f)                                                                                              \
            skip();                                                                                          \
    } while (0)

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

static void begin(const char *name)
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

static void end(void)
{
    for (int i = 0; i < 2; i++)
        assert_int_equal(
            OPERATE(f, discard, &f->edges[i].container, &f->job, "roamlab/commit:ct", f->edges[i].spool), 0);
}

/* Freeze, dump, the layer by `layer`, thaw. */
static void snapshot(int edge, bool commit)
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

static void assert_same_state(const struct offload *a, const struct offload *b)
{
    assert_int_equal(a->number, b->number);
    assert_true(a->digest == b->digest);
    assert_true(a->checksum == b->checksum);
}

/* Goes on at the source, replays the same at the target, compares, and goes on there. */
static void catch_up_and_compare(int from, int to)
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

static void migrate_layer(int from, int to)
{
    snapshot(from, false);
    fixture_copy_spool(f, from, to);
    struct docker_container *target = &f->edges[to].container;
    assert_int_equal(OPERATE(f, create, target, &f->job, NULL, f->edges[to].spool), 0);
    assert_int_equal(OPERATE(f, restore, target, &f->job, f->edges[to].spool), 0);
    catch_up_and_compare(from, to);
}

static void p_migr_there_and_back(void **state)
{
    (void)state;
    NEED_FIXTURE();
    begin("p-migr");
    for (int hop = 0; hop < 4; hop++)
        migrate_layer(hop % 2, (hop + 1) % 2);
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

static void truncate_pages(const struct edge *edge)
{
    autofree char *pages = mem_printf("%s/memory/pages-1.img", edge->spool);
    struct stat st;
    assert_int_equal(stat(pages, &st), 0);
    assert_int_equal(truncate(pages, st.st_size / 2), 0);
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

static void stop_loop(struct timer *timer)
{
    (void)timer;
    loop_stop(f->loop);
}

static int calls; /* of count_call */

static void count_call(struct docker_job *job, int status, uint64_t bytes, const struct err *e)
{
    (void)job, (void)status, (void)bytes, (void)e;
    calls++;
}

static void run_for(int milliseconds)
{
    struct timer timer = {.fire = stop_loop};
    loop_arm_after(f->loop, &timer, simtime_ms(milliseconds));
    loop_run(f->loop);
    loop_cancel(f->loop, &timer); /* a job that ended may have stopped the loop */
}

/* Outside of the Engine's root: nobody removes that of a shim that is killed. */
static char *shim_socket(const struct docker_container *c)
{
    char hash[65];
    autofree char *containerd = docker_root_containerd_socket(c->daemon->root), *key = mem_printf("%s/moby/%s", containerd, c->id);
    docker_sha256_hex(key, hash);
    return mem_printf("/run/containerd/s/%s", hash);
}

/* A pages image that is too short, with a list that does not tell, makes CRIU loop for ever: calling the
 * job off and discarding the container must end that. */
static void a_restore_that_hangs_can_be_discarded(void **state)
{
    (void)state;
    NEED_FIXTURE();
    begin("hangs");
    snapshot(0, false);
    fixture_copy_spool(f, 0, 1);
    truncate_pages(&f->edges[1]);
    autofree char *memory = mem_printf("%s/memory", f->edges[1].spool);
    struct docker_container *target = &f->edges[1].container;
    uint64_t bytes;
    assert_int_equal(manifest_write(memory, &bytes, NULL), 0);
    assert_int_equal(OPERATE(f, create, target, &f->job, NULL, f->edges[1].spool), 0);
    struct docker_job job = {.done = count_call};
    docker_container_restore(target, &job, f->edges[1].spool);
    calls = 0;
    run_for(600);
    docker_job_cancel(&job);
    assert_int_equal(calls, 0);
    autofree char *socket = shim_socket(target);
    assert_int_equal(access(socket, F_OK), 0);
    assert_int_equal(OPERATE(f, discard, target, &f->job, NULL, f->edges[1].spool), 0);
    assert_int_not_equal(access(socket, F_OK), 0);
    fixture_requests(f, &f->edges[0], 50, OFFLOAD_REQUEST);
    end();
}

static int count_entries(const char *format, const char *root)
{
    autofree char *folder = mem_printf(format, root);
    autofree char *command = mem_printf("ls -A %s 2>/dev/null | wc -l", folder);
    FILE *output = popen(command, "r");
    int count = -1;
    assert_int_equal(fscanf(output, "%d", &count), 1);
    pclose(output);
    return count;
}

/* Of any of its threads; 0: none. */
static pid_t child_of(pid_t parent)
{
    autofree char *lists = mem_printf("/proc/%d/task/*/children", parent);
    glob_t found;
    pid_t pid = 0;
    if (glob(lists, 0, NULL, &found) != 0)
        return 0;
    for (size_t i = 0; i < found.gl_pathc && !pid; i++) {
        struct buf text = BUF_INIT;
        if (files_read(found.gl_pathv[i], 0, &text, NULL) == 0)
            pid = (pid_t)strtol(buf_text(&text), NULL, 10);
        buf_free(&text);
    }
    globfree(&found);
    return pid;
}

/* Once it writes its log; `late`: has a folder in what it takes for the machine's /tmp, too. 0: the restore was faster. */
static pid_t find_restoring_criu(const struct docker_job *job, bool late)
{
    pid_t runc = 0, criu = 0;
    while (job->steps && (!criu || (late && count_entries("%s/criu/tmp", f->edges[1].root) == 0))) {
        run_for(1);
        if (job->log_file >= 0 && !runc)
            runc = docker_shim_find_runc(job->container);
        criu = runc ? child_of(runc) : 0;
    }
    return job->steps ? criu : 0;
}

/* At once, at whatever moment: runc would wait for what CRIU has begun. At first as soon as it is seen; then when it has a folder in what it takes for
 * the machine's /tmp, where it would stay. */
static void a_restore_whose_criu_is_killed_fails(void **state)
{
    (void)state;
    NEED_FIXTURE();
    int struck = 0;
    begin("killed");
    struct docker_container *target = &f->edges[1].container;
    for (int late = 0; late < 2; late++) {
        snapshot(0, false);
        fixture_copy_spool(f, 0, 1);
        assert_int_equal(OPERATE(f, create, target, &f->job, NULL, f->edges[1].spool), 0);
        struct docker_job job = {.done = fixture_job_done};
        docker_container_restore(target, &job, f->edges[1].spool);
        pid_t criu = find_restoring_criu(&job, late);
        if (criu && kill(criu, SIGKILL) == 0 && fixture_wait(f, "restore") < 0) {
            assert_non_null(strstr(f->err.text, "restore killed: CRIU ended before it had restored the container"));
            struck++;
        }
        assert_int_equal(OPERATE(f, discard, target, &f->job, NULL, f->edges[1].spool), 0);
        fixture_requests(f, &f->edges[0], 20, OFFLOAD_REQUEST);
    }
    assert_true(struck > 0);
    assert_true(count_entries("%s/criu/tmp", f->edges[1].root) > 0);
    migrate_layer(0, 1); /* the same container can be tried again */
    end();
}

static bool serves_before_it_ends(pid_t pid)
{
    struct offload o;
    for (int tries = 0; kill(pid, 0) == 0; tries++) {
        if (fixture_receive(&f->edges[0], &o, 50))
            return true;
        if (tries == 1200)
            fail_msg("process %d neither serves nor ends", pid);
        fixture_send(&f->edges[0], OFFLOAD_PROBE, 0);
    }
    return false;
}

/* The CRIU that has begun a process, which holds runc's connection, too; if none is seen to, the last one. */
static pid_t find_criu_with_a_child(pid_t runc)
{
    struct simtime give_up = simtime_add(clock_monotonic(), simtime_ms(50));
    pid_t criu;
    do
        criu = child_of(runc);
    while ((!criu || !child_of(criu)) && simtime_before(clock_monotonic(), give_up));
    return criu;
}

/* What CRIU had done to the processes by then is undone, or, at some moments, they end by it: they never stand still. */
static void a_dump_whose_criu_is_killed_fails(void **state)
{
    enum { ITS_CHILD = -1 };
    static const int moments_ms[] = {0, ITS_CHILD, 2, ITS_CHILD, 5, ITS_CHILD, 10, 15};
    struct docker_container *c = &f->edges[0].container;
    int struck = 0;
    (void)state;
    NEED_FIXTURE();
    for (size_t i = 0; i < ARRAY_LEN(moments_ms); i++) {
        struct docker_job job = {.done = fixture_job_done};
        pid_t criu = 0;
        begin("undumped");
        assert_int_equal(OPERATE(f, freeze, c, &f->job), 0);
        docker_container_dump(c, &job, f->edges[0].spool);
        for (; job.steps && !criu; run_for(1))
            criu = c->dumper.pid ? child_of(c->dumper.pid) : 0;
        if (moments_ms[i] == ITS_CHILD)
            criu = find_criu_with_a_child(c->dumper.pid);
        else
            run_for(moments_ms[i]);
        bool killed = job.steps && criu && kill(criu, SIGKILL) == 0;
        if (job.steps && fixture_wait(f, "dump") < 0) {
            assert_true(killed);
            assert_non_null(strstr(f->err.text, "dump undumped: CRIU ended before it had dumped the container"));
            struck++;
        }
        pid_t pid = c->pid;
        if (OPERATE(f, thaw, c, &f->job) == 0 && serves_before_it_ends(pid))
            fixture_requests(f, &f->edges[0], 20, OFFLOAD_REQUEST);
        end();
    }
    assert_true(struck > 0);
}

/* What an agent does that takes over in the middle of a dump: the container goes on, or ends by it, but never stands still. */
static void a_thaw_in_the_middle_ends_the_dump(void **state)
{
    static const int moments_ms[] = {4, 8, 12, 16, 20, 30};
    struct docker_container *c = &f->edges[0].container;
    (void)state;
    NEED_FIXTURE();
    for (size_t i = 0; i < ARRAY_LEN(moments_ms); i++) {
        struct docker_job job = {.done = count_call};
        begin("thawed");
        assert_int_equal(OPERATE(f, freeze, c, &f->job), 0);
        docker_container_dump(c, &job, f->edges[0].spool);
        run_for(moments_ms[i]);
        pid_t pid = c->pid;
        int thawed = OPERATE(f, thaw, c, &f->job);
        while (job.steps)
            run_for(1);
        if (thawed == 0 && serves_before_it_ends(pid))
            fixture_requests(f, &f->edges[0], 20, OFFLOAD_REQUEST);
        end();
    }
}

static void nothing_is_left_of_the_containers(void **state)
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

static int open_group(void **state)
{
    (void)state;
    fixture_pretend_a_containerd();
    f = fixture_open();
    return 0;
}

static int close_group(void **state)
{
    (void)state;
    fixture_close(f);
    return 0;
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
        cmocka_unit_test(a_restore_that_hangs_can_be_discarded),
        cmocka_unit_test(a_restore_whose_criu_is_killed_fails),
        cmocka_unit_test(a_dump_whose_criu_is_killed_fails),
        cmocka_unit_test(a_thaw_in_the_middle_ends_the_dump),
        cmocka_unit_test(names_what_is_wrong),
        cmocka_unit_test(cancelled_jobs_call_nobody),
        cmocka_unit_test(nothing_is_left_of_the_containers),
        cmocka_unit_test(an_engine_keeps_its_images),
        cmocka_unit_test(an_engine_that_dies_is_reported),
    };
    return cmocka_run_group_tests(tests, open_group, close_group);
}
