/* The offloading service as a program on loopback, without Docker: order, cache, holding back, replay,
 * probe. */
#include "canary.h"
#include "mem.h"
#include "offload.h"
#include "service_program.h"
#include "statechain.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    SEED = 7,
    MUD = 3,
    MEMORY_PAGES = 500,
    LAYER_PAGES = 300,
    VOLUME_PAGES = 300,
    WINDOW = 4,
    REPLY_BYTES = 600,
    REQUEST_BYTES = 900
};

static const struct state_size size = {{MEMORY_PAGES, LAYER_PAGES, VOLUME_PAGES}};

struct fixture {
    pid_t pid;
    int socket;
    char folder[64], file[80];
    struct statechain_history *history;
    struct statechain_model model;
};

static uint16_t free_port(void)
{
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof own;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&own, len), 0);
    getsockname(fd, (struct sockaddr *)&own, &len);
    close(fd);
    return ntohs(own.sin_port);
}

static void send_flagged(struct fixture *f, uint8_t type, uint8_t flags, uint32_t number)
{
    struct offload o = {.type = type, .flags = flags, .mud = MUD, .sequence = 9, .migration = 2, .number = number};
    if (type != OFFLOAD_PROBE)
        o.payload_len = REQUEST_BYTES;
    struct buf bytes = BUF_INIT;
    offload_encode(&o, SEED, &bytes);
    send(f->socket, bytes.data, bytes.len, 0);
    buf_free(&bytes);
}

static void send_message(struct fixture *f, uint8_t type, uint32_t number)
{
    send_flagged(f, type, 0, number);
}

/* False if nothing comes within any time that a busy machine needs, or nobody is there. */
static bool receive(struct fixture *f, struct offload *o)
{
    uint8_t bytes[65536];
    struct timeval limit = {100, 0};
    setsockopt(f->socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ssize_t got = recv(f->socket, bytes, sizeof bytes, 0);
    return got > 0 && offload_decode(bytes, (size_t)got, o, NULL) == 0;
}

static void expect(struct fixture *f, uint8_t type, uint32_t number, uint8_t flags, uint64_t digest)
{
    struct offload o;
    assert_true(receive(f, &o));
    assert_int_equal(o.type, type);
    assert_int_equal(o.number, number);
    assert_int_equal(o.flags, flags);
    assert_int_equal(o.mud, MUD);
    assert_int_equal(o.sequence, 9);
    assert_int_equal(o.payload_len, type == OFFLOAD_REPLY ? REPLY_BYTES : 0);
    assert_true(o.digest == digest);
    blob_unref(o.payload);
}

/* What is asked now is answered first: the service takes one message after the other. */
static void expect_silence(struct fixture *f)
{
    struct offload o;
    send_message(f, OFFLOAD_PROBE, 0);
    assert_true(receive(f, &o));
    assert_int_equal(o.type, OFFLOAD_PROBED);
}

static uint64_t model_execute(struct fixture *f)
{
    uint64_t fold = statechain_fold_synthetic_payload(SEED, MUD, f->model.next, REQUEST_BYTES);
    return statechain_model_execute(&f->model, fold);
}

static void start_service(struct fixture *f, uint16_t port)
{
    f->pid = fork();
    if (f->pid)
        return;
    char text[16];
    snprintf(text, sizeof text, "%u", port);
    setenv("ROAMLAB_WINDOW", "99", 1); /* an argument wins over the environment */
    setenv("ROAMLAB_REPLY_BYTES", "600", 1);
    execl(service_program(), "roamlab-service", "--address", "127.0.0.1", "--port", text, "--seed", "7",
          "--mud", "3", "--memory-pages", "500", "--layer-pages", "300", "--volume-pages", "300", "--volume", f->folder, "--window", "4", "--work-us", "1000",
          "--file", f->file, NULL);
    _exit(127);
}

static int setup(void **state)
{
    struct fixture *f = mem_alloc(sizeof *f);
    uint16_t port = free_port();
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    strcpy(f->folder, "/tmp/service-test-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->file, sizeof f->file, "%s/pages", f->folder);
    start_service(f, port);
    f->socket = socket(AF_INET, SOCK_DGRAM, 0);
    connect(f->socket, (struct sockaddr *)&to, sizeof to);
    f->history = statechain_history_new(SEED, &size);
    statechain_model_init(&f->model, f->history, MUD);
    struct offload o = {0};
    bool there = false;
    for (int tries = 0; !there && (tries == 0 || errno == ECONNREFUSED) && tries < 10000; tries++) {
        usleep(10000); /* it starts */
        send_message(f, OFFLOAD_PROBE, 0);
        there = receive(f, &o);
    }
    *state = f;
    return o.type == OFFLOAD_PROBED && o.number == 0 && o.digest == f->model.chain ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    kill(f->pid, SIGKILL);
    waitpid(f->pid, NULL, 0);
    close(f->socket);
    autofree char *remove = mem_printf("rm -r %s", f->folder);
    assert_int_equal(system(remove), 0);
    statechain_history_free(f->history);
    free(f);
    return 0;
}

/* Does the process have the text in its memory? */
static bool remembers(pid_t pid, const char *text)
{
    autofree char *maps_path = mem_printf("/proc/%d/maps", pid), *memory_path = mem_printf("/proc/%d/mem", pid);
    autofclose FILE *maps = fopen(maps_path, "re");
    autoclose int memory = open(memory_path, O_RDONLY | O_CLOEXEC);
    char line[512], rights[5];
    unsigned long from, to;
    bool found = false;
    while (fgets(line, sizeof line, maps) && !found) {
        if (sscanf(line, "%lx-%lx %4s", &from, &to, rights) != 3 || rights[1] != 'w')
            continue;
        autofree char *bytes = mem_alloc(to - from);
        ssize_t got = pread(memory, bytes, to - from, (off_t)from);
        found = got > 0 && memmem(bytes, (size_t)got, text, strlen(text));
    }
    return found;
}

static void plants_a_canary(void **state)
{
    struct fixture *f = *state;
    struct canary canary;
    char contents[CANARY_CONTENTS_MAX], found[CANARY_CONTENTS_MAX] = "";
    canary_make(&canary, SEED, MUD);
    canary_contents(&canary, contents);
    assert_non_null(strstr(contents, canary.id));
    assert_non_null(strstr(contents, canary.password));
    autofree char *path = mem_printf("%s/%s", f->folder, canary.name);
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(read(fd, found, sizeof found), strlen(contents));
    assert_string_equal(found, contents);
    assert_true(remembers(f->pid, contents));
}

/* A kernel that tracks what is written counts a huge page as written whole. In /proc/PID/smaps "nh" says that there are none, where the kernel has them at
 * all. */
static void keeps_its_memory_in_small_pages(void **state)
{
    const struct fixture *f = *state;
    autofree char *path = mem_printf("/proc/%d/smaps", f->pid);
    autofclose FILE *smaps = fopen(path, "re");
    char line[1024];
    unsigned long kb = 0;
    bool small = access("/sys/kernel/mm/transparent_hugepage", F_OK) < 0;
    assert_non_null(smaps);
    while (fgets(line, sizeof line, smaps)) {
        sscanf(line, "Size: %lu kB", &kb);
        small |= kb == MEMORY_PAGES * STATE_PAGE / 1024 && !strncmp(line, "VmFlags:", 8) && strstr(line, " nh ");
    }
    assert_true(small);
}

static void executes_in_order(void **state)
{
    struct fixture *f = *state;
    for (uint32_t n = 0; n < 300; n++) {
        send_message(f, OFFLOAD_REQUEST, n);
        expect(f, OFFLOAD_REPLY, n, 0, model_execute(f));
    }
}

static void answers_old_numbers_from_its_cache(void **state)
{
    struct fixture *f = *state;
    uint64_t chains[10];
    for (uint32_t n = 0; n < 10; n++) {
        send_message(f, OFFLOAD_REQUEST, n);
        expect(f, OFFLOAD_REPLY, n, 0, chains[n] = model_execute(f));
    }
    for (uint32_t n = 10 - WINDOW; n < 10; n++) {
        send_message(f, OFFLOAD_REQUEST, n);
        expect(f, OFFLOAD_REPLY, n, OFFLOAD_CACHED, chains[n]);
    }
    send_message(f, OFFLOAD_REQUEST, 10 - WINDOW - 1);
    expect_silence(f);
    send_message(f, OFFLOAD_REQUEST, 10);
    expect(f, OFFLOAD_REPLY, 10, 0, model_execute(f));
}

static void holds_higher_numbers_back(void **state)
{
    struct fixture *f = *state;
    static const uint32_t order[] = {2, 3, 2, 1, 4, 0}; /* 4 is a window ahead: dropped */
    for (size_t i = 0; i < ARRAY_LEN(order) - 1; i++)
        send_message(f, OFFLOAD_REQUEST, order[i]);
    expect_silence(f);
    send_message(f, OFFLOAD_REQUEST, 0);
    for (uint32_t n = 0; n < 4; n++)
        expect(f, OFFLOAD_REPLY, n, 0, model_execute(f));
    expect_silence(f);
}

static void replays_the_same_way(void **state)
{
    struct fixture *f = *state;
    send_message(f, OFFLOAD_REPLAY, 1);
    expect_silence(f);
    send_message(f, OFFLOAD_REPLAY, 0);
    uint64_t first = model_execute(f), second = model_execute(f);
    expect(f, OFFLOAD_REPLAYED, 0, 0, first);
    expect(f, OFFLOAD_REPLAYED, 1, 0, second);
    send_message(f, OFFLOAD_REPLAY, 1);
    expect(f, OFFLOAD_REPLAYED, 1, OFFLOAD_CACHED, second);
    send_message(f, OFFLOAD_REQUEST, 0);
    expect(f, OFFLOAD_REPLY, 0, OFFLOAD_CACHED, first);
}

static uint64_t probe(struct fixture *f, uint32_t number)
{
    struct offload o;
    send_message(f, OFFLOAD_PROBE, number);
    assert_true(receive(f, &o));
    assert_int_equal(o.type, OFFLOAD_PROBED);
    assert_int_equal(o.number, f->model.next);
    assert_true(o.digest == f->model.chain);
    return o.checksum;
}

static void flip_layer_byte(const struct fixture *f, off_t at)
{
    uint8_t byte;
    int fd = open(f->file, O_RDWR);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

static void probes_without_side_effects(void **state)
{
    struct fixture *f = *state;
    uint64_t fresh = probe(f, 0);
    assert_true(probe(f, 0) == fresh);
    send_message(f, OFFLOAD_PROBE, 1); /* waits for request 0 */
    expect_silence(f);
    send_message(f, OFFLOAD_REQUEST, 0);
    expect(f, OFFLOAD_REPLY, 0, 0, model_execute(f));
    struct offload o;
    assert_true(receive(f, &o));
    assert_int_equal(o.type, OFFLOAD_PROBED);
    assert_int_equal(o.number, 1);
    assert_true(o.checksum != fresh);
    uint64_t now = probe(f, 1);
    assert_true(now == o.checksum);
    flip_layer_byte(f, 123456);
    assert_true(probe(f, 1) != now);
    flip_layer_byte(f, 123456);
    assert_true(probe(f, 1) == now);
}

/* A container that was restored before its volume came. */
static void answers_while_its_volume_is_away(void **state)
{
    struct fixture *f = *state;
    uint64_t whole = probe(f, 0);
    autofree char *file = mem_printf("%s/0001", f->folder), *away = mem_printf("%s/away", f->folder);
    assert_int_equal(rename(file, away), 0);
    assert_true(probe(f, 0) != whole);
    assert_int_equal(rename(away, file), 0);
    assert_true(probe(f, 0) == whole);
}

static void begin_anew(struct fixture *f, uint32_t number)
{
    send_flagged(f, OFFLOAD_PROBE, OFFLOAD_ANEW, number);
}

/* As long as it has executed nothing; what is before its first number another container has executed. */
static void begins_anew_where_it_is_told(void **state)
{
    struct fixture *f = *state;
    begin_anew(f, 3);
    expect(f, OFFLOAD_PROBED, 3, 0, f->model.chain);
    begin_anew(f, 9);
    expect(f, OFFLOAD_PROBED, 9, 0, f->model.chain);
    send_message(f, OFFLOAD_REQUEST, 8);
    expect(f, OFFLOAD_REPLY, 8, OFFLOAD_CACHED, f->model.chain);
    send_message(f, OFFLOAD_REQUEST, 9);
    struct offload o;
    assert_true(receive(f, &o));
    assert_int_equal(o.number, 9);
    assert_int_equal(o.flags, 0);
    begin_anew(f, 20);
    expect_silence(f);
    send_message(f, OFFLOAD_PROBE, 0);
    expect(f, OFFLOAD_PROBED, 10, 0, o.digest);
    blob_unref(o.payload);
}

static void ignores_garbage(void **state)
{
    struct fixture *f = *state;
    uint8_t bytes[300] = {1, 2, 3};
    for (size_t len = 0; len < sizeof bytes; len += 37)
        send(f->socket, bytes, len, 0);
    send_message(f, OFFLOAD_CUT, 0);
    expect_silence(f);
    send_message(f, OFFLOAD_REQUEST, 0);
    expect(f, OFFLOAD_REPLY, 0, 0, model_execute(f));
}

static void refuses_bad_settings(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"--port 7000", "--address is missing"},
        {"--prot 7000", "unknown argument --prot"},
        {"--address 127.0.0.1 --port", "--port needs a value"},
        {"--address 127.0.0.1 --port 70000", "--port: 70000 is not a number up to 65535"},
        {"--address 127.0.0.1 --mud -1", "--mud: -1 is not a number"},
        {"--address 127.0.0.1 --window 0", "--window: must not be 0"},
        {"--file pages --layer-pages 0 --address nowhere", "--address: nowhere is not an IPv4 address"},
        {"--address 127.0.0.1 --file /nonexistent/pages", "open /nonexistent/pages: No such file"},
    };
    char folder[] = "/tmp/service-test-XXXXXX";
    assert_non_null(mkdtemp(folder));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char said[300] = "";
        autofree char *command = mem_printf("cd %s && %s %s 2>&1", folder, service_program(), rows[i][0]);
        FILE *output = popen(command, "r");
        assert_non_null(fgets(said, sizeof said, output));
        assert_int_equal(WEXITSTATUS(pclose(output)), 1);
        assert_non_null(strstr(said, rows[i][1]));
    }
    autofree char *remove = mem_printf("rm -r %s", folder);
    assert_int_equal(system(remove), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(plants_a_canary, setup, teardown),
        cmocka_unit_test_setup_teardown(keeps_its_memory_in_small_pages, setup, teardown),
        cmocka_unit_test_setup_teardown(executes_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(answers_old_numbers_from_its_cache, setup, teardown),
        cmocka_unit_test_setup_teardown(holds_higher_numbers_back, setup, teardown),
        cmocka_unit_test_setup_teardown(replays_the_same_way, setup, teardown),
        cmocka_unit_test_setup_teardown(probes_without_side_effects, setup, teardown),
        cmocka_unit_test_setup_teardown(answers_while_its_volume_is_away, setup, teardown),
        cmocka_unit_test_setup_teardown(begins_anew_where_it_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(ignores_garbage, setup, teardown),
        cmocka_unit_test(refuses_bad_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
