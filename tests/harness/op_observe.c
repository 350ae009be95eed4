#include "harness/op_observe.h"
#include "control_words.h"
#include "philox.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LAYERS_TEXT = 512 };

/* Stochastic layers before the observed one only make its ordinal; weights of 0 hide what they do.
 */
static void write_layers(const struct op_observation *o, char text[LAYERS_TEXT]) {
    int used = snprintf(text, LAYERS_TEXT, "[");
    for (int i = 0; i < o->layer; i++)
        used += snprintf(text + used, LAYERS_TEXT - (size_t)used, "{dropout: {rate: 0.5}}, ");
    snprintf(text + used, LAYERS_TEXT - (size_t)used,
             "{dense: {units: %d}}, {dropout: {rate: %.17g}}]", o->elements, o->rate);
}

static void weights_zero_bias_one(struct op_world *w) {
    real *param = w->content[BUFFER_PARAM];
    memset(param, 0, w->plan->buffer_bytes[BUFFER_PARAM]);
    const struct value *bias = &w->plan->values[w->plan->params[1].value];
    for (int i = 0; i < bias->shape.dim[0]; i++) param[bias->offset + (size_t)i] = 1;
}

static double keep_of(const struct op_observation *o) {
    struct op_layer_control c = op_control_layer(o->rate);
    return 1 - (c.active ? ((double)c.limit + 1) * 0x1p-32 : 0);
}

void op_observe(const struct op_observation *o, const struct op_target *target,
                struct op_bits *bits, float **outputs) {
    char layers[LAYERS_TEXT];
    write_layers(o, layers);
    struct op_case row = {.name = "observed mask",
                          .input = "3",
                          .layers = layers,
                          .batch = o->samples,
                          .steps = o->steps,
                          .seed = o->seed};
    struct op_world world;
    struct op_machine m;
    op_world_open(&world, &row);
    weights_zero_bias_one(&world);
    int loss = op_world_step(&world, "cross_entropy", 0);
    world.plan->nsteps = loss; /* nothing behind the mask is built */
    op_machine_open(&m, &world, target);
    op_statistics_new(bits, o->steps, o->samples, o->elements, keep_of(o));
    size_t n = (size_t)o->samples * (size_t)o->elements;
    if (outputs) *outputs = malloc((size_t)o->steps * n * sizeof **outputs);
    for (int s = 0; s < o->steps; s++) {
        op_machine_run(&m, 0, loss, (uint32_t)s);
        float *y = op_machine_value(&m, world.plan->logits);
        for (size_t i = 0; i < n; i++) bits->kept[(size_t)s * n + i] = y[i] != 0;
        if (outputs) memcpy(*outputs + (size_t)s * n, y, n * sizeof *y);
        free(y);
    }
    op_machine_close(&m);
    op_world_close(&world);
}

void op_observe_mask(const struct op_observation *o, const struct op_target *target,
                     struct op_bits *bits) {
    struct op_layer_control c = op_control_layer(o->rate);
    size_t words = ((size_t)o->elements + 31) / 32;
    uint32_t *mask = malloc(words * (size_t)o->samples * sizeof *mask);
    struct device *device;
    ck_assert_ptr_nonnull(mask);
    if (target->family) setenv("DROPCL_FAMILY", target->family, 1);
    ck_assert_int_eq(device_open(&target->info, &device), OK);
    op_statistics_new(bits, o->steps, o->samples, o->elements, keep_of(o));
    uint8_t *kept = bits->kept;
    for (int s = 0; s < o->steps; s++) {
        struct mask_query query = {.seed = o->seed,
                                   .step = (uint32_t)s,
                                   .counter3 = PHILOX_COUNTER3(DOMAIN_MASK, (uint32_t)o->layer, 0),
                                   .samples = (uint32_t)o->samples,
                                   .elements = (uint32_t)o->elements,
                                   .limit = c.limit,
                                   .active = c.active};
        if (device_mask(device, &query, mask)) ck_abort_msg("device_mask: %s", err_message());
        for (size_t n = 0; n < (size_t)o->samples; n++)
            for (size_t e = 0; e < (size_t)o->elements; e++)
                *kept++ = mask[n * words + e / 32] >> (e % 32) & 1;
    }
    device_close(device);
    unsetenv("DROPCL_FAMILY");
    free(mask);
}
