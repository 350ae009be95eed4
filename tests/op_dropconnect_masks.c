/* The masks of DropConnect, from real steps: the contract bit by bit, forward and backward, and
 * faults that checks of their own must notice. */
#include "control_words.h"
#include "harness/op_fault.h"
#include "harness/op_probe.h"
#include "harness/op_statistics.h"
#include "philox.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- the contract: U from all eight planes, whatever the kernels leave out ---- */

static uint8_t contract(const struct op_probe_sizes *s, int step, int sample, int row, int o,
                        uint32_t t8) {
    uint32_t block = (uint32_t)(row * ((s->out + 127) / 128) + o / 128), u = 0;
    const uint32_t key[2] = {(uint32_t)s->seed, (uint32_t)(s->seed >> 32)};
    for (uint32_t plane = 0; plane < 8; plane++) {
        uint32_t words[4] = {block, (uint32_t)sample, (uint32_t)step,
                             PHILOX_COUNTER3(DOMAIN_WEIGHTS, 0u, plane)};
        philox4x32(words, key, words);
        u = 2 * u + (words[o % 128 / 32] >> o % 32 & 1);
    }
    return u >= t8;
}

static const struct {
    struct op_probe_sizes sizes;
    uint32_t t8;
} contracts[] = {{{5, 37, 3, 2, 0.5, 1, false}, 128},
                 {{3, 131, 2, 1, 0.2, 0xfedcba9876543210u, false}, 51},
                 {{34, 5, 17, 1, 0.75, 3, false}, 192},
                 {{2, 33, 2, 1, 0.0039, 4, false}, 1},
                 {{2, 33, 2, 1, 0.997, 5, false}, 255}};

static void check_contract(const struct op_target *target, int index) {
    const struct op_probe_sizes *s = &contracts[index].sizes;
    struct op_probe p;
    op_probe_open(&p, target, s);
    ck_assert(op_probe_scale(&p) == (float)(256.0 / (256 - contracts[index].t8)));
    int weights = (s->in + 1) * s->out, n = s->batch * weights;
    uint8_t *want = malloc((size_t)n), *got = malloc((size_t)n);
    ck_assert(want && got);
    for (int step = 0; step < s->steps; step++) {
        for (int k = 0; k < n; k++)
            want[k] = contract(s, step, k / weights, k % weights / s->out, k % s->out,
                               contracts[index].t8);
        op_probe_forward(&p, (uint32_t)step, got);
        ck_assert_msg(!memcmp(want, got, (size_t)n), "forward, family %s", target->family);
        op_probe_dx(&p, (uint32_t)step, got); /* leaves the biases that are there */
        ck_assert_msg(!memcmp(want, got, (size_t)n), "dx, family %s", target->family);
        op_probe_dw(&p, (uint32_t)step, got);
        ck_assert_msg(!memcmp(want, got, (size_t)n), "dW, family %s", target->family);
    }
    free(want);
    free(got);
    op_probe_close(&p);
}

START_TEST(every_bit_follows_the_contract_forward_and_backward) {
    struct op_target targets[OP_TARGETS], cpu = op_reference();
    int n = op_targets(targets);
    check_contract(&cpu, _i);
    for (int t = 0; t < n; t++) check_contract(&targets[t], _i);
}
END_TEST

/* ---- checks that need no reference ---- */

enum { IN = 3, OUT = 128, BATCH = 32, STEPS = 4 };
static const struct op_probe_sizes fifth = {IN, OUT, BATCH, STEPS, 0.2, 21, true};

static bool usual(double deviate) {
    return fabs(deviate) < OP_ALARM;
}

static struct op_bits observe(const struct op_target *target) {
    struct op_probe p;
    struct op_bits b;
    op_probe_open(&p, target, &fifth);
    op_statistics_new(&b, STEPS, BATCH, (IN + 1) * OUT, 1 - 51 / 256.0);
    for (int step = 0; step < STEPS; step++)
        op_probe_forward(&p, (uint32_t)step, b.kept + step * BATCH * (IN + 1) * OUT);
    op_probe_close(&p);
    return b;
}

static bool drops_at_its_rate(const struct op_target *target) {
    struct op_bits b = observe(target);
    bool ok = usual(op_statistics_rate(&b)) && usual(op_statistics_units(&b, OP_ELEMENT)) &&
              usual(op_statistics_units(&b, OP_SAMPLE)) && usual(op_statistics_units(&b, OP_STEP));
    op_statistics_free(&b);
    return ok;
}

static bool samples_and_steps_are_strangers(const struct op_target *target) {
    struct op_bits b = observe(target);
    bool ok = true;
    for (int shift = 1; shift < STEPS; shift++)
        ok = ok && usual(op_statistics_shift(&b, OP_STEP, shift)) &&
             usual(op_statistics_shift(&b, OP_SAMPLE, shift));
    op_statistics_free(&b);
    return ok;
}

static bool weights_are_strangers(const struct op_target *target) {
    static const int shifts[] = {1, 2, 4, 16, 31, 32, 33, 64, 127, 128, 129};
    struct op_bits b = observe(target);
    bool ok = true;
    for (int offset = 0; offset < 4; offset++) ok = ok && usual(op_statistics_patterns(&b, offset));
    for (int s = 0; s < 11; s++) ok = ok && usual(op_statistics_shift(&b, OP_ELEMENT, shifts[s]));
    op_statistics_free(&b);
    return ok;
}

static bool biases_are_dropped(const struct op_target *target) {
    struct op_bits b = observe(target);
    double dropped = 0, n = STEPS * BATCH * OUT, p = 51 / 256.0;
    for (int k = 0; k < STEPS * BATCH; k++)
        for (int o = 0; o < OUT; o++) dropped += !b.kept[(k * (IN + 1) + IN) * OUT + o];
    op_statistics_free(&b);
    return usual((dropped - n * p) / sqrt(n * p * (1 - p)));
}

static bool backward_has_the_masks_of_forward(const struct op_target *target) {
    static uint8_t a[BATCH * (IN + 1) * OUT], b[sizeof a], c[sizeof a];
    struct op_probe p;
    struct op_probe_sizes both = fifth;
    both.forward_only = false;
    op_probe_open(&p, target, &both);
    op_probe_forward(&p, 1, a);
    memcpy(b, a, sizeof a);
    op_probe_dx(&p, 1, b);
    op_probe_dw(&p, 1, c);
    op_probe_close(&p);
    return !memcmp(a, b, sizeof a) && !memcmp(a, c, sizeof a);
}

/* Every sum is of IN + 1 ones, so its mean is IN + 1; the variance of one is p / (1 - p). */
static bool the_mean_is_kept(const struct op_target *target) {
    struct op_probe p;
    op_probe_open(&p, target, &fifth);
    const struct step *s = op_probe_step(&p, p.forward);
    double sum = 0, n = BATCH * OUT;
    for (int k = 0; k < 3; k++) op_probe_fill(&p, s->in[k], 1);
    op_machine_run(&p.m, p.forward, p.forward + 1, 0);
    float *y = op_machine_value(&p.m, s->out[0]);
    for (int k = 0; k < BATCH * OUT; k++) sum += (double)y[k];
    free(y);
    op_probe_close(&p);
    return usual((sum - n * (IN + 1)) / sqrt(n * (IN + 1) * 51 / 205));
}

/* A single weight shows the scale: 256 / 205, and not 1 / (1 - 0.2). */
static bool the_scale_is_of_t8(const struct op_target *target) {
    struct op_probe p;
    bool ok = true;
    op_probe_open(&p, target, &fifth);
    const struct step *s = op_probe_step(&p, p.forward);
    op_probe_column(&p, s->in[0], 1);
    op_probe_fill(&p, s->in[1], 1);
    op_probe_fill(&p, s->in[2], 0);
    op_machine_run(&p.m, p.forward, p.forward + 1, 0);
    float *y = op_machine_value(&p.m, s->out[0]);
    for (int k = 0; k < BATCH * OUT; k++) ok = ok && (y[k] == 0 || y[k] == (float)(256.0 / 205));
    free(y);
    op_probe_close(&p);
    return ok;
}

static const struct {
    const char *fault, *family, *file, *from, *to;
    bool (*holds)(const struct op_target *);
} faults[] = {
    {"one mask for all samples", "cpu", "dropconnect_cpu.cl", "m.sample + sample", "m.sample",
     samples_and_steps_are_strangers},
    {"one mask for all samples", "gpu", "dropconnect_gpu.cl", "m.sample + sample", "m.sample",
     samples_and_steps_are_strangers},
    {"one mask for the run", NULL, "dropconnect_common.cl", "row[CONTROL_STEP]", "0",
     samples_and_steps_are_strangers},
    {"other masks backward", NULL, "dropconnect_common.cl", "row[CONTROL_STEP]",
     "row[CONTROL_STEP] + GRAD", backward_has_the_masks_of_forward},
    {"planes in the wrong order", NULL, "dropconnect_common.cl", "(7 - (plane))", "(plane)",
     drops_at_its_rate},
    {"one row's masks for all rows", "cpu", "dropconnect_cpu.cl", "* BLOCKS + block",
     "* 0u + block", weights_are_strangers},
    {"one row's masks for all rows", "gpu", "dropconnect_gpu.cl", "row * BLOCKS + block", "block",
     weights_are_strangers},
    {"biases never dropped", "cpu", "dropconnect_cpu.cl",
     "KEEPS(words[u].s0 >> half_ * 16, LOW_BITS)", "(int16)(-1)", biases_are_dropped},
    {"biases never dropped", "gpu", "dropconnect_gpu.cl", "bits != (uint4)(0)", "(int4)(-1)",
     biases_are_dropped},
    {"no scale", "cpu", "dropconnect_cpu.cl", "epilogue(v * scale,", "epilogue(v,",
     the_mean_is_kept},
    {"no scale", "gpu", "dropconnect_gpu.cl", "epilogue(v * scale,", "epilogue(v,",
     the_mean_is_kept},
    {"the scale of the rate", "cpu", "dropconnect_cpu.cl", "epilogue(v * scale,",
     "epilogue(v * 1.25f,", the_scale_is_of_t8},
    {"the scale of the rate", "gpu", "dropconnect_gpu.cl", "epilogue(v * scale,",
     "epilogue(v * 1.25f,", the_scale_is_of_t8},
};

START_TEST(a_wrong_mask_is_caught_by_its_own_check) {
    struct op_target targets[OP_TARGETS];
    int n = op_targets(targets);
    for (int t = 0; t < n; t++) {
        if (targets[t].slow || (faults[_i].family && strcmp(faults[_i].family, targets[t].family)))
            continue;
        ck_assert_msg(faults[_i].holds(&targets[t]),
                      "the check against \"%s\" fails on the real kernels", faults[_i].fault);
        struct op_fault fault = op_fault_plant(faults[_i].file, faults[_i].from, faults[_i].to);
        bool holds = faults[_i].holds(&targets[t]);
        op_fault_remove(&fault);
        ck_assert_msg(!holds, "nobody noticed: %s, family %s", faults[_i].fault, targets[t].family);
    }
}
END_TEST

static void more(TCase *tests) {
    tcase_add_loop_test(tests, every_bit_follows_the_contract_forward_and_backward, 0,
                        sizeof contracts / sizeof *contracts);
    tcase_add_loop_test(tests, a_wrong_mask_is_caught_by_its_own_check, 0,
                        sizeof faults / sizeof *faults);
}

int main(void) {
    return op_suite_run(
        &(struct op_suite){.name = "dropconnect masks", .framed = true, .more = more});
}
