/* Time for measuring: seconds of a clock that nobody sets, from an arbitrary start. */
#ifndef DROPCL_BASE_CLOCK_H
#define DROPCL_BASE_CLOCK_H

double clock_seconds(void);

#endif
