/* What pages show of runs without running anything: curves, figures, differences of recipes. */
#ifndef DROPCL_LAB_CURVES_H
#define DROPCL_LAB_CURVES_H

#include "lab/page.h"
#include "lab/record.h"

/* Loss and accuracy over the epochs. Of one run: training, validation and test set together; of
 * several: a chart for each, with a line for each run. */
void curves_charts(struct page *, const struct record *, int count);

/* A row for each run: what its end line says. */
void curves_table(struct page *, const struct record *, int count);

/* The keys in which the recipes differ, a column for each run. ERR_DATA, ERR_SYSTEM. */
enum err curves_differences(struct page *, const struct record *, int count);

#endif
