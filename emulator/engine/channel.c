#include "channel.h"
#include "mem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

static void fail(struct channel *channel, const struct err *e)
{
    channel_close(channel);
    channel->closed(channel, e);
}

static void write_some(struct channel *channel)
{
    struct err e = ERR_INIT;
    while (channel->outgoing.len) {
        ssize_t wrote = write(channel->out.fd, channel->outgoing.data, channel->outgoing.len);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0 && errno != EAGAIN) {
            err_errno(&e, "write");
            fail(channel, &e);
            return;
        }
        if (wrote < 0)
            break;
        buf_consume(&channel->outgoing, (size_t)wrote);
    }
    bool wanted = channel->outgoing.len > 0;
    if (wanted && !channel->out_watched)
        loop_watch(channel->loop, &channel->out, EPOLLOUT, NULL);
    else if (!wanted && channel->out_watched)
        loop_unwatch(channel->loop, &channel->out);
    bool had_to_wait = channel->out_watched && !wanted;
    channel->out_watched = wanted;
    if (had_to_wait && channel->drained)
        channel->drained(channel);
}

static void writable(struct watch *watch, uint32_t events)
{
    (void)events;
    write_some(container_of(watch, struct channel, out));
}

/* Hands out whole lines; what is behind the last one stays. */
static void split_lines(struct channel *channel, size_t searched)
{
    size_t begin = 0;
    char *newline;
    while (channel->open &&
           (newline = memchr(channel->incoming.data + searched, '\n', channel->incoming.len - searched))) {
        char *line = (char *)channel->incoming.data + begin;
        *newline = '\0';
        searched = (size_t)(newline - (char *)channel->incoming.data) + 1;
        channel->line(channel, line, (size_t)(newline - line));
        begin = searched;
    }
    if (channel->open)
        buf_consume(&channel->incoming, begin);
}

static void readable(struct watch *watch, uint32_t events)
{
    (void)events;
    struct channel *channel = container_of(watch, struct channel, in);
    struct err e = ERR_INIT;
    buf_reserve(&channel->incoming, 65536);
    size_t before = channel->incoming.len;
    ssize_t got = read(channel->in.fd, channel->incoming.data + before, 65536);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got < 0)
        err_errno(&e, "read");
    else if (before + (size_t)got > CHANNEL_LINE_MAX)
        err_set(&e, EMSGSIZE, "a line of more than %d MB", CHANNEL_LINE_MAX >> 20);
    if (got <= 0 || e.code) {
        fail(channel, e.code ? &e : NULL);
        return;
    }
    channel->incoming.len += (size_t)got;
    split_lines(channel, before);
}

int channel_open(struct channel *channel, struct loop *loop, int in_fd, int out_fd, struct err *e)
{
    channel->loop = loop;
    channel->in = (struct watch){readable, in_fd};
    channel->out = (struct watch){writable, out_fd};
    channel->open = true;
    channel->paused = false;
    fcntl(in_fd, F_SETFL, fcntl(in_fd, F_GETFL) | O_NONBLOCK);
    fcntl(out_fd, F_SETFL, fcntl(out_fd, F_GETFL) | O_NONBLOCK);
    int status = loop_watch(loop, &channel->in, EPOLLIN, e);
    if (status < 0)
        channel_close(channel);
    return status;
}

void channel_close(struct channel *channel)
{
    if (!channel->open)
        return;
    channel_pause(channel, true);
    channel->open = false;
    if (channel->out_watched)
        loop_unwatch(channel->loop, &channel->out);
    channel->out_watched = false;
    close(channel->in.fd);
    close(channel->out.fd);
    buf_free(&channel->incoming);
    buf_free(&channel->outgoing);
}

void channel_pause(struct channel *channel, bool paused)
{
    if (!channel->open || paused == channel->paused)
        return;
    channel->paused = paused;
    if (paused)
        loop_unwatch(channel->loop, &channel->in);
    else
        loop_watch(channel->loop, &channel->in, EPOLLIN, NULL);
}

void channel_send(struct channel *channel, const char *text)
{
    if (!channel->open)
        return;
    buf_add(&channel->outgoing, text, strlen(text));
    buf_add_u8(&channel->outgoing, '\n');
    if (!channel->out_watched)
        write_some(channel);
}

void channel_flush(struct channel *channel)
{
    if (!channel->open)
        return;
    int flags = fcntl(channel->out.fd, F_GETFL);
    fcntl(channel->out.fd, F_SETFL, flags & ~O_NONBLOCK);
    while (channel->outgoing.len) {
        ssize_t wrote = write(channel->out.fd, channel->outgoing.data, channel->outgoing.len);
        if (wrote <= 0)
            break;
        buf_consume(&channel->outgoing, (size_t)wrote);
    }
    fcntl(channel->out.fd, F_SETFL, flags);
}
