/* A host's agent: plays the roles of one host on wall time, ordered by lines on its standard input, reporting on its standard output
 * (agent_protocol.h). `run` starts one per host in the host's network namespace; it takes orders from nowhere else. When
 * its input ends, it rolls back what it made and exits. */
#ifndef ROAMLAB_AGENT_H
#define ROAMLAB_AGENT_H

/* Of the carrier's server at each edge server. */
enum { AGENT_CARRIER_PORT = 2222 };

/* Plays until told to end. Returns an exit status. */
int agent_run(void);

/* The folders of host number `host` in the folder of a run; free() them. */
char *agent_docker_root(const char *run_folder, int host);
/* Where the agent of a host keeps its events until they are sent. */
char *agent_event_spool(const char *run_folder, int host);
char *agent_spool(const char *run_folder, int host);
/* Of owner records, which the agent's loop writes, and of dumps, which CRIU writes while the container stands still: those of all hosts are in
 * memory, because a disk that is busy holds a writer for tenths of a second. */
char *agent_all_owners(const char *run_folder);
char *agent_owners(const char *run_folder, int host);
char *agent_all_dumps(const char *run_folder);
char *agent_dumps(const char *run_folder, int host);
/* What the carrier's prepare() made for the run. */
char *agent_carrier_folder(const char *run_folder);
char *agent_paging_keys(const char *carrier_folder); /* in it, for struct docker_paging; free() it */

#endif
