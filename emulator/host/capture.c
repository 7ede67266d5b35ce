#include "capture.h"
#include "mem.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <pcap/sll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
    SNAPSHOT_BYTES = 262144, /* tcpdump's own maximum: no frame is longer */
    KERNEL_BUFFER_BYTES = 32 * 1024 * 1024,
    FILE_BUFFER_BYTES = 1024 * 1024,
    BLOCK_TIMEOUT_MS = 50, /* the kernel hands over a block that is not full after this long */
    BITE_PACKETS = 128,    /* then the loop may look after others */
    FLUSH_MS = 1000,
};

struct capture {
    struct loop *loop;
    struct watch watch;
    struct timer flush;
    pcap_t *handle;
    pcap_dumper_t *file;
    struct capture_counts counts;
    char *path;
    capture_failed *failed;
    void *context;
    struct err broken; /* code 0 = it works */
};

static void write_packet(u_char *user, const struct pcap_pkthdr *header, const u_char *bytes)
{
    struct capture *capture = (struct capture *)user;
    pcap_dump((u_char *)capture->file, header, bytes);
    capture->counts.packets++;
    capture->counts.bytes += header->caplen - SLL2_HDR_LEN;
}

static void stop_watching(struct capture *capture)
{
    loop_unwatch(capture->loop, &capture->watch);
    loop_cancel(capture->loop, &capture->flush);
}

static void mark_broken(struct capture *capture, const char *why)
{
    if (capture->broken.code)
        return;
    err_set(&capture->broken, EIO, "capture %s: %s", capture->path, why);
}

static void report_broken(struct capture *capture)
{
    struct err e = capture->broken;
    stop_watching(capture);
    pcap_dump_flush(capture->file);
    if (capture->failed)
        capture->failed(capture->context, &e);
}

/* Takes up to `limit` packets (-1: what is there). Returns how many, 0 when there are none or it is
 * broken. */
static int take(struct capture *capture, int limit)
{
    int got = pcap_dispatch(capture->handle, limit, write_packet, (u_char *)capture);
    if (got < 0)
        mark_broken(capture, pcap_geterr(capture->handle));
    if (ferror(pcap_dump_file(capture->file)))
        mark_broken(capture, strerror(errno));
    return capture->broken.code ? 0 : got;
}

static void packets_ready(struct watch *watch, uint32_t epoll_events)
{
    (void)epoll_events;
    struct capture *capture = container_of(watch, struct capture, watch);
    int got = take(capture, BITE_PACKETS);
    if (capture->broken.code)
        report_broken(capture);
    else if (got > 0 && !timer_armed(&capture->flush))
        loop_arm_after(capture->loop, &capture->flush, simtime_ms(FLUSH_MS));
}

static void flush_file(struct timer *timer)
{
    struct capture *capture = container_of(timer, struct capture, flush);
    if (pcap_dump_flush(capture->file) == 0)
        return;
    mark_broken(capture, strerror(errno));
    report_broken(capture);
}

static int pcap_failed(pcap_t *handle, int status, struct err *e)
{
    const char *text = pcap_geterr(handle);
    bool denied = status == PCAP_ERROR_PERM_DENIED;
    err_set(e, denied ? EPERM : EIO, "capture on all interfaces: %s%s%s", pcap_statustostr(status),
            text[0] ? ": " : "", text);
    return denied ? err_hint(e, "run as root (CAP_NET_RAW)") : -EIO;
}

static int open_interfaces(struct capture *capture, struct err *e)
{
    char text[PCAP_ERRBUF_SIZE];
    pcap_t *handle = capture->handle = pcap_create("any", text);
    if (!handle)
        return err_set(e, EIO, "capture on all interfaces: %s", text);
    pcap_set_snaplen(handle, SNAPSHOT_BYTES);
    pcap_set_buffer_size(handle, KERNEL_BUFFER_BYTES);
    pcap_set_timeout(handle, BLOCK_TIMEOUT_MS);
    pcap_set_tstamp_precision(handle, PCAP_TSTAMP_PRECISION_NANO);
    int status = pcap_activate(handle);
    if (status < 0)
        return pcap_failed(handle, status, e);
    status = pcap_set_datalink(handle, DLT_LINUX_SLL2);
    if (status < 0)
        return pcap_failed(handle, status, e);
    if (pcap_setnonblock(handle, 1, text) < 0)
        return err_set(e, EIO, "capture on all interfaces: %s", text);
    capture->watch.fd = pcap_get_selectable_fd(handle);
    return 0;
}

static int open_file(struct capture *capture, const char *path, struct err *e)
{
    FILE *file = fopen(path, "we");
    if (!file)
        return err_errno(e, "capture %s", path);
    setvbuf(file, NULL, _IOFBF, FILE_BUFFER_BYTES);
    capture->file = pcap_dump_fopen(capture->handle, file);
    if (!capture->file) {
        fclose(file);
        return err_set(e, EIO, "capture %s: %s", path, pcap_geterr(capture->handle));
    }
    if (pcap_dump_flush(capture->file) < 0)
        return err_errno(e, "capture %s", path);
    return 0;
}

static void release(struct capture *capture)
{
    stop_watching(capture);
    if (capture->file)
        pcap_dump_close(capture->file);
    if (capture->handle)
        pcap_close(capture->handle);
    free(capture->path);
    free(capture);
}

int capture_start(struct capture **out, struct loop *loop, const char *path, capture_failed *failed,
                  void *context, struct err *e)
{
    struct capture *capture = mem_alloc(sizeof *capture);
    capture->loop = loop;
    capture->path = mem_copy_string(path);
    capture->failed = failed;
    capture->context = context;
    capture->watch = (struct watch){packets_ready, -1};
    capture->flush.fire = flush_file;
    int status = open_interfaces(capture, e);
    if (status == 0)
        status = open_file(capture, path, e);
    if (status == 0)
        status = loop_watch(loop, &capture->watch, EPOLLIN, e);
    if (status < 0) {
        release(capture);
        return status;
    }
    *out = capture;
    return 0;
}

struct capture_counts capture_counts(struct capture *capture)
{
    struct pcap_stat kernel;
    if (pcap_stats(capture->handle, &kernel) == 0)
        capture->counts.dropped = kernel.ps_drop;
    return capture->counts;
}

int capture_stop(struct capture *capture, struct capture_counts *counts, struct err *e)
{
    if (!capture)
        return 0;
    /* The last block becomes readable only when it is full or its timeout is over. */
    usleep(2 * BLOCK_TIMEOUT_MS * 1000);
    while (!capture->broken.code && take(capture, -1) > 0)
        ;
    if (pcap_dump_flush(capture->file) < 0)
        mark_broken(capture, strerror(errno));
    if (counts)
        *counts = capture_counts(capture);
    struct err broken = capture->broken;
    release(capture);
    if (broken.code && e)
        *e = broken;
    return -broken.code;
}
