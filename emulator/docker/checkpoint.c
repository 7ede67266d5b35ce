/* Dump, restore, revive: CRIU through runc on the way out, through Docker on the way in.
 *
 * Docker's own checkpoint freezes longer and passes the images through containerd's content store, so the
 * dump asks runc directly. The restore must go through Docker, or its Engine would not know that the
 * container runs; what it passes through the store, small piece by small piece, are relative links alone:
 * containerd packs the checkpoint folder and the shim unpacks it into $TMPDIR/ctrd-checkpointN, from where
 * ../roamlab-NAME/FILE is the real file. */
#include "container.h"
#include "criu_log.h"
#include "files.h"
#include "manifest.h"
#include "mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <unistd.h>

enum { LOG_POLL_MS = 2 };

static int dump_ended(struct docker_job *job, int status, struct err *e)
{
    autofree char *criu_log = mem_printf("%s/dump.log", job->spool);
    struct buf said = BUF_INIT;
    if (status) {
        struct criu_quote quote = criu_log_quote_file(criu_log);
        files_read(job->log, 300, &said, NULL);
        if (job->criu_fell || docker_lost_criu(buf_text(&said)))
            err_set(e, ECHILD, "CRIU ended before it had dumped the container, as if killed");
        else
            err_set(e, EIO, "runc checkpoint ended with status %d: %s", status, *quote.text ? quote.text : buf_text(&said));
        err_hint(e, "roamlab doctor checks CRIU; its log is %s", criu_log);
    }
    buf_free(&said);
    return status ? -EIO : 0;
}

static void dumper_ended(struct process *process, int status)
{
    struct docker_container *c = container_of(process, struct docker_container, dumper);
    struct docker_job *job = steal(c->dump_job);
    struct err e = ERR_INIT;
    if (!job)
        return;
    loop_cancel(job->daemon->loop, &job->timer);
    status = dump_ended(job, status, &e);
    docker_job_go(job, status, &e);
}

static int make_fresh(struct background *b, struct err *e)
{
    struct docker_job *job = container_of(b, struct docker_job, background);
    autofree char *memory = mem_printf("%s/memory", job->spool);
    int status = files_remove(memory, e);
    return status < 0 ? status : files_make_folder(memory, 0700, e);
}

/* Removing an older checkpoint takes a moment; usually there is none. */
int docker_step_fresh_memory(struct docker_job *job, struct err *e)
{
    return docker_job_background(job, make_fresh, e);
}

static int run_dump(struct docker_job *job, const char *how, struct err *e)
{
    struct docker_container *c = job->container;
    if (!c->pid)
        return err_set(e, ESRCH, "the container does not run");
    const char *root = c->daemon->places.runc;
    autofree char *memory = mem_printf("%s/memory", job->spool);
    job->log = mem_printf("%s/runc.log", job->spool);
    const char *const argv[] = {
        "runc",        "--root",   root, "checkpoint", how, "--image-path", memory,
        "--work-path", job->spool, job->parent ? "--parent-path" : c->id, job->parent, c->id, NULL};
    autofree char *older_log = mem_printf("%s/dump.log", job->spool);
    unlink(older_log);
    c->dumper.ended = dumper_ended;
    int status = docker_job_spawn(job, &c->dumper, argv, job->log, -1, -1, e);
    c->dump_job = status < 0 ? NULL : job;
    if (status == 0)
        docker_dump_watch(job);
    return status;
}

static int step_dump(struct docker_job *job, struct err *e)
{
    return run_dump(job, "--leave-running", e);
}

static int step_pre_dump(struct docker_job *job, struct err *e)
{
    return run_dump(job, "--pre-dump", e);
}

/* CRIU has left a link to the images that the dump goes on from; it is made anew where both have come. */
static int step_cut_link(struct docker_job *job, struct err *e)
{
    autofree char *link_path = mem_printf("%s/memory/parent", job->spool);
    return unlink(link_path) < 0 && errno != ENOENT ? err_errno(e, "%s", link_path) : DOCKER_STEP_DONE;
}

int docker_step_list_memory(struct docker_job *job, struct err *e)
{
    autofree char *memory = mem_printf("%s/memory", job->spool);
    int status = manifest_write(memory, &job->bytes, e);
    return status < 0 ? status : DOCKER_STEP_DONE;
}

int docker_step_check_memory(struct docker_job *job, struct err *e)
{
    uint64_t parent_bytes = 0;
    autofree char *memory = mem_printf("%s/memory", job->spool), *parent = mem_printf("%s/parent", job->spool);
    int status = manifest_check(memory, &job->bytes, e);
    if (status == 0 && access(parent, F_OK) == 0)
        status = manifest_check(parent, &parent_bytes, e);
    job->bytes += parent_bytes;
    return status < 0 ? status : DOCKER_STEP_DONE;
}

/* A folder in TMPDIR with the files of a checkpoint, and the checkpoint folder with the links to them. */
char *docker_files_folder(const struct docker_container *c)
{
    return mem_printf("%s/roamlab-%s", c->daemon->places.tmp, c->name);
}

char *docker_checkpoint_folder(const struct docker_container *c)
{
    return mem_printf("%s/containers/%s/checkpoints/roamlab", c->daemon->places.data, c->id);
}

static int copy(const char *from, const char *to, struct background *b, struct err *e)
{
    autoclose int in = open(from, O_RDONLY | O_CLOEXEC);
    if (in < 0)
        return err_errno(e, "open %s", from);
    autoclose int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (out < 0)
        return err_errno(e, "open %s", to);
    ssize_t moved;
    while ((moved = sendfile(out, in, NULL, 1 << 20)) > 0)
        if (background_cancelled(b))
            return err_set(e, ECANCELED, "copy %s: called off", from);
    return moved < 0 ? err_errno(e, "copy %s to %s", from, to) : 0;
}

static int link_or_copy(const char *from, const char *to, struct background *b, struct err *e)
{
    if (link(from, to) == 0)
        return 0;
    if (errno != EXDEV && errno != EPERM && errno != EMLINK)
        return err_errno(e, "link %s to %s", from, to);
    return copy(from, to, b, e);
}

static int place_file(const struct docker_container *c, const char *memory, const char *name,
                      struct background *b, struct err *e)
{
    autofree char *files = docker_files_folder(c), *checkpoint = docker_checkpoint_folder(c);
    autofree char *from = mem_printf("%s/%s", memory, name), *to = mem_printf("%s/%s", files, name);
    autofree char *target = mem_printf("../roamlab-%s/%s", c->name, name), *link_path = mem_printf("%s/%s", checkpoint, name);
    int status = link_or_copy(from, to, b, e);
    if (status == 0 && symlink(target, link_path) < 0)
        status = err_errno(e, "link %s", link_path);
    return status;
}

static int remove_placed(const struct docker_container *c, struct err *e)
{
    autofree char *files = docker_files_folder(c), *checkpoint = docker_checkpoint_folder(c);
    int status = files_remove(files, e);
    return status < 0 ? status : files_remove(checkpoint, e);
}

static int make_placed(const struct docker_container *c, struct err *e)
{
    autofree char *files = docker_files_folder(c), *checkpoint = docker_checkpoint_folder(c);
    int status = remove_placed(c, e);
    if (status == 0)
        status = files_make_folder(files, 0700, e);
    return status == 0 ? files_make_folder(checkpoint, 0700, e) : status;
}

/* What the memory goes on from lies beside them, all of it. */
static int place_parents_file(const struct docker_container *c, const char *parent, const char *name,
                              struct background *b, struct err *e)
{
    autofree char *files = docker_files_folder(c);
    autofree char *from = mem_printf("%s/%s", parent, name), *to = mem_printf("%s/parent/%s", files, name);
    return link_or_copy(from, to, b, e);
}

static int place_each(struct docker_job *job, const char *folder,
                      int (*place)(const struct docker_container *, const char *, const char *,
                                   struct background *, struct err *),
                      struct err *e)
{
    int status = 0;
    DIR *files = opendir(folder);
    if (!files)
        return err_errno(e, "checkpoint %s", folder);
    for (struct dirent *entry; status == 0 && (entry = readdir(files));)
        if (entry->d_name[0] != '.' && strcmp(entry->d_name, MANIFEST_NAME))
            status = place(job->container, folder, entry->d_name, &job->background, e);
    closedir(files);
    return status;
}

static int place_parent(struct docker_job *job, struct err *e)
{
    autofree char *parent = mem_printf("%s/parent", job->spool), *files = docker_files_folder(job->container),
                  *checkpoint = docker_checkpoint_folder(job->container);
    autofree char *folder = mem_printf("%s/parent", files), *link_path = mem_printf("%s/parent", checkpoint),
                  *target = mem_printf("../roamlab-%s/parent", job->container->name);
    if (access(parent, F_OK) < 0)
        return 0;
    int status = files_make_folder(folder, 0700, e);
    if (status == 0)
        status = place_each(job, parent, place_parents_file, e);
    if (status < 0)
        return status;
    return symlink(target, link_path) < 0 ? err_errno(e, "link %s", link_path) : 0;
}

static int place(struct background *b, struct err *e)
{
    struct docker_job *job = container_of(b, struct docker_job, background);
    autofree char *memory = mem_printf("%s/memory", job->spool);
    int status = make_placed(job->container, e);
    if (status == 0)
        status = place_parent(job, e);
    return status < 0 ? status : place_each(job, memory, place_file, e);
}

int docker_step_place(struct docker_job *job, struct err *e)
{
    return docker_job_background(job, place, e);
}

/* runc's shim deletes CRIU's log when a restore fails; an open descriptor keeps it. */
static void look_for_log(struct timer *timer)
{
    struct docker_job *job = container_of(timer, struct docker_job, timer);
    job->log_file = open(job->log, O_RDONLY | O_CLOEXEC);
    if (job->log_file < 0)
        loop_arm_after(job->daemon->loop, &job->timer, simtime_ms(LOG_POLL_MS));
    else
        docker_restore_watch(job);
}

static int restored(struct docker_job *job, int status, struct json_object *answer, struct err *e)
{
    (void)answer;
    loop_cancel(job->daemon->loop, &job->timer);
    background_cancel(&job->background);
    job->container->restoring = false;
    if (status < 0) {
        struct buf log = BUF_INIT;
        docker_read_open_log(job->log_file, &log);
        struct criu_quote quote = criu_log_quote(buf_text(&log));
        buf_free(&log);
        if (job->criu_fell || docker_lost_criu(e->text)) {
            err_set(e, ECHILD, "CRIU ended before it had restored the container, as if killed");
        } else if (*quote.text) {
            struct err docker = *e;
            err_set(e, docker.code, "%.*s: CRIU: %s", (int)strcspn(docker.text, "\n"), docker.text, quote.text);
        }
        err_hint(e, "the checkpoint may be damaged or from another kernel; roamlab doctor checks CRIU");
    }
    return status;
}

int docker_step_restore(struct docker_job *job, struct err *e)
{
    struct docker_container *c = job->container;
    job->log = mem_printf("%s/%s/restore.log", c->daemon->places.work, c->id);
    c->restoring = true;
    job->timer.fire = look_for_log;
    loop_arm_after(c->daemon->loop, &job->timer, simtime_ms(LOG_POLL_MS));
    return docker_job_request(job, restored, "POST", NULL, e, "/containers/%s/start?checkpoint=roamlab",
                              c->name);
}

/* The shim never deletes what it unpacked; ours is the folder whose links lead to our files. */
static void remove_unpacked(const char *tmp, const char *wanted)
{
    DIR *folder = opendir(tmp);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        char target[512];
        autofree char *unpacked = mem_printf("%s/%s", tmp, entry->d_name);
        autofree char *pages = mem_printf("%s/pages-1.img", unpacked);
        ssize_t len = readlink(pages, target, sizeof target - 1);
        target[len > 0 ? len : 0] = '\0';
        if (!strncmp(target, "../", 3) && !strncmp(target + 3, wanted, strlen(wanted)))
            files_remove(unpacked, NULL);
    }
    if (folder)
        closedir(folder);
}

static int tidy(struct background *b, struct err *e)
{
    const struct docker_container *c = container_of(b, struct docker_job, background)->container;
    autofree char *pages = mem_printf("roamlab-%s/", c->name);
    remove_unpacked(c->daemon->places.tmp, pages);
    return remove_placed(c, e);
}

int docker_step_tidy(struct docker_job *job, struct err *e)
{
    return docker_job_background(job, tidy, e);
}

void docker_container_dump(struct docker_container *c, struct docker_job *job, const char *spool)
{
    static const docker_step steps[] = {docker_step_make_spool, docker_step_fresh_memory, step_dump, docker_step_list_memory,
                                        NULL};
    job->spool = mem_copy_string(spool);
    docker_job_start(job, c, "dump", steps);
}

void docker_container_pre_dump(struct docker_container *c, struct docker_job *job, const char *spool)
{
    static const docker_step steps[] = {docker_step_make_spool, docker_step_fresh_memory, step_pre_dump, docker_step_list_memory, NULL};
    job->spool = mem_copy_string(spool);
    docker_job_start(job, c, "pre-dump", steps);
}

void docker_container_dump_since(struct docker_container *c, struct docker_job *job, const char *spool, const char *parent)
{
    static const docker_step steps[] = {docker_step_make_spool, docker_step_fresh_memory, step_dump, step_cut_link, docker_step_list_memory, NULL};
    job->spool = mem_copy_string(spool);
    job->parent = mem_copy_string(parent);
    docker_job_start(job, c, "dump", steps);
}

static const docker_step restore_steps[] = {
    docker_step_check_memory, docker_step_place, docker_step_restore, docker_step_inspect, docker_step_running, docker_step_tidy, NULL};

void docker_container_restore(struct docker_container *c, struct docker_job *job, const char *spool)
{
    job->spool = mem_copy_string(spool);
    docker_job_start(job, c, "restore", restore_steps);
}

void docker_container_revive(struct docker_container *c, struct docker_job *job, const char *spool)
{
    job->spool = mem_copy_string(spool);
    docker_job_start(job, c, "revive", restore_steps);
}

void docker_checkpoint_forget(const struct docker_container *c)
{
    autofree char *folder = mem_printf("roamlab-%s/", c->name), *files = docker_files_folder(c);
    remove_unpacked(c->daemon->places.tmp, folder);
    files_remove(files, NULL);
    if (c->id) { /* runc's own folder stays when its shim was killed */
        autofree char *state = mem_printf("%s/%s", c->daemon->places.runc, c->id);
        files_remove(state, NULL);
    }
}

void docker_checkpoint_sweep(const char *tmp, const char *prefix)
{
    remove_unpacked(tmp, prefix);
    DIR *folder = opendir(tmp);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        autofree char *path = mem_printf("%s/%s", tmp, entry->d_name);
        if (!strncmp(entry->d_name, prefix, strlen(prefix)))
            files_remove(path, NULL);
    }
    if (folder)
        closedir(folder);
}
