/* Files as an artifact of a registry: the stretch of bytes that they make (stream_content.h) cut into parts, each a blob, and a manifest
 * (OCI Image Manifest) that lists them in order and names the digest of all of it.
 *
 * A part is what is sent again after a cut, because the registry does not take up a broken upload; what is pulled goes on at the byte.
 * What is spoiled in the registry's storage is found when it is pulled, and stays: the registry takes no other bytes under a digest that it has.
 * Three failures of connections in a row with nothing new arrived between them end it. Blocking: for threads. */
#ifndef ROAMLAB_REGISTRY_ARTIFACT_H
#define ROAMLAB_REGISTRY_ARTIFACT_H

#include "registry_client.h"
#include "stream_content.h"

enum { REGISTRY_PART_BYTES = 16 << 20 };

/* Every artifact of a run lies here. */
#define REGISTRY_REPOSITORY "roamlab/files"

/* The configuration that every manifest names: once per registry, before the first artifact. */
int registry_artifact_prepare(struct registry_client *c, struct err *e);
/* Pushes all of it; `digest` is then the manifest's. */
int registry_artifact_push(struct registry_client *c, struct stream_content *content,
                           char digest[REGISTRY_DIGEST], struct err *e);
/* Pulls it into FOLDER, where it appears when it is whole. */
int registry_artifact_pull(struct registry_client *c, const char *digest, const char *folder, struct err *e);

#endif
