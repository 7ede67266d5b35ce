/* What roamlab doctor says about this host, and about one that lacks something; a run says the same. */
#include "host_probe.h"
#include "nfs_client.h"
#include "real_fixture.h"

#include <errno.h>

static json_object *diagnose(const char *before)
{
    autofree char *text = shell("%s %s doctor --json; true", before, fixture_program);
    json_object *list = json_tokener_parse(text);
    if (!json_object_is_type(list, json_type_array))
        fail_msg("no list: %s", text);
    return list;
}

static json_object *finding(json_object *list, const char *name)
{
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        json_object *one = json_object_array_get_idx(list, i);
        if (!strcmp(json_object_get_string(json_object_object_get(one, "name")), name))
            return one;
    }
    fail_msg("no finding %s", name);
    return NULL;
}

static const char *text_of(json_object *finding, const char *key)
{
    const char *text = json_object_get_string(json_object_object_get(finding, key));
    return text ? text : "";
}

static bool works(json_object *finding)
{
    return json_object_get_boolean(json_object_object_get(finding, "works"));
}

static void all_that_is_needed_works_here(void **state)
{
    (void)state;
    NEED_REAL_WORLD();
    static const char *const names[] = {"privileges", "namespaces", "links", "checkpoint", "freezer",
                                        "Engine",     "disk",       "clock", "scp",        "stream"};
    autofree char *before = fixture_machine();
    json_object *list = diagnose("");
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (!works(finding(list, names[i])))
            fail_msg("%s: %s", names[i], text_of(finding(list, names[i]), "what"));
    json_object_put(list);
    assert_machine_as(before);
}

/* `program` is one that fails, in a private mount namespace: the machine's own stays as it is. */
static const struct {
    const char *program, *probe, *says, *mends;
    bool run_needs_it;
} lacks[] = {
    {"dockerd", "checkpoint", "dockerd is not installed", "apt-get install docker.io", true},
    {"runc", "checkpoint", "runc is not installed", "apt-get install docker.io", true},
    {"criu", "checkpoint", "no CRIU works on this kernel", "tools/fetch-criu", true},
    {"ssh-keygen", "scp", "carrier scp", "tools/setup", true},
    {"sshd", "scp", "carrier scp", "tools/setup", true},
    {"containerd", "Engine", "containerd ended with status 1", "docker.io", false},
    {"gnuplot", "figures", "results have no figures", "apt-get install gnuplot-nox", false},
};

static char *without(const char *program)
{
    return mem_printf(
        "unshare -m sh -c 'for f in $(which -a %s) /usr/sbin/%s /var/lib/roamlab/criu/bin/%s; do"
        " test -e $f && mount --bind /bin/false $f; done; exec \"$@\"' sh",
        program, program, program);
}

static void what_is_missing_is_named_alike(void **state)
{
    (void)state;
    NEED_REAL_WORLD();
    for (size_t i = 0; i < ARRAY_LEN(lacks); i++) {
        autofree char *before = fixture_machine(), *prefix = without(lacks[i].program);
        json_object *list = diagnose(prefix), *f = finding(list, lacks[i].probe);
        if (works(f) || !strstr(text_of(f, "what"), lacks[i].says) ||
            !strstr(text_of(f, "mend"), lacks[i].mends))
            fail_msg("%s: %s", lacks[i].program, json_object_to_json_string(f));
        if (lacks[i].run_needs_it) {
            autofree char *said =
                shell("%s %s run --world real -o %s/without " QUICK " 2>&1; echo exit $?; ls %s", prefix,
                      fixture_program, fixture_folder, fixture_folder);
            if (!strstr(said, text_of(f, "what")) || !strstr(said, "exit 3\n") || strstr(said, "without\n"))
                fail_msg("%s: %s instead of %s", lacks[i].program, said, text_of(f, "what"));
        }
        json_object_put(list);
        assert_machine_as(before);
    }
}

/* Who insists on it; carrier nfs does without, too. */
static void a_kernel_without_nfs_is_named(void **state)
{
    (void)state;
    NEED_REAL_WORLD();
    if (nfs_client_kernel.attempt(NULL) == 0) {
        print_message("skip: this kernel has an NFS client\n");
        skip();
    }
    autofree char *said = shell("%s run --world real -o %s/nfs --set migration.carrier=nfs "
                                "--set migration.nfs_client=kernel --set migration.nfs_host=pc2 " QUICK " 2>&1; echo exit $?",
                                fixture_program, fixture_folder);
    if (!strstr(said, "migration.nfs_client: the kernel has no NFS client") || !strstr(said, "exit 3\n"))
        fail_msg("%s", said);
}

static const char small_disk[] = "mount -t tmpfs -o size=1m none /var/lib/roamlab";

static void a_disk_that_is_too_small_is_named(void **state)
{
    (void)state;
    NEED_REAL_WORLD();
    autofree char *said =
        shell("unshare -m sh -c '%s && exec \"$0\" \"$@\"' %s run --world real -o %s/huge " QUICK " 2>&1; echo exit $?",
              small_disk, fixture_program, fixture_folder);
    if (!strstr(said, "/var/lib/roamlab has 1 MB free, a run needs ") || !strstr(said, "exit 3\n"))
        fail_msg("%s", said);
}

/* kim22-quick: 200 MB to work with, a base of 1000 GB in the cache and at two edges, a container of 12 MB in four copies or, by a registry, five; of
 * the image, with its layer of 4 MB, what its way takes, or what its installation has taken before. */
static const struct {
    const char *strategy, *carrier, *pipeline;
    int mb;
} needs[] = {
    {"p-migr", "scp", "false", 5000200},
    {"c-migr", "stream", "false", 6000260},
    {"c-migr", "nfs", "false", 6000260},
    {"c-migr", "registry", "false", 7000276},
    {"c-migr", "stream", "true", 5000256},
    {"image-copy", "scp", "false", 6000260},
    {"layered", "registry", "true", 6000272},
};

static void what_a_run_needs_of_the_disk_depends_on_its_way(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(needs); i++) {
        const struct scenario_setting settings[] = {{"service.base_mb", "1000000"},
                                                    {"migration.strategy", needs[i].strategy},
                                                    {"migration.carrier", needs[i].carrier},
                                                    {"migration.pipeline", needs[i].pipeline},
                                                    {"migration.nfs_host", "pc2"}};
        struct err e = ERR_INIT;
        struct scenario *s = scenario_read(QUICK, settings, strcmp(needs[i].carrier, "nfs") ? 4 : 5, &e);
        if (!s)
            fail_msg("%s", e.text);
        if (host_probe_disk_mb(s) != needs[i].mb)
            fail_msg("%s by %s: %.0f MB", needs[i].strategy, needs[i].carrier, host_probe_disk_mb(s));
        scenario_free(s);
    }
}

/* Who asks whether, not why. */
static void why_may_be_left_unheard(void **state)
{
    (void)state;
    NEED_REAL_WORLD();
    autofree char *service = mem_printf("%s-service", fixture_program);
    struct world_real_facts facts = {0};
    struct err e = ERR_INIT;
    struct scenario *s = scenario_read(QUICK, NULL, 0, &e);
    assert_non_null(s);
    free(shell("%s", small_disk));
    int status = world_real_check(s, &(struct world_real_options){.program = service}, &facts, NULL);
    free(shell("umount /var/lib/roamlab"));
    assert_int_equal(status, -ENOSPC);
    scenario_free(s);
}

int main(int argc, char **argv)
{
    fixture_go_apart(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_is_needed_works_here),
        cmocka_unit_test(what_is_missing_is_named_alike),
        cmocka_unit_test(a_kernel_without_nfs_is_named),
        cmocka_unit_test(a_disk_that_is_too_small_is_named),
        cmocka_unit_test(what_a_run_needs_of_the_disk_depends_on_its_way),
        cmocka_unit_test(why_may_be_left_unheard),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
