/* What a peer of carrier stream may send: heads of frames, verdicts, and the files of a job in pieces. Whatever it is, nothing lands
 * outside the folder. */
#include "files.h"
#include "stream_content.h"

#include <stdlib.h>
#include <unistd.h>

static void take(const char *folder, const uint8_t *data, size_t size)
{
    static const uint8_t digest[STREAM_DIGEST];
    size_t piece = size ? 1 + data[0] % 16 : 1;
    struct stream_intake *in = stream_intake_open(folder, NULL);
    int status = in ? 0 : -1;
    for (size_t at = 0; status == 0 && at < size; at += piece)
        status = stream_intake_take(in, data + at, at + piece < size ? piece : size - at, NULL);
    if (status == 0)
        stream_intake_finish(in, digest, NULL);
    stream_intake_free(in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char folder[] = "/tmp/roamlab-stream-fuzz-XXXXXX";
    struct stream_frame frame;
    struct err e = ERR_INIT;
    if (!mkdtemp(folder))
        abort();
    if (size >= STREAM_HEAD && stream_head_decode(data, &frame, &e) == 0 && frame.length > STREAM_PAYLOAD_MAX)
        abort();
    stream_verdict_read(data, size, &e);
    take(folder, data, size);
    if (files_remove(folder, &e) < 0)
        abort();
    return 0;
}
