#include "dirty_tracking.h"
#include "files.h"
#include "mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#define SOFT_DIRTY (UINT64_C(1) << 55)

/* A word of /proc/self/pagemap for each page. */
static int is_dirty(const volatile char *page, bool *dirty, struct err *e)
{
    uint64_t word;
    off_t at = (off_t)((uintptr_t)page / (uintptr_t)sysconf(_SC_PAGESIZE) * sizeof word);
    autoclose int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || pread(fd, &word, sizeof word, at) != sizeof word)
        return err_errno(e, "/proc/self/pagemap");
    *dirty = word & SOFT_DIRTY;
    return 0;
}

static int write_and_look(volatile char *page, struct err *e)
{
    bool cleared = false, written = false;
    *page = 1;
    int status = files_write("/proc/self/clear_refs", "4", e);
    if (status == 0)
        status = is_dirty(page, &cleared, e);
    *page = 2;
    if (status == 0)
        status = is_dirty(page, &written, e);
    if (status < 0 || (!cleared && written))
        return status;
    return err_set(e, EOPNOTSUPP,
                   "this kernel has no dirty tracking (CONFIG_MEM_SOFT_DIRTY): pages are compared");
}

int dirty_tracking_try(struct err *e)
{
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    char *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return err_errno(e, "map a page");
    int status = write_and_look(page, e);
    munmap(page, size);
    return status;
}
