/* Where the program's own parts are: beside it, as in a tree that was built, or where `make install` puts them. */
#ifndef ROAMLAB_INSTALLATION_H
#define ROAMLAB_INSTALLATION_H

/* The path of roamlab-service, the program that runs inside the containers; the caller frees it. */
char *installation_service(void);
/* The path of a script of tools/, for the user to call; the caller frees it. */
char *installation_tool(const char *name);

#endif
