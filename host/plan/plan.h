/* The plan: a training or evaluation step as two flat arrays, values (tensors) and steps
 * (operations).
 *
 * Passes run in this order: build (shape inference, layer by layer), grad (each operation appends
 * its backward steps), fuse (producers absorb pointwise steps), slots (liveness, reusable buffers),
 * verify. After that a plan is immutable. Training, evaluation and Monte-Carlo evaluation are
 * different plans over the same parameters; an evaluation plan contains no dropout step at all.
 *
 * A plan owns its arrays through an arena and borrows the recipe, which must outlive it. Running
 * out of memory while building is remembered (`failed`) and reported by plan_new, so that the
 * builders need no checks. Shapes are static; values and steps never depend on the device. */
#ifndef DROPCL_PLAN_PLAN_H
#define DROPCL_PLAN_PLAN_H

#include "base/err.h"
#include "recipe/recipe.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SHAPE_MAX = 5, STEP_IN = 8, STEP_OUT = 4, STEP_STAGES = 6, NAME_MAX_LENGTH = 64 };

struct shape {
    int rank, dim[SHAPE_MAX]; /* row-major; images N,H,W,C */
};

enum dtype { DTYPE_F32, DTYPE_U32, DTYPE_U8 };

/* What a value is for; decides who owns its memory. */
enum role {
    ROLE_DATA,       /* the dataset on the device, the epoch's order, normalisation: read only */
    ROLE_CONTROL,    /* the table of what changes from step to step (plan/control.h)            */
    ROLE_PARAM,      /* a window of the flat parameter buffer                                   */
    ROLE_GRAD,       /* a window of the flat gradient buffer                                    */
    ROLE_STATE,      /* optimizer state, running statistics, micro-batch partial sums           */
    ROLE_METRIC,     /* loss, hits and the non-finite latch                                     */
    ROLE_ACTIVATION, /* lives in a slot from its first to its last use                          */
};

/* Buffers that a plan does not own: the caller binds one for each that has a size. */
enum buffer_id {
    BUFFER_IMAGES,  /* u8  [rows][H*W*C]                                         */
    BUFFER_LABELS,  /* u8  [rows]                                                */
    BUFFER_ORDER,   /* u32 [entries]: dataset rows in the order they are visited */
    BUFFER_NORM,    /* f32 [2*C]: scale[C], shift[C]                             */
    BUFFER_CONTROL, /* u32 [control rows][row words]                             */
    BUFFER_PARAM,   /* f32 [flat length + running statistics], tensors 256-float aligned,
                       decayed ones first, running statistics last                      */
    BUFFER_GRAD,    /* f32 [flat length]                                         */
    BUFFER_STATE,   /* f32 [state tensors * flat length]                         */
    BUFFER_PARTIAL, /* f32 [levels * flat length]: micro-batch tree              */
    BUFFER_METRIC,  /* u32 [4 + 2 * control rows], see control.h                 */
    BUFFER_AVERAGE, /* f32 as BUFFER_PARAM: its moving average                   */
    BUFFER_PASSES,  /* f32 [intervals][batch][3*classes + 2]: sums over the passes of a
                       Monte-Carlo evaluation, see ops/ensemble.c                */
    BUFFER_EXTERNAL /* slots are BUFFER_EXTERNAL + i                             */
};

struct value {
    const char *name; /* "fc1.weight", "fc1.weight.grad", "fc1" */
    struct shape shape;
    enum dtype dtype;
    enum role role;
    int first, last; /* steps that write it first and use it last; -1 when none does */
    int buffer;      /* enum buffer_id, or BUFFER_EXTERNAL + slot; -1: eliminated by fusion */
    size_t offset;   /* in elements                                              */
    bool needs_grad; /* a parameter is upstream                                  */
    bool slabs;      /* [T][...]: a repeat range addresses slab t                */
    int grad;        /* the value holding dLoss/dthis, -1 while there is none    */
    int positive;    /* a value that is > 0 exactly where this one is, and that will be stored:
                        lets relu's backward read dropout's output; -1: this value itself */
};

enum {
    PARAM_LAW_ZERO,
    PARAM_LAW_ONE,
    PARAM_LAW_HE,
    PARAM_LAW_GLOROT,
    PARAM_LAW_LECUN,
    PARAM_LAW_VALUE
};

/* One tensor of a model: trained, or running statistics, which steps update themselves. Declared
 * while building, in recipe order: the same in every plan of a recipe. */
struct param {
    int value; /* index of the ROLE_PARAM value; running: ROLE_STATE   */
    int law;   /* uniform bounds; docs/masks.md                        */
    int fan_in, fan_out;
    bool decay;               /* weight decay applies                                 */
    double max_norm;          /* of what goes into a unit (the last axis); 0: no limit */
    int line;                 /* of the recipe                                        */
    double start;             /* PARAM_LAW_VALUE: what it is first                    */
    const struct op *penalty; /* adds to its gradient before the optimizer, and to that */
    const void *penalty_attr; /* of `penalised`, the next weights declared; -1: none    */
    int penalised;
    bool running;               /* not trained: no gradient, no optimizer               */
    int rows_h, rows_w, rows_c; /* dense after an image: how the first axis splits; 0: flat */
};

struct op;

/* A layer that draws random numbers, as this plan has it; plan/draw.h says what follows. */
struct draw {
    const struct layer *layer;
    struct shape shape; /* of its input, the batch included                                */
    size_t mask_bytes;  /* of its mask, a byte for each element or channel; 0: none is drawn */
    int block, blocks;  /* DropPath: l of L, from 1                                          */
};

/* A pointwise operation absorbed into a producer's epilogue. */
struct stage {
    const struct op *op;
    const void *attr;
    int extra; /* index into step.in of its second operand, -1: none */
    int draw;  /* index into plan.draws of a stage that draws, -1    */
    int line;
};

struct step {
    const struct op *op;
    const void *attr; /* the op's own attributes, NULL when it has none */
    const char *name; /* for people: the layer it came from             */
    int in[STEP_IN], nin;
    int out[STEP_OUT], nout;
    struct stage stage[STEP_STAGES];
    int nstages;
    int draw; /* as in stage, for a step that draws by itself   */
    int line; /* of the recipe                                  */
};

/* A range of steps run `count` times, t = 0..count-1, or count-1..0 when backward; a launch
 * argument ITER and the reference's `iter` are t. Ranges do not nest and do not overlap. */
struct repeat {
    int first, last; /* [first, last) */
    int count;
    bool backward;
};

enum plan_mode { PLAN_TRAIN, PLAN_EVAL, PLAN_MC };

struct plan_options {
    enum plan_mode mode;
    int batch;        /* rows of one run of the plan: the micro-batch; 0: the recipe's */
    int rows;         /* of the resident dataset (for byte counts)                     */
    int control_rows; /* capacity of the CONTROL table and of the metrics; 0: 1        */
    bool no_fuse;     /* leave every operation a step of its own                       */
    bool mirror;      /* not in training: pictures with left and right exchanged       */
    int intervals;    /* Monte-Carlo: of passes, each with sums of its own; 0: 1       */
};

struct plan {
    const struct recipe *recipe; /* borrowed */
    struct plan_options options;
    struct value *values;
    int nvalues;
    struct step *steps;
    int nsteps;
    int backward, combine, update; /* first steps of those ranges; equal to nsteps when absent */
    int pass; /* Monte-Carlo: first step of a pass; those before it are the same in every pass and
                 run once. Else 0 */
    struct repeat *repeats;
    int nrepeats;
    struct param *params;
    int nparams;
    struct draw *draws; /* [recipe->stochastic_layers], by layer.draw */

    /* values the loop talks to; -1 when the plan has none */
    int images, labels, order, norm, control, metric;
    int input, label, logits, probabilities, ensemble;
    int flat_param, flat_grad, flat_state; /* whole flat buffers as values, for the optimizer */

    size_t flat;        /* floats of trained tensors: the flat length                 */
    size_t stored;      /* floats of the parameter buffer: [flat, stored) is running statistics */
    size_t decayed;     /* floats of it that weight decay applies to: [0, decayed)    */
    int state_tensors;  /* optimizer state, in flat lengths                           */
    int partial_levels; /* buffers of the micro-batch tree, in flat lengths           */
    int micro_batches;  /* micro-batches of one optimizer step                        */
    size_t buffer_bytes[BUFFER_EXTERNAL]; /* what the caller must bind; 0: not used     */
    size_t *slot_bytes;
    int nslots;
    size_t unshared_bytes;   /* what the slots would take without sharing                 */
    size_t mask_bytes_saved; /* masks that are never stored: the sum over the draws       */

    int penalty;          /* 1 + the last parameter whose `penalised` is yet to come, 0: none */
    const struct op *add; /* sums gradients; of the op table */
    struct built *built;  /* layers built so far, for `from` */
    int nbuilt;
    size_t value_capacity, step_capacity, param_capacity, repeat_capacity, built_capacity;
    bool failed; /* something went wrong: memory, or a fault of the recipe (`faulty`) */
    bool faulty;
    struct arena *arena;
};

struct op_table;

/* Builds all passes. ERR_RECIPE (shapes, with the recipe's line), ERR_SYSTEM. */
enum err plan_new(const struct recipe *, const struct op_table *, const struct plan_options *,
                  struct plan **out);
void plan_free(struct plan *p);

size_t shape_elements(const struct shape *s);
bool shape_equal(const struct shape *a, const struct shape *b);
/* "[128,784]" into a buffer of at least 64 bytes; returns it. */
char *shape_text(const struct shape *s, char *out);
size_t dtype_size(enum dtype d);
size_t value_bytes(const struct value *v);
/* Elements of one sample: the product of all but the first axis. */
int shape_features(const struct shape *s);

#endif
