#include "train/order.h"
#include "control_words.h"
#include "philox.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static int compare_keys(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* word << 32 | row: sorting the numbers sorts by (word, row), so there are no ties to break. */
static uint64_t *sorted_keys(uint64_t seed, uint32_t epoch, const uint32_t *from, size_t count) {
    uint64_t *keys = malloc((count + 1) * sizeof *keys);
    if (!keys) return NULL;
    const uint32_t counter3 = PHILOX_COUNTER3(DOMAIN_SHUFFLE, 0u, 0u);
    for (size_t i = 0; i < count; i++)
        keys[i] = (uint64_t)philox_word(seed, from[i], 0, epoch, counter3) << 32 | from[i];
    qsort(keys, count, sizeof *keys, compare_keys);
    return keys;
}

enum err order_epoch(uint64_t seed, uint32_t epoch, const uint32_t *from, size_t count,
                     uint32_t *to) {
    uint64_t *keys = sorted_keys(seed, epoch, from, count);
    if (!keys) return err_memory("the order of an epoch");
    for (size_t i = 0; i < count; i++) to[i] = (uint32_t)keys[i];
    free(keys);
    return OK;
}

/* Marks the held-out rows. */
static enum err choose_held(uint64_t seed, size_t rows, size_t validation, bool *held) {
    uint32_t *all = malloc((rows + 1) * sizeof *all);
    enum err rc = all ? OK : err_memory("the validation split");
    for (size_t i = 0; !rc && i < rows; i++) all[i] = (uint32_t)i;
    if (!rc) rc = order_epoch(seed, ORDER_SPLIT_EPOCH, all, rows, all);
    for (size_t i = 0; !rc && i < validation; i++) held[all[i]] = true;
    free(all);
    return rc;
}

enum err order_split(uint64_t seed, size_t rows, size_t validation, size_t limit,
                     struct order_split *out) {
    *out = (struct order_split){0};
    if (validation >= rows)
        return err_set(ERR_RECIPE,
                       "validation: %zu rows are held out of %zu, which leaves none to train on",
                       validation, rows);
    bool *held = calloc(rows, sizeof *held);
    out->train = malloc(rows * sizeof *out->train);
    out->held = malloc((validation + 1) * sizeof *out->held);
    enum err rc = held && out->train && out->held ? OK : err_memory("the validation split");
    if (!rc && validation) rc = choose_held(seed, rows, validation, held);
    for (size_t i = 0; !rc && i < rows; i++) {
        if (held[i])
            out->held[out->nheld++] = (uint32_t)i;
        else if (!limit || out->ntrain < limit)
            out->train[out->ntrain++] = (uint32_t)i;
    }
    free(held);
    if (rc) order_split_free(out);
    return rc;
}

void order_split_free(struct order_split *s) {
    free(s->train);
    free(s->held);
    *s = (struct order_split){0};
}
