/* Planted faults: each line below breaks one kernel file, and a named check must notice. A check
 * that passes on the real kernels and fails on a broken one is worth its name. */
#include "harness/op_fault.h"
#include "harness/op_observe.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- checks that need no reference ---- */

enum { STEPS = 6, SAMPLES = 16, ELEMENTS = 128 };
static const struct op_observation half = {STEPS, SAMPLES, ELEMENTS, 0, 0.5, 21};

static bool usual(double deviate) {
    return fabs(deviate) < OP_ALARM;
}

static bool drops_at_its_rate(const struct op_target *target) {
    struct op_bits b;
    op_observe(&half, target, &b, NULL);
    bool ok = usual(op_statistics_rate(&b));
    op_statistics_free(&b);
    return ok;
}

static bool masks_change_from_step_to_step(const struct op_target *target) {
    struct op_bits b;
    op_observe(&half, target, &b, NULL);
    bool ok = true;
    for (int shift = 1; shift < STEPS; shift++)
        ok = ok && usual(op_statistics_shift(&b, OP_STEP, shift));
    op_statistics_free(&b);
    return ok;
}

static bool neighbours_are_independent(const struct op_target *target) {
    struct op_bits b;
    op_observe(&half, target, &b, NULL);
    bool ok = usual(op_statistics_patterns(&b, 0)) && usual(op_statistics_shift(&b, OP_ELEMENT, 1));
    op_statistics_free(&b);
    return ok;
}

/* Outputs are 0 or 2 with mean 1. */
static bool the_mean_is_kept(const struct op_target *target) {
    struct op_bits b;
    float *y;
    op_observe(&half, target, &b, &y);
    double sum = 0, n = STEPS * SAMPLES * ELEMENTS;
    for (int i = 0; i < STEPS * SAMPLES * ELEMENTS; i++) sum += (double)y[i];
    op_statistics_free(&b);
    free(y);
    return usual((sum - n) / sqrt(n)); /* the variance of one is 1 at rate 0.5 */
}

/* At T = the very word of element 0 it is kept, at T = word + 1 dropped; the word is read off the
 * real generator by bisection over the rate, on the reference. */
static bool kept_at(const struct op_target *target, double threshold) {
    struct op_observation o = {1, 1, 1, 0, threshold * 0x1p-32, 22};
    struct op_bits b;
    op_observe(&o, target, &b, NULL);
    bool kept = b.kept[0];
    op_statistics_free(&b);
    return kept;
}

static bool the_threshold_is_exact(const struct op_target *target) {
    struct op_target cpu = op_reference();
    double low = 0, high = 0x1p32; /* kept at low, dropped at high */
    while (high - low > 1) {
        double middle = floor((low + high) / 2);
        *(kept_at(&cpu, middle) ? &low : &high) = middle;
    }
    return kept_at(target, low) && !kept_at(target, high);
}

/* Behind a ReLU backward multiplies by the scale alone. */
static bool backward_is_scaled(const struct op_target *target) {
    static const struct op_case row = {
        .name = "backward",
        .input = "9",
        .layers = "[{dense: {units: 21}}, relu, {dropout: {rate: 0.5}}, {dense: {units: 4}}]",
        .batch = 5,
        .no_fuse = true};
    struct op_world world;
    struct op_machine m;
    op_world_open(&world, &row);
    op_world_guard(&world);
    op_machine_open(&m, &world, target);
    op_machine_run_all(&m);
    bool ok = true, found = false;
    for (int i = world.plan->backward; i < world.plan->combine; i++) {
        const struct step *s = &world.plan->steps[i];
        if (s->nstages != 1 || strcmp(s->stage[0].op->name, "dropout_scale") != 0) continue;
        float *dy = op_machine_value(&m, s->in[0]), *dx = op_machine_value(&m, s->out[0]);
        for (int k = 0; k < 5 * 21; k++) ok = ok && dx[k] == 2 * dy[k];
        found = true;
        free(dy);
        free(dx);
    }
    op_machine_close(&m);
    op_world_close(&world);
    ck_assert_msg(found, "the plan has no implied mask");
    return ok;
}

static const struct semantic {
    const char *fault, *file, *from, *to;
    bool (*holds)(const struct op_target *);
} semantics[] = {
    {"no dropout at all", "dropout.cl", "return select(x * scale, (realv)(0.0f), drop);",
     "return x;", drops_at_its_rate},
    {"one mask for the whole run", "dropout.cl", "static uint4 dropout_block(",
     "#undef CONTROL_STEP\n#define CONTROL_STEP CONTROL_AUX\nstatic uint4 dropout_block(",
     masks_change_from_step_to_step},
    {"no 1 / (1 - p)", "dropout.cl", "return select(x * scale,", "return select(x,",
     the_mean_is_kept},
    {"backward without scale", "dropout.cl", "((x) * as_float((at).row[(at).a + LAYER_SCALE]))",
     "(x)", backward_is_scaled},
    {"one word for 4 neighbours", "dropout.cl", "intv drop = words <=",
     "#ifdef FAMILY_CPU\n"
     "    words = words.s000044448888cccc;\n"
     "#else\n"
     "    words = words.xxxx;\n"
     "#endif\n"
     "    intv drop = words <=",
     neighbours_are_independent},
    {"threshold off by one", "dropout.cl", "intv drop = words <= ", "intv drop = words < ",
     the_threshold_is_exact},
    {"a stale CONTROL row", "epilogue.cl", "control + (size_t)cursor * ROW", "control",
     masks_change_from_step_to_step},
};

START_TEST(a_wrong_dropout_is_caught_by_its_own_check) {
    const struct semantic *s = &semantics[_i];
    struct op_target targets[OP_TARGETS];
    int n = op_targets(targets);
    for (int t = 0; t < n; t++) {
        ck_assert_msg(s->holds(&targets[t]), "the check against \"%s\" fails on the real kernels",
                      s->fault);
        struct op_fault fault = op_fault_plant(s->file, s->from, s->to);
        bool holds = s->holds(&targets[t]);
        op_fault_remove(&fault);
        ck_assert_msg(!holds, "nobody noticed: %s, family %s", s->fault, targets[t].family);
    }
}
END_TEST

static void more(TCase *tests) {
    tcase_add_loop_test(tests, a_wrong_dropout_is_caught_by_its_own_check, 0,
                        sizeof semantics / sizeof *semantics);
}

int main(void) {
    return op_suite_run(&(struct op_suite){.name = "faults", .more = more});
}
