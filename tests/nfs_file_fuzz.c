/* What the sides of carrier nfs write into a file of the store: whatever it is, what is read of it is written again as the same. */
#include "nfs_file.h"

#include <stdlib.h>
#include <string.h>

static void require(int good)
{
    if (!good)
        abort();
}

static void read_offer(const uint8_t *data, size_t size)
{
    struct nfs_offer offer = {0}, again = {0};
    struct buf bytes = BUF_INIT;
    if (nfs_offer_decode(data, size, &offer, NULL) != 1)
        return;
    require(strlen(offer.folder) < sizeof offer.folder);
    nfs_offer_encode(&offer, &bytes);
    require(bytes.len <= NFS_FILE_PART && nfs_offer_decode(bytes.data, bytes.len, &again, NULL) == 1);
    require(again.available == offer.available && again.complete == offer.complete &&
            !memcmp(again.digest, offer.digest, sizeof again.digest) && !strcmp(again.folder, offer.folder));
    buf_free(&bytes);
}

static void read_receipt(const uint8_t *data, size_t size)
{
    struct nfs_receipt receipt = {0}, again = {0};
    struct buf bytes = BUF_INIT;
    if (nfs_receipt_decode(data, size, &receipt, NULL) != 1)
        return;
    nfs_receipt_encode(&receipt, &bytes);
    require(bytes.len <= NFS_FILE_PART && nfs_receipt_decode(bytes.data, bytes.len, &again, NULL) == 1);
    require(again.taken == receipt.taken && again.wire_bytes == receipt.wire_bytes &&
            again.ended == receipt.ended && again.err.code == receipt.err.code &&
            !strcmp(again.err.text, receipt.err.text));
    buf_free(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_offer(data, size);
    read_receipt(data, size);
    return 0;
}
