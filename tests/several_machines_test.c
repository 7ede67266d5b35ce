/* Runs on several machines (tests/machines): by ssh, without shared files, with clocks that are seconds apart and drift. */
#include "clock.h"
#include "folder.h"
#include "json_file.h"
#include "packet_file.h"
#include "shell_output.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <netinet/in.h>
#include <sqlite3.h>
#include <unistd.h>

enum { SKEW_PPM = 200 };
enum { SLOW_MACHINE_LATE = 1 /* exit status of a run that was too late, or not as fast as expected */ };

static char *folder; /* of the machines; NULL: they cannot be had */
static const char *name;

static int make_machines(void **state)
{
    int status;
    (void)state;
    char *made = folder_make();
    autofree char *command = mem_printf("MACHINE_OFFSETS='5 -3' tests/machines up %s 2>&1", made);
    if (geteuid() != 0)
        status = -1;
    else
        free(shell_output(".", command, &status));
    folder = made;
    name = strrchr(folder, '/') + 1;
    if (status == 0)
        return 0;
    printf("skip: no machines to be had: root, network and time namespaces, sshd and ip are needed\n");
    folder_remove(steal(folder));
    return 0;
}

static int take_machines_down(void **state)
{
    int status;
    (void)state;
    if (!folder)
        return 0;
    autofree char *command = mem_printf("tests/machines down %s", folder);
    free(shell_output(".", command, &status));
    free(folder);
    return status;
}

/* Starts roamlab in the lab's network, and says what it printed. */
static char *roamlab(const char *arguments, int *status)
{
    autofree char *command =
        mem_printf("ROAMLAB_SSH='ssh -F %s/ssh_config -oServerAliveInterval=1' nsenter --net=/run/netns/roamlab-lab-%s "
                   "./roamlab %s 2>&1",
                   folder, name, arguments);
    char *output = shell_output(".", command, status);
    *status = WIFEXITED(*status) ? WEXITSTATUS(*status) : -1;
    return output;
}

static char *on_machine(int machine, const char *command)
{
    int status;
    autofree char *whole = mem_printf("nsenter --net=/run/netns/roamlab-lab-%s ssh -F %s/ssh_config root@192.0.2.%d '%s'", name,
                                      folder, machine, command);
    return shell_output(".", whole, &status);
}

/* pc1 and the laptop on machine 1, pc2 and pc3 on machine 2. */
static void write_inventory(const char *file, const char *command)
{
    autofree char *with = command ? mem_printf(", \"command\": \"%s\"", command) : mem_copy_string("");
    autofree char *text = mem_printf("{\"pc1\": {\"ssh\": \"root@192.0.2.1\", \"interface\": \"eth0\"},\n"
                                     " \"laptop\": {\"ssh\": \"root@192.0.2.1\", \"interface\": \"eth0\"},\n"
                                     " \"pc2\": {\"ssh\": \"root@192.0.2.2\", \"interface\": \"eth0\"%s},\n"
                                     " \"pc3\": {\"ssh\": \"root@192.0.2.2\", \"interface\": \"eth0\"%s},\n"
                                     " \"another\": {\"ssh\": \"root@192.0.2.9\"}}\n",
                                     with, with);
    folder_write(folder, file, text);
}

/* The fastest way from one reporter to the other of messages with this text, in ms. */
static double fastest_ms(const char *result, const char *from, const char *to, const char *text)
{
    sqlite3 *db;
    sqlite3_stmt *rows;
    autofree char *path = mem_printf("%s/events.db", result);
    autofree char *sql = mem_printf("SELECT min(r.at_ns - s.at_ns) / 1e6 FROM event s JOIN event r ON r.number = s.number AND r.text = s.text "
                                    "WHERE s.text LIKE '%s %%' AND s.reporter = '%s' AND s.direction = 'sent' AND r.reporter = '%s' "
                                    "AND r.direction = 'recvd' AND s.number >= 11",
                                    text, from, to);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_prepare_v2(db, sql, -1, &rows, NULL) != SQLITE_OK)
        fail_msg("%s", sqlite3_errmsg(db));
    assert_int_equal(sqlite3_step(rows), SQLITE_ROW);
    assert_int_not_equal(sqlite3_column_type(rows, 0), SQLITE_NULL);
    double ms = sqlite3_column_double(rows, 0);
    sqlite3_finalize(rows);
    sqlite3_close(db);
    return ms;
}

/* The fastest way of a datagram from one host's capture to another's, in ms. */
static double fastest_packet_ms(const char *result, const char *from, const char *to)
{
    enum { MOST = 20000 };
    struct seen {
        int64_t at;
        uint64_t hash;
    } *sent = mem_alloc_array(MOST, sizeof *sent);
    const char *const names[] = {from, to};
    int64_t fastest = INT64_MAX;
    int count = 0;
    for (int side = 0; side < 2; side++) {
        autofree char *path = mem_printf("%s/%s.pcap", result, names[side]);
        struct err e = ERR_INIT;
        struct packet packet;
        struct packet_file *file = packet_file_open(path, &e);
        if (!file)
            fail_msg("%s", e.text);
        while (packet_file_next(file, &packet, &e) == 1) {
            uint64_t hash = (uint64_t)packet.from << 32 | packet.to;
            for (size_t i = 0; i < packet.len; i++)
                hash = (hash ^ packet.payload[i]) * 1099511628211u;
            if (packet.protocol != IPPROTO_UDP || packet.len < 100 || packet.received != side)
                continue;
            if (side == 0 && count < MOST)
                sent[count++] = (struct seen){packet.at.ns, hash};
            for (int i = 0; side == 1 && i < count; i++)
                if (sent[i].hash == hash && packet.at.ns - sent[i].at < fastest)
                    fastest = packet.at.ns - sent[i].at;
        }
        packet_file_close(file);
    }
    free(sent);
    assert_true(fastest < INT64_MAX);
    return (double)fastest / 1e6;
}

static void nothing_is_left(int machine)
{
    for (int tries = 0;; tries++) {
        autofree char *left = on_machine(machine, "ls /var/lib/roamlab/runs /run/netns 2>/dev/null | grep -v : | grep .; ip -o link show type vxlan");
        if (!*left)
            return;
        if (tries == 60)
            fail_msg("machine %d: %s", machine, left);
        sleep(1);
    }
}

static json_object *read_result(const char *result)
{
    struct err e = ERR_INIT;
    json_object *root = NULL;
    if (json_file_read(result, "result.json", &root, &e) < 0)
        fail_msg("%s", e.text);
    return root;
}

/* Machine 2's clock began 3 s behind and gains 200 µs a second: over the run, far more than what is not known of it. Messages between the
 * machines take 5 ms each way: an offset that is wrong by some time makes one way longer by it and the other one shorter. */
static void a_run_over_two_machines(void **state)
{
    int status;
    (void)state;
    if (!folder)
        skip();
    autofree char *build = mem_printf("cc -O2 -shared -fPIC -o %s/skewed_clock.so tests/skewed_clock.c 2>&1", folder);
    autofree char *built = shell_output(".", build, &status);
    if (status != 0)
        fail_msg("%s", built);
    autofree char *skewed = mem_printf("env LD_PRELOAD=%s/skewed_clock.so SKEW_PPM=%d .local/bin/roamlab", folder, SKEW_PPM);
    write_inventory("lab.json", skewed);
    autofree char *arguments = mem_printf("run --world real --quiet --push --capture --hosts %s/lab.json -o %s/run --set duration_s=12 "
                                          "--set muds.m1.visits.1.at_request=10 scenarios/kim22-quick.json", folder, folder);
    autofree char *output = roamlab(arguments, &status);
    if (status != 0 && status != SLOW_MACHINE_LATE)
        fail_msg("exit status %d: %s", status, output);
    autofree char *run = mem_printf("%s/run", folder);
    json_object *result = read_result(run);
    assert_int_equal(json_number_at(result, "requests.lost"), 0);
    assert_int_equal(json_number_at(result, "requests.duplicated"), 0);
    assert_int_equal(json_number_at(result, "invariants.ok"), 1);
    assert_string_equal(json_text_at(result, "migrations.0.outcome"), "finished");
    double unknown = json_number_at(result, "clock_ms.uncertainty");
    double offsets[2] = {json_number_at(result, "clock_ms.machines.0.offset_s"), json_number_at(result, "clock_ms.machines.1.offset_s")};
    double drift = json_number_at(result, "clock_ms.machines.1.drift_ppm");
    json_object_put(result);
    double there = fastest_ms(run, "USER", "AP-2", "SVCQ"), back = fastest_ms(run, "AP-2", "USER", "SVCR");
    double carried_there = fastest_packet_ms(run, "laptop", "pc2"), carried_back = fastest_packet_ms(run, "pc2", "laptop");
    nothing_is_left(1);
    nothing_is_left(2);
    double expected = -3 + SKEW_PPM * 1e-6 * simtime_seconds(clock_monotonic());
    if (fabs(offsets[0] - 5) > 0.1 || fabs(offsets[1] - expected) > 0.1 || fabs(drift - SKEW_PPM) > 50)
        fail_msg("offsets %f and %f s (expected: 5 and %f), drift %f ppm", offsets[0], offsets[1], expected, drift);
    if (there < 5 - unknown || back < 5 - unknown || fabs(there - back) / 2 > unknown + 1)
        fail_msg("%f ms there, %f ms back, known within %f ms", there, back, unknown);
    if (carried_there < 5 - unknown || carried_back < 5 - unknown || fabs(carried_there - carried_back) / 2 > unknown + 1)
        fail_msg("packets: %f ms there, %f ms back, known within %f ms", carried_there, carried_back, unknown);
}

static void another_version_is_refused(void **state)
{
    int status;
    (void)state;
    if (!folder)
        skip();
    folder_write(folder, "old", "echo '{\"say\": \"hello\", \"version\": \"0.0.9\", \"addresses\": {}}'; cat >/dev/null\n");
    autofree char *old = mem_printf("sh %s/old", folder);
    write_inventory("old.json", old);
    autofree char *arguments = mem_printf("run --world real --quiet --hosts %s/old.json -o %s/old-run scenarios/kim22-quick.json", folder, folder);
    autofree char *output = roamlab(arguments, &status);
    if (status != 4 || !strstr(output, "machine root@192.0.2.2: its roamlab is version 0.0.9, this one is"))
        fail_msg("exit status %d: %s", status, output);
}

/* Whichever of both is ready first. */
static void another_service_is_refused(void **state)
{
    int status;
    (void)state;
    if (!folder)
        skip();
    autofree char *make = mem_printf("mkdir %s/other && cp roamlab roamlab-service %s/other && echo >>%s/other/roamlab-service", folder, folder, folder);
    free(shell_output(".", make, &status));
    assert_int_equal(status, 0);
    autofree char *other = mem_printf("%s/other/roamlab", folder);
    write_inventory("other.json", other);
    autofree char *arguments = mem_printf("run --world real --quiet --push --hosts %s/other.json -o %s/other-run scenarios/kim22-quick.json", folder, folder);
    autofree char *output = roamlab(arguments, &status);
    if (status != 4 || !strstr(output, "its roamlab-service is another one than the others'"))
        fail_msg("exit status %d: %s", status, output);
    nothing_is_left(1);
    nothing_is_left(2);
}

static void who_cannot_be_reached_is_named(void **state)
{
    int status;
    (void)state;
    if (!folder)
        skip();
    autofree char *arguments = mem_printf("run --world real --quiet --set 'hosts={\"pc1\":{\"ssh\":\"root@192.0.2.77\",\"interface\":\"eth0\"},"
                                          "\"pc2\":{\"interface\":\"lo\"},\"pc3\":{\"interface\":\"lo\"},\"laptop\":{\"interface\":\"lo\"}}' "
                                          "-o %s/nobody scenarios/kim22-quick.json",
                                          folder);
    autofree char *output = roamlab(arguments, &status);
    if (status != 4 || !strstr(output, "machine root@192.0.2.77: roamlab does not answer there") ||
        !strstr(output, "agents-root@192.0.2.77.log ends with: ssh: connect to host 192.0.2.77"))
        fail_msg("exit status %d: %s", status, output);
}

/* What could slow down or hold ssh's packets on the interface by which the machine is reached. */
#define SHAPING "tc qdisc show dev eth0; iptables -t mangle -S; iptables -S"

/* The tunnels alone are shaped. The cable to machine 2 is cut during the run: the run fails, naming it, and both machines take back what was made on
 * them. */
static void a_cut_cable(void **state)
{
    int status;
    (void)state;
    if (!folder)
        skip();
    write_inventory("plain.json", NULL);
    autofree char *before = on_machine(2, SHAPING);
    autofree char *cut = mem_printf("(sleep 1; while ! grep -qs . %s/cut/agents-root@192.0.2.2.log || ! nsenter --net=/run/netns/roamlab-lab-%s ssh -F "
                                    "%s/ssh_config root@192.0.2.2 pgrep -f runc >/dev/null; do sleep 0.5; done; "
                                    "nsenter --net=/run/netns/roamlab-lab-%s ssh -F %s/ssh_config root@192.0.2.2 '" SHAPING "' >%s/during; ip -n roamlab-lab-%s link set port2 down) >/dev/null 2>&1 &",
                                    folder, name, folder, name, folder, folder, name);
    free(shell_output(".", cut, &status));
    autofree char *arguments = mem_printf("run --world real --quiet --push --hosts %s/plain.json -o %s/cut --set duration_s=60 scenarios/kim22-quick.json", folder, folder);
    autofree char *output = roamlab(arguments, &status);
    autofree char *mend = mem_printf("ip -n roamlab-lab-%s link set port2 up", name);
    int mended;
    free(shell_output(".", mend, &mended));
    if (status != 4 || !strstr(output, "machine root@192.0.2.2: the connection broke") ||
        !strstr(output, "agents-root@192.0.2.1.log ends with: ") || !strstr(output, "agents-root@192.0.2.2.log ends with: "))
        fail_msg("exit status %d: %s", status, output);
    autofree char *during = folder_read(folder, "during");
    assert_string_equal(during, before);
    assert_non_null(strstr(before, "qdisc"));
    nothing_is_left(1);
    nothing_is_left(2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_over_two_machines),
        cmocka_unit_test(another_version_is_refused),
        cmocka_unit_test(another_service_is_refused),
        cmocka_unit_test(who_cannot_be_reached_is_named),
        cmocka_unit_test(a_cut_cable),
    };
    return cmocka_run_group_tests(tests, make_machines, take_machines_down);
}
