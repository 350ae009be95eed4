/* What `plan` says about masks: how many bytes each would take, and that none takes any. */
#include "base/text.h"
#include "harness/plan_fixture.h"
#include "harness/suite.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A map of 6 x 6 x 5 behind an input of 8 x 8 x 3. */
#define BEHIND(layers)                                                                             \
    "    - conv: {filters: 5, kernel: 3}\n" layers "    - dense: {name: last, units: 3}"
enum { INPUT = 8 * 8 * 3, MAP = 6 * 6 * 5, CHANNELS = 5, BATCH = 4 };

static const struct row {
    const char *layers, *train;
    size_t bytes[2]; /* of a sample, by layer; a byte for each element or each channel */
    enum plan_mode mode;
    int batch;
} rows[] = {
    {"    - dropout: {rate: 0.5}\n    - dense: {units: 3}", "", {INPUT}, PLAN_TRAIN, BATCH},
    {BEHIND("    - dropout: {rate: 0.5}\n"), "", {MAP}, PLAN_TRAIN, BATCH},
    {BEHIND("    - dropout2d: {rate: 0.5}\n"), "", {CHANNELS}, PLAN_TRAIN, BATCH},
    {BEHIND("    - dropblock: {rate: 0.5, size: 3}\n"), "", {MAP}, PLAN_TRAIN, BATCH},
    {BEHIND(
         "    - dropblock: {rate: 0.5, size: 2, normalize: sample}\n    - dropout2d: {rate: 0.1}\n"),
     "",
     {MAP, CHANNELS},
     PLAN_TRAIN,
     BATCH},
    /* blocks of 1 are dropout, one block over the map is dropout2d */
    {BEHIND("    - dropblock: {rate: 0.5, size: 1}\n    - dropblock: {rate: 0.5, size: 6}\n"),
     "",
     {MAP, CHANNELS},
     PLAN_TRAIN,
     BATCH},
    /* ... but a sample's own count is one over its elements */
    {BEHIND("    - dropblock: {rate: 0.5, size: 6, normalize: sample}\n    - dropout: {rate: 0}\n"),
     "",
     {MAP, 0},
     PLAN_TRAIN,
     BATCH},
    /* a plan is one of a micro-batch */
    {BEHIND("    - dropout2d: {rate: 0.5}\n    - dropblock: {rate: 0.5, size: 2}\n"),
     "  micro_batch: 2\n",
     {CHANNELS, MAP},
     PLAN_TRAIN,
     2},
    {BEHIND("    - dropout2d: {rate: 0.5}\n    - dropblock: {rate: 0.5, size: 2}\n"),
     "",
     {CHANNELS, MAP},
     PLAN_MC,
     BATCH},
    {BEHIND("    - dropout2d: {rate: 0.5}\n    - dropblock: {rate: 0.5, size: 2}\n"),
     "",
     {0, 0},
     PLAN_EVAL,
     BATCH},
};

static struct plan *plan_of(const struct row *row, struct recipe **r) {
    char train[64];
    snprintf(train, sizeof train, "  batch: %d\n%s", BATCH, row->train);
    *r = fixture_recipe("[8, 8, 3]", row->layers, train);
    return fixture_plan(*r, (struct plan_options){.mode = row->mode});
}

START_TEST(bytes_are_those_of_the_mask) {
    const struct row *row = &rows[_i];
    struct recipe *r;
    struct plan *p = plan_of(row, &r);
    struct text page = {0};
    char line[80];
    size_t total = 0, lines = 0;
    plan_print(p, NULL, &page);
    for (int i = 0; i < r->stochastic_layers; i++) {
        size_t bytes = row->bytes[i] * (size_t)row->batch;
        ck_assert_uint_eq(p->draws[i].mask_bytes, bytes);
        total += bytes;
        snprintf(line, sizeof line, "; mask of %zu bytes not stored\n", bytes);
        if (bytes) ck_assert_msg(strstr(page.data, line), "no \"%s\" in %s", line, page.data);
        lines += bytes > 0;
    }
    ck_assert_uint_eq(p->mask_bytes_saved, total);
    for (const char *at = page.data; (at = strstr(at, "draws: layer ")); at++) lines--;
    ck_assert_uint_eq(lines, 0);
    text_free(&page);
    plan_free(p);
    recipe_free(r);
}
END_TEST

/* Bytes that the launches of a step keep to themselves. */
static size_t scratch_of(const struct plan *p, const struct step *s, bool cpu_family) {
    const struct caps caps = {
        .cpu_family = cpu_family, .max_work_group = 256, .local_bytes = 32768, .compute_units = 4};
    struct launch_list *list = calloc(1, sizeof *list);
    ck_assert_ptr_nonnull(list);
    s->op->launch(p, s, &caps, list);
    size_t scratch = list->scratch;
    free(list);
    return scratch;
}

/* A mask in memory would be a second output of a step or scratch. What draws has one output, and
 * what DropBlock keeps to itself is nothing, or by the sample's own count a number for each part of
 * a sample. */
START_TEST(no_mask_is_stored) {
    const struct row *row = &rows[_i];
    struct recipe *r;
    struct plan *p = plan_of(row, &r);
    for (int i = 0; i < p->nsteps; i++) {
        const struct step *s = &p->steps[i];
        bool draws = s->op->mask != NULL;
        for (int k = 0; k < s->nstages; k++) draws = draws || s->stage[k].op->mask;
        if (draws) ck_assert_int_eq(s->nout, 1);
        if (!s->op->mask) continue;
        bool by_sample = strstr(row->layers, "normalize: sample") != NULL;
        for (int family = 0; family < 2; family++) {
            size_t scratch = scratch_of(p, s, family);
            ck_assert_uint_eq(scratch > 0, by_sample);
            ck_assert_uint_lt(scratch, value_bytes(&p->values[s->out[0]]) / sizeof(float));
        }
    }
    plan_free(p);
    recipe_free(r);
}
END_TEST

int main(void) {
    const int n = (int)(sizeof rows / sizeof *rows);
    Suite *s = suite_create("plan_masks");
    TCase *c = tcase_create("masks");
    tcase_add_loop_test(c, bytes_are_those_of_the_mask, 0, n);
    tcase_add_loop_test(c, no_mask_is_stored, 0, n);
    suite_add_tcase(s, c);
    return suite_run(s);
}
