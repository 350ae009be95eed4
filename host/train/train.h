/* Training: the loop. */
#ifndef DROPCL_TRAIN_TRAIN_H
#define DROPCL_TRAIN_TRAIN_H

#include "backend/backend.h"
#include "data/dataset.h"
#include "dropcl.h"
#include "train/model.h"

/* Trains on `device`; options as in dropcl.h except that `init` here is a struct model. *out gets
 * the model, the caller frees it; also with ERR_INTERRUPTED, then as of the last step. `last` may
 * be NULL. ERR_NUMERIC names the optimizer step and the first bad tensor. */
enum err train_run(struct device *device, const struct recipe *recipe,
                   const dropcl_options *options, struct model **out, dropcl_event *last);
/* The same on a dataset at hand, for those who train often; takes it over (dataset_share), also on
 * failure. NULL: opens it. */
enum err train_run_on(struct device *device, const struct recipe *recipe, struct dataset *data,
                      const dropcl_options *options, struct model **out, dropcl_event *last);

#endif
