#include "stream_pace.h"

#include <sys/socket.h>

enum {
    PADDING_MAX = 24 << 20,
    WINDOW_MAX = 4 << 20, /* what a socket may hold (tcp_wmem): a larger window is of no use */
    RISE_PERCENT = 105,
    FALL_PERCENT = 93,
    BURST_SEGMENTS = 8, /* as netem/flow.c models them */
};

static bool in_slow_start(const struct tcp_info *info)
{
    return info->tcpi_snd_cwnd < info->tcpi_snd_ssthresh;
}

/* What our own burst takes on the line is no queue: without it the pace would fall for ever on a slow link, or on one that has become
 * longer. */
static bool queue_stands(const struct stream_pace *pace, const struct tcp_info *info)
{
    uint64_t margin = info->tcpi_min_rtt / 8;
    margin = margin < 4000 ? 4000 : margin > 16000 ? 16000 : margin;
    margin += pace->rate ? (uint64_t)BURST_SEGMENTS * info->tcpi_snd_mss * 1000000 / pace->rate : 0;
    return info->tcpi_rtt > info->tcpi_min_rtt + margin;
}

static void set_rate(struct stream_pace *pace, const struct stream_tls *t, const struct tcp_info *info,
                     uint64_t rate)
{
    pace->rate = rate;
    pace->next = simtime_add(clock_monotonic(), simtime_us(info->tcpi_rtt));
    setsockopt(t->fd, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, sizeof rate);
}

void stream_pace_adapt(struct stream_pace *pace, const struct stream_tls *t)
{
    struct tcp_info info = stream_tls_info(t);
    if (!pace->rate || simtime_before(clock_monotonic(), pace->next))
        return;
    pace->met_limit = queue_stands(pace, &info);
    if (pace->met_limit)
        set_rate(pace, t, &info, pace->rate * FALL_PERCENT / 100);
    else if (!stream_tls_hungry(t)) /* the pace is the limit, not we */
        set_rate(pace, t, &info, pace->rate * RISE_PERCENT / 100);
}

bool stream_pace_found(struct stream_pace *pace, const struct stream_tls *t, size_t sent)
{
    struct tcp_info info = stream_tls_info(t);
    if (in_slow_start(&info))
        return sent >= PADDING_MAX || (uint64_t)info.tcpi_snd_cwnd * info.tcpi_snd_mss >= WINDOW_MAX;
    if (pace->rate)
        stream_pace_adapt(pace, t);
    else if (info.tcpi_min_rtt)
        set_rate(pace, t, &info,
                 (uint64_t)info.tcpi_snd_ssthresh * info.tcpi_snd_mss * 1000000 / info.tcpi_min_rtt);
    return pace->met_limit || sent >= PADDING_MAX;
}
