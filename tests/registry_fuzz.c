/* What a hostile registry may say: its manifests, catalogues, errors and locations. */
#include "registry_reply.h"
#include "mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const char base[] = "https://198.18.0.2:5000";
    autofree char *text = mem_alloc(len + 1);
    memcpy(text, bytes, len);
    struct registry_manifest m;
    if (registry_manifest_read(text, len, &m, NULL) == 0)
        assert(registry_manifest_bytes(&m) >= m.config.bytes && m.layer_count <= REGISTRY_BLOBS_MAX);
    registry_manifest_free(&m);
    registry_catalogue_has(text, len, "web_service", NULL);
    char words[32];
    registry_error_words(text, len, words, sizeof words);
    assert(strlen(words) < sizeof words);
    char *url = registry_location(base, text, NULL);
    assert(!url || !strncmp(url, base, strlen(base)));
    free(url);
    return 0;
}
