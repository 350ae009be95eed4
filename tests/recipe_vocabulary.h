/* A vocabulary of our own for tests of the recipe layer: every attribute type, nesting, layers that
 * draw random numbers inside and outside of others. */
#ifndef DROPCL_TESTS_RECIPE_VOCABULARY_H
#define DROPCL_TESTS_RECIPE_VOCABULARY_H

#include "recipe/recipe.h"
#include <stddef.h>

struct dense_attr {
    int units, activation;
    bool bias;
};

struct dropout_attr {
    double rate;
    struct choice schedule;
};

struct pool_attr {
    struct ints size;
    uint64_t salt;
    const char *tag;
    double shift;
};

struct residual_attr {
    struct layers body, shortcut;
    int activation;
};

struct sgd_attr {
    double lr, momentum;
};

struct linear_attr {
    double to;
};

static const char *const fake_activations[] = {"linear", "relu", "tanh", NULL};

#define FAKE_ACTIVATION(owner)                                                                     \
    {                                                                                              \
        .name = "activation", .type = ATTR_ENUM, .offset = offsetof(struct owner, activation),     \
        .names = fake_activations, .fallback = "linear", .doc = "applied | at the end"             \
    }

static const struct attr fake_dense_attrs[] = {{.name = "units",
                                                .type = ATTR_INT,
                                                .offset = offsetof(struct dense_attr, units),
                                                .min = 1,
                                                .doc = "outputs"},
                                               FAKE_ACTIVATION(dense_attr),
                                               {.name = "bias",
                                                .type = ATTR_BOOL,
                                                .offset = offsetof(struct dense_attr, bias),
                                                .fallback = "true"},
                                               {0}};
static const struct attr fake_dropout_attrs[] = {
    {.name = "rate", .type = ATTR_REAL, .offset = offsetof(struct dropout_attr, rate), .max = 1},
    {.name = "schedule",
     .type = ATTR_CHOICE,
     .offset = offsetof(struct dropout_attr, schedule),
     .kind = CHOICE_RATE_SCHEDULE,
     .fallback = ""},
    {0}};
static const struct attr fake_pool_attrs[] = {
    {.name = "size",
     .type = ATTR_INTS,
     .offset = offsetof(struct pool_attr, size),
     .min = 1,
     .max = 9,
     .fallback = "[2, 3]"},
    {.name = "salt",
     .type = ATTR_SEED,
     .offset = offsetof(struct pool_attr, salt),
     .fallback = "7"},
    {.name = "tag", .type = ATTR_NAME, .offset = offsetof(struct pool_attr, tag), .fallback = ""},
    {.name = "shift",
     .type = ATTR_REAL,
     .offset = offsetof(struct pool_attr, shift),
     .fallback = "-0.5"},
    {0}};
/* The shortcut stands second, so that the body is numbered first wherever the text has it. */
static const struct attr fake_residual_attrs[] = {
    {.name = "body", .type = ATTR_LAYERS, .offset = offsetof(struct residual_attr, body)},
    {.name = "shortcut",
     .type = ATTR_LAYERS,
     .offset = offsetof(struct residual_attr, shortcut),
     .fallback = ""},
    FAKE_ACTIVATION(residual_attr),
    {0}};
static const struct attr fake_sgd_attrs[] = {{.name = "lr",
                                              .type = ATTR_REAL,
                                              .offset = offsetof(struct sgd_attr, lr),
                                              .max = 1e38,
                                              .above_min = true,
                                              .doc = "learning rate"},
                                             {.name = "momentum",
                                              .type = ATTR_REAL,
                                              .offset = offsetof(struct sgd_attr, momentum),
                                              .max = 1,
                                              .below_max = true,
                                              .fallback = "0"},
                                             {0}};
static const struct attr fake_linear_attrs[] = {{.name = "to",
                                                 .type = ATTR_REAL,
                                                 .offset = offsetof(struct linear_attr, to),
                                                 .max = 1,
                                                 .fallback = "0"},
                                                {0}};

static const struct schema fake_dense = {.name = "dense",
                                         .doc = "Fully connected.",
                                         .size = sizeof(struct dense_attr),
                                         .attrs = fake_dense_attrs};
static const struct schema fake_dropout = {.name = "dropout",
                                           .size = sizeof(struct dropout_attr),
                                           .attrs = fake_dropout_attrs,
                                           .stochastic = true};
static const struct schema fake_relu = {.name = "relu"};
static const struct schema fake_pool = {
    .name = "pool", .size = sizeof(struct pool_attr), .attrs = fake_pool_attrs};
static const struct schema fake_residual = {
    .name = "residual", .size = sizeof(struct residual_attr), .attrs = fake_residual_attrs};
/* A residual that may be left out as a whole. */
static const struct schema fake_path = {.name = "path",
                                        .size = sizeof(struct residual_attr),
                                        .attrs = fake_residual_attrs,
                                        .stochastic = true};
static const struct schema fake_cross_entropy = {.name = "cross_entropy"};
static const struct schema fake_sgd = {
    .name = "sgd", .size = sizeof(struct sgd_attr), .attrs = fake_sgd_attrs};
static const struct schema fake_adam = {
    .name = "adam", .size = sizeof(struct sgd_attr), .attrs = fake_sgd_attrs};
static const struct schema fake_constant = {.name = "constant"};
static const struct schema fake_cosine = {
    .name = "cosine", .size = sizeof(struct linear_attr), .attrs = fake_linear_attrs};
static const struct schema fake_linear = {
    .name = "linear", .size = sizeof(struct linear_attr), .attrs = fake_linear_attrs};

static const struct schema *const fake_layers[] = {
    &fake_dense, &fake_dropout, &fake_relu, &fake_pool, &fake_residual, &fake_path, NULL};
static const struct schema *const fake_losses[] = {&fake_cross_entropy, NULL};
static const struct schema *const fake_optimizers[] = {&fake_sgd, &fake_adam, NULL};
static const struct schema *const fake_schedules[] = {&fake_constant, &fake_cosine, NULL};
static const struct schema *const fake_rates[] = {&fake_linear, NULL};

static const struct vocabulary fake_vocabulary = {.layers = fake_layers,
                                                  .choices = {[CHOICE_LOSS] = fake_losses,
                                                              [CHOICE_OPTIMIZER] = fake_optimizers,
                                                              [CHOICE_SCHEDULE] = fake_schedules,
                                                              [CHOICE_RATE_SCHEDULE] = fake_rates}};

/* The parts of a small recipe: layers go between, from line 5 on. */
#define MODEL "dropcl: 1\nmodel:\n  input: [4]\n  layers:\n"
#define TRAIN "train:\n  dataset: digits\n  optimizer: {sgd: {lr: 0.1}}\n"

#endif
