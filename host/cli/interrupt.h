/* Ctrl-C and SIGTERM: the first one asks for a clean end, the second one ends the program at once.
 */
#ifndef DROPCL_CLI_INTERRUPT_H
#define DROPCL_CLI_INTERRUPT_H

#include <stdbool.h>
#include <sys/types.h>

enum { INTERRUPT_CHILDREN = 256 };

void interrupt_catch(void);
bool interrupt_asked(void);

/* Processes that get every such signal too, as SIGTERM: one that is added after the first signal
 * gets it at once. At most INTERRUPT_CHILDREN at a time. */
void interrupt_add(pid_t child);
void interrupt_remove(pid_t child);

#endif
