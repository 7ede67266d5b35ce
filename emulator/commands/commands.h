/* The commands of the command line, one file each; main.c has the table. Each gets "roamlab: NAME" as argv[0],
 * with which getopt's errors begin, parses its own options, prints its errors and returns an exit status:
 * 0 good, 1 an expectation or invariant does not hold, 2 usage or bad input, 3 this host lacks something, 4 it
 * failed, 128 + signal when interrupted. */
#ifndef ROAMLAB_COMMANDS_H
#define ROAMLAB_COMMANDS_H

int run_main(int argc, char **argv);     /* run [OPTIONS] SCENARIO */
int sweep_main(int argc, char **argv);   /* sweep [OPTIONS] -o DIR SCENARIO */
int search_main(int argc, char **argv);  /* search [OPTIONS] */
int check_main(int argc, char **argv);   /* check SCENARIO… */
int plot_main(int argc, char **argv);    /* plot [-o DIR] DIR… */
int report_main(int argc, char **argv);  /* report DIR… */
int calibrate_main(int argc, char **argv); /* calibrate -o FILE DIR… */
int compare_main(int argc, char **argv); /* compare [OPTIONS] BASE NEW */
int explain_main(int argc, char **argv); /* explain NAME… */
int export_main(int argc, char **argv);  /* export trace|csv|pcapng [-o OUT] DIR */
int import_main(int argc, char **argv);  /* import [OPTIONS] FORMAT FILE */
int link_main(int argc, char **argv);    /* link apply [OPTIONS] FILE | show | clear [NAME] */
int bench_main(int argc, char **argv);   /* bench NAME */
int clean_main(int argc, char **argv);   /* clean [RUN] */
int doctor_main(int argc, char **argv);  /* doctor [--json] */
int agent_main(int argc, char **argv);   /* agent */

#endif
