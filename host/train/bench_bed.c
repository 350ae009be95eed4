/* The smallest plan there is: one step. The backend runs it like any other. */
#include "plan/control.h"
#include "train/bench_private.h"
#include <stdlib.h>

enum { CONTROL_WORDS = CONTROL_LAYERS, QUEUED = 500 };

void bed_init(struct bed *b, const struct op *op, const void *attr) {
    *b = (struct bed){.step = {.op = op, .attr = attr, .name = op->name, .draw = -1}};
    b->values[0] = (struct value){.name = "control",
                                  .shape = {.rank = 2, .dim = {1, CONTROL_WORDS}},
                                  .dtype = DTYPE_U32,
                                  .role = ROLE_CONTROL,
                                  .buffer = BUFFER_CONTROL};
    b->plan = (struct plan){.recipe = &b->recipe,
                            .values = b->values,
                            .nvalues = 1,
                            .steps = &b->step,
                            .nsteps = 1,
                            .control = 0,
                            .slot_bytes = b->slots,
                            .buffer_bytes = {[BUFFER_CONTROL] = CONTROL_WORDS * sizeof(uint32_t)}};
}

int bed_add(struct bed *b, const char *name, size_t rows, size_t columns) {
    int i = b->plan.nvalues++, slot = b->plan.nslots++;
    b->values[i] = (struct value){.name = name,
                                  .shape = {.rank = 2, .dim = {(int)rows, (int)columns}},
                                  .dtype = DTYPE_F32,
                                  .role = ROLE_ACTIVATION,
                                  .buffer = BUFFER_EXTERNAL + slot};
    b->slots[slot] = value_bytes(&b->values[i]);
    return i;
}

/* Ordinary numbers: some devices take longer over zeros' neighbours, some less over zeros. */
static enum err fill(struct bed *b, int value) {
    size_t n = shape_elements(&b->values[value].shape);
    real *data = malloc(n * sizeof *data);
    if (!data) return err_memory("numbers to measure with");
    uint32_t state = 1u + (uint32_t)value;
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        data[i] = (real)(state >> 8) / (real)(1 << 23) - 1;
    }
    enum err rc = program_write(b->program, value, data);
    free(data);
    return rc;
}

enum err bed_open(struct bed *b, struct device *device) {
    struct buffer *external[BUFFER_EXTERNAL] = {NULL};
    enum err rc = buffer_new(device, b->plan.buffer_bytes[BUFFER_CONTROL], &b->control);
    external[BUFFER_CONTROL] = b->control;
    if (!rc) rc = program_new(device, &b->plan, external, &b->program);
    for (int v = 1; v < b->plan.nvalues && !rc; v++) rc = fill(b, v);
    if (rc) bed_close(b);
    return rc;
}

void bed_close(struct bed *b) {
    program_free(b->program);
    buffer_free(b->control);
    b->program = NULL;
    b->control = NULL;
}

/* Queues must not grow without end, and a wait now and then is lost in the sum. */
enum err bed_run(void *bed, int64_t runs) {
    struct bed *b = bed;
    for (int64_t i = 1; i <= runs; i++) {
        TRY(program_run(b->program, 0, 1, 0));
        if (i % QUEUED == 0 && i < runs) TRY(program_finish(b->program));
    }
    return program_finish(b->program);
}
