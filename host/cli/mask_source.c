/* Where masks come from: element-wise ones are asked of the generator, the others are made by the
 * step that training runs. */
#include "cli/mask_private.h"
#include "control_words.h"
#include "philox.h"
#include "plan/draw.h"
#include <stdio.h>
#include <stdlib.h>

enum { BLOCK_BITS = 1 << 22 };

struct source {
    struct device *device;
    struct mask_query query;
    struct mask_maker maker;
    uint32_t *words;
    uint8_t *kept;
    size_t elements, most; /* samples at once */
    bool noise;
};

static void plan_source(struct source *s, const struct mask_question *q) {
    const struct mask_arguments *a = q->arguments;
    struct decision rate = decision_of(a->rate.value);
    uint32_t domain = q->monte_carlo ? q->kind->domain | DOMAIN_OF_PASSES : q->kind->domain;
    uint64_t asked = a->samples.last - a->samples.first;
    s->elements = q->elements;
    s->noise = q->kind->noise;
    s->most = BLOCK_BITS / s->elements ? BLOCK_BITS / s->elements : 1;
    if (s->most > asked) s->most = (size_t)asked;
    s->query = (struct mask_query){
        .seed = a->seed.value,
        .step = (uint32_t)a->step.value,
        .counter3 = PHILOX_COUNTER3(domain, (uint32_t)a->layer.value, q->split << 14),
        .elements = (uint32_t)s->elements,
        .limit = rate.limit,
        .active = rate.active,
    };
}

static enum err open_maker(struct source *s, const struct mask_question *q) {
    const struct mask_arguments *a = q->arguments;
    const struct mask_kind *k = q->kind;
    char more[64] = "";
    const struct ints features = {1, {(int)s->elements}}, inputs = {1, {q->shape.at[0]}};
    if (!k->axes && !k->noise) return OK;
    if (k->blocks)
        snprintf(more, sizeof more, ", size: %d, gamma: %s", (int)a->size.value,
                 a->gamma ? a->gamma : "exact");
    if (k->weights) snprintf(more, sizeof more, ", units: %d", q->shape.at[1]);
    const struct mask_layer layer = {.type = k->name,
                                     .more = more,
                                     .shape = k->weights ? inputs
                                              : k->noise ? features
                                                         : q->shape,
                                     .elements = s->elements,
                                     .rate = a->rate.value,
                                     .number = (int)a->layer.value,
                                     .seed = a->seed.value,
                                     .monte_carlo = q->monte_carlo,
                                     .split = q->split};
    return mask_open(&s->maker, s->device, &layer, (int)s->most);
}

static enum err open_source(struct source *s, const struct mask_question *q) {
    plan_source(s, q);
    s->kept = malloc(s->most * s->elements);
    s->words = malloc(s->most * ((s->elements + 31) / 32) * sizeof *s->words);
    if (!s->kept || !s->words)
        return err_set(ERR_SYSTEM, "out of memory for masks of %zu elements", s->elements);
    return open_maker(s, q);
}

static enum err ask(struct source *s, uint32_t first, size_t samples) {
    if (s->maker.plan) return mask_make(&s->maker, s->query.step, first, s->kept);
    size_t stride = (s->elements + 31) / 32;
    s->query.first_sample = first;
    s->query.samples = (uint32_t)samples;
    TRY(device_mask(s->device, &s->query, s->words));
    for (size_t i = 0; i < samples * s->elements; i++) {
        size_t e = i % s->elements;
        s->kept[i] = s->words[i / s->elements * stride + e / 32] >> e % 32 & 1;
    }
    return OK;
}

static enum err next_block(struct source *s, uint32_t first, struct mask_block *out) {
    if (s->noise) return mask_factors(&s->maker, s->query.step, first, &out->factors);
    out->kept = s->kept;
    return ask(s, first, out->samples);
}

enum err mask_blocks(const struct mask_question *q, struct device *device,
                     enum err (*take)(void *user, const struct mask_block *), void *user) {
    const struct range *samples = &q->arguments->samples;
    struct source s = {.device = device};
    enum err rc = open_source(&s, q);
    for (uint64_t at = samples->first; at < samples->last && !rc; at += s.most) {
        uint64_t left = samples->last - at;
        struct mask_block block = {.samples = left < s.most ? (size_t)left : s.most,
                                   .elements = s.elements};
        rc = next_block(&s, (uint32_t)at, &block);
        if (!rc) rc = take(user, &block);
    }
    mask_close(&s.maker);
    free(s.kept);
    free(s.words);
    return rc;
}
