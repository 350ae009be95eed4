/* What the user sees while training, all on stderr: one line per epoch, and on a terminal a bar
 * below them. TERM=dumb has no bar; NO_COLOR (https://no-color.org) has no colour. */
#ifndef DROPCL_CLI_PROGRESS_H
#define DROPCL_CLI_PROGRESS_H

#include "dropcl.h"
#include <stdbool.h>

struct progress {
    bool bar, color;
    bool shown;   /* the bar stands on the current line             */
    double drawn; /* event seconds at which the bar was last drawn  */
};

void progress_open(struct progress *);
void progress_step(struct progress *, const dropcl_event *);
void progress_epoch(struct progress *, const dropcl_event *);
void progress_note(struct progress *, const char *text);
void progress_close(struct progress *); /* leaves the cursor at the start of an empty line */

#endif
