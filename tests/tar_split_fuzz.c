/* Records of archives, and lists of layers, from wherever: no file outside the folder gets into an archive. */
#include "files.h"
#include "image_layers.h"
#include "mem.h"
#include "tar_split.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char folder[] = "/tmp/roamlab-tar-split-fuzz-XXXXXX";
    static bool made;
    if (!made && !mkdtemp(folder))
        abort();
    made = true;
    autofree char *file = mem_printf("%s/a", folder),
                  *text = mem_printf("%.*s", (int)size, (const char *)data);
    if (files_write(file, "content", NULL) < 0)
        abort();
    for (int counts = 0; counts < 2; counts++) {
        struct archive a;
        int fd = counts ? -1 : memfd_create("archive", MFD_CLOEXEC), count;
        archive_init(&a, fd, NULL);
        tar_split_assemble(&a, (const char *)data, size, folder, NULL);
        archive_free(&a);
        if (fd >= 0)
            close(fd);
        image_layers_choose(folder, text, &count, NULL);
    }
    return 0;
}
