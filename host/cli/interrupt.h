/* Ctrl-C and SIGTERM: the first one asks for a clean end, the second one ends the program at once.
 */
#ifndef DROPCL_CLI_INTERRUPT_H
#define DROPCL_CLI_INTERRUPT_H

#include <stdbool.h>

void interrupt_catch(void);
bool interrupt_asked(void);

#endif
