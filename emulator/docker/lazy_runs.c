#include "lazy_runs.h"
#include "mem.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { ADDRESS_BITS = 47 }; /* of a process */

static int append(struct lazy_runs *all, uint32_t process, const struct pagemap_run *run, struct err *e)
{
    if (run->pages > (UINT64_C(1) << ADDRESS_BITS) / PAGEMAP_PAGE - all->pages)
        return err_set(e, EBADMSG, "more pages than processes can have");
    if ((all->count & (all->count - 1)) == 0)
        all->runs = mem_resize(all->runs, (all->count ? 2 * all->count : 1) * sizeof *all->runs);
    all->runs[all->count++] = (struct lazy_run){process, run->address, run->pages, all->pages};
    all->pages += run->pages;
    return 0;
}

static int read_process(const char *path, uint32_t process, struct lazy_runs *all, struct err *e)
{
    struct pagemap map = {0};
    int status = pagemap_read(path, &map, e);
    for (size_t i = 0; i < map.count && status == 0; i++)
        if (pagemap_comes_later(&map.runs[i]))
            status = append(all, process, &map.runs[i], e);
    all->wide |= map.wide;
    pagemap_free(&map);
    return status;
}

int lazy_runs_read(const char *folder, struct lazy_runs *runs, struct err *e)
{
    DIR *names = opendir(folder);
    int status = names ? 0 : err_errno(e, "%s", folder);
    *runs = (struct lazy_runs){0};
    for (struct dirent *entry; status == 0 && (entry = readdir(names));) {
        autofree char *path = mem_printf("%s/%s", folder, entry->d_name);
        unsigned process;
        int len = 0;
        if (sscanf(entry->d_name, "pagemap-%u.img%n", &process, &len) == 1 && len && !entry->d_name[len])
            status = read_process(path, process, runs, e);
    }
    if (names)
        closedir(names);
    return status;
}

void lazy_runs_free(struct lazy_runs *runs)
{
    free(runs->runs);
    *runs = (struct lazy_runs){0};
}

const struct lazy_run *lazy_runs_find(const struct lazy_runs *runs, uint64_t process, uint64_t address)
{
    for (size_t i = 0; i < runs->count; i++) {
        const struct lazy_run *run = &runs->runs[i];
        if (run->process == process && address >= run->address &&
            address - run->address < run->pages * PAGEMAP_PAGE)
            return run;
    }
    return NULL;
}

static int compare(const void *key, const void *element)
{
    const uint64_t page = *(const uint64_t *)key;
    const struct lazy_run *run = element;
    return page < run->first ? -1 : page >= run->first + run->pages;
}

const struct lazy_run *lazy_runs_of_page(const struct lazy_runs *runs, uint64_t page)
{
    return bsearch(&page, runs->runs, runs->count, sizeof *runs->runs, compare);
}
