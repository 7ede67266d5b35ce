/* What container operations cost in virtual time unless the scenario says otherwise. Each row names its
 * measurement: medians on Docker 20.10.24 and CRIU 4.2.1 (runc called directly for the dump), two shared
 * cores, noise ±40 %. None is fitted to a paper's result. A scenario's `costs` replaces a row, with its own
 * source. */
#include "scenario_key.h"

#include "buf.h"
#include "mem.h"

#include <errno.h>
#include <math.h>
#include <string.h>

static const struct {
    double fixed_ms, ms_per_mb;
} measured[OPERATIONS] = {
    /* create and start over the Engine API: 6 ms + 172 ms for a static program (median of 14). */
    [OP_START] = {178, 0},
    /* Dump and layer, one after the other as below, then both into one archive: 1.1 ms/MB. */
    [OP_SEED] = {165, 2.4},
    [OP_SEND_SEED] = {9.6, 0},
    /* CPU time for 12 and 49 MB of which 50 pages differ: 15 and 57 ms; merging 10 and 38 ms, behind 1.1 ms/MB for unpacking
     * the seed (medians of 3). */
    [OP_DIFF] = {2, 1.2},
    [OP_SEND_CHANGES] = {9.6, 0},
    [OP_RECEIVE_CHANGES] = {0, 0},
    [OP_MERGE] = {5, 1.9},
    /* tar of files in memory, as take layer and put layer. */
    [OP_COPY_VOLUME] = {0, 2.5},
    [OP_TAKE_VOLUME] = {0, 2.5},
    [OP_PUT_VOLUME] = {0, 2.5},
    [OP_SEND_VOLUME] = {9.6, 0},
    [OP_SEND_FILES] = {9.6, 0},
    [OP_RECEIVE_VOLUME] = {0, 0},
    [OP_RECEIVE_FILES] = {0, 0},
    [OP_SNAPSHOT] = {1, 0},      /* its files put in place, beside freeze, dump, take layer and thaw */
    [OP_TAKE_SNAPSHOT] = {1, 0}, /* links to files */
    [OP_TAKE_LOG] = {1, 0}, /* a file of a few megabytes at most, written to memory */
    [OP_SEND_LOG] = {9.6, 0},
    [OP_RECEIVE_LOG] = {0, 0},
    [OP_REPLAY_LOG] = {1, 0}, /* read; the container takes its time for each request besides */
    /* freezer and runc with 32 MB memory and 20 MB layer froze 249 ms; less the dump (176) and the layer
     * (50), 23 ms are left for freezing and thawing, taken as halves. */
    [OP_FREEZE] = {11.5, 0},
    [OP_THAW] = {11.5, 0},
    /* runc checkpoint: 176 ms with 32 MB, 432 ms with 512 MB. */
    [OP_DUMP] = {159, 0.53},
    /* tar to tar, 20 MB: 50 ms; one size only, counted per megabyte. */
    [OP_TAKE_LAYER] = {0, 2.5},
    /* commit without pausing, 20 MB: 180 ms; one size only, counted as fixed. */
    [OP_COMMIT] = {180, 0},
    /* kill: 36 ms (median of 7). */
    [OP_HALT] = {36, 0},
    /* The image of 909 MB: first byte after 4.8 s, because the Engine spools all of it first. */
    [OP_SAVE] = {0, 5.3},
    /* An scp of 1 kB over a kept connection on loopback: 9.6 ms beside its round trips (median of 9). */
    [OP_SEND_MEMORY] = {9.6, 0},
    [OP_SEND_LAYER] = {9.6, 0},
    [OP_SEND_IMAGE] = {9.6, 0},
    [OP_SEND_LIST] = {9.6, 0},
    [OP_SEND_CHOICE] = {9.6, 0},
    [OP_SEND_BASE] = {9.6, 0},
    /* 909 MB in 9.3 s; an archive with only a top layer of 20 MB in 259 ms. */
    [OP_LOAD] = {56, 10.2},
    [OP_LOAD_BASE] = {56, 10.2}, /* each layer as an image of its own */
    /* 6 ms for an empty layer (median of 14) to 500 ms behind the load of 909 MB; handled: the image or the
       layer. */
    [OP_CREATE] = {6, 0.54},
    /* Received is what was sent: beside the transfer itself, nothing. */
    [OP_RECEIVE_MEMORY] = {0, 0},
    [OP_RECEIVE_LAYER] = {0, 0},
    [OP_RECEIVE_IMAGE] = {0, 0},
    [OP_RECEIVE_LIST] = {0, 0},
    [OP_RECEIVE_CHOICE] = {0, 0},
    [OP_PUT_LAYER] = {0, 2.5}, /* as take layer */
    /* Start from a checkpoint, its pages linked in place: 32 MB in 269 ms, 128 MB in 305 ms. */
    [OP_RESTORE] = {257, 0.375},
    /* Dump without the pages of 512 MB: 269 ms instead of 432; that it takes as long as with pages where there are none is assumed. */
    [OP_DUMP_STATE] = {159, 0.21},
    [OP_SEND_STATE] = {9.6, 0},
    [OP_RECEIVE_STATE] = {0, 0},
    [OP_RESTORE_STATE] = {257, 0}, /* as restore, less what that takes for pages; assumed */
    [OP_SERVE_PAGES] = {0, 0},
    /* One page, beside its round trip: from CRIU's request over loopback until it is in place (median of 3, busy machine). */
    [OP_FETCH_PAGES] = {0.29, 0},
    /* Forced removal of a running container: 40 ms; of one that does not run: 5 ms (medians of 7). */
    [OP_STOP] = {40, 0},
    [OP_DISCARD] = {5, 0},
    [OP_REVIVE] = {257, 0.375}, /* as restore */
    /* What comes is unpacked as a load does it, behind gzip at 190 MB/s. (On a machine six times as busy as it has cores: 1.4 s with 20 MB,
     * 5.6 s with 200.) */
    [OP_PULL] = {56, 15.5},
    [OP_MEASURE] = {0.1, 0}, /* two small files of the kernel's */
};

void scenario_default_costs(struct scenario_cost costs[OPERATIONS])
{
    for (int i = 0; i < OPERATIONS; i++)
        costs[i] = (struct scenario_cost){simtime_from_ms(measured[i].fixed_ms),
                                          simtime_from_ms(measured[i].ms_per_mb)};
}

/* --- costs from a file ----------------------------------------------------------------------------------------------------- */

static const char *const parts[] = {"costs", "carriers"};

/* A file holds its parts as a scenario does. */
static int check_file(json_object *file, struct err *e)
{
    const struct scenario_key rows[] = {
        {.name = "description", .kind = KEY_TEXT, .field = KEY_NO_FIELD, .max = 4000, .help = "where they are from"},
        *scenario_key_of(&scenario_keys, parts[0], strlen(parts[0])),
        *scenario_key_of(&scenario_keys, parts[1], strlen(parts[1])),
    };
    const struct scenario_keys keys = KEYS(rows);
    if (!json_object_is_type(file, json_type_object))
        return err_set(e, EINVAL, "is no object");
    return scenario_check_object(&keys, file, NULL, e);
}

static json_object *read_file(const char *path, struct err *e)
{
    struct buf text = BUF_INIT;
    json_object *file = NULL;
    if (scenario_read_file(path, SCENARIO_FILE_MAX, &text, e) == 0)
        file = scenario_text_read((const char *)text.data, text.len, e);
    buf_free(&text);
    if (!file || check_file(file, e) == 0)
        return file;
    json_object_put(file);
    return NULL;
}

/* What the scenario says itself stays. */
static void merge(json_object *into, json_object *from)
{
    json_object_object_foreach(from, name, value)
    {
        json_object *own = scenario_member(into, name);
        if (!own)
            json_object_object_add(into, name, json_object_get(value));
        else if (json_object_is_type(own, json_type_object))
            merge(own, value);
    }
}

int scenario_take_costs(json_object *root, const char *scenario_path, struct err *e)
{
    const char *name = scenario_word(root, "costs_file");
    if (!name)
        return 0;
    autofree char *path = scenario_path_beside(scenario_path, name);
    struct err why = ERR_INIT;
    json_object *file = read_file(path, &why);
    if (!file) {
        scenario_error(PLACE_NAMED(NULL, "costs_file"), e, "%.240s: %.200s", path, why.text);
        return why.hint[0] ? err_hint(e, "%s", why.hint) : -EINVAL;
    }
    json_object_object_del(file, "description");
    merge(root, file);
    json_object_put(file);
    json_object_object_del(root, "costs_file");
    return 0;
}
