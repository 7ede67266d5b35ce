#include "sweep_merge.h"
#include "files.h"
#include "mem.h"
#include "sweep_figures.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* All files of a folder into another, each replacing its namesake. */
static int move_files(const char *from, const char *to, struct err *e)
{
    DIR *folder = opendir(from);
    int status = folder ? files_make_folder(to, 0755, e) : err_errno(e, "%s", from);
    for (struct dirent *entry; status == 0 && (entry = readdir(folder));) {
        autofree char *old = mem_printf("%s/%s", from, entry->d_name),
                      *new = mem_printf("%s/%s", to, entry->d_name);
        if (entry->d_type != DT_DIR && rename(old, new) < 0)
            status = err_errno(e, "%s", new);
    }
    if (folder)
        closedir(folder);
    return status;
}

/* Whoever reads the sweep's folder sees whole files, though several processes may sum up at a time. */
static int write_into(const struct sweep *s, const struct sweep_table *t, const char *private, struct err *e)
{
    autofree char *figures = mem_printf("%s/figures", private), *shown = mem_printf("%s/figures", s->folder);
    int status = sweep_table_write(s, t, private, e);
    if (status == 0)
        status = move_files(private, s->folder, e);
    if (status < 0 || s->grid.axis_count == 0)
        return status;
    int drawn = sweep_figures(s, t, figures, e);
    status = move_files(figures, shown, drawn ? NULL : e);
    if (drawn == -ENOENT && e) {
        e->hint[0] = '\0'; /* it names a folder that is about to go */
        err_hint(e, "apt-get install gnuplot-nox, then roamlab plot %s", s->folder);
    }
    return drawn ? drawn : status;
}

int sweep_merge(const struct sweep *s, bool partial, struct sweep_table *t, struct err *e)
{
    autofree char *private = mem_printf("%s/merging-XXXXXX", s->folder);
    sweep_table_make(s, t);
    if (t->runs < sweep_runs(s) && !partial)
        return 0;
    if (!mkdtemp(private))
        return err_errno(e, "%s", private);
    int status = write_into(s, t, private, e);
    files_remove(private, NULL);
    return status;
}
