/* One broken line in every kernel file: lock step with the reference must name the operation whose
 * kernel it is. A kernel file without a planted fault fails this suite. */
#include "backend/kernels.h"
#include "harness/op_brokens.h"
#include "harness/op_fault.h"
#include "harness/op_observe.h"
#include <stdlib.h>
#include <string.h>

static const char *name_of(const struct step *s) {
    return strcmp(s->op->name, "pointwise") ? s->op->name : s->stage[0].op->name;
}

static int first_difference(const struct op_world *world, const struct op_target *target) {
    struct op_machine reference, device;
    struct op_target cpu = op_reference();
    op_machine_open(&reference, world, &cpu);
    op_machine_open(&device, world, target);
    int step = op_bits_first_difference(&reference, &device);
    op_machine_close(&device);
    op_machine_close(&reference);
    return step;
}

/* Only the last step that may be named and those before it have kernels to build, and no step of
 * the frame but that one. */
static void leave_out_the_rest(struct op_world *world, const char *named) {
    int last = -1;
    for (int i = 0; i < world->plan->nsteps; i++)
        if (!strcmp(name_of(&world->plan->steps[i]), named)) last = i;
    ck_assert_msg(last >= 0, "no step is called %s", named);
    world->plan->nsteps = last + 1;
    op_frame_use_around(named);
}

static void check_broken(const struct op_broken *b, const struct op_target *target) {
    struct op_world world;
    struct op_case row = b->row;
    row.name = b->file;
    op_world_open(&world, &row);
    leave_out_the_rest(&world, b->step);
    ck_assert_int_eq(first_difference(&world, target), -1);
    struct op_fault fault = op_fault_plant(b->file, b->from, b->to);
    int step = first_difference(&world, target);
    op_fault_remove(&fault);
    const char *named = step < 0 ? "nothing" : name_of(&world.plan->steps[step]);
    ck_assert_msg(!strcmp(named, b->step), "%s broken, family %s: lock step named %s, not %s",
                  b->file, target->family, named, b->step);
    op_world_close(&world);
    op_frame_use(false);
}

START_TEST(lock_step_names_the_operation_whose_kernel_is_broken) {
    struct op_target targets[OP_TARGETS];
    int n = op_targets(targets);
    const struct op_broken *b = op_brokens_at(_i);
    for (int t = 0; t < n; t++) {
        if (b->row.family && strcmp(b->row.family, targets[t].family)) continue;
        targets[t].way = b->row.way - 1;
        check_broken(b, &targets[t]);
    }
}
END_TEST

/* ---- the mask kernel is no step of a plan ---- */

static const struct op_observation half = {6, 16, 128, 0, 0.5, 21};

static bool masks_follow_coordinates(const struct op_target *target) {
    struct op_target cpu = op_reference();
    struct op_bits here, there;
    op_observe_mask(&half, target, &here);
    op_observe_mask(&half, &cpu, &there);
    bool same = !memcmp(here.kept, there.kept, 6 * 16 * 128);
    op_statistics_free(&here);
    op_statistics_free(&there);
    return same;
}

START_TEST(a_broken_mask_query_is_noticed) {
    struct op_target targets[OP_TARGETS];
    int n = op_targets(targets);
    for (int t = 0; t < n; t++) {
        ck_assert(masks_follow_coordinates(&targets[t]));
        struct op_fault fault =
            op_fault_plant("mask.cl", "first_sample + (uint)sample", "first_sample");
        bool same = masks_follow_coordinates(&targets[t]);
        op_fault_remove(&fault);
        ck_assert(!same);
    }
}
END_TEST

/* ---- kernels beside a library product ---- */

static const struct {
    const char *fault, *file, *from, *to;
} library_faults[] = {
    {"bias behind a library product", "finish.cl", "v += load_lanes", "v -= load_lanes"},
    {"bias gradients beside it", "columns.cl", "total + sum : sum", "total + sum : sum + sum"},
};

START_TEST(broken_kernels_around_a_library_product_are_noticed) {
    struct op_target targets[OP_TARGETS];
    int n = op_targets(targets);
    for (int t = 0; t < n; t++) {
        ck_assert_msg(op_library_is_near(&targets[t]), "%s: wrong without a fault",
                      library_faults[_i].fault);
        struct op_fault fault =
            op_fault_plant(library_faults[_i].file, library_faults[_i].from, library_faults[_i].to);
        bool holds = op_library_is_near(&targets[t]);
        op_fault_remove(&fault);
        ck_assert_msg(!holds, "nobody noticed: %s", library_faults[_i].fault);
    }
}
END_TEST

/* ---- completeness ---- */

/* mask.cl has its own check above; what only measures a device computes nothing that could be
 * wrong. */
static const char *const elsewhere[] = {"mask.cl", "peak.cl", "copy.cl", "nothing.cl"};

static bool has_fault(const char *file) {
    bool found = false;
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++)
        found = found || !strcmp(file, elsewhere[i]);
    for (int i = 0; i < op_brokens_count(); i++)
        found = found || !strcmp(op_brokens_at(i)->file, file);
    for (int i = 0; i < 2; i++) found = found || !strcmp(library_faults[i].file, file);
    return found;
}

START_TEST(every_kernel_file_has_a_planted_fault) {
    for (const struct kernel_file *k = kernel_files; k->name; k++)
        ck_assert_msg(has_fault(k->name), "no fault is planted in %s", k->name);
}
END_TEST

static void more(TCase *tests) {
    tcase_add_test(tests, every_kernel_file_has_a_planted_fault);
    tcase_add_loop_test(tests, lock_step_names_the_operation_whose_kernel_is_broken, 0,
                        op_brokens_count());
    tcase_add_test(tests, a_broken_mask_query_is_noticed);
    tcase_add_loop_test(tests, broken_kernels_around_a_library_product_are_noticed, 0, 2);
}

int main(void) {
    return op_suite_run(&(struct op_suite){.name = "broken", .more = more});
}
