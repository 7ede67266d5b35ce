/* Records of archives, and lists of layers, from wherever: what is no record is refused, and no file outside the folder (this one) gets into an
 * archive. */
#include "image_layers.h"
#include "mem.h"
#include "tar_split.h"

#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    autofree char *text = mem_printf("%.*s", (int)size, (const char *)data);
    for (int counts = 0; counts < 2; counts++) {
        struct archive a;
        int fd = counts ? -1 : memfd_create("archive", MFD_CLOEXEC), count;
        archive_init(&a, fd, NULL);
        tar_split_assemble(&a, (const char *)data, size, "tests", NULL);
        archive_free(&a);
        if (fd >= 0)
            close(fd);
        image_layers_choose("tests", text, &count, NULL);
    }
    return 0;
}
