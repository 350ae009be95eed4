/* Why a loss stopped being finite: finds the first bad tensor of a step by running it again. */
#ifndef DROPCL_TRAIN_FAULT_H
#define DROPCL_TRAIN_FAULT_H

#include "train/runner.h"

/* Looks at the parameters, then replays CONTROL row `row` operation by operation and looks at every
 * output. Always an error: ERR_NUMERIC naming `when` ("optimizer step 12") and the tensor, or what
 * reading the device reports. The optimizer must not have run since (the latch sees to it). */
enum err fault_explain(struct runner *, uint32_t row, const char *when);

#endif
