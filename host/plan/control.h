/* CONTROL: everything that changes from step to step, one row of 32-bit words per run of the
 * training plan's micro-batch range (per batch in evaluation), computed on the host and uploaded
 * once per epoch. Kernels get the table and a cursor (row index); the C reference reads the same
 * words. Floats are stored by their bits. */
#ifndef DROPCL_PLAN_CONTROL_H
#define DROPCL_PLAN_CONTROL_H

#include "control_words.h"

#endif
