/* What a controller sends to an outpost to be written as files: a folder there and back, and names and contents that must not be. */
#include "folder.h"
#include "outpost_protocol.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>

#include <cmocka.h>

static mode_t mode_of(const char *folder, const char *name)
{
    struct stat st = {0};
    autofree char *path = mem_printf("%s/%s", folder, name);
    assert_int_equal(lstat(path, &st), 0);
    return st.st_mode;
}

static void a_folder_arrives_as_it_was(void **state)
{
    (void)state;
    static const char *const names[] = {"user_key", "empty", "es1/host_key", "es1/x.pub"};
    char *from = folder_make(), *to = folder_make();
    autofree char *inside = mem_printf("%s/es1", from), *folder = mem_printf("%s/carrier", to);
    struct err e = ERR_INIT;
    assert_int_equal(mkdir(inside, 0755), 0);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        folder_write(from, names[i], i == 1 ? "" : names[i]);
    struct json_object *line = outpost_say_prepare(from, &e);
    assert_non_null(line);
    assert_int_equal(outpost_read_prepare(line, folder, &e), 0);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        autofree char *text = folder_read(folder, names[i]);
        assert_string_equal(text, i == 1 ? "" : names[i]);
        assert_int_equal(mode_of(folder, names[i]), S_IFREG | 0600);
    }
    assert_int_equal(mode_of(folder, "es1"), S_IFDIR | 0700);
    assert_int_equal(mode_of(folder, "."), S_IFDIR | 0700);
    json_object_put(line);
    folder_remove(from);
    folder_remove(to);
}

static void nothing_leaves_the_folder(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "{\"../beside\": \"eHh4\"}",
        "{\"../new\": \"eHh4\"}",
        "{\"../new\": null}",
        "{\"a\": null, \"a/../../new\": \"eHh4\"}",
        "{\"/tmp/roamlab-outpost-new\": \"eHh4\"}",
        "{\"\": \"eHh4\"}",
        "{\".\": null}",
        "{\"..\": null}",
        "{\"a/\": null}",
        "{\"a//b\": null}",
        "{\".hidden\": \"eHh4\"}",
        "{\"a\": \"no base64!\"}",
        "{\"a\": \"eHh\"}",
        "{\"a\": 1}",
        "{\"a\": {}}",
        "{\"a\": [\"eHh4\"]}",
        "{\"a\": \"eHh4\", \"a/b\": \"eHh4\"}",
        "[]",
        "\"a\"",
        "null",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *place = folder_make();
        autofree char *folder = mem_printf("%s/in", place), *new = mem_printf("%s/new", place);
        struct json_object *line = agent_say("prepare");
        struct err e = ERR_INIT;
        folder_write(place, "beside", "as it was");
        json_object_object_add(line, "files", json_tokener_parse(rows[i]));
        if (outpost_read_prepare(line, folder, &e) >= 0 || !e.text[0])
            fail_msg("accepted: %s", rows[i]);
        autofree char *beside = folder_read(place, "beside");
        assert_string_equal(beside, "as it was");
        if (access(new, F_OK) == 0 || access("/tmp/roamlab-outpost-new", F_OK) == 0)
            fail_msg("written outside: %s", rows[i]);
        json_object_put(line);
        folder_remove(place);
    }
}

/* Who had a folder there before could have put links into it. */
static void the_folder_must_be_new(void **state)
{
    (void)state;
    char *place = folder_make();
    struct json_object *line = agent_say("prepare");
    struct err e = ERR_INIT;
    json_object_object_add(line, "files", json_tokener_parse("{\"a\": \"eHh4\"}"));
    assert_int_equal(outpost_read_prepare(line, place, &e), -EEXIST);
    autofree char *file = mem_printf("%s/a", place);
    assert_int_equal(access(file, F_OK), -1);
    json_object_put(line);
    folder_remove(place);
}

static void a_large_file_is_refused(void **state)
{
    (void)state;
    enum { BASE64 = 4 << 20 };
    char *place = folder_make(), *text = mem_alloc(BASE64 + 1);
    autofree char *folder = mem_printf("%s/in", place);
    struct json_object *line = agent_say("prepare"), *files = json_object_new_object();
    struct err e = ERR_INIT;
    memset(text, 'A', BASE64);
    json_object_object_add(files, "a", json_object_new_string(text));
    json_object_object_add(line, "files", files);
    assert_int_equal(outpost_read_prepare(line, folder, &e), -EPROTO);
    json_object_put(line);
    free(text);
    folder_remove(place);
}

static void addresses_that_are_none(void **state)
{
    (void)state;
    static const char *const rows[] = {"{}",
                                       "{\"eth0\": null}",
                                       "{\"eth0\": \"\"}",
                                       "{\"eth0\": \"1.2.3\"}",
                                       "{\"eth0\": 7}",
                                       "{\"eth0\": {}}",
                                       "{\"eth1\": \"10.0.0.1\", \"eth0\": []}"};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct json_object *line = agent_say("hello");
        struct outpost_hello hello;
        struct in_addr address;
        struct err e = ERR_INIT;
        json_object_object_add(line, "version", json_object_new_string("1"));
        json_object_object_add(line, "addresses", json_tokener_parse(rows[i]));
        assert_int_equal(outpost_read_hello(line, &hello, &e), 0);
        assert_int_equal(outpost_address_of(&hello, "eth0", &address, &e), -ENODEV);
        json_object_put(line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_folder_arrives_as_it_was), cmocka_unit_test(nothing_leaves_the_folder),
        cmocka_unit_test(the_folder_must_be_new),     cmocka_unit_test(addresses_that_are_none),
        cmocka_unit_test(a_large_file_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
