/* Lazy pages (lazy_pages.h) at one edge: where they are served, and the mark of a container that lacks some. What fetches them ends with this
 * process, and a container that lives without them is not the device's any more: mM-C.lacks in the spool folder says so after a restart. */
#include "files.h"
#include "mem.h"
#include "prepaging.h"
#include "real_internal.h"

#include <errno.h>
#include <unistd.h>

/* CRIU keeps a port as a signed word of 16 bits; 20048 is mountd's (nfs_server.h). One a device: an edge server has one live container of each. */
enum { FIRST_PORT = 21000, PORTS = 10000 };

uint16_t real_pages_port(const struct real_order *o)
{
    return (uint16_t)(FIRST_PORT + o->order.mud % PORTS);
}

void real_pages_end(struct real_container *c, struct err *e)
{
    struct err why = ERR_INIT;
    prepaging_free(steal(c->prepaging), &why);
    if (e->code && why.code)
        err_wrap(e, "%s", why.text);
}

static char *mark_of(const struct real *real, uint32_t mud, uint32_t container)
{
    return mem_printf("%s/m%u-%u.lacks", real->options.spool, mud, container);
}

static int begin_prepaging(const struct real_order *o, struct real_container *c, struct err *e)
{
    const struct layout *l = o->real->layout;
    autofree char *images = real_files_path(o, ".memory/memory");
    char source[16];
    layout_address_text(layout_host_address(l->edges[o->order.peer.index].host), source);
    const struct prepaging_options options = {images, source, real_pages_port(o), o->real->options.daemon->page_keys};
    c->prepaging = prepaging_start(&options, e);
    return c->prepaging ? 0 : -e->code;
}

int real_pages_lack(struct real_order *o, struct err *e)
{
    struct real_container *c = real_container_for(o);
    autofree char *path = mark_of(o->real, o->order.mud, o->order.container);
    int status = c ? files_write(path, "", e) : err_set(e, ENOENT, "no container of device %u", o->order.mud);
    return status < 0 ? status : begin_prepaging(o, c, e);
}

int real_pages_whole(struct real_order *o, struct err *e)
{
    autofree char *path = mark_of(o->real, o->order.mud, o->order.container);
    return unlink(path) < 0 ? err_errno(e, "%s", path) : 0;
}

bool real_pages_are_whole(const struct real *real, uint32_t mud, uint32_t container)
{
    autofree char *path = mark_of(real, mud, container);
    return access(path, F_OK) < 0;
}
