/* Whatever a file of changes holds, merging it gives the files that it describes or one error, and touches nothing outside of its folder. */
#include "changes.h"
#include "files.h"
#include "mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char outer[] = "/dev/shm/changes-fuzz-XXXXXX";

static void remove_outer(void)
{
    files_remove(outer, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char *path, *folder;
    struct err e = ERR_INIT;
    uint64_t outside;
    if (!path) {
        if (!mkdtemp(outer))
            abort();
        path = mem_printf("%s/changes", outer);
        folder = mem_printf("%s/in", outer);
        atexit(remove_outer);
    }
    files_remove(folder, NULL);
    files_make_folder(folder, 0700, NULL);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    close(fd);
    int status = changes_merge(path, folder, NULL, &e);
    if (status < 0 && e.code != -status)
        abort();
    files_remove(folder, NULL);
    if (files_size(outer, &outside, NULL) < 0 || outside != size)
        abort();
    return 0;
}
