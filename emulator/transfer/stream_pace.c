#include "stream_pace.h"

#include <sys/socket.h>

enum {
    PADDING_MAX = 24 << 20,
    WINDOW_MAX = 4 << 20, /* what a socket may hold (tcp_wmem): a larger window is of no use */
    BURST_SEGMENTS = 8,   /* as netem/flow.c models them */
};

static bool in_slow_start(const struct tcp_info *info)
{
    return info->tcpi_snd_cwnd < info->tcpi_snd_ssthresh;
}

static void tell_kernel(const struct pace *pace, const struct stream_tls *t)
{
    uint64_t rate = (uint64_t)pace->rate;
    setsockopt(t->fd, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, sizeof rate);
}

static bool pace_holds(const struct stream_tls *t, const struct tcp_info *info)
{
    return !stream_tls_hungry(t) && info->tcpi_unacked + BURST_SEGMENTS < info->tcpi_snd_cwnd;
}

void stream_pace_adapt(struct pace *pace, const struct stream_tls *t)
{
    struct tcp_info info = stream_tls_info(t);
    if (pace->rate > 0 && pace_look(pace, clock_monotonic(), simtime_us(info.tcpi_rtt),
                                    BURST_SEGMENTS * info.tcpi_snd_mss, pace_holds(t, &info)))
        tell_kernel(pace, t);
}

static void start(struct pace *pace, const struct stream_tls *t, const struct tcp_info *info)
{
    struct simtime floor = simtime_us(info->tcpi_min_rtt);
    double window = (double)info->tcpi_snd_ssthresh * info->tcpi_snd_mss;
    pace_start(pace, window / simtime_seconds(floor), floor);
    tell_kernel(pace, t);
}

bool stream_pace_found(struct pace *pace, const struct stream_tls *t, size_t sent)
{
    struct tcp_info info = stream_tls_info(t);
    if (in_slow_start(&info))
        return sent >= PADDING_MAX || (uint64_t)info.tcpi_snd_cwnd * info.tcpi_snd_mss >= WINDOW_MAX;
    if (pace->rate > 0)
        stream_pace_adapt(pace, t);
    else if (info.tcpi_min_rtt)
        start(pace, t, &info);
    return pace->queue || sent >= PADDING_MAX;
}
