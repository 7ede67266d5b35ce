/* Whatever a capture holds, it is read to its end or to one error that names the file, and its streams come in order. */
#include "mem.h"
#include "packet_check.h"
#include "packet_file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every byte of every payload is there to be read. */
static void read_all(const char *path)
{
    struct packet packet;
    struct packet_file *file = packet_file_open(path, NULL);
    volatile uint8_t sum = 0;
    while (file && packet_file_next(file, &packet, NULL) == 1)
        for (size_t i = 0; i < packet.len; i++)
            sum = (uint8_t)(sum + packet.payload[i]);
    packet_file_close(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char name[] = "pc1";
    static struct scenario_host host = {.name = name};
    static struct scenario_mud mud = {.name = "m1"};
    const struct scenario s = {.hosts = &host, .host_count = 1, .muds = &mud, .mud_count = 1};
    struct packet_check check = PACKET_CHECK_INIT;
    struct err e = ERR_INIT;
    autoclose int fd = memfd_create("fuzz", MFD_CLOEXEC);
    autofree char *path = mem_printf("/proc/self/fd/%d", fd);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    read_all(path);
    if (packet_check_file(&check, path, &s, 1, &e) < 0 && (e.code <= 0 || !strstr(e.text, path)))
        abort();
    json_object_put(packet_check_json(&check, &s));
    packet_check_free(&check);
    return 0;
}
