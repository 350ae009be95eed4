/* The page of a sweep. */
#ifndef DROPCL_LAB_SWEEP_PAGE_H
#define DROPCL_LAB_SWEEP_PAGE_H

#include "lab/sweep.h"

/* Writes FOLDER/report.html: the points with mean and spread over the seeds, drawn over the first
 * key, and the curves of all finished runs, whose folders are in `folder`. */
enum err sweep_page(const struct sweep *, const char *name, const char *folder, const char *path);

#endif
