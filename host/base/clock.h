/* Time for measuring: seconds of a clock that nobody sets, from an arbitrary start. */
#ifndef DROPCL_BASE_CLOCK_H
#define DROPCL_BASE_CLOCK_H

double clock_seconds(void);
/* What all threads of this process have computed so far, however often others had the processor. */
double clock_processor_seconds(void);

#endif
