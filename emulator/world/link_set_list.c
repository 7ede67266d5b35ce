/* The sets that are there, for all processes: listed, cleared. */
#include "files.h"
#include "link_set.h"
#include "link_set_internal.h"
#include "mem.h"
#include "scenario_key.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct names {
    char **list; /* owned */
    int count;
};

static int is_set(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* In the order of their names. No folder: no sets. */
static struct names names_of_sets(void)
{
    struct names names = {0};
    struct dirent **entries;
    int count = scandir(LINK_SETS, &entries, is_set, alphasort);
    if (count < 0)
        return names;
    names.list = mem_alloc_array((size_t)count + 1, sizeof *names.list);
    for (int i = 0; i < count; i++) {
        names.list[names.count++] = mem_copy_string(entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return names;
}

static void free_names(struct names *names)
{
    for (int i = 0; i < names->count; i++)
        free(names->list[i]);
    free(names->list);
}

int link_set_clear(const char *name, struct err *e)
{
    if (name)
        return link_set_clear_one(name, e) < 0 ? -(e ? e->code : EIO) : 1;
    struct names names = names_of_sets();
    int status = 0, count = 0;
    for (int i = 0; i < names.count && status == 0; i++, count++)
        status = link_set_clear_one(names.list[i], e);
    free_names(&names);
    return status < 0 ? status : count;
}

static char *read_text(const char *name, const char *file)
{
    struct buf text = BUF_INIT;
    autofree char *path = mem_printf("%s/%s/%s", LINK_SETS, name, file);
    char *copy = files_read(path, 0, &text, NULL) == 0 ? mem_copy_string(buf_text(&text)) : NULL;
    buf_free(&text);
    return copy;
}

/* By the sets' journals, whose folders are there as long as the shaping is. */
char *link_set_of(const struct links_end *end)
{
    autofree char *words = mem_printf(" %s %s\n", end->namespace ? end->namespace : "-", end->interface);
    struct names names = names_of_sets();
    char *found = NULL;
    for (int i = 0; i < names.count && !found; i++) {
        autofree char *journal = read_text(names.list[i], "journal");
        if (journal && strstr(journal, words))
            found = mem_copy_string(names.list[i]);
    }
    free_names(&names);
    return found;
}

/* The entry as it was written, without its ends and the contents of files. */
static void show_link(const struct links_file *file, int i, json_object *entry, FILE *out)
{
    static const char *const left_out[] = {"here", "there"}, *const contents[] = {"text", "text_back"};
    json_object *parts[] = {scenario_member(entry, "trace"), scenario_member(entry, "distribution")};
    for (size_t k = 0; k < ARRAY_LEN(left_out); k++)
        json_object_object_del(entry, left_out[k]);
    for (size_t k = 0; k < ARRAY_LEN(parts); k++)
        for (size_t n = 0; n < ARRAY_LEN(contents); n++)
            if (scenario_member(parts[k], "file"))
                json_object_object_del(parts[k], contents[n]);
    fprintf(out, "  %s – %s  %s\n", file->links.hosts[2 * i].name, file->links.hosts[2 * i + 1].name,
            json_object_to_json_string_ext(entry, JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE));
}

/* What the kernel knows of shaping that no process holds. */
static void show_carried(const struct links_file *file, int i, const struct link_driver *driver, FILE *out)
{
    for (int direction = 0; direction < 2; direction++) {
        struct link_need need = link_set_need(file, i, direction);
        struct link_counters c;
        struct err e = ERR_INIT;
        if (link_is_plain(&need.params))
            continue;
        if (driver->read(need.ends.from_namespace, need.ends.from_interface, &c, &e) < 0)
            fprintf(out, "  %s: %s\n", file->links.hosts[2 * i + direction].name, e.text);
        else
            fprintf(out, "  %s: %llu packets, %llu bytes, %llu dropped\n", file->links.hosts[2 * i + direction].name,
                    (unsigned long long)c.packets, (unsigned long long)c.bytes, (unsigned long long)c.dropped);
    }
}

static void show_links(const char *name, const char *text, const struct link_driver *reader, FILE *out)
{
    struct links_file *file = links_file_parse(name, text, strlen(text), NULL);
    json_object *root = json_tokener_parse(text), *list = scenario_member(root, "links");
    for (int i = 0; file && i < file->links.link_count; i++) {
        show_link(file, i, json_object_array_get_idx(list, (size_t)i), out);
        if (reader && reader->read)
            show_carried(file, i, reader, out);
    }
    json_object_put(root);
    links_file_free(file);
}

static void show_set(const char *name, FILE *out)
{
    autofree char *driver = read_text(name, "driver"), *links = read_text(name, "links.json"),
                  *counters = read_text(name, "counters"), *pid = read_text(name, "pid");
    fprintf(out, "%s: driver %s%s%.*s\n", name, driver ? driver : "unknown", pid ? ", process " : "",
            pid ? (int)strcspn(pid, "\n") : 0, pid ? pid : "");
    if (links)
        show_links(name, links, driver && !pid ? link_driver_named(driver) : NULL, out);
    for (const char *line = counters; line && *line;) {
        int len = (int)strcspn(line, "\n");
        fprintf(out, "  %.*s\n", len, line);
        line += len + (line[len] == '\n');
    }
}

int link_set_show(FILE *out)
{
    struct names names = names_of_sets();
    for (int i = 0; i < names.count; i++)
        show_set(names.list[i], out);
    int count = names.count;
    free_names(&names);
    return count;
}
