/* The report on training runs: one page with curves, figures, the differences of their recipes and
 * the mistakes of their models. */
#ifndef DROPCL_LAB_REPORT_H
#define DROPCL_LAB_REPORT_H

#include "backend/backend.h"
#include "lab/record.h"

struct report_options {
    struct device *device; /* runs the models; NULL: no mistakes are shown  */
    const char *data;      /* folder of the datasets, as in data/dataset.h   */
    void (*message)(const char *text, void *user); /* what was left out, and why; may be NULL */
    void *user;
};

/* Writes the page. A model that cannot be run (no dataset here) costs its section only; the page
 * and `message` say so. */
enum err report_write(const struct record *, int count, const struct report_options *,
                      const char *path);

#endif
