#include "logrepo.h"
#include "files.h"
#include "mem.h"
#include "store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct store_kind *const kinds[] = {&store_sqlite, &store_text};

/* A migration's end that has been added. */
struct told_end {
    int32_t mud, migration;
    char outcome[12];
};

struct logrepo {
    struct store *stores[ARRAY_LEN(kinds)];
    uint64_t counts[EVENT_KINDS], received;
    struct log_choice choice;
    void (*hear)(void *listener, const struct event *event);
    void *listener;
    struct told_end *ends; /* owned */
    size_t end_count, end_capacity;
    struct err failure; /* the first one */
};

const struct store_kind *store_kind_at(int i)
{
    return i >= 0 && (size_t)i < ARRAY_LEN(kinds) ? kinds[i] : NULL;
}

static int open_store(struct logrepo *repo, size_t i, const char *folder, struct simtime start, struct err *e)
{
    autofree char *path = mem_printf("%s/%s", folder, kinds[i]->file);
    int status = kinds[i]->open(path, start, &repo->stores[i], e);
    if (status == -EEXIST)
        err_hint(e, "choose another folder with -o, or remove this one");
    return status;
}

int logrepo_open(const char *folder, struct simtime start, struct logrepo **out, struct err *e)
{
    int status = files_make_folder(folder, 0755, e);
    struct logrepo *repo = mem_alloc(sizeof *repo);
    for (size_t i = 0; status == 0 && i < ARRAY_LEN(kinds); i++)
        status = open_store(repo, i, folder, start, e);
    if (status < 0) {
        logrepo_close(repo, NULL);
        return status;
    }
    *out = repo;
    return 0;
}

static int failed(struct logrepo *repo, struct err *e)
{
    if (e && repo->failure.code)
        *e = repo->failure;
    return -repo->failure.code;
}

int logrepo_describe(struct logrepo *repo, const char *key, const char *value, struct err *e)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds) && !repo->failure.code; i++)
        if (kinds[i]->describe)
            kinds[i]->describe(repo->stores[i], key, value, &repo->failure);
    return failed(repo, e);
}

void logrepo_choose(struct logrepo *repo, const struct log_choice *choice)
{
    repo->choice = *choice;
}

void logrepo_listen(struct logrepo *repo, void (*hear)(void *listener, const struct event *event), void *listener)
{
    repo->hear = hear;
    repo->listener = listener;
}

void logrepo_set_patience(struct logrepo *repo, struct simtime patience)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (kinds[i]->set_patience)
            kinds[i]->set_patience(repo->stores[i], patience);
}

/* Only the first store can be held by others: when it refuses, no store has the event. */
static int refused(struct logrepo *repo, struct err *e)
{
    int status = failed(repo, e);
    if (status == -EBUSY)
        repo->failure = (struct err)ERR_INIT;
    return status;
}

static bool was_told(const struct logrepo *repo, const struct event *event)
{
    bool again = event->kind == EVENT_MIGRATION && event->number == EVENT_TOLD_AGAIN;
    for (size_t i = repo->end_count; again && i-- > 0;) {
        const struct told_end *end = &repo->ends[i];
        if (end->mud == event->mud && end->migration == event->migration && strcmp(end->outcome, event->text) == 0)
            return true;
    }
    return false;
}

static void remember_end(struct logrepo *repo, const struct event *event)
{
    if (repo->end_count == repo->end_capacity) {
        repo->end_capacity = repo->end_capacity ? repo->end_capacity * 2 : 64;
        repo->ends = mem_resize(repo->ends, repo->end_capacity * sizeof *repo->ends);
    }
    struct told_end *end = &repo->ends[repo->end_count++];
    end->mud = event->mud;
    end->migration = event->migration;
    snprintf(end->outcome, sizeof end->outcome, "%s", event->text);
}

int logrepo_add(struct logrepo *repo, const struct event *event, struct err *e)
{
    bool kept = log_keeps(&repo->choice, event->kind, event->mud);
    if (was_told(repo, event)) {
        repo->received++;
        return failed(repo, e);
    }
    for (size_t i = 0; kept && i < ARRAY_LEN(kinds) && !repo->failure.code; i++)
        kinds[i]->add(repo->stores[i], event, &repo->failure);
    if (repo->failure.code)
        return refused(repo, e);
    if (repo->hear)
        repo->hear(repo->listener, event);
    if (event->kind == EVENT_MIGRATION)
        remember_end(repo, event);
    repo->counts[event->kind]++;
    repo->received++;
    return 0;
}

int logrepo_flush(struct logrepo *repo, struct err *e)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds) && !repo->failure.code; i++)
        kinds[i]->flush(repo->stores[i], &repo->failure);
    return refused(repo, e);
}

uint64_t logrepo_received(const struct logrepo *repo)
{
    return repo->received;
}

uint64_t logrepo_count(const struct logrepo *repo, enum event_kind kind)
{
    return repo->counts[kind];
}

int logrepo_close(struct logrepo *repo, struct err *e)
{
    if (!repo)
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct err later;
        if (repo->stores[i])
            kinds[i]->close(repo->stores[i], repo->failure.code ? &later : &repo->failure);
    }
    int status = failed(repo, e);
    free(repo->ends);
    free(repo);
    return status;
}
