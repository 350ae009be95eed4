/* This program, started anew as another process. */
#ifndef DROPCL_CLI_SELF_H
#define DROPCL_CLI_SELF_H

#include <sys/types.h>

/* Starts it with these words (NULL-terminated, the first one its name) in a process group of its
 * own, so that the terminal's Ctrl-C reaches only us; nothing on stdin and stdout, stderr into the
 * file `log`, which is made anew. 0, or the exit status after telling what is wrong. */
int self_start(char *const *words, const char *log, pid_t *child);

/* Waits for any child and says with which status it ended: 128 + signal for one that was killed. -1
 * when there is none. */
pid_t self_wait(int *status);

#endif
