/* The harness of the operation suites: a row of a table is a small recipe; the harness builds its
 * plan, fills every buffer with fixed pseudo-random content and asks
 * - in the float build: for the reference's bits on every OpenCL device, in both kernel families;
 * - in the double build: for the gradients that central differences give, on the reference.
 * Everything here fails the running test by itself. It fills CONTROL on its own, from the
 * randomness contract, independently of what training does. */
#ifndef DROPCL_TESTS_OP_H
#define DROPCL_TESTS_OP_H

#include "backend/backend.h"
#include "base/real.h"
#include "plan/op.h"
#include "plan/plan.h"
#include <check.h>

struct op_case {
    const char *name;   /* what this row adds to the others                     */
    const char *input;  /* "5" or "4, 3, 2"                                      */
    const char *layers; /* a YAML flow list: "[{dense: {units: 3}}, relu]"        */
    const char *train;  /* further lines of the train section, NULL: plain SGD    */
    int batch;
    int valid;     /* rows that count, 0: all                         */
    int steps;     /* optimizer steps, 0: 1                           */
    double weight; /* largest parameter, 0: chosen by the fan-in      */
    uint64_t seed; /* of the masks                                    */
    bool no_fuse;
    bool framed;             /* not about what op_frame.c lists */
    bool all_ways;           /* check every way to launch each step, not only the default */
    bool cpu_ways, gpu_ways; /* the same for one family */
    enum plan_mode mode;
    const char *family; /* this family only, NULL: both                    */
    int way;            /* 1 + the number of the way that steps have, 0: the default */
};

/* ---- op_world: a plan and what its buffers hold before the first step ---- */

struct op_world {
    const struct op_case *row;
    struct recipe *recipe;
    struct plan *plan;
    void *content[BUFFER_EXTERNAL]; /* plan->buffer_bytes of each */
    struct value *guarded;          /* the values and slots of op_world_guard */
    size_t *guarded_slots;
    int guards; /* how many of the last values are guards */
};

void op_world_open(struct op_world *, const struct op_case *);
void op_world_close(struct op_world *);
/* The program's operations, and two layers for tests: `fork`, y = dropout(x) + x, so that x has two
 * readers; `image: {shape: [H, W, C]}` gives features these axes. */
const struct op_table *op_fork_table(void);
/* plan_new's own answer for a case that may be wrong; *world is closed again. */
enum err op_world_try(const struct op_case *);
/* Moves every activation into a slot of its own, between two guard regions: afterwards every value
 * can be read at the end of a run, and nobody may have touched the guards, which become further
 * values. */
void op_world_guard(struct op_world *);
/* Arithmetic of one run of all steps. */
double op_world_flops(const struct op_world *);
/* Test values: uniform bits, a pure function of both arguments. */
uint32_t op_random(uint32_t stream, uint32_t index);
/* Uniform in [-1, 1). */
double op_random_real(uint32_t stream, uint32_t index);
/* The first step whose operation has this name, from `from` on; fails the test when there is none.
 */
int op_world_step(const struct op_world *, const char *op, int from);
/* A value by name; fails the test when there is none. */
int op_world_value(const struct op_world *, const char *name);

/* ---- op_control: CONTROL rows by the contract ---- */

struct op_layer_control {
    uint32_t limit, active;
    float scale, extra;
};
struct op_layer_control op_control_layer(double rate);
/* All rows of the plan's table; row r is optimizer step r. */
void op_control_fill(const struct op_world *, uint32_t *rows);

/* ---- op_machine: a world on a device ---- */

enum { OP_TARGETS = 16 };
struct op_target {
    struct device_info info;
    const char *family; /* "cpu", "gpu"; NULL: the reference */
    bool slow;          /* an interpreter */
    int way;      /* number of the way in which steps are launched that have one, -1: default */
    bool library; /* products by the library, where the recipe allows it */
};
struct op_machine {
    const struct op_world *world;
    struct op_target target;
    struct device *device;
    struct buffer *buffer[BUFFER_EXTERNAL];
    struct program *program;
    struct plan *rest;            /* the plan without its frame's launches, NULL: all of it */
    struct op_machine *reference; /* computes the frame, NULL                               */
};

/* The reference. */
struct op_target op_reference(void);
/* Every OpenCL device in both families, or in DROPCL_TEST_FAMILY alone; fails the test when there
 * is none. With DROPCL_TEST_PLATFORM set, also when a device is of another platform: whoever sets
 * it wants to know what ran. */
int op_targets(struct op_target out[OP_TARGETS]);
/* The most ways that a step of the world has on this target. */
int op_target_ways(const struct op_world *, const struct op_target *);
void op_machine_open(struct op_machine *, const struct op_world *, const struct op_target *);
void op_machine_close(struct op_machine *);
/* Machines leave their devices open for the next; at the end of a suite. */
void op_machine_close_devices(void);
/* Puts the world's content (and the guards) back into all buffers. */
void op_machine_load(struct op_machine *);
/* Steps [first, last) with CONTROL row `cursor`, waited for. */
void op_machine_run(struct op_machine *, int first, int last, uint32_t cursor);
/* Every optimizer step of the case, one after another. */
void op_machine_run_all(struct op_machine *);
/* malloc'ed, value_bytes long. */
void *op_machine_value(struct op_machine *, int value);
void op_machine_put(struct op_machine *, int value, const void *data);
void *op_machine_buffer(struct op_machine *, int buffer);

/* ---- op_frame: steps around the one under test, left to the reference ---- */

void op_frame_use(bool);
void op_frame_use_around(const char *op); /* the same but for steps of this operation */
bool op_frame_has(const struct step *);
/* The plan with nothing to launch for its frame; op_frame_free frees it. */
struct plan *op_frame_without(const struct plan *);
void op_frame_free(struct plan *);
/* Step of the frame, on m->reference, from and to m's values. */
void op_frame_run(struct op_machine *m, int step, uint32_t cursor);

/* ---- checks ---- */

/* Runs both step by step; before each step `a`'s inputs are copied to `b`. Returns the first step
 * whose outputs differ in any bit, -1 when none does. */
int op_bits_first_difference(struct op_machine *a, struct op_machine *b);
/* The float build's check of a case, on all targets. */
void op_bits_check(const struct op_case *);
/* Whether gradients under `gemm: any` are those of the reference up to rounding. */
bool op_library_is_near(const struct op_target *);
/* The double build's check of a case. */
void op_gradient_check(const struct op_case *);

/* A case that must be refused, and a part of the message. */
struct op_refusal {
    struct op_case row;
    const char *message;
};

/* A whole suite: the tables, and what else `more` adds (may be NULL). Returns main's exit status.
 */
struct op_suite {
    const char *name;
    const struct op_case *cases;
    int ncases;
    const struct op_refusal *refusals;
    int nrefusals;
    void (*more)(TCase *);
    bool framed; /* all cases are */
};
int op_suite_run(const struct op_suite *);

#endif
