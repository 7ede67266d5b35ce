#include "real.h"
#include "loop_alarm.h"
#include "mem.h"
#include "real_internal.h"

#include <stdlib.h>

static struct real *real_of(struct port *port)
{
    return container_of(port, struct real, port);
}

static struct simtime real_now(struct port *port)
{
    const struct real *real = real_of(port);
    return simtime_sub(loop_now(real->loop), real->origin);
}

static void real_set_alarm(struct port *port, struct alarm *alarm, struct simtime at)
{
    const struct real *real = real_of(port);
    loop_alarm_set(real->loop, alarm, simtime_add(at, real->origin));
}

static void real_clear_alarm(struct port *port, struct alarm *alarm)
{
    loop_alarm_clear(real_of(port)->loop, alarm);
}

static void real_send(struct port *port, const struct msg *m)
{
    real_net_send(real_of(port)->net, m);
}

static void real_report(struct port *port, const struct report *r)
{
    cast_report(real_of(port)->cast, r, real_now(port));
}

static const struct port_operations operations = {
    .now = real_now,
    .set_alarm = real_set_alarm,
    .clear_alarm = real_clear_alarm,
    .send = real_send,
    .deliver = real_deliver,
    .operate = real_operate,
    .cancel_operations = real_cancel_operations,
    .report = real_report,
    .keep_owner = real_keep_owner,
};

/* --- closed: what actors still do is without effect -------------------------------------------------------------------------------- */

static void send_nothing(struct port *port, const struct msg *m)
{
    (void)port, (void)m;
}

static void set_no_alarm(struct port *port, struct alarm *alarm, struct simtime at)
{
    (void)port, (void)alarm, (void)at;
}

static void deliver_nothing(struct port *port, struct party edge, uint32_t container, const struct offload *o)
{
    (void)port, (void)edge, (void)container, (void)o;
}

static void operate_nothing(struct port *port, const struct order *order)
{
    (void)port, (void)order;
}

static void cancel_nothing(struct port *port, struct party edge, uint32_t mud, uint32_t migration)
{
    (void)port, (void)edge, (void)mud, (void)migration;
}

static void report_nothing(struct port *port, const struct report *r)
{
    (void)port, (void)r;
}

static void keep_nothing(struct port *port, struct party edge, const struct owner_record *record)
{
    (void)port, (void)edge, (void)record;
}

static const struct port_operations closed_operations = {
    .now = real_now,
    .set_alarm = set_no_alarm,
    .clear_alarm = real_clear_alarm,
    .send = send_nothing,
    .deliver = deliver_nothing,
    .operate = operate_nothing,
    .cancel_operations = cancel_nothing,
    .report = report_nothing,
    .keep_owner = keep_nothing,
};

/* --- the port ------------------------------------------------------------------------------------------------------------------------- */

struct real *real_new(struct loop *loop, struct layout *layout, struct cast *cast, const struct real_options *options, struct err *e)
{
    struct real *real = mem_alloc(sizeof *real);
    *real = (struct real){.port = {.operations = &operations, .keeps_owners = options->owners},
                          .loop = loop,
                          .layout = layout,
                          .cast = cast,
                          .options = *options,
                          .origin = loop_now(loop),
                          .service.fd = -1};
    real_registries_open(real);
    real->net = real_net_new(loop, cast, options->host, e);
    real->netlink = real->net ? netlink_open(NULL, e) : NULL;
    if (!real->netlink || real_containers_open(real, e) < 0) {
        real_free(real);
        return NULL;
    }
    return real;
}

void real_close(struct real *real)
{
    if (!real || real->port.operations == &closed_operations)
        return;
    real->port.operations = &closed_operations;
    real_free_operations(real);
    real_registries_free(real);
    real_owners_free(real);
    real_containers_close(real);
    real_net_free(real->net);
    netlink_free(real->netlink);
}

void real_free(struct real *real)
{
    real_close(real);
    free(real);
}

struct port *real_port(struct real *real)
{
    return &real->port;
}

void real_connect(struct real *real)
{
    real_net_connect(real->net);
}

void real_begin(struct real *real, struct simtime origin)
{
    real->origin = origin;
}

struct real_ratios real_ratios(const struct real *real)
{
    return real->ratios;
}

uint64_t real_errors(const struct real *real)
{
    return real_net_errors(real->net);
}
