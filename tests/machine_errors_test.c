/* What a user can get wrong with other machines: each is one line that names the machine and what to do, and leaves nothing there. */
#include "lab_machines.h"

#define OLD "echo '{\"say\": \"hello\", \"version\": \"0.0.9\", \"addresses\": {}}'; cat >/dev/null\n"

static const struct {
    const char *wrong;            /* for the message of a test that fails */
    const char *on_2;             /* further keys of the hosts on machine 2, which override */
    const char *ssh_words;        /* for ssh to all machines */
    const char *break_2, *mend_2; /* commands of root's there */
    bool push;
    int status;
    const char *says[3]; /* what went wrong, what to do, what a log says */
} rows[] = {
    {.wrong = "a name that nobody has",
     .on_2 = ", \"ssh\": \"root@pc2.invalid\"",
     .status = 4,
     .says = {"machine root@pc2.invalid: ssh does not get there",
              "this must work without a question: ssh root@pc2.invalid true",
              "agents-root@pc2.invalid.log ends with: ssh: Could not resolve hostname"}},
    {.wrong = "an address that nobody has",
     .on_2 = ", \"ssh\": \"root@192.0.2.77\"",
     .status = 4,
     .says = {"machine root@192.0.2.77: ssh does not get there", "ssh root@192.0.2.77 true",
              "agents-root@192.0.2.77.log ends with: ssh: connect to host 192.0.2.77"}},
    {.wrong = "an address that nobody has, while copying",
     .on_2 = ", \"ssh\": \"root@192.0.2.77\"",
     .push = true,
     .status = 4,
     .says = {"machine root@192.0.2.77: push roamlab: ssh: exit status 255: ssh: connect to host 192.0.2.77",
              "ssh root@192.0.2.77 true"}},
    {.wrong = "a key that is refused",
     .ssh_words = "-oPubkeyAuthentication=no",
     .status = 4,
     .says = {": ssh does not get there", "this must work without a question: ssh root@192.0.2.",
              "Permission denied (publickey"}},
    {.wrong = "a machine that is not known",
     .ssh_words = "-oUserKnownHostsFile=/dev/null",
     .status = 4,
     .says = {": ssh does not get there", "this must work without a question: ssh root@192.0.2.",
              "Host key verification failed"}},
    {.wrong = "roamlab is not there",
     .on_2 = ", \"command\": \"/nowhere/roamlab\"",
     .status = 4,
     .says = {"machine root@192.0.2.2: roamlab cannot be started there", "--push copies it",
              "/nowhere/roamlab"}},
    {.wrong = "another program is there",
     .on_2 = ", \"command\": \"false\"",
     .status = 4,
     .says =
         {"machine root@192.0.2.2: what is called there is no roamlab of this version: it ended with exit status 1",
          "--push"}},
    {.wrong = "another version",
     .on_2 = ", \"command\": \"sh /var/lib/roamlab/old\"",
     .status = 4,
     .says = {"machine root@192.0.2.2: its roamlab is version 0.0.9, this one is",
              "install the same on both, or run with --push"}},
    {.wrong = "one machine by two names",
     .on_2 = ", \"ssh\": \"192.0.2.1\"",
     .push = true,
     .status = 4,
     .says = {": it is ", ", too (call a machine by one name in all of its hosts"}},
    {.wrong = "an interface that it has not",
     .on_2 = ", \"interface\": \"eth7\"",
     .push = true,
     .status = 4,
     .says =
         {"hosts.pc2: root@192.0.2.2: has no interface eth7 with an IPv4 address (it has lo 127.0.0.1, eth0 192.0.2.2)"}},
    {.wrong = "a user who is not root",
     .on_2 = ", \"ssh\": \"student@192.0.2.2\"",
     .push = true,
     .status = 3,
     .says =
         {"machine student@192.0.2.2: the real world needs root: this process (user 4000) lacks CAP_SYS_ADMIN",
          "hosts.NAME.command say: sudo -n roamlab"}},
    {.wrong = "no Docker",
     .break_2 = "mount --bind /dev/null $(command -v dockerd)",
     .mend_2 = "umount $(command -v dockerd)",
     .push = true,
     .status = 3,
     .says = {"machine root@192.0.2.2: dockerd is not installed", "apt-get install docker.io"}},
    {.wrong = "a full disk",
     .break_2 = "mount -t tmpfs -o size=30m none /var/lib/roamlab",
     .mend_2 = "umount /var/lib/roamlab",
     .push = true,
     .status = 3,
     .says = {"machine root@192.0.2.2: /var/lib/roamlab has ", "MB free, a run needs", "make room there"}},
    {.wrong = "a closed port",
     .break_2 = "iptables -I INPUT -p udp --dport 47890 -j DROP",
     .mend_2 = "iptables -D INPUT -p udp --dport 47890 -j DROP",
     .push = true,
     .status = 4,
     .says = {": host pc2 on root@192.0.2.2 does not answer through the tunnel",
              "UDP port 47890 must be open between the two machines, both ways"}},
};

static const char *or_nothing(const char *text)
{
    return text ? text : "";
}

static void is_told(size_t i)
{
    int status;
    autofree char *arguments =
        mem_printf("run --world real --quiet %s --hosts %s/lab.json -o %s/row%zu tests/walk.json",
                   rows[i].push ? "--push" : "", lab_folder, lab_folder, i);
    autofree char *on_1 = mem_printf(", \"command\": \"%s/bin/roamlab\"", lab_folder);
    lab_write_inventory("lab.json", rows[i].push ? "" : on_1, or_nothing(rows[i].on_2));
    if (rows[i].break_2)
        free(lab_on_machine(2, rows[i].break_2));
    autofree char *output = lab_roamlab_by(or_nothing(rows[i].ssh_words), arguments, &status);
    if (rows[i].mend_2)
        free(lab_on_machine(2, rows[i].mend_2));
    printf("note: %s: %s", rows[i].wrong, output);
    if (status != rows[i].status)
        fail_msg("%s: exit status %d: %s", rows[i].wrong, status, output);
    for (size_t k = 0; k < ARRAY_LEN(rows[i].says) && rows[i].says[k]; k++)
        if (!strstr(output, rows[i].says[k]))
            fail_msg("%s: no \"%s\" in: %s", rows[i].wrong, rows[i].says[k], output);
}

/* With --push, or without it. */
static void tell_all(bool push)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].push == push)
            is_told(i);
}

/* And nothing is copied that was not asked for: machine 1 has a roamlab elsewhere. */
static void what_does_not_begin_is_told(void **state)
{
    int status;
    (void)state;
    if (!lab_folder)
        skip();
    autofree char *copy =
        mem_printf("mkdir %s/bin && cp roamlab roamlab-service %s/bin", lab_folder, lab_folder);
    free(shell_output(".", copy, &status));
    assert_int_equal(status, 0);
    folder_write(lab_folder, "m2/old", OLD); /* its /var/lib/roamlab */
    tell_all(false);
    for (int machine = 1; machine <= 2; machine++) {
        autofree char *copied = lab_on_machine(machine, "ls -d .local");
        assert_non_null(strstr(copied, "No such file"));
    }
}

static void what_a_machine_lacks_is_told(void **state)
{
    (void)state;
    if (!lab_folder)
        skip();
    tell_all(true);
    lab_nothing_is_left(1);
    lab_nothing_is_left(2);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_does_not_begin_is_told),
        cmocka_unit_test(what_a_machine_lacks_is_told),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, lab_make, lab_take_down);
}
