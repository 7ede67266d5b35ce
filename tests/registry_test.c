/* Carrier registry between two network namespaces, each host with a private registry: who is admitted, what a cut costs, what is made of
 * contents that were changed and of hostile replies. What every carrier does is transfer_test.c. */
#include "transfer_faults.h"
#include "registry_artifact.h"
#include "registry_keys.h"
#include "registry_server.h"
#include "tcp_diag.h"

static int set_up_registry(void **state)
{
    if (shell("command -v docker-registry > /dev/null") == 0)
        return set_up(state);
    printf("skip: docker-registry is not installed\n");
    *state = mem_alloc(sizeof(struct fixture));
    return 0;
}

/* The registry admits nobody but the run's user, and is not believed without the run's authority. */
static void strangers(void **state)
{
    static const struct {
        const char *options;
        bool admitted;
    } rows[] = {
        {"--cacert ca.pem -u roamlab:$(cat password)", true},
        {"--cacert ca.pem", false},
        {"--cacert ca.pem -u roamlab:guess", false},
        {"-u roamlab:$(cat password)", false},
    };
    struct fixture *f = fixture_of(state);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int status = shell(
            "cd '%s/registry' && curl -sf --noproxy '*' %s https://198.18.0.2:%d/v2/_catalog > /dev/null",
            f->keys, rows[i].options, REGISTRY_PORT);
        assert_int_equal(status == 0, rows[i].admitted);
    }
    assert_int_equal(shell("find '%s' -type f -perm /077 | grep -qv /es2.data/", f->keys) == 0, false);
}

static void wrong_password(void **state)
{
    struct fixture *f = fixture_of(state);
    f->carrier->close(steal(f->peer));
    assert_int_equal(
        shell("head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \\n' > '%s/registry/password'", f->keys), 0);
    open_peer(f);
    assert_int_equal(f->opened_status, -EACCES);
    assert_non_null(strstr(f->opened_error.text, "host es2"));
}

/* 16 MiB of 20 MB. */
static bool the_first_part_is_there(const struct fixture *f)
{
    return shell("find '%s/registry/es2.data' -path '*/blobs/*' -name data -size +16000k | grep -q .",
                 f->keys) == 0;
}

static void resumes_after_cuts(void **state)
{
    struct fixture *f = fixture_of(state);
    struct result r = {0};
    slow_down_behind(18);
    start_send(f, &r, "big", "inbox");
    assert_true(until(f, the_first_part_is_there));
    assert_int_equal(r.calls, 0);
    assert_int_equal(break_connections(REGISTRY_PORT), 1);
    speed_up();
    finish_send(f, &r);
    assert_arrived(f, &r, "big");
    assert_true(r.job.wire_bytes < PAYLOAD + PAYLOAD / 3); /* what had arrived was not sent again */
    assert_true(inbox_is_clean(f));
    break_connections(f->to.port);
    send_well(f, &r, "odd folder");
}

/* What lies in the registry is not what the digest says: nothing arrives. */
static void contents_changed(void **state)
{
    struct fixture *f = fixture_of(state);
    struct result r = {0};
    send_well(f, &r, "big");
    assert_int_equal(
        shell("cd '%s/registry/es2.data' && for blob in $(find . -name data -size +1M); do "
              "printf x | dd of=$blob conv=notrunc seek=4096 status=none; done && rm -rf '%s/inbox/big'",
              f->keys, f->folder),
        0);
    struct err e = ERR_INIT;
    struct registry_client c;
    struct buf text = BUF_INIT;
    assert_int_equal(registry_client_open(&c, &f->settings, f->to.address, -1, &e), 0);
    assert_int_equal(registry_get_catalogue(&c, &text, &e), 0);
    assert_int_equal(registry_catalogue_has(buf_text(&text), text.len, REGISTRY_REPOSITORY, &e), 1);
    buf_free(&text);
    autofree char *name = mem_printf("%s/manifest", f->folder);
    assert_int_equal(
        shell("find '%s/registry/es2.data' -path '*_manifests/revisions*' -name link -exec cat {} + > '%s'",
              f->keys, name),
        0);
    autofclose FILE *file = fopen(name, "re");
    char digest[REGISTRY_DIGEST] = "";
    assert_int_equal(fread(digest, 1, REGISTRY_DIGEST - 1, file), REGISTRY_DIGEST - 1);
    autofree char *inbox = mem_printf("%s/inbox", f->folder);
    assert_int_equal(registry_artifact_pull(&c, digest, inbox, &e), -EBADMSG);
    assert_true(inbox_is_clean(f));
    assert_int_not_equal(shell("test -e '%s/inbox/big'", f->folder), 0);
    registry_client_close(&c);
}

/* As a pull is watched: by the kernel's list of connections, which may be an Engine's. */
static void its_connections_tell_their_progress(void **state)
{
    struct fixture *f = fixture_of(state);
    const struct transfer_host there = {.address = f->to.address, .port = REGISTRY_PORT}, nobody = {.address = f->to.address, .port = 1};
    struct err e = ERR_INIT;
    struct registry_client c;
    struct mnl_socket *diag = tcp_diag_open();
    assert_int_equal(registry_client_open(&c, &f->settings, f->to.address, -1, &e), 0);
    uint64_t before = tcp_diag_progress(diag, &there);
    assert_int_equal(registry_ping(&c, &e), 0);
    uint64_t after = tcp_diag_progress(diag, &there);
    assert_true(after > before);
    assert_int_equal(registry_ping(&c, &e), 0);
    assert_true(tcp_diag_progress(diag, &there) > after);
    assert_int_equal(tcp_diag_progress(diag, &nobody), 0);
    registry_client_close(&c);
    tcp_diag_close(diag);
}

/* --- replies ---------------------------------------------------------------------------------------------------------------------- */

#define DIGEST "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define CONFIG "\"config\": {\"digest\": \"" DIGEST "\", \"size\": 2}"

static void manifests(void **state)
{
    static const struct {
        const char *text, *words; /* words: of the refusal, NULL = good */
    } rows[] = {
        {"{" CONFIG ", \"layers\": []}", NULL},
        {"{" CONFIG ", \"layers\": [{\"digest\": \"" DIGEST "\", \"size\": 7}]}", NULL},
        {"{" CONFIG ", \"layers\": [], \"annotations\": {\"roamlab.content\": \"" DIGEST "\"}}", NULL},
        {"", "no JSON object"},
        {"[]", "no JSON object"},
        {"{", "no JSON object"},
        {"{" CONFIG "}", "without layers"},
        {"{\"layers\": []}", "not a SHA-256 digest"},
        {"{" CONFIG ", \"layers\": {}}", "without layers"},
        {"{" CONFIG ", \"layers\": [7]}", "not a SHA-256 digest"},
        {"{" CONFIG ", \"layers\": [{\"digest\": \"sha256:../../etc/passwd\", \"size\": 7}]}",
         "not a SHA-256 digest"},
        {"{" CONFIG ", \"layers\": [{\"digest\": \"" DIGEST "\", \"size\": -1}]}", "has no size"},
        {"{" CONFIG ", \"layers\": [{\"digest\": \"" DIGEST "\", \"size\": 1e3}]}", "has no size"},
        {"{" CONFIG ", \"layers\": [{\"digest\": \"" DIGEST "\", \"size\": 99999999999999}]}", "has no size"},
        {"{" CONFIG ", \"layers\": [{\"digest\": \"" DIGEST "\"}]}", "has no size"},
        {"{" CONFIG ", \"layers\": [], \"annotations\": {\"roamlab.content\": \"x\"}}",
         "not a SHA-256 digest"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct registry_manifest m;
        struct err e = ERR_INIT;
        int status = registry_manifest_read(rows[i].text, strlen(rows[i].text), &m, &e);
        assert_int_equal(status, rows[i].words ? -EBADMSG : 0);
        assert_true(!rows[i].words || strstr(e.text, rows[i].words));
        registry_manifest_free(&m);
    }
}

static void locations(void **state)
{
    static const struct {
        const char *location, *url; /* NULL: refused */
    } rows[] = {
        {"/v2/a/blobs/uploads/1?_state=x%3D", "https://198.18.0.2:5000/v2/a/blobs/uploads/1?_state=x%3D"},
        {"https://198.18.0.2:5000/v2/a", "https://198.18.0.2:5000/v2/a"},
        {"https://198.18.0.2:50001/v2/a", NULL},
        {"https://198.18.0.2:5000@evil/", NULL},
        {"http://198.18.0.2:5000/v2/a", NULL},
        {"//evil/v2", NULL},
        {"file:///etc/passwd", NULL},
        {"/v2/a b", NULL},
        {"", NULL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        autofree char *url = registry_location("https://198.18.0.2:5000", rows[i].location, &e);
        assert_int_equal(url != NULL, rows[i].url != NULL);
        if (url)
            assert_string_equal(url, rows[i].url);
        else
            assert_int_equal(e.code, EBADMSG);
    }
}

static void catalogues(void **state)
{
    static const struct {
        const char *text;
        int has;
    } rows[] = {
        {"{\"repositories\": [\"iot_service\", \"web_service\"]}", 1},
        {"{\"repositories\": [\"web\", 7, null]}", 0},
        {"{\"repositories\": []}", 0},
        {"{\"repositories\": \"web_service\"}", -EBADMSG},
        {"<html>", -EBADMSG},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        assert_int_equal(registry_catalogue_has(rows[i].text, strlen(rows[i].text), "web_service", &e),
                         rows[i].has);
    }
}

static void error_words(void **state)
{
    static const char text[] =
        "{\"errors\": [{\"code\": \"X\", \"message\": \"no\\u001b[2Jsuch \\n thing\"}]}";
    char words[16];
    (void)state;
    registry_error_words(text, strlen(text), words, sizeof words);
    assert_string_equal(words, "no?[2Jsuch ? th");
    registry_error_words("nothing", 7, words, sizeof words);
    assert_string_equal(words, "");
}

#define REGISTRY(test)                                                                                       \
    cmocka_unit_test_prestate_setup_teardown(test, set_up_registry, tear_down,                               \
                                             (void *)(uintptr_t)&carrier_registry)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(manifests),   cmocka_unit_test(locations), cmocka_unit_test(catalogues),
        cmocka_unit_test(error_words), REGISTRY(strangers),         REGISTRY(wrong_password),
        REGISTRY(resumes_after_cuts),  REGISTRY(contents_changed),  REGISTRY(its_connections_tell_their_progress),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
