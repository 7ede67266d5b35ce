#include "agent_tunnels.h"
#include "layout.h"
#include "mem.h"
#include "wiring.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENCE_S = 10, PATIENCE_ROUND_TRIPS = 4, NOBODYS_PORT = 9 /* discard, RFC 863 */ };

struct tunnel_trial {
    struct agent_tunnels *owner;
    struct watch watch; /* of the socket that connects */
    int peer;           /* the host at the other end */
    bool answered;
};

static bool same_machine(const struct scenario *s, int a, int b)
{
    return scenario_first_beside(s, a) == scenario_first_beside(s, b);
}

static bool loses(const struct scenario_link *link)
{
    for (int i = 0; i < 2; i++)
        if (link->params[i].loss_model || link->params[i].loss > 0 || link->schedules[i].count)
            return true;
    return false;
}

static struct simtime round_trips(const struct scenario_link *link)
{
    return simtime_ns(PATIENCE_ROUND_TRIPS * (link->params[0].delay.ns + link->params[1].delay.ns));
}

static void end(struct agent_tunnels *t, int status, const struct err *e)
{
    agent_tunnels_cancel(t);
    t->done(t, status, e);
}

static void lose_patience(struct timer *timer)
{
    struct agent_tunnels *t = container_of(timer, struct agent_tunnels, patience);
    struct err e = ERR_INIT;
    int silent = 0;
    while (t->trials[silent].answered)
        silent++;
    const struct scenario_host *peer = &t->scenario->hosts[t->trials[silent].peer];
    err_set(&e, EHOSTUNREACH, "host %s on %s does not answer through the tunnel", peer->name,
            peer->ssh ? peer->ssh : "this machine");
    err_hint(&e, "UDP port %d must be open between the two machines, both ways", WIRING_VXLAN_PORT);
    end(t, -EHOSTUNREACH, &e);
}

/* The socket has an answer; silence and what routers say of it are none. */
static void hear(struct watch *watch, uint32_t events)
{
    struct tunnel_trial *trial = container_of(watch, struct tunnel_trial, watch);
    struct agent_tunnels *t = trial->owner;
    int code = 0;
    socklen_t size = sizeof code;
    (void)events;
    getsockopt(watch->fd, SOL_SOCKET, SO_ERROR, &code, &size);
    loop_unwatch(t->loop, watch);
    trial->answered = code == 0 || code == ECONNREFUSED;
    t->unanswered -= trial->answered;
    if (t->unanswered == 0)
        end(t, 0, &(struct err)ERR_INIT);
}

static int ask(struct agent_tunnels *t, int peer, struct err *e)
{
    struct tunnel_trial *trial = &t->trials[t->count++];
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(NOBODYS_PORT),
                                  .sin_addr.s_addr = htonl(layout_host_address(peer))};
    *trial = (struct tunnel_trial){
        .owner = t,
        .peer = peer,
        .watch = {hear, socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)}};
    t->unanswered++;
    if (trial->watch.fd < 0 || (connect(trial->watch.fd, (struct sockaddr *)&address, sizeof address) < 0 &&
                                errno != EINPROGRESS && errno != ECONNREFUSED))
        return err_errno(e, "the tunnel to host %s", t->scenario->hosts[peer].name);
    return loop_watch(t->loop, &trial->watch, EPOLLOUT, e);
}

int agent_tunnels_try(struct agent_tunnels *t, struct err *e)
{
    const struct scenario *s = t->scenario;
    struct simtime slowest = SIMTIME_ZERO;
    int status = 0;
    t->trials = mem_alloc_array((size_t)s->link_count + 1, sizeof *t->trials);
    for (int i = 0; i < s->link_count && status == 0; i++) {
        const int *between = s->links[i].between;
        if (between[0] != t->host || same_machine(s, between[0], between[1]) || loses(&s->links[i]))
            continue;
        status = ask(t, between[1], e);
        slowest = simtime_max(slowest, round_trips(&s->links[i]));
    }
    t->patience.fire = lose_patience;
    if (status < 0 || !t->unanswered)
        agent_tunnels_cancel(t);
    else
        loop_arm_after(t->loop, &t->patience, simtime_add(simtime_s(PATIENCE_S), slowest));
    return status < 0 ? status : t->unanswered;
}

void agent_tunnels_cancel(struct agent_tunnels *t)
{
    if (t->loop)
        loop_cancel(t->loop, &t->patience);
    for (int i = 0; i < t->count; i++) {
        loop_unwatch(t->loop, &t->trials[i].watch);
        mem_close_fd(&t->trials[i].watch.fd);
    }
    t->count = 0;
    free(steal(t->trials));
}
