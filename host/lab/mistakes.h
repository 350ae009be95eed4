/* What a saved model gets wrong on the test set of its dataset. */
#ifndef DROPCL_LAB_MISTAKES_H
#define DROPCL_LAB_MISTAKES_H

#include "backend/backend.h"
#include "lab/page.h"

/* Runs the model and adds what was taken for what, and the pictures whose right class it finds
 * least likely. folder: see data/dataset.h. What model_load and setup_open_data report. */
enum err mistakes_add(struct page *, struct device *, const char *model, const char *folder);

#endif
