/* What strikes CRIU, or the Engine, in the middle of a dump or a restore: the container goes on, or its end is seen; it never stands still. */
#include "docker_pair.h"
#include "root.h"

#include <glob.h>

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
    autofree char *socket = shim_socket(target);
    calls = 0;
    for (int turn = 0; access(socket, F_OK) < 0 && turn < 3000; turn++)
        run_for(10);
    run_for(400);
    docker_job_cancel(&job);
    assert_int_equal(calls, 0);
    assert_int_equal(access(socket, F_OK), 0);
    assert_int_equal(OPERATE(f, discard, target, &f->job, NULL, f->edges[1].spool), 0);
    assert_int_not_equal(access(socket, F_OK), 0);
    fixture_requests(f, &f->edges[0], 50, OFFLOAD_REQUEST);
    end();
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
    enum { TRIES_MAX = 10 }; /* a restore may be faster than who looks for it */
    bool struck = false, left = false;
    begin("killed");
    struct docker_container *target = &f->edges[1].container;
    for (int i = 0; i < 2 || (i < TRIES_MAX && !(struck && left)); i++) {
        snapshot(0, false);
        fixture_copy_spool(f, 0, 1);
        assert_int_equal(OPERATE(f, create, target, &f->job, NULL, f->edges[1].spool), 0);
        struct docker_job job = {.done = fixture_job_done};
        docker_container_restore(target, &job, f->edges[1].spool);
        pid_t criu = find_restoring_criu(&job, i % 2);
        if (criu)
            kill(criu, SIGKILL);
        if (job.steps && fixture_wait(f, "restore") < 0) {
            assert_non_null(strstr(f->err.text, "restore killed: CRIU ended before it had restored the container"));
            struck = true;
        }
        left = count_entries("%s/criu/tmp", f->edges[1].root) > 0;
        assert_int_equal(OPERATE(f, discard, target, &f->job, NULL, f->edges[1].spool), 0);
        fixture_requests(f, &f->edges[0], 20, OFFLOAD_REQUEST);
    }
    assert_true(struck && left);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_restore_that_hangs_can_be_discarded),
        cmocka_unit_test(a_restore_whose_criu_is_killed_fails),
        cmocka_unit_test(a_dump_whose_criu_is_killed_fails),
        cmocka_unit_test(a_thaw_in_the_middle_ends_the_dump),
        cmocka_unit_test(nothing_is_left_of_the_containers),
    };
    return cmocka_run_group_tests(tests, open_group, close_group);
}
