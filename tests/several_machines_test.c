/* Runs on several machines (tests/machines): by ssh, without shared files, with clocks that are seconds apart and drift. */
#include "clock.h"
#include "driver.h"
#include "json_file.h"
#include "lab_machines.h"
#include "packet_file.h"

#include <math.h>
#include <netinet/in.h>
#include <sqlite3.h>

enum { SKEW_PPM = 200 };
enum { SLOW_MACHINE_LATE = 1 /* exit status of a run that was too late, or not as fast as expected */ };

/* Played on two machines, on this one, and in virtual time, without an edit. */
#define WALK "tests/walk.json"

/* The fastest way from one reporter to the other of messages with this text, in ms. What is sent again counts from the first time. */
static double fastest_ms(const char *result, const char *from, const char *to, const char *text)
{
    sqlite3 *db;
    sqlite3_stmt *rows;
    autofree char *path = mem_printf("%s/events.db", result);
    autofree char *sql = mem_printf("SELECT min(r.at_ns - s.at_ns) / 1e6 FROM (SELECT number, text, min(at_ns) AS at_ns FROM event "
                                    "WHERE reporter = '%s' AND direction = 'sent' AND number >= 21 GROUP BY number, text) s "
                                    "JOIN event r ON r.number = s.number AND r.text = s.text "
                                    "WHERE s.text LIKE '%s %%' AND r.reporter = '%s' AND r.direction = 'recvd'",
                                    from, text, to);
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

enum { DATAGRAMS_MAX = 20000 };

struct datagrams {
    int count;
    struct datagram {
        int64_t at_ns;
        uint64_t hash;
    } list[DATAGRAMS_MAX];
};

static const struct datagram *find_datagram(const struct datagrams *d, uint64_t hash)
{
    for (int i = 0; i < d->count; i++)
        if (d->list[i].hash == hash)
            return &d->list[i];
    return NULL;
}

/* What a host sent, or received: each once, as it came first, because devices resend. */
static struct datagrams *read_datagrams(const char *result, const char *host, bool received)
{
    struct datagrams *d = mem_alloc(sizeof *d);
    struct err e = ERR_INIT;
    struct packet packet;
    autofree char *path = mem_printf("%s/%s.pcap", result, host);
    struct packet_file *file = packet_file_open(path, &e);
    if (!file)
        fail_msg("%s", e.text);
    while (d->count < DATAGRAMS_MAX && packet_file_next(file, &packet, &e) == 1) {
        uint64_t hash = (uint64_t)packet.from << 32 | packet.to;
        for (size_t i = 0; i < packet.len; i++)
            hash = (hash ^ packet.payload[i]) * 1099511628211u;
        if (packet.protocol == IPPROTO_UDP && packet.len >= 100 && packet.received == received && !find_datagram(d, hash))
            d->list[d->count++] = (struct datagram){packet.at.ns, hash};
    }
    packet_file_close(file);
    return d;
}

/* The fastest way of a datagram from one host's capture to another's, in ms. */
static double fastest_packet_ms(const char *result, const char *from, const char *to)
{
    autofree struct datagrams *sent = read_datagrams(result, from, false), *received = read_datagrams(result, to, true);
    int64_t fastest = INT64_MAX;
    for (int i = 0; i < received->count; i++) {
        const struct datagram *as_sent = find_datagram(sent, received->list[i].hash);
        if (as_sent && received->list[i].at_ns - as_sent->at_ns < fastest)
            fastest = received->list[i].at_ns - as_sent->at_ns;
    }
    assert_true(fastest < INT64_MAX);
    return (double)fastest / 1e6;
}

static json_object *read_result(const char *result)
{
    struct err e = ERR_INIT;
    json_object *root = NULL;
    if (json_file_read(result, "result.json", &root, &e) < 0)
        fail_msg("%s", e.text);
    return root;
}

/* What every way of playing the walk must end with. */
static json_object *read_good(const char *result)
{
    json_object *r = read_result(result);
    assert_int_equal(json_number_at(r, "requests.lost"), 0);
    assert_int_equal(json_number_at(r, "requests.duplicated"), 0);
    assert_int_equal(json_number_at(r, "invariants.ok"), 1);
    assert_string_equal(json_text_at(r, "migrations.0.outcome"), "finished");
    for (int i = 0; i < 3; i++) {
        autofree char *holds = mem_printf("expectations.%d.holds", i);
        assert_int_equal(json_number_at(r, holds), 1);
    }
    return r;
}

/* --- an Engine of the user's on machine 1 ----------------------------------------------------------------------------------- */

#define USERS_FOLDER "/var/lib/roamlab/u"
#define USERS_ENGINE "unix://" USERS_FOLDER "/docker.sock"
#define ASK "curl -s --noproxy \"*\" --unix-socket " USERS_FOLDER "/docker.sock "

static void start_users_engine(void)
{
    autofree char *said = lab_on_machine_with(1, "bash -s up " USERS_FOLDER " 23762 experimental=true", "tests/users_engine");
    autofree char *put = lab_on_machine(1, "tar -c -C /etc hostname | " ASK "-X POST -H Content-Type:application/x-tar --data-binary @- "
                                           "\"http://docker/images/create?fromSrc=-&repo=users/own&tag=1\"");
    if (!strstr(put, "sha256:"))
        fail_msg("%s%s", said, put);
}

static void stop_users_engine(void)
{
    free(lab_on_machine_with(1, "bash -s down " USERS_FOLDER, "tests/users_engine"));
}

static char *users_things(void)
{
    return lab_on_machine(1, "for what in containers images; do " ASK "\"http://docker/$what/json?all=1\"; done");
}

/* --- runs -------------------------------------------------------------------------------------------------------------------- */

static char *build_skewed_clock(void)
{
    int status;
    autofree char *build = mem_printf("cc -O2 -shared -fPIC -o %s/skewed_clock.so tests/skewed_clock.c 2>&1", lab_folder);
    autofree char *built = shell_output(".", build, &status);
    if (status != 0)
        fail_msg("%s", built);
    return mem_printf(", \"command\": \"env LD_PRELOAD=%s/skewed_clock.so SKEW_PPM=%d .local/bin/roamlab\"", lab_folder, SKEW_PPM);
}

/* Machine 2's clock began 3 s behind and gains 200 µs a second: over the run, far more than what is not known of it. */
static void check_clocks(json_object *result)
{
    double offsets[2] = {json_number_at(result, "clock_ms.machines.0.offset_s"), json_number_at(result, "clock_ms.machines.1.offset_s")};
    double drift = json_number_at(result, "clock_ms.machines.1.drift_ppm");
    double expected = -3 + SKEW_PPM * 1e-6 * simtime_seconds(clock_monotonic());
    if (fabs(offsets[0] - 5) > 0.1 || fabs(offsets[1] - expected) > 0.1 || fabs(drift - SKEW_PPM) > 50)
        fail_msg("offsets %f and %f s (expected: 5 and %f), drift %f ppm", offsets[0], offsets[1], expected, drift);
}

/* What takes so long at least each way: an offset that is wrong by some time makes one way longer by it and the other one shorter. */
static void check_ways(const char *what, double least, double there, double back, double unknown)
{
    printf("note: %s take %.3f ms there, %.3f ms back; clocks known within %.3f ms\n", what, there, back, unknown);
    if (there < least - unknown || back < least - unknown || fabs(there - back) / 2 > unknown + 1)
        fail_msg("%s: %f ms there, %f ms back, known within %f ms", what, there, back, unknown);
}

/* From the user's Engine on machine 1 to one of roamlab's on machine 2. */
static void a_run_over_two_machines(void **state)
{
    int status;
    (void)state;
    if (!lab_folder)
        skip();
    autofree char *skewed = build_skewed_clock();
    start_users_engine();
    autofree char *before = users_things();
    lab_write_inventory("lab.json", ", \"docker\": \"" USERS_ENGINE "\"", skewed);
    autofree char *arguments = mem_printf("run --world real --quiet --push --capture --hosts %s/lab.json -o %s/run " WALK, lab_folder,
                                          lab_folder);
    autofree char *output = lab_roamlab(arguments, &status);
    if (status != 0 && status != SLOW_MACHINE_LATE)
        fail_msg("exit status %d: %s", status, output);
    autofree char *run = mem_printf("%s/run", lab_folder), *after = users_things();
    json_object *result = read_good(run);
    double unknown = json_number_at(result, "clock_ms.uncertainty");
    check_clocks(result);
    assert_non_null(strstr(json_text_at(result, "environment.docker"), ", pc1: "));
    bool late_at_arrival = link_driver_named(json_text_at(result, "environment.link_driver"))->at_arrival; /* captured before */
    json_object_put(result);
    check_ways("messages", 5, fastest_ms(run, "USER", "AP-2", "SVCQ"), fastest_ms(run, "AP-2", "USER", "SVCR"), unknown);
    check_ways("packets", late_at_arrival ? 0 : 5, fastest_packet_ms(run, "laptop", "pc2"), fastest_packet_ms(run, "pc2", "laptop"), unknown);
    assert_non_null(strstr(before, "users/own:1"));
    assert_string_equal(after, before);
    stop_users_engine();
    lab_nothing_is_left(1);
    lab_nothing_is_left(2);
}

static void the_same_file_plays_here_and_in_virtual_time(void **state)
{
    static const char *const worlds[] = {"sim", "real"};
    (void)state;
    if (!lab_folder)
        skip();
    for (size_t i = 0; i < ARRAY_LEN(worlds); i++) {
        int status;
        autofree char *run = mem_printf("%s/here-%s", lab_folder, worlds[i]),
                      *arguments = mem_printf("run --world %s --quiet -o %s " WALK, worlds[i], run),
                      *output = lab_roamlab(arguments, &status);
        if (status != 0 && status != SLOW_MACHINE_LATE)
            fail_msg("%s: exit status %d: %s", worlds[i], status, output);
        json_object_put(read_good(run));
    }
}

/* Whichever of both is ready first. */
static void another_service_is_refused(void **state)
{
    int status;
    (void)state;
    if (!lab_folder)
        skip();
    autofree char *make = mem_printf("mkdir %s/other && cp roamlab roamlab-service %s/other && echo >>%s/other/roamlab-service", lab_folder,
                                     lab_folder, lab_folder);
    free(shell_output(".", make, &status));
    assert_int_equal(status, 0);
    autofree char *other = mem_printf(", \"command\": \"%s/other/roamlab\"", lab_folder);
    lab_write_inventory("other.json", "", other);
    autofree char *arguments = mem_printf("run --world real --quiet --push --hosts %s/other.json -o %s/other-run " WALK, lab_folder,
                                          lab_folder);
    autofree char *output = lab_roamlab(arguments, &status);
    if (status != 4 || !strstr(output, "its roamlab-service is another one than the others'"))
        fail_msg("exit status %d: %s", status, output);
    lab_nothing_is_left(1);
    lab_nothing_is_left(2);
}

/* What could slow down or hold ssh's packets on the interface by which the machine is reached. */
#define SHAPING "tc qdisc show dev eth0; iptables -t mangle -S; iptables -S"

/* Once machine 2 runs a container, what shapes its network goes to a file, and its cable is cut. */
static void cut_in_time(void)
{
    int status;
    autofree char *on_2 = mem_printf("nsenter --net=/run/netns/roamlab-lab-%s ssh -F %s/ssh_config root@192.0.2.2", lab_name, lab_folder);
    autofree char *cut = mem_printf("(sleep 1; while [ -e %s/plain.json ] && { ! grep -qs . %s/cut/agents-root@192.0.2.2.log || ! %s pgrep -f runc >/dev/null; }; do sleep 0.5; done; "
                                    "%s '" SHAPING "' >%s/during; ip -n roamlab-lab-%s link set port2 down) >/dev/null 2>&1 &",
                                    lab_folder, lab_folder, on_2, on_2, lab_folder, lab_name);
    free(shell_output(".", cut, &status));
}

/* The tunnels alone are shaped. The run fails, naming the machine that was cut off, and both machines take back what was made on them. */
static void a_cut_cable(void **state)
{
    int status, mended;
    (void)state;
    if (!lab_folder)
        skip();
    lab_write_inventory("plain.json", "", "");
    autofree char *before = lab_on_machine(2, SHAPING);
    cut_in_time();
    autofree char *arguments = mem_printf("run --world real --quiet --push --hosts %s/plain.json -o %s/cut --set duration_s=60 " WALK, lab_folder,
                                          lab_folder);
    autofree char *output = lab_roamlab(arguments, &status);
    autofree char *mend = mem_printf("ip -n roamlab-lab-%s link set port2 up", lab_name);
    free(shell_output(".", mend, &mended));
    if (status != 4 || !strstr(output, "machine root@192.0.2.2: the connection broke") ||
        !strstr(output, "agents-root@192.0.2.1.log ends with: ") || !strstr(output, "agents-root@192.0.2.2.log ends with: "))
        fail_msg("exit status %d: %s", status, output);
    autofree char *during = folder_read(lab_folder, "during");
    assert_string_equal(during, before);
    assert_non_null(strstr(before, "qdisc"));
    lab_nothing_is_left(1);
    lab_nothing_is_left(2);
}

/* kill -9 of all that is roamlab's on machine 2 while the Engine's service starts there: the run fails, naming it, machine 1 takes back what was made
 * there, and machine 2 is clean after `roamlab clean`. */
static void a_killed_outpost_is_cleaned_up_after(void **state)
{
    int status;
    (void)state;
    if (!lab_folder)
        skip();
    lab_write_inventory("killed.json", "", "");
    autofree char *kill = mem_printf("(until [ ! -e %s/killed.json ] || nsenter --net=/run/netns/roamlab-lab-%s ssh -F %s/ssh_config root@192.0.2.2 'pgrep -x containerd && pkill -KILL -x roamlab'; "
                                     "do sleep 0.2; done) >/dev/null 2>&1 &", lab_folder, lab_name, lab_folder);
    free(shell_output(".", kill, &status));
    autofree char *arguments = mem_printf("run --world real --quiet --push --hosts %s/killed.json -o %s/killed scenarios/kim22-quick.json", lab_folder, lab_folder);
    autofree char *output = lab_roamlab(arguments, &status);
    if (status != 4 || !strstr(output, "machine root@192.0.2.2: the connection broke, or its roamlab ended"))
        fail_msg("exit status %d: %s", status, output);
    autofree char *cleaned = lab_on_machine(2, ".local/bin/roamlab clean; echo $?; pgrep -x \"dockerd|containerd|roamlab|runc\" 2>/dev/null");
    assert_string_equal(cleaned, "removed what 1 run left\n0\n");
    lab_nothing_is_left(1);
    lab_nothing_is_left(2);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_over_two_machines),
        cmocka_unit_test(the_same_file_plays_here_and_in_virtual_time),
        cmocka_unit_test(another_service_is_refused),
        cmocka_unit_test(a_cut_cable),
        cmocka_unit_test(a_killed_outpost_is_cleaned_up_after),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, lab_make, lab_take_down);
}
