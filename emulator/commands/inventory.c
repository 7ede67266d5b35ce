#include "inventory.h"
#include "files.h"
#include "installation.h"
#include "mem.h"
#include "outpost_link.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool has_host(const struct scenario *s, const char *name)
{
    for (int i = 0; i < s->host_count; i++)
        if (!strcmp(s->hosts[i].name, name))
            return true;
    return false;
}

/* The settings' texts live in the inventory, beside its machines. */
static int add_settings(struct json_object *root, const struct scenario *s, const char *command,
                        struct command_settings *settings)
{
    struct json_object *texts = json_object_new_array();
    int added = 0, status = 0;
    json_object_object_foreach(root, name, machine)
    {
        if (!has_host(s, name) || status)
            continue;
        autofree char *path = mem_printf("hosts.%s", name);
        struct json_object *key = json_object_new_string(path);
        json_object_array_add(texts, key);
        status = command_add_setting(command, json_object_get_string(key),
                                     json_object_to_json_string_ext(machine, JSON_C_TO_STRING_PLAIN), settings);
        added++;
    }
    json_object_object_add(root, "", texts);
    return added ? status : command_usage(command, "--hosts: the file knows none of the scenario's hosts");
}

static int read_inventory(const char *path, struct json_object **root, struct err *e)
{
    struct buf text = BUF_INIT;
    enum json_tokener_error wrong;
    int status = files_read(path, 0, &text, e);
    if (status == 0 && !(*root = json_tokener_parse_verbose(buf_text(&text), &wrong)))
        status = err_set(e, EINVAL, "%s: %s", path, json_tokener_error_desc(wrong));
    if (status == 0 && !json_object_is_type(*root, json_type_object)) {
        json_object_put(steal(*root));
        err_set(e, EINVAL, "%s: is no object of hosts", path);
        status = err_hint(e, "such as {\"pc1\": {\"ssh\": \"root@192.0.2.1\", \"interface\": \"eth0\"}}");
    }
    buf_free(&text);
    return status;
}

struct json_object *inventory_take(const char *path, const char *scenario, const char *command,
                                   struct command_settings *settings)
{
    struct err e = ERR_INIT;
    struct json_object *root = NULL;
    struct scenario *s = scenario_read(scenario, settings->list, settings->count, &e);
    if (!s || read_inventory(path, &root, &e) < 0)
        err_print(&e);
    else if (add_settings(root, s, command, settings) != 0)
        json_object_put(steal(root));
    scenario_free(s);
    return root;
}

int inventory_push(const struct scenario *s, struct err *e)
{
    autofree char *service = installation_service();
    autofree char *self = mem_printf("%.*s", (int)(strlen(service) - strlen("-service")), service);
    int status = 0;
    for (int i = 0; i < s->host_count && status == 0; i++) {
        if (!s->hosts[i].ssh || scenario_first_beside(s, i) < i)
            continue;
        status = outpost_link_push(s->hosts[i].ssh, self, e);
        if (status == 0)
            status = outpost_link_push(s->hosts[i].ssh, service, e);
    }
    return status;
}
