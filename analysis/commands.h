/* The commands that work on results. argv[0] is the command's name; they parse their own options, print errors and return the
 * exit status (README): 0 good, 1 an invariant does not hold, 2 bad usage or input, 3 a program is missing, 4 failed. */
#ifndef ROAMLAB_COMMANDS_H
#define ROAMLAB_COMMANDS_H

int compare_main(int argc, char **argv); /* compare [--all] DIR DIR */
int plot_main(int argc, char **argv);    /* plot [-o DIR] DIR… */
int import_main(int argc, char **argv);  /* import [-o DIR] FORMAT FILE */

#endif
