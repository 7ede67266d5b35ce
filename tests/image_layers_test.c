/* An image taken apart into layers at one Engine, and put together at another. */
#define FIXTURE_SIZES 3000000, 100, 100
#include "docker_fixture.h"
#include "image_layers.h"
#include "image_trim.h"

static struct fixture *f;
static struct image_layers layers;

static char *data_of(int edge)
{
    return mem_printf("%s/data", f->edges[edge].root);
}

static char *shell_line(const char *command)
{
    char *output = NULL;
    struct err e = ERR_INIT;
    struct process_options o = PROCESS_OPTIONS_INIT;
    o.argv = (const char *[]){"sh", "-c", command, NULL};
    if (process_run(&o, &output, &e) < 0)
        fail_msg("%s: %s", command, e.text);
    return output;
}

static void read_layers(const struct docker_container *c)
{
    struct err e = ERR_INIT;
    autofree char *data = data_of(0);
    if (image_layers_read(&layers, data, c->image_id, &e) < 0)
        fail_msg("%s", e.text);
    assert_int_equal(layers.count, 8);
    assert_int_equal(image_layers_choose(data, "nonsense", &(int){0}, &e), -EBADMSG);
}

static int chosen(int edge)
{
    struct buf list = BUF_INIT;
    struct err e = ERR_INIT;
    int count;
    autofree char *data = data_of(edge);
    image_layers_list(&layers, f->edges[0].container.image_id, &list);
    int present = image_layers_choose(data, buf_text(&list), &count, &e);
    buf_free(&list);
    assert_int_equal(count, layers.count);
    return present;
}

static char *pack(int i)
{
    struct err e = ERR_INIT;
    uint64_t bytes;
    char *archive = mem_printf("%s/layer-%d.tar", f->edges[0].spool, i);
    if (image_layers_pack(&layers, i, f->image.name, archive, NULL, &bytes, &e) < 0)
        fail_msg("%s", e.text);
    return archive;
}

/* The archive of a layer, made again, has the digest that the image names. */
static void packs_what_was_loaded(void **state)
{
    (void)state;
    if (!f)
        skip();
    for (int i = 0; i < layers.count; i++) {
        autofree char *archive = pack(i);
        autofree char *command = mem_printf("tar xOf %s layer.tar | sha256sum | cut -c1-64", archive);
        autofree char *digest = shell_line(command);
        assert_memory_equal(digest, layers.list[i].diff_id + strlen("sha256:"), 64);
    }
}

static void trim_done(struct image_trim *trim, int status, const struct err *e)
{
    (void)trim;
    fixture_done(status, 0, e);
}

static void trim(int count)
{
    struct image_trim t = {.done = trim_done};
    struct err e = ERR_INIT;
    autofree char *data = data_of(1);
    assert_int_equal(image_trim(&t, f->edges[1].daemon.api, data, f->image.name, count, &e), 0);
    assert_int_equal(fixture_wait(f, "trim"), 0);
}

static int load(const char *archive)
{
    return OPERATE(f, load, &f->edges[1].container, &f->job, archive);
}

/* A byte in the middle, where the layer's contents are. */
static void spoil(const char *archive)
{
    struct stat st;
    int fd = open(archive, O_RDWR | O_CLOEXEC);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(pwrite(fd, "X", 1, st.st_size / 2), 1);
    close(fd);
}

static void loads_what_is_lacking(void **state)
{
    (void)state;
    if (!f)
        skip();
    struct docker_container *c = &f->edges[1].container;
    assert_int_equal(chosen(1), layers.count);
    trim(3);
    assert_int_equal(chosen(1), 3);
    autofree char *spoilt = pack(3), *too_early = pack(4);
    spoil(spoilt);
    assert_int_equal(load(spoilt), -EIO);
    assert_int_equal(load(too_early), -EIO);
    assert_int_equal(chosen(1), 3);
    for (int i = 3; i < layers.count; i++) {
        autofree char *archive = pack(i);
        assert_int_equal(load(archive), 0);
        assert_int_equal(chosen(1), i + 1);
    }
    assert_int_equal(OPERATE(f, create, c, &f->job, NULL, NULL), 0);
    assert_string_equal(c->image_id, f->edges[0].container.image_id);
    assert_int_equal(OPERATE(f, discard, c, &f->job, NULL, NULL), 0);
}

static int open_group(void **state)
{
    (void)state;
    f = fixture_open();
    if (!f)
        return 0;
    for (int i = 0; i < 2; i++)
        fixture_new_container(f, i, "layers");
    assert_int_equal(OPERATE(f, create, &f->edges[0].container, &f->job, NULL, NULL), 0);
    files_make_folder(f->edges[0].spool, 0700, NULL);
    read_layers(&f->edges[0].container);
    return 0;
}

static int close_group(void **state)
{
    (void)state;
    if (f)
        OPERATE(f, discard, &f->edges[0].container, &f->job, NULL, f->edges[0].spool);
    image_layers_free(&layers);
    fixture_close(f);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packs_what_was_loaded),
        cmocka_unit_test(loads_what_is_lacking),
    };
    return cmocka_run_group_tests(tests, open_group, close_group);
}
