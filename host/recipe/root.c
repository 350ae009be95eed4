#include "recipe/root.h"

#include <limits.h>
#include <stddef.h>

static const char *const normalizations[] = {"standard", "unit", NULL};
static const char *const precisions[] = {"float32", NULL};
static const char *const gemms[] = {"portable", "any", NULL};

static const struct attr model_attrs[] = {
    {.name = "name",
     .type = ATTR_NAME,
     .offset = offsetof(struct model_section, name),
     .fallback = "model",
     .doc = "names the folder of a run"},
    {.name = "input",
     .type = ATTR_INTS,
     .offset = offsetof(struct model_section, input),
     .min = 1,
     .max = 65536,
     .doc = "the shape of one sample: [height, width, channels], [time, channels] or [features]"},
    {.name = "layers",
     .type = ATTR_LAYERS,
     .offset = offsetof(struct model_section, layers),
     .doc = "from the input to the output"},
    {0}};

static const struct attr augment_attrs[] = {
    {.name = "crop",
     .type = ATTR_INT,
     .offset = offsetof(struct augment_section, crop),
     .min = 0,
     .max = 65536,
     .fallback = "0",
     .doc = "pixels of zeros added on every side before a window of the picture's size is cut out "
            "anywhere: a shift by up to so many pixels"},
    {.name = "flip",
     .type = ATTR_BOOL,
     .offset = offsetof(struct augment_section, flip),
     .fallback = "false",
     .doc = "left and right are exchanged, half of the time"},
    {.name = "cutout",
     .type = ATTR_INT,
     .offset = offsetof(struct augment_section, cutout),
     .min = 0,
     .max = 65536,
     .fallback = "0",
     .doc = "side of a square that becomes zero; its centre is any pixel, so part of it may lie "
            "outside (DeVries, Taylor 2017)"},
    {0}};
static const struct schema augment_schema = {
    .name = "augment", .size = sizeof(struct augment_section), .attrs = augment_attrs};

static const struct attr train_attrs[] = {
    {.name = "dataset",
     .type = ATTR_NAME,
     .offset = offsetof(struct train_section, dataset),
     .doc = "the name of a data set"},
    {.name = "normalize",
     .type = ATTR_ENUM,
     .offset = offsetof(struct train_section, normalize),
     .names = normalizations,
     .fallback = "standard",
     .doc =
         "standard: mean 0 and standard deviation 1 per channel, computed from the training rows; "
         "unit: bytes divided by 255"},
    {.name = "augment",
     .type = ATTR_SECTION,
     .offset = offsetof(struct train_section, augment),
     .section = &augment_schema,
     .fallback = "{}",
     .doc = "how training pictures are changed at random, in every epoch anew"},
    {.name = "loss",
     .type = ATTR_CHOICE,
     .offset = offsetof(struct train_section, loss),
     .kind = CHOICE_LOSS,
     .fallback = "cross_entropy",
     .doc = "what is minimised, as a mean over the batch"},
    {.name = "batch",
     .type = ATTR_INT,
     .offset = offsetof(struct train_section, batch),
     .min = 1,
     .max = 1 << 24,
     .fallback = "128",
     .doc = "samples per optimizer step"},
    {.name = "micro_batch",
     .type = ATTR_INT,
     .offset = offsetof(struct train_section, micro_batch),
     .min = 0,
     .max = 1 << 24,
     .fallback = "0",
     .doc =
         "samples computed at once, a divisor of `batch`: less memory, the same step; 0: the whole "
         "batch"},
    {.name = "epochs",
     .type = ATTR_INT,
     .offset = offsetof(struct train_section, epochs),
     .min = 1,
     .max = 1e6,
     .fallback = "10",
     .doc = "passes over the training rows"},
    {.name = "seed",
     .type = ATTR_SEED,
     .offset = offsetof(struct train_section, seed),
     .fallback = "1",
     .doc = "of every random number of the run (docs/masks.md)"},
    {.name = "validation",
     .type = ATTR_INT,
     .offset = offsetof(struct train_section, validation),
     .min = 0,
     .max = INT_MAX,
     .fallback = "0",
     .doc = "training rows held out to choose by"},
    {.name = "limit",
     .type = ATTR_INT,
     .offset = offsetof(struct train_section, limit),
     .min = 0,
     .max = INT_MAX,
     .fallback = "0",
     .doc = "training rows used; 0: all"},
    {.name = "shuffle",
     .type = ATTR_BOOL,
     .offset = offsetof(struct train_section, shuffle),
     .fallback = "true",
     .doc = "a new order of the rows in every epoch"},
    {.name = "optimizer",
     .type = ATTR_CHOICE,
     .offset = offsetof(struct train_section, optimizer),
     .kind = CHOICE_OPTIMIZER,
     .doc = "how gradients change the parameters"},
    {.name = "schedule",
     .type = ATTR_CHOICE,
     .offset = offsetof(struct train_section, schedule),
     .kind = CHOICE_SCHEDULE,
     .fallback = "constant",
     .doc = "how the learning rate changes over the run"},
    {.name = "ema",
     .type = ATTR_REAL,
     .offset = offsetof(struct train_section, ema),
     .max = 1,
     .below_max = true,
     .fallback = "0",
     .doc =
         "decay of an exponential moving average of the model, which is then what is evaluated and "
         "saved; 0: none"},
    {.name = "precision",
     .type = ATTR_ENUM,
     .offset = offsetof(struct train_section, precision),
     .names = precisions,
     .fallback = "float32",
     .doc = "the number type of values and parameters"},
    {.name = "gemm",
     .type = ATTR_ENUM,
     .offset = offsetof(struct train_section, gemm),
     .names = gemms,
     .fallback = "portable",
     .doc = "portable: the same bits on every device; any: whatever order of summation is fastest"},
    {0}};

const struct schema root_model = {
    .name = "model", .size = sizeof(struct model_section), .attrs = model_attrs};
const struct schema root_train = {
    .name = "train", .size = sizeof(struct train_section), .attrs = train_attrs};

static const struct attr root_attrs[] = {{.name = "dropcl",
                                          .type = ATTR_INT,
                                          .offset = offsetof(struct document, version),
                                          .doc = "the version of the recipe format: 1"},
                                         {.name = "model",
                                          .type = ATTR_SECTION,
                                          .offset = offsetof(struct document, recipe.model),
                                          .section = &root_model,
                                          .doc = "the network"},
                                         {.name = "train",
                                          .type = ATTR_SECTION,
                                          .offset = offsetof(struct document, recipe.train),
                                          .section = &root_train,
                                          .doc = "how it is trained"},
                                         {0}};

/* Messages name the keys of the recipe itself without a prefix. */
const struct schema root_schema = {
    .name = "", .size = sizeof(struct document), .attrs = root_attrs};
