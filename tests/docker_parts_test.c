/* The Docker room's parts that need no Docker: archives, the image cache, lists of checkpoints, CRIU's log, errors of
 * the API. */
#include "criu_log.h"
#include "docker_fixture.h"
#include "folder.h"

static struct fixture f; /* only its loop, image and results are used here */
static char *folder;

static int open_group(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    folder = folder_make();
    f.clock = clock_wall(clock_monotonic());
    f.loop = loop_new(&f.clock, &e);
    return f.loop ? 0 : -1;
}

static int close_group(void **state)
{
    (void)state;
    loop_free(f.loop);
    folder_remove(folder);
    return 0;
}

static void checks_the_list_of_a_checkpoint(void **state)
{
    (void)state;
    static const struct {
        const char *list;
        int status;
        const char *says;
    } rows[] = {
        {"5 a.img\n2 b.img\n", 0, ""},
        {"5 a.img\n", 0, ""},
        {"", -EBADMSG, "roamlab.files is missing or empty"},
        {"6 a.img\n", -EBADMSG, "a.img has 5 of 6 bytes"},
        {"5 c.img\n", -EBADMSG, "c.img is missing"},
        {"5 ../memory/a.img\n", -EBADMSG, "is missing"},
        {"five a.img\n", -EBADMSG, "roamlab.files: five a.img"},
        {"5\n", -EBADMSG, "roamlab.files: 5"},
    };
    autofree char *memory = mem_printf("%s/memory", folder);
    uint64_t bytes;
    struct err e = ERR_INIT;
    assert_int_equal(files_make_folder(memory, 0700, &e), 0);
    folder_write(memory, "a.img", "12345");
    folder_write(memory, "b.img", "12");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        folder_write(memory, MANIFEST_NAME, rows[i].list);
        assert_int_equal(manifest_check(memory, &bytes, &e), rows[i].status);
        assert_true(rows[i].status == 0 || strstr(e.text, rows[i].says));
    }
    assert_int_equal(manifest_write(memory, &bytes, &e), 0);
    assert_int_equal(bytes, 7);
    assert_int_equal(manifest_check(memory, &bytes, &e), 0);
    assert_int_equal(bytes, 7);
}

/* What a hostile archive could leave for CRIU, which opens its images as root. */
static void a_checkpoint_is_regular_files(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "ln -s /etc/passwd c.img",
        "ln -s a.img c.img",
        "ln -s /nowhere .hidden",
        "mkdir c.img",
        "mkfifo c.img",
        "mv roamlab.files list; ln -s list roamlab.files",
        "rm a.img; ln -s /etc/passwd a.img",
        "mv ../kinds ../elsewhere; ln -s elsewhere ../kinds",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        autofree char *outer = mem_printf("%s/row%zu", folder, i), *memory = mem_printf("%s/kinds", outer),
                      *command = mem_printf("cd '%s' && { %s; }", memory, rows[i]);
        uint64_t bytes;
        struct err e = ERR_INIT;
        assert_int_equal(files_make_folder(memory, 0700, &e), 0);
        folder_write(memory, "a.img", "12345");
        assert_int_equal(manifest_write(memory, &bytes, &e), 0);
        assert_int_equal(manifest_check(memory, &bytes, &e), 0);
        assert_int_equal(system(command), 0);
        if (manifest_check(memory, &bytes, &e) != -EBADMSG)
            fail_msg("accepted: %s", rows[i]);
    }
}

/* Archives of layers that want out, unpacked as those of the other side are. Each row makes "a.tar" beside the folder "upper" and a file "victim". */
static void a_layer_stays_in_its_folder(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "echo hers > new; tar -P --transform 's|^|../|' -cf a.tar new; rm new",
        "echo hers > victim2; tar -P --transform 's|.*|../victim|' -cf a.tar victim2",
        "echo hers > x; tar -P --transform \"s|.*|$PWD/victim|\" -cf a.tar x",
        "mkdir upper/a; echo hers > x; tar -P --transform 's|.*|a/../../victim|' -cf a.tar x",
        /* a link that leads out, then a file through it */
        "mkdir s; cd s; ln -s .. out; tar -cf ../a.tar out; rm out; mkdir out; echo hers > out/victim; tar -rf ../a.tar out/victim",
        "mkdir s; cd s; ln -s \"$OLDPWD\" out; tar -cf ../a.tar out; rm out; mkdir out; echo hers > out/victim; tar -rf ../a.tar out/victim",
        "mkdir s; cd s; ln -s ../victim f; tar -cf ../a.tar f; rm f; echo hers > f; tar -rf ../a.tar f",
        /* a hard link to what is outside, then its content */
        "mkdir s; cd s; echo mine > a; ln a b; tar -P --transform 'flags=h;s|.*|../victim|' -cf ../a.tar a b; rm b; echo hers > b; tar -rf ../a.tar b",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        autofree char *place = mem_printf("%s/layer%zu", folder, i), *upper = mem_printf("%s/upper", place),
                      *archive = mem_printf("%s/a.tar", place), *made = mem_printf("%s/new", place),
                      *command = mem_printf("cd '%s' && { %s; } 2>/dev/null", place, rows[i]);
        const char *argv[DOCKER_UNPACK_WORDS];
        struct process_options options = PROCESS_OPTIONS_INIT;
        struct err e = ERR_INIT;
        assert_int_equal(files_make_folder(upper, 0755, &e), 0);
        folder_write(place, "victim", "mine\n");
        assert_int_equal(system(command), 0);
        docker_layer_unpack_words(argv, archive, upper);
        options.argv = argv;
        process_run(&options, NULL, &e); /* it may complain */
        autofree char *text = folder_read(place, "victim");
        if (strcmp(text, "mine\n") != 0 || access(made, F_OK) == 0)
            fail_msg("left its folder: %s", rows[i]);
    }
}

static void prepare_image(const char *program, uint64_t base_bytes)
{
    autofree char *cache = mem_printf("%s/cache", folder);
    struct image_options o = {cache, program, base_bytes, testdata_base_block};
    image_free(&f.image);
    f.image.done = fixture_image_done;
    assert_int_equal(image_prepare(&f.image, f.loop, &o, NULL), 0);
    fixture_wait(&f, "image");
}

static char *run_shell(const char *format, const char *a, const char *b)
{
    char *output = NULL;
    struct err e = ERR_INIT;
    autofree char *command = mem_printf(format, a, b);
    const char *const argv[] = {"sh", "-c", command, NULL};
    struct process_options o = PROCESS_OPTIONS_INIT;
    o.argv = argv;
    if (process_run(&o, &output, &e) < 0)
        fail_msg("%s", e.text);
    return output;
}

/* tar reads every layer, the configuration names their hashes, and their files hold exactly the base size. */
static void writes_an_image_that_tar_reads(void **state)
{
    (void)state;
    autofree char *program = mem_printf("%s/program", folder);
    folder_write(folder, "program", "pretend that this is a program");
    prepare_image(program, 7654321);
    assert_int_equal(f.status, 0);
    assert_in_range((int)(f.image.ratio * 100), 240, 320);
    autofree char *size = run_shell("cd %s && tar xf %s && for l in */layer.tar; do tar tvf $l; done | awk "
                                    "'/ base/ && /^-/ {n += $3} END {print n}'",
                                    folder, f.image.archive);
    assert_int_equal(atoi(size), 7654321);
    autofree char *hashes = run_shell("cd %s && for l in */layer.tar; do grep -q sha256:$(sha256sum < $l | "
                                      "cut -c1-64) [0-9a-f]*.json && echo good; done%s",
                                      folder, "");
    assert_string_equal(hashes, "good\ngood\ngood\ngood\ngood\ngood\ngood\ngood\n");
    autofree char *own = run_shell(
        "cd %s && tar xf 7/layer.tar && cmp service %s && stat -c %%a service state", folder, program);
    assert_string_equal(own, "755\n700\n");
}

static void keeps_images_apart_and_together(void **state)
{
    (void)state;
    autofree char *program = mem_printf("%s/program", folder);
    struct {
        const char *program;
        uint64_t base_bytes;
        bool same; /* as the row before */
    } rows[] = {{"one", 1000000, false},
                {"one", 1000000, true},
                {"one", 1000001, false},
                {"two", 1000001, false},
                {"two", 0, false}};
    autofree char *before = mem_copy_string("");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        folder_write(folder, "program", rows[i].program);
        prepare_image(program, rows[i].base_bytes);
        assert_int_equal(f.status, 0);
        assert_int_equal(!strcmp(before, f.image.name), rows[i].same);
        assert_int_equal(access(f.image.archive, R_OK), 0);
        free(before);
        before = mem_copy_string(f.image.name);
    }
    prepare_image(program, 1000001);
    uint64_t whole = f.image.bytes;
    assert_int_equal(truncate(f.image.archive, (off_t)whole / 2), 0);
    prepare_image(program, 1000001); /* builds it again */
    assert_int_equal(files_size(f.image.archive, &whole, NULL), 0);
    assert_int_equal(whole, f.image.bytes);
    assert_true(whole > 1000001);
    prepare_image("/nonexistent/service", 5);
    assert_int_equal(f.status, -ENOENT);
    assert_string_equal(f.err.text, "image: open /nonexistent/service: No such file or directory");
    image_free(&f.image);
}

static void measures_compression(void **state)
{
    (void)state;
    autofree char *path = mem_printf("%s/data", folder);
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    uint8_t chunk[TESTDATA_CHUNK];
    for (uint64_t i = 0; i < 2000; i++) {
        testdata_chunk(i, &testdata_layer, chunk);
        assert_int_equal(write(fd, chunk, sizeof chunk), sizeof chunk);
    }
    close(fd);
    double whole, sample;
    assert_int_equal(zstd_ratio(path, 0, &whole, NULL), 0);
    assert_int_equal(zstd_ratio(path, 2000000, &sample, NULL), 0);
    assert_in_range((int)(whole * 100), 360, 440);
    assert_in_range((int)(sample * 100), 330, 440);
    assert_int_equal(zstd_ratio("/nonexistent", 0, &whole, NULL), -ENOENT);
}

static void request_done(struct docker_request *request, int status, struct json_object *answer,
                         const struct err *e)
{
    (void)request;
    assert_null(answer);
    fixture_done(status, 0, e);
}

static void names_an_engine_that_is_not_there(void **state)
{
    (void)state;
    struct docker_api *api = docker_api_new(f.loop, &(struct docker_address){.url = "unix:///nonexistent/docker.sock"}, NULL);
    struct docker_request request = {.done = request_done};
    assert_int_equal(
        docker_api_request(api, &request, "POST", NULL, NULL, "/containers/%s/start?checkpoint=c", "x"), 0);
    assert_int_equal(fixture_wait(&f, "request"), -ECONNREFUSED);
    assert_non_null(strstr(f.err.text, "docker: POST /containers/x/start: no answer: "));
    assert_int_equal(docker_api_request(api, &request, "GET", NULL, NULL, "/info"), 0);
    docker_api_cancel(&request);
    docker_api_free(api);
}

static struct docker_api *last_api;

static void done_with_the_engine(struct docker_request *request, int status, struct json_object *answer,
                                 const struct err *e)
{
    (void)request, (void)answer;
    docker_api_free(last_api);
    fixture_done(status, 0, e);
}

/* Whoever hears that the Engine does not answer may be done with it. */
static void frees_the_api_when_a_request_fails(void **state)
{
    (void)state;
    struct docker_request request = {.done = done_with_the_engine};
    last_api = docker_api_new(f.loop, &(struct docker_address){.url = "unix:///nonexistent/docker.sock"}, NULL);
    assert_int_equal(docker_api_request(last_api, &request, "GET", NULL, NULL, "/_ping"), 0);
    assert_int_equal(fixture_wait(&f, "request"), -ECONNREFUSED);
}

static void understands_the_engines_errors(void **state)
{
    (void)state;
    static const struct {
        long http_status;
        const char *answer;
        int status;
        const char *says;
    } rows[] = {
        {200, "{\"message\": \"no matter\"}", 0, ""},
        {204, "", 0, ""},
        {304, "", 0, ""},
        {404, "{\"message\":\"No such container: x\"}\n", -ENOENT,
         "docker: GET /x: 404 No such container: x"},
        {409, "{\"message\":\"in use\"}", -EEXIST, "docker: GET /x: 409 in use"},
        {400, "", -EINVAL, "docker: GET /x: 400 without a message"},
        {500, "<html>", -EIO, "docker: GET /x: 500 without a message"},
        {500, "{\"status\":\"1\"}\r\n{\"errorDetail\":{},\"error\":\"disk full\"}\r\n", -EIO,
         "docker: GET /x: 500 disk full"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf answer = BUF_INIT;
        struct err e = ERR_INIT;
        buf_add(&answer, rows[i].answer, strlen(rows[i].answer));
        assert_int_equal(docker_api_judge("GET /x", rows[i].http_status, &answer, &e), rows[i].status);
        assert_string_equal(e.text, rows[i].says);
        buf_free(&answer);
    }
}

static void refuses_a_long_root(void **state)
{
    (void)state;
    struct docker_daemon d = {0};
    struct err e = ERR_INIT;
    autofree char *root =
        mem_printf("%s/123456789012345678901234567890123456789012345678901234567890", folder);
    struct daemon_options o = {.root = root};
    d.done = fixture_daemon_done;
    assert_int_equal(docker_daemon_start(&d, f.loop, &o, &e), -ENAMETOOLONG);
    assert_non_null(strstr(e.text, "not an absolute path of at most 60 bytes"));
}

static void quotes_what_criu_says(void **state)
{
    (void)state;
    static const struct {
        const char *log, *quote;
    } rows[] = {
        {"", ""},
        {"(00.1) Dumping\n(00.2) Dumping finished successfully\n", ""},
        {"(00.1) Error (criu/util.c:1): rlimit: Can't setup RLIMIT_NOFILE for self\n", ""},
        {"(00.1) Error (a.c:1): first\n(00.2) more\n", "Error (a.c:1): first"},
        {"Error (u.c:1): RLIMIT_NOFILE\nError (a.c:1): first\nError (b.c:2): RLIMIT_NOFILE\n  Error (c.c:3): second\nError (d.c:4): third",
         "Error (a.c:1): first / Error (c.c:3): second"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_string_equal(criu_log_quote(rows[i].log).text, rows[i].quote);
    assert_string_equal(criu_log_quote_file("/nowhere/dump.log").text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checks_the_list_of_a_checkpoint),
        cmocka_unit_test(quotes_what_criu_says),
        cmocka_unit_test(a_checkpoint_is_regular_files),
        cmocka_unit_test(a_layer_stays_in_its_folder),
        cmocka_unit_test(writes_an_image_that_tar_reads),
        cmocka_unit_test(keeps_images_apart_and_together),
        cmocka_unit_test(measures_compression),
        cmocka_unit_test(names_an_engine_that_is_not_there),
        cmocka_unit_test(frees_the_api_when_a_request_fails),
        cmocka_unit_test(understands_the_engines_errors),
        cmocka_unit_test(refuses_a_long_root),
    };
    return cmocka_run_group_tests(tests, open_group, close_group);
}
