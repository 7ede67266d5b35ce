#include "links_file.h"
#include "buf.h"
#include "mem.h"
#include "scenario_key.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

enum { OWN_ROWS = 3, ROWS_MAX = 64, LINKS_FILE_LINKS_MAX = 10000 };

static const struct scenario_key end_rows[] = {
    {.name = "interface",
     .kind = KEY_WORD,
     .field = KEY_NO_FIELD,
     .required = true,
     .help = "the interface's name, such as eth0"},
    {.name = "namespace",
     .kind = KEY_PATH,
     .field = KEY_NO_FIELD,
     .max = 4000,
     .help = "its network namespace: a name under /run/netns or a path; absent: the present one"},
};
static const struct scenario_keys end_keys = {end_rows, ARRAY_LEN(end_rows)};

static const struct scenario_key own_rows[OWN_ROWS] = {
    {.name = "here",
     .kind = KEY_OBJECT,
     .field = KEY_NO_FIELD,
     .required = true,
     .help = "the end that is shaped, such as {\"interface\": \"eth0\"}",
     .children = &end_keys},
    {.name = "there",
     .kind = KEY_OBJECT,
     .field = KEY_NO_FIELD,
     .help = "the other end, if it is on this machine",
     .children = &end_keys},
    {.name = "peer",
     .kind = KEY_PATH,
     .field = KEY_NO_FIELD,
     .max = 40,
     .help = "only packets to and from these addresses, such as 10.0.2.0/24"},
};

/* The keys of an entry: its own, and all that shape a scenario's link. */
static struct scenario_keys entry_keys(struct scenario_key rows[ROWS_MAX])
{
    const struct scenario_keys *shaping = &scenario_shaping_keys;
    memcpy(rows, own_rows, sizeof own_rows);
    memcpy(rows + OWN_ROWS, shaping->at, (size_t)shaping->count * sizeof *rows);
    return (struct scenario_keys){rows, OWN_ROWS + shaping->count};
}

static int check(json_object *root, struct err *e)
{
    struct scenario_key rows[ROWS_MAX];
    const struct scenario_keys keys = entry_keys(rows);
    const struct scenario_key list = {.name = "links",
                                      .kind = KEY_LIST,
                                      .field = KEY_NO_FIELD,
                                      .required = true,
                                      .min = 1,
                                      .max = LINKS_FILE_LINKS_MAX,
                                      .help = "the links, such as [{\"here\": {\"interface\": \"eth0\"}, …}]",
                                      .children = &keys};
    return scenario_check_object(&(struct scenario_keys){&list, 1}, root, NULL, e);
}

static char *namespace_of(const char *word)
{
    if (!word || strchr(word, '/'))
        return mem_copy_string(word);
    return mem_printf("/run/netns/%s", word);
}

/* Both become words of a line in the set's journal. */
static int build_end(struct links_end *end, json_object *object, const struct scenario_place *place,
                     struct err *e)
{
    const char *interface = scenario_word(object, "interface"),
               *namespace = scenario_word(object, "namespace");
    if (!object)
        return 0;
    if (strlen(interface) >= IFNAMSIZ || strchr(interface, ' '))
        return scenario_error(PLACE_NAMED(place, "interface"), e, "is no name of an interface");
    if (namespace && strpbrk(namespace, " \t\r\n"))
        return scenario_error(PLACE_NAMED(place, "namespace"), e, "is no name without blanks");
    end->interface = mem_copy_string(interface);
    end->namespace = namespace_of(namespace);
    return 0;
}

static int build_peer(struct links_entry *entry, const char *word, const struct scenario_place *place,
                      struct err *e)
{
    char address[INET_ADDRSTRLEN];
    const char *slash = word ? strchr(word, '/') : NULL;
    size_t len = word ? slash ? (size_t)(slash - word) : strlen(word) : 0;
    size_t digits = slash ? strspn(slash + 1, "0123456789") : 0;
    long bits = slash ? strtol(slash + 1, NULL, 10) : 32;
    if (!word)
        return 0;
    snprintf(address, sizeof address, "%.*s", (int)len, word);
    entry->peer_prefix = (int)bits;
    if (len < sizeof address && inet_pton(AF_INET, address, &entry->peer) == 1 && bits >= 1 && bits <= 32 &&
        (!slash || (digits && slash[1 + digits] == '\0')))
        return 0;
    scenario_error(PLACE_NAMED(place, "peer"), e, "is no IPv4 address or prefix");
    return err_hint(e, "write it as 10.0.2.0/24, with 1 to 32 bits");
}

/* How events and lists call the end. */
static char *end_name(const struct links_end *end)
{
    if (!end->interface)
        return mem_copy_string("elsewhere");
    const char *slash = end->namespace ? strrchr(end->namespace, '/') : NULL;
    return slash ? mem_printf("%s:%s", slash + 1, end->interface) : mem_copy_string(end->interface);
}

static int build_entry(struct links_file *file, json_object *object, const struct scenario_place *place,
                       struct err *e)
{
    struct scenario *s = &file->links;
    struct links_entry *entry = &file->entries[s->link_count];
    struct scenario_link *link = &s->links[s->link_count++];
    for (int i = 0; i < 2; i++) {
        const char *key = i == 0 ? "here" : "there";
        if (build_end(&entry->ends[i], scenario_member(object, key), PLACE_NAMED(place, key), e) < 0)
            return -EINVAL;
        link->between[i] = s->host_count;
        s->hosts[s->host_count++].name = end_name(&entry->ends[i]);
    }
    if (build_peer(entry, scenario_word(object, "peer"), place, e) < 0)
        return -EINVAL;
    return scenario_build_shaping(link, object, place, e);
}

static int build(struct links_file *file, json_object *root, const char *path, struct err *e)
{
    json_object *list = scenario_member(root, "links");
    size_t count = json_object_array_length(list);
    file->entries = mem_alloc_array(count, sizeof *file->entries);
    file->links.links = mem_alloc_array(count, sizeof *file->links.links);
    file->links.hosts = mem_alloc_array(count * 2, sizeof *file->links.hosts);
    for (size_t i = 0; i < count; i++) {
        const struct scenario_place *place = PLACE_INDEX(PLACE_NAMED(NULL, "links"), (int)i);
        json_object *object = json_object_array_get_idx(list, i);
        if (scenario_take_files(object, path, place, e) < 0 || build_entry(file, object, place, e) < 0)
            return -EINVAL;
    }
    file->text = mem_copy_string(
        json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    return 0;
}

struct links_file *links_file_parse(const char *path, const char *text, size_t len, struct err *e)
{
    struct links_file *file = mem_alloc(sizeof *file);
    json_object *root = scenario_text_read(text, len, e);
    bool good = root && check(root, e) == 0 && build(file, root, path, e) == 0;
    json_object_put(root);
    if (good)
        return file;
    err_wrap(e, "%.240s", path);
    links_file_free(file);
    return NULL;
}

struct links_file *links_file_read(const char *path, struct err *e)
{
    struct buf text = BUF_INIT;
    struct links_file *file = NULL;
    if (scenario_read_file(path, SCENARIO_BYTES_MAX, &text, e) < 0)
        err_wrap(e, "%.240s", path);
    else
        file = links_file_parse(path, buf_text(&text), text.len, e);
    buf_free(&text);
    return file;
}

void links_file_free(struct links_file *file)
{
    if (!file)
        return;
    for (int i = 0; i < file->links.link_count; i++) {
        for (int k = 0; k < 2; k++) {
            free(file->entries[i].ends[k].namespace);
            free(file->entries[i].ends[k].interface);
        }
        scenario_free_shaping(&file->links.links[i]);
    }
    for (int i = 0; i < file->links.host_count; i++)
        free(file->links.hosts[i].name);
    free(file->links.hosts);
    free(file->links.links);
    free(file->entries);
    free(file->text);
    free(file);
}
