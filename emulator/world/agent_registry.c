#include "agent_registry.h"
#include "layout.h"
#include "mem.h"
#include "registry_image.h"
#include "registry_server.h"
#include "server_process.h"

#include <errno.h>

/* What the registry itself says that it holds. */
static int check_catalogue(struct registry_client *c, const struct scenario_registry *registry, struct err *e)
{
    struct buf text = BUF_INIT;
    int status = registry_get_catalogue(c, &text, e);
    for (int i = 0; i < registry->image_count && status == 0; i++) {
        const char *tag;
        autofree char *repository = registry_image_repository(registry->images[i], &tag);
        int found = registry_catalogue_has(buf_text(&text), text.len, repository, e);
        if (found <= 0)
            status = found < 0 ? found : err_set(e, ENOENT, "its catalogue lacks %s, which was pushed to it", repository);
    }
    buf_free(&text);
    return status;
}

static int fill(struct background *b, struct err *e)
{
    struct agent_registry *r = container_of(b, struct agent_registry, background);
    const struct scenario_registry *registry = r->registry;
    struct registry_client client;
    int status = registry_client_open(&client, r->settings, r->host.address, -1, e);
    for (int i = 0; i < registry->image_count && status == 0 && !background_cancelled(b); i++)
        status = registry_image_push(&client, r->archive, registry->images[i], e);
    if (status == 0 && !background_cancelled(b))
        status = check_catalogue(&client, registry, e);
    registry_client_close(&client);
    return status < 0 ? err_wrap(e, "registries.%s", registry->name) : 0;
}

static void filled(struct background *b, int status, const struct err *e)
{
    struct agent_registry *r = container_of(b, struct agent_registry, background);
    r->filled = true;
    r->changed(r, status, e);
}

static int withdraw(struct background *b, struct err *e)
{
    struct agent_registry *r = container_of(b, struct agent_registry, background);
    struct registry_client client;
    int status = registry_client_open(&client, r->settings, r->host.address, -1, e);
    if (status == 0)
        status = registry_image_withdraw(&client, r->scenario->service.image, e);
    registry_client_close(&client);
    return status < 0 ? err_wrap(e, "registries.%s: recall", r->registry->name) : 0;
}

static void withdrawn(struct background *b, int status, const struct err *e)
{
    struct agent_registry *r = container_of(b, struct agent_registry, background);
    if (status < 0)
        r->changed(r, status, e);
}

static void recall_is_due(struct timer *timer)
{
    struct agent_registry *r = container_of(timer, struct agent_registry, recall);
    struct err e = ERR_INIT;
    r->background.done = withdrawn;
    int status = background_start(r->settings->loop, &r->background, withdraw, &e);
    if (status < 0)
        r->changed(r, status, &e);
}

void agent_registry_recall(struct agent_registry *r, struct simtime at)
{
    r->recall.fire = recall_is_due;
    if (r->settings)
        loop_arm(r->settings->loop, &r->recall, at);
}

static void server_changed(struct transfer_server *server, int status, const struct err *e)
{
    struct agent_registry *r = container_of(server, struct agent_registry, server);
    struct err err = ERR_INIT;
    r->background.done = filled;
    if (status < 0)
        r->changed(r, status, e);
    else if ((status = background_start(r->settings->loop, &r->background, fill, &err)) < 0)
        r->changed(r, status, &err);
}

int agent_registry_start(struct agent_registry *r, const struct transfer_settings *settings,
                         const struct scenario *s, const struct scenario_registry *registry,
                         const char *archive, struct err *e)
{
    r->server.changed = server_changed;
    r->settings = settings;
    layout_address_text(layout_host_address(registry->host), r->address);
    r->host = (struct transfer_host){.name = s->hosts[registry->host].name, .address = r->address};
    r->scenario = s;
    r->registry = registry;
    r->archive = archive;
    return registry_server_start(&r->server, settings, &r->host, e);
}

void agent_registry_stop(struct agent_registry *r)
{
    background_cancel(&r->background);
    if (r->settings)
        loop_cancel(r->settings->loop, &r->recall);
    server_process_stop(&r->server);
}

const struct scenario_registry *agent_registry_on(const struct scenario *s, int host)
{
    for (int i = 0; i < s->registry_count; i++)
        if (s->registries[i].host == host)
            return &s->registries[i];
    return NULL;
}
