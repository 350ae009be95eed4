/* Recipes and devices for the suites of the training layer. Everything here fails the running test
 * by itself. */
#ifndef DROPCL_TESTS_TRAIN_FIXTURE_H
#define DROPCL_TESTS_TRAIN_FIXTURE_H

#include "backend/backend.h"
#include "recipe/recipe.h"
#include "train/compare.h"
#include "train/model.h"
#include <check.h>

enum { TRAIN_ROWS = 2048, TEST_ROWS = 500 };

/* A folder with TRAIN_ROWS and TEST_ROWS of the built-in digits as files of `mnist`, made once. */
const char *train_data(void);

/* A small network on those: 28x28 -> 16 relu, dropout .5 -> 12 relu, dropout .25 -> 10; 96 training
 * rows, batches of 32, 2 epochs. settings: KEY=VALUE..., then NULL. */
struct recipe *train_recipe(const char *setting, ...);
/* A setting for those who count messages: the rate .25 brings a warning. */
#define USUAL_RATES "model.layers.3.dropout.rate=0.5"
/* The same with these lines instead of the layers (six blanks of indentation each). */
struct recipe *train_recipe_layers(const char *layers);

/* "cpu", "pocl". */
struct device *train_device(const char *spec);

/* A fresh folder under the build folder's `tests`; static until the next call. */
const char *train_folder(const char *name);

/* ck_assert that rc is `code` and that the message holds `part`. */
void train_refused(enum err rc, enum err code, const char *part);

#endif
