/* What recipes may say: the operations' schemas, this layer's schedules and the datasets' names, as
 * one vocabulary. */
#include "data/dataset.h"
#include "ops/table.h"
#include "plan/advice.h"
#include "train/model.h"
#include "train/schedule.h"
#include <assert.h>
#include <pthread.h>

enum { VOCABULARY_MAX = 128 };

static const struct schema *layers[VOCABULARY_MAX], *losses[VOCABULARY_MAX],
    *optimizers[VOCABULARY_MAX];
static struct vocabulary vocabulary = {.layers = layers};
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* The schema is the first member of every type, so a list of types reads as a list of schemas. */
#define COLLECT(list, types)                                                                       \
    do {                                                                                           \
        int n = 0;                                                                                 \
        for (; (types)[n]; n++) {                                                                  \
            assert(n < VOCABULARY_MAX - 1);                                                        \
            (list)[n] = &(types)[n]->schema;                                                       \
        }                                                                                          \
    } while (0)

static void collect(void) {
    COLLECT(layers, op_table_all.layers);
    COLLECT(losses, op_table_all.losses);
    COLLECT(optimizers, op_table_all.optimizers);
    vocabulary.complete = plan_usual_rates;
    vocabulary.datasets = dataset_names();
    vocabulary.choices[CHOICE_LOSS] = losses;
    vocabulary.choices[CHOICE_OPTIMIZER] = optimizers;
    vocabulary.choices[CHOICE_SCHEDULE] = schedule_list;
    vocabulary.choices[CHOICE_RATE_SCHEDULE] = rate_schedule_list;
}

const struct vocabulary *model_vocabulary(void) {
    pthread_once(&once, collect);
    return &vocabulary;
}
