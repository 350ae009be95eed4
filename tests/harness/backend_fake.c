#include "harness/backend_fake.h"
#include "harness/backend_targets.h"
#include "plan/control.h"
#include <string.h>

static const char fake_kernels[] =
    "kernel void twice(global const float *a, global float *scratch, uint n) {\n"
    "    uint i = get_global_id(0);\n"
    "    if (i < n) scratch[i] = FACTOR * a[i];\n"
    "}\n"
    "kernel void plus(global const float *scratch, global const float *b, global float *y,\n"
    "                 global const uint *control, uint cursor, uint n, float half_one) {\n"
    "    uint i = get_global_id(0);\n"
    "    uint first = control[cursor * CONTROL_LAYERS + CONTROL_FIRST];\n"
    "    if (i < n) y[i] = scratch[i] + b[i] + (float)first + half_one;\n"
    "}\n"
    "kernel void digit(global float *trace, uint iter, uint nine) {\n"
    "    *trace = 10 * *trace + (nine ? 9 : iter);\n"
    "}\n"
    "kernel void product(global const float *m, global const float *k, global float *p) {\n"
    "    uint i = get_global_id(0), j = get_global_id(1);\n"
    "    float sum = 0;\n"
    "    for (uint l = 0; l < 3; l++) sum += m[i * 3 + l] * k[l * 7 + j];\n"
    "    p[i * 7 + j] = sum;\n"
    "}\n";

size_t fake_group;

static void sum_cpu(const struct cpu_run *run, const struct step *s) {
    const real *a = run->data[s->in[0]], *b = run->data[s->in[1]];
    real *y = run->data[s->out[0]];
    for (int i = 0; i < FAKE_N; i++)
        y[i] = (real)(*(const int *)s->attr) * a[i] + b[i] + (real)run->control[CONTROL_FIRST] +
               (real)0.5;
}

static void sum_launch(const struct plan *p, const struct step *s, const struct caps *caps,
                       struct launch_list *list) {
    (void)p;
    size_t global = FAKE_N, local = caps->cpu_family ? 1 : 32;
    if (fake_group) local = fake_group;
    list->scratch = FAKE_N * sizeof(float);
    struct launch *l = launch_new(list, "fake", "twice");
    launch_define(l, "-DFACTOR=%d", *(const int *)s->attr);
    launch_value(l, s->in[0]);
    launch_scratch(l);
    launch_uint(l, FAKE_N);
    launch_size(l, 1, &global, &local);
    l = launch_new(list, "fake", "plus");
    launch_define(l, "-DFACTOR=%d", *(const int *)s->attr);
    launch_scratch(l);
    launch_value(l, s->in[1]);
    launch_value(l, s->out[0]);
    launch_value(l, FAKE_CONTROL);
    launch_cursor(l);
    launch_uint(l, FAKE_N);
    launch_float(l, 0.5f);
    launch_size(l, 1, &global, &local);
}

const struct op fake_sum = {.name = "sum", .cpu = sum_cpu, .launch = sum_launch};

static void digit_cpu(const struct cpu_run *run, const struct step *s) {
    real *trace = run->data[FAKE_TRACE];
    *trace = 10 * *trace + (s->attr ? 9 : (real)run->iter);
}

static void digit_launch(const struct plan *p, const struct step *s, const struct caps *caps,
                         struct launch_list *list) {
    (void)p;
    (void)caps;
    size_t one = 1;
    struct launch *l = launch_new(list, "fake", "digit");
    launch_define(l, "-DFACTOR=0");
    launch_value(l, FAKE_TRACE);
    launch_iter(l);
    launch_uint(l, s->attr != NULL);
    launch_size(l, 1, &one, &one);
}

const struct op fake_digit = {.name = "digit", .cpu = digit_cpu, .launch = digit_launch};

static void gemm_cpu(const struct cpu_run *run, const struct step *s) {
    const real *m = run->data[s->in[0]], *k = run->data[s->in[1]];
    real *p = run->data[s->out[0]];
    for (int i = 0; i < 5; i++)
        for (int j = 0; j < 7; j++) {
            p[i * 7 + j] = 0;
            for (int l = 0; l < 3; l++) p[i * 7 + j] += m[i * 3 + l] * k[l * 7 + j];
        }
}

static void gemm_launch(const struct plan *p, const struct step *s, const struct caps *caps,
                        struct launch_list *list) {
    (void)p;
    struct launch *l = launch_new(list, "fake", "product");
    if (!caps->gemm_any) {
        launch_define(l, "-DFACTOR=0");
        for (int i = 0; i < 3; i++) launch_value(l, i < 2 ? s->in[i] : s->out[0]);
        launch_size(l, 2, (size_t[]){5, 7}, (size_t[]){1, 1});
        return;
    }
    l->kind = LAUNCH_GEMM;
    l->gemm = (struct launch_gemm){
        .m = 5, .n = 7, .k = s->attr ? 0 : 3, .a = s->in[0], .b = s->in[1], .c = s->out[0]};
}

const struct op fake_gemm = {.name = "gemm", .cpu = gemm_cpu, .launch = gemm_launch};

static void set_value(struct fake *f, int value, const char *name, int rank, int first, int second,
                      int buffer, size_t offset) {
    f->values[value] = (struct value){.name = name,
                                      .shape = {.rank = rank, .dim = {first, second}},
                                      .dtype = value == FAKE_CONTROL ? DTYPE_U32 : DTYPE_F32,
                                      .buffer = buffer,
                                      .offset = offset};
}

static void set_plan(struct fake *f) {
    static const int two = 2, three = 3;
    set_value(f, FAKE_CONTROL, "control", 2, FAKE_ROWS, CONTROL_LAYERS, BUFFER_CONTROL, 0);
    set_value(f, FAKE_A, "a", 1, FAKE_N, 0, BUFFER_PARAM, 0);
    set_value(f, FAKE_B, "b", 1, FAKE_N, 0, BUFFER_PARAM, FAKE_OFFSET);
    set_value(f, FAKE_Y, "y", 1, FAKE_N, 0, BUFFER_EXTERNAL, 0);
    set_value(f, FAKE_Z, "z", 1, FAKE_N, 0, BUFFER_EXTERNAL + 1, 0);
    set_value(f, FAKE_TRACE, "trace", 1, 1, 0, BUFFER_STATE, 0);
    set_value(f, FAKE_GONE, "gone", 1, 1, 0, -1, 0);
    set_value(f, FAKE_M, "m", 2, 5, 3, BUFFER_STATE, 256);
    set_value(f, FAKE_K, "k", 2, 3, 7, BUFFER_STATE, 512);
    set_value(f, FAKE_P, "p", 2, 5, 7, BUFFER_STATE, 768);
    f->steps[FAKE_SUM] = (struct step){.op = &fake_sum, .attr = &two, .name = "double"};
    f->steps[FAKE_TRIPLE] = (struct step){.op = &fake_sum, .attr = &three, .name = "triple"};
    for (int s = FAKE_SUM; s <= FAKE_TRIPLE; s++) {
        f->steps[s].in[0] = FAKE_A;
        f->steps[s].in[1] = FAKE_B;
        f->steps[s].out[0] = s == FAKE_SUM ? FAKE_Y : FAKE_Z;
    }
    f->steps[FAKE_DIGIT] = (struct step){.op = &fake_digit, .name = "digit"};
    f->steps[FAKE_NINE] = (struct step){.op = &fake_digit, .name = "nine", .attr = &two};
    f->repeat = (struct repeat){.first = FAKE_DIGIT, .last = FAKE_NINE + 1, .count = 3};
    f->slots[0] = f->slots[1] = FAKE_N * sizeof(float);
    f->plan = (struct plan){
        .recipe = &f->recipe,
        .values = f->values,
        .nvalues = FAKE_VALUES,
        .steps = f->steps,
        .nsteps = FAKE_STEPS,
        .repeats = &f->repeat,
        .nrepeats = 1,
        .control = FAKE_CONTROL,
        .slot_bytes = f->slots,
        .nslots = 2,
        .buffer_bytes = {[BUFFER_CONTROL] = FAKE_ROWS * CONTROL_LAYERS * sizeof(uint32_t),
                         [BUFFER_PARAM] = 512 * sizeof(float),
                         [BUFFER_STATE] = 1024 * sizeof(float)}};
}

void fake_open(struct fake *f, struct device *d) {
    uint32_t control[FAKE_ROWS * CONTROL_LAYERS] = {0};
    float param[512] = {0};
    *f = (struct fake){.device = d};
    set_plan(f);
    kernel_override("fake.cl", fake_kernels);
    for (int b = 0; b < BUFFER_EXTERNAL; b++)
        if (f->plan.buffer_bytes[b]) MUST(buffer_new(d, f->plan.buffer_bytes[b], &f->external[b]));
    for (uint32_t r = 0; r < FAKE_ROWS; r++) control[r * CONTROL_LAYERS + CONTROL_FIRST] = 7 * r;
    for (int i = 0; i < FAKE_N; i++) {
        param[i] = (float)i;
        param[FAKE_OFFSET + i] = 1000 * (float)i;
    }
    MUST(buffer_write(f->external[BUFFER_CONTROL], 0, control, sizeof control));
    MUST(buffer_write(f->external[BUFFER_PARAM], 0, param, sizeof param));
}

void fake_add_gemm(struct fake *f) {
    struct step *s = &f->steps[FAKE_STEPS];
    *s = (struct step){.op = &fake_gemm, .name = "product"};
    s->in[0] = FAKE_M;
    s->in[1] = FAKE_K;
    s->out[0] = FAKE_P;
    f->plan.nsteps = FAKE_STEPS + 1;
    f->recipe.train.gemm = GEMM_ANY;
}

void fake_close(struct fake *f) {
    for (int b = 0; b < BUFFER_EXTERNAL; b++) buffer_free(f->external[b]);
    kernel_override("fake.cl", NULL);
}

float fake_want(int factor, int i, int cursor) {
    return (float)(factor * i + 1000 * i + 7 * cursor) + 0.5f;
}
