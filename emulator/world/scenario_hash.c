/* What a result names its scenario by: the SHA-256 of its text, followed by the files of tracks that its devices move by. */
#include "scenario_key.h"
#include "scenario_move.h"

#include "mem.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

enum { CHUNK = 1 << 16 };

static int add_file(EVP_MD_CTX *hash, const char *path, struct err *e)
{
    autofree char *chunk = mem_alloc(CHUNK);
    autofclose FILE *file = fopen(path, "re");
    if (!file)
        return err_errno(e, "%s cannot be read", path);
    for (size_t got; (got = fread(chunk, 1, CHUNK, file)) > 0;)
        EVP_DigestUpdate(hash, chunk, got);
    return ferror(file) ? err_errno(e, "%s cannot be read", path) : 0;
}

static void put_digest(EVP_MD_CTX *hash, char hex[65])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    EVP_DigestFinal_ex(hash, digest, NULL);
    for (int i = 0; i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

static bool is_read(const struct scenario *s, int mobility)
{
    for (int i = 0; i < s->mud_count; i++)
        if (s->muds[i].mobility == mobility)
            return s->mobilities[mobility].tracks;
    return false;
}

static int hash(struct scenario *s, bool with_tracks, struct err *e)
{
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    int status = 0;
    EVP_DigestInit_ex(hash, EVP_sha256(), NULL);
    EVP_DigestUpdate(hash, s->text, strlen(s->text));
    for (int i = 0; with_tracks && i < s->mobility_count && status == 0; i++)
        if (is_read(s, i))
            status = add_file(hash, s->mobilities[i].tracks, e);
    if (status == 0)
        put_digest(hash, s->sha256);
    EVP_MD_CTX_free(hash);
    return status;
}

void scenario_hash_text(struct scenario *s)
{
    hash(s, false, NULL);
}

int scenario_hash_tracks(struct scenario *s, struct err *e)
{
    return hash(s, true, e);
}
