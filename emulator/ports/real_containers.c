/* The containers of this edge: their addresses on the loopback interface, and the datagrams to and from the services in them. */
#include "actor.h"
#include "mem.h"
#include "real_internal.h"
#include "wiring.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SERVICE_PORT = 7000 };

static struct in_addr in_address(uint32_t address)
{
    return (struct in_addr){htonl(address)};
}

int real_give_address(struct real *real, uint32_t mud, struct err *e)
{
    return wiring_address_add(real->netlink, "lo", in_address(layout_container_address(mud)), NULL, e);
}

void real_take_address(struct real *real, uint32_t mud)
{
    wiring_address_remove(real->netlink, "lo", in_address(layout_container_address(mud)), NULL);
}

struct real_container *real_find_container(struct real *real, uint32_t mud, uint32_t container)
{
    struct real_container *c = real->containers;
    while (c && (c->mud != mud || c->container != container))
        c = c->next;
    return c;
}

static void describe_service(const struct real *real, uint32_t mud, const char *address, struct docker_service *service)
{
    const struct layout *l = real->layout;
    *service = (struct docker_service){.address = address,
                                       .port = SERVICE_PORT,
                                       .seed = l->seed,
                                       .mud = mud,
                                       .memory_pages = l->state_size.pages[STATE_MEMORY],
                                       .layer_pages = l->state_size.pages[STATE_LAYER],
                                       .volume_pages = l->state_size.pages[STATE_VOLUME],
                                       .work_us = (uint32_t)(l->work.ns / 1000),
                                       .reply_bytes = l->muds[mud].reply_bytes,
                                       .window = l->window};
}

struct real_container *real_add_container(struct real *real, uint32_t mud, uint32_t container)
{
    char address[16];
    layout_address_text(layout_container_address(mud), address);
    autofree char *name = mem_printf("roamlab-%s-m%u-%u", real->options.run, mud, container),
                  *volume = real_volume_folder(real, mud, container);
    struct docker_container_options options = {.name = name, .run = real->options.run, .image = real->options.image, .volume = volume};
    describe_service(real, mud, address, &options.service);
    struct real_container *c = mem_alloc(sizeof *c);
    *c = (struct real_container){.next = real->containers, .mud = mud, .container = container, .real = real, .end.fd = -1};
    docker_container_init(&c->docker, real->options.daemon, &options);
    real->containers = c;
    return c;
}

void real_drop_container(struct real *real, struct real_container *c)
{
    struct real_container **link = &real->containers;
    while (*link != c)
        link = &(*link)->next;
    *link = c->next;
    real_unwatch_container(c);
    docker_container_free(&c->docker);
    real_pages_end(c, &(struct err)ERR_INIT);
    free(c);
}

/* --- ends that nobody asked for --------------------------------------------------------------------------------------------------- */

static void ended(struct watch *watch, uint32_t events)
{
    struct real_container *c = container_of(watch, struct real_container, end);
    struct real *real = c->real;
    uint32_t mud = c->mud, container = c->container;
    (void)events;
    real_unwatch_container(c);
    if (real_order_died(real, mud))
        return;
    for (int i = 0; i < real->layout->edge_count; i++)
        if (real->cast->edges[i])
            edge_container_died(real->cast->edges[i], mud, container);
}

int real_watch_container(struct real_container *c, struct err *e)
{
    real_unwatch_container(c);
    c->end = (struct watch){ended, (int)syscall(SYS_pidfd_open, c->docker.pid, 0)};
    if (c->end.fd < 0)
        return err_set(e, errno, "the container ended at once");
    return loop_watch(c->real->loop, &c->end, EPOLLIN, e);
}

void real_unwatch_container(struct real_container *c)
{
    if (c->end.fd < 0)
        return;
    loop_unwatch(c->real->loop, &c->end);
    close(c->end.fd);
    c->end.fd = -1;
}

/* --- datagrams ------------------------------------------------------------------------------------------------------------------ */

static void send_to_service(struct real *real, uint32_t mud, const struct offload *o)
{
    struct buf bytes = BUF_INIT;
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(SERVICE_PORT), .sin_addr = in_address(layout_container_address(mud))};
    offload_encode(o, real->layout->seed, &bytes);
    (void)!sendto(real->service.fd, bytes.data, bytes.len, 0, (struct sockaddr *)&to, sizeof to);
    buf_free(&bytes);
}

void real_deliver(struct port *port, struct party edge, uint32_t container, const struct offload *o)
{
    struct real *real = container_of(port, struct real, port);
    (void)edge;
    if (real_find_container(real, o->mud, container))
        send_to_service(real, o->mud, o);
}

void real_ask(struct real *real, uint32_t mud)
{
    struct offload probe = {.type = OFFLOAD_PROBE, .flags = OFFLOAD_BRIEF, .mud = mud};
    send_to_service(real, mud, &probe);
}

/* The newest container of the device is the one that runs: an edge has no second one of it. */
static void service_says(struct real *real, uint32_t mud, const struct offload *o)
{
    const struct real_container *c = real->containers;
    while (c && c->mud != mud)
        c = c->next;
    if (!c || o->mud != mud)
        return;
    for (int i = 0; i < real->layout->edge_count; i++)
        if (real->cast->edges[i])
            edge_container_says(real->cast->edges[i], c->container, o);
}

static void readable(struct watch *watch, uint32_t events)
{
    struct real *real = container_of(watch, struct real, service);
    struct real_datagram d;
    (void)events;
    for (int i = 0; i < REAL_DATAGRAMS_A_TURN && real_net_receive(watch->fd, &d); i++) {
        struct offload o;
        uint32_t mud = layout_container_at(real->layout, d.from);
        if (mud == UINT32_MAX || offload_decode(d.bytes, d.len, &o, NULL) < 0)
            continue;
        if (o.type == OFFLOAD_PROBED && o.peer.role == PARTY_NONE)
            real_order_answered(real, mud);
        else
            service_says(real, mud, &o);
        blob_unref(o.payload);
    }
}

static uint32_t edge_address(const struct real *real)
{
    for (int i = 0; i < real->layout->edge_count; i++)
        if (real->layout->edges[i].host == real->options.host)
            return layout_address(party_edge((uint32_t)i));
    return layout_host_address(real->options.host);
}

int real_containers_open(struct real *real, struct err *e)
{
    real->service = (struct watch){readable, real_net_udp(edge_address(real), 0, e)};
    if (real->service.fd < 0)
        return real->service.fd;
    return loop_watch(real->loop, &real->service, EPOLLIN, e);
}

void real_containers_close(struct real *real)
{
    if (real->service.fd >= 0) {
        loop_unwatch(real->loop, &real->service);
        close(real->service.fd);
    }
    while (real->containers)
        real_drop_container(real, real->containers);
}
