/* What the private registries of a run are trusted and entered by: a certificate authority of the run, and one user with a password.
 *
 *     FOLDER/registry/ca.pem, ca.key       the authority; ECDSA P-256 (X.509, RFC 5280)
 *     FOLDER/registry/password, htpasswd   the user's, and its bcrypt hash
 *     FOLDER/registry/HOST.pem, HOST.key   a registry's own, for its address
 *
 * All of it is mode 0600 and lives as long as the run's folder. Blocking, milliseconds. */
#ifndef ROAMLAB_REGISTRY_KEYS_H
#define ROAMLAB_REGISTRY_KEYS_H

#include "transfer.h"

#define REGISTRY_USER "roamlab"
enum { REGISTRY_PASSWORD_MAX = 65 }; /* 32 random bytes in hexadecimal */

/* FOLDER/registry/NAME with the suffix ("" = none); free() it. */
char *registry_path(const char *folder, const char *name, const char *suffix);

/* Makes authority and password; harmless if they are there. FOLDER must exist. */
int registry_keys_make(const char *folder, struct err *e);
/* A key for the registry of that host, and the authority's word for its name and address. */
int registry_certificate_make(const char *folder, const struct transfer_host *host, struct err *e);
int registry_password(const char *folder, char out[REGISTRY_PASSWORD_MAX], struct err *e);

#endif
