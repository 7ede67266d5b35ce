#include "journal.h"
#include "files.h"
#include "mem.h"
#include "undo.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LOCK_TRIES = 100, LOCK_PAUSE_MS = 10 };

struct journal {
    char *folder, *run; /* owned */
    const struct journal_kind *kinds;
    int fd, lock_fd;
};

static const char *root_or_default(const char *root)
{
    return root ? root : JOURNAL_ROOT;
}

static int check_name(const char *run, struct err *e)
{
    if (!run[0] || strlen(run) > 100 || strspn(run, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(run))
        return err_set(e, EINVAL, "run \"%.120s\": a run's name has 1 to 100 of a-z, 0-9 and -", run);
    return 0;
}

/* Locks RUN/lock. -EBUSY if somebody else has it; -ENOENT if the folder is not there (any more). */
static int take_lock(const char *folder, int *fd, struct err *e)
{
    autofree char *path = mem_printf("%s/lock", folder);
    struct stat locked;
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (*fd < 0)
        return err_errno(e, "%s", path);
    int code = flock(*fd, LOCK_EX | LOCK_NB) < 0 ? (errno == EWOULDBLOCK ? EBUSY : errno) : 0;
    /* A cleaner may have removed the file between open and flock: the lock would protect nothing. */
    if (!code && (fstat(*fd, &locked) < 0 || locked.st_nlink == 0))
        code = ENOENT;
    if (!code)
        return 0;
    close(*fd);
    *fd = -1;
    return err_set(e, code, "%s: %s", path, strerror(code));
}

/* A cleaner that looks into a folder without a journal has it for a moment, and removes it. */
static int make_locked_folder(struct journal *journal, struct err *e)
{
    int status = -EBUSY;
    for (int tries = 0; tries < LOCK_TRIES && (status == -EBUSY || status == -ENOENT); tries++) {
        if (tries)
            nanosleep(&(struct timespec){.tv_nsec = LOCK_PAUSE_MS * 1000000L}, NULL);
        status = files_make_folder(journal->folder, 0700, e);
        if (status == 0)
            status = take_lock(journal->folder, &journal->lock_fd, e);
    }
    return status;
}

static void sign_lock(int fd)
{
    char text[32];
    int len = snprintf(text, sizeof text, "%d\n", getpid());
    (void)!ftruncate(fd, 0);
    (void)!pwrite(fd, text, (size_t)len, 0);
}

static void read_boot(char boot[64])
{
    autofclose FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    if (!file || fscanf(file, "%63s", boot) != 1)
        strcpy(boot, "unknown");
}

static int start_file(struct journal *journal, struct err *e)
{
    autofree char *path = mem_printf("%s/journal", journal->folder);
    char boot[64];
    journal->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644);
    if (journal->fd < 0)
        return errno == EEXIST ? err_set(e, EEXIST, "an earlier run of that name has left something")
                               : err_errno(e, "%s", path);
    read_boot(boot);
    return journal_record(journal, "boot", boot, e);
}

static void journal_free(struct journal *journal)
{
    if (journal->fd >= 0)
        close(journal->fd);
    if (journal->lock_fd >= 0)
        close(journal->lock_fd);
    free(journal->folder);
    free(journal->run);
    free(journal);
}

struct journal *journal_open(const char *root, const char *run, const struct journal_kind *kinds,
                             struct err *e)
{
    if (check_name(run, e) < 0)
        return NULL;
    struct journal *journal = mem_alloc(sizeof *journal);
    journal->folder = mem_printf("%s/%s", root_or_default(root), run);
    journal->run = mem_copy_string(run);
    journal->kinds = kinds;
    journal->fd = journal->lock_fd = -1;
    int status = make_locked_folder(journal, e);
    if (status == -EBUSY)
        status = err_set(e, EEXIST, "a run of that name is alive");
    if (status == 0) {
        sign_lock(journal->lock_fd);
        status = start_file(journal, e);
    }
    if (status == 0)
        return journal;
    err_wrap(e, "run %s", run);
    if (status == -EEXIST)
        err_hint(e, "choose another name, or roamlab clean %s", run);
    journal_free(journal);
    return NULL;
}

int journal_record(struct journal *journal, const char *kind, const char *argument, struct err *e)
{
    if (strchr(argument, '\n'))
        return err_set(e, EINVAL, "journal: %s: a line break in \"%.100s\"", kind, argument);
    autofree char *line = mem_printf("%s %s\n", kind, argument);
    size_t len = strlen(line);
    errno = 0;
    if (write(journal->fd, line, len) != (ssize_t)len || fdatasync(journal->fd) < 0)
        return err_errno(e, "%s/journal", journal->folder);
    return 0;
}

int journal_record_process(struct journal *journal, pid_t pid, struct err *e)
{
    uint64_t start = undo_process_start(pid);
    if (!start)
        return err_set(e, ESRCH, "journal: process %d is not there", (int)pid);
    autofree char *argument = mem_printf("%d %" PRIu64, (int)pid, start);
    return journal_record(journal, "process", argument, e);
}

const char *journal_folder(const struct journal *journal)
{
    return journal->folder;
}

const char *journal_run(const struct journal *journal)
{
    return journal->run;
}

static const struct journal_kind *find_kind(const struct journal_kind *kinds, const char *name)
{
    for (; kinds && kinds->name; kinds++)
        if (strcmp(kinds->name, name) == 0)
            return kinds;
    return NULL;
}

static int undo_line(char *line, const struct journal_kind *kinds, bool same_boot, struct err *e)
{
    char *blank = strchr(line, ' ');
    if (!blank)
        return err_set(e, EINVAL, "record \"%.100s\" has no argument", line);
    *blank = '\0';
    if (strcmp(line, "boot") == 0 || (strcmp(line, "process") == 0 && !same_boot))
        return 0;
    const struct journal_kind *kind = find_kind(kinds, line);
    if (!kind)
        kind = find_kind(undo_kinds, line);
    return kind ? kind->undo(blank + 1, e) : err_set(e, EINVAL, "record of unknown kind \"%.40s\"", line);
}

/* The lines of the journal; a last one without its end was cut off by a crash, before the thing was
 * created. */
static size_t split_lines(struct buf *text, char ***lines)
{
    size_t count = 0;
    char *at = (char *)(uintptr_t)buf_text(text), *end;
    *lines = NULL;
    for (; (end = strchr(at, '\n')); at = end + 1) {
        *end = '\0';
        *lines = mem_resize(*lines, (count + 1) * sizeof **lines);
        (*lines)[count++] = at;
    }
    return count;
}

static bool is_this_boot(char **lines, size_t count)
{
    char boot[64];
    read_boot(boot);
    return count > 0 && strncmp(lines[0], "boot ", 5) == 0 && strcmp(lines[0] + 5, boot) == 0;
}

static int undo_all(const char *folder, const struct journal_kind *kinds, struct err *e)
{
    autofree char *path = mem_printf("%s/journal", folder);
    struct buf text = BUF_INIT;
    int first = access(path, F_OK) == 0 ? files_read(path, 0, &text, e) : 0;
    char **lines;
    size_t count = split_lines(&text, &lines);
    bool same_boot = is_this_boot(lines, count);
    while (count-- > 0) {
        struct err one = ERR_INIT;
        int status = undo_line(lines[count], kinds, same_boot, &one);
        if (status < 0 && first == 0) {
            first = status;
            if (e)
                *e = one;
        }
    }
    free(lines);
    buf_free(&text);
    return first;
}

/* Under the run's lock. The lock file goes with the folder, the lock with the descriptor. */
static int undo_run(const char *folder, const struct journal_kind *kinds, struct err *e)
{
    int status = undo_all(folder, kinds, e);
    return status < 0 ? status : undo_folder(folder, e);
}

int journal_close(struct journal *journal, struct err *e)
{
    if (!journal)
        return 0;
    int status = undo_run(journal->folder, journal->kinds, e);
    if (status < 0) {
        err_wrap(e, "run %s", journal->run);
        err_hint(e, "roamlab clean %s", journal->run);
    }
    journal_free(journal);
    return status;
}

void journal_abandon(struct journal *journal)
{
    if (journal)
        journal_free(journal);
}

static int clean_one(const char *root, const char *run, const struct journal_kind *kinds, bool *alive,
                     struct err *e)
{
    int lock;
    autofree char *folder = mem_printf("%s/%s", root, run);
    if (access(folder, F_OK) < 0)
        return err_set(e, ENOENT, "run %s: there is none of that name in %s", run, root);
    int status = take_lock(folder, &lock, e);
    *alive = status == -EBUSY;
    if (*alive)
        return err_set(e, EBUSY, "run %s is alive", run);
    if (status == -ENOENT) /* another cleaner has just finished */
        return 0;
    if (status == 0) {
        status = undo_run(folder, kinds, e);
        close(lock);
    }
    return status < 0 ? err_wrap(e, "run %s", run) : 0;
}

static int clean_counted(const char *root, const char *run, const struct journal_kind *kinds,
                         struct journal_cleaned *sum, struct err *e)
{
    bool alive = false;
    int status = clean_one(root, run, kinds, &alive, e);
    sum->cleaned += status == 0;
    sum->alive += alive;
    sum->failed += status < 0 && !alive;
    return status;
}

static int clean_all(const char *root, const struct journal_kind *kinds, struct journal_cleaned *sum,
                     struct err *e)
{
    DIR *folder = opendir(root);
    if (!folder)
        return errno == ENOENT ? 0 : err_errno(e, "%s", root);
    struct dirent *entry;
    struct err first = ERR_INIT;
    while ((entry = readdir(folder))) {
        struct err one = ERR_INIT;
        if (check_name(entry->d_name, NULL) < 0)
            continue;
        clean_counted(root, entry->d_name, kinds, sum, &one);
        if (sum->failed && !first.code)
            first = one;
    }
    closedir(folder);
    if (sum->failed && e)
        *e = first;
    return sum->failed ? -first.code : 0;
}

int journal_clean(const char *root, const char *run, const struct journal_kind *kinds,
                  struct journal_cleaned *cleaned, struct err *e)
{
    struct journal_cleaned sum = {0};
    root = root_or_default(root);
    int status = run ? check_name(run, e) : clean_all(root, kinds, &sum, e);
    if (run && status == 0)
        status = clean_counted(root, run, kinds, &sum, e);
    if (cleaned)
        *cleaned = sum;
    return status;
}
