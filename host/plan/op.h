/* An operation: what one kind of step is, computes and launches. One file host/ops/NAME.c per
 * operation (with its backward operations), beside kernels/NAME.cl and tests/op_NAME.c. */
#ifndef DROPCL_PLAN_OP_H
#define DROPCL_PLAN_OP_H

#include "base/real.h"
#include "plan/draw.h"
#include "plan/launch.h"
#include "plan/plan.h"

/* What the C reference sees when it runs a step. */
struct cpu_run {
    const struct plan *plan;
    void *const *data; /* by value index: its first element; real *, uint32_t * or uint8_t * */
    const uint32_t *control; /* the CONTROL row of the cursor */
    uint32_t cursor;
    int iter;
};

/* Where a pointwise operation is: element `element` of sample `sample` (counted within the
 * micro-batch). */
struct point {
    const struct cpu_run *run;
    const void *attr;
    int draw; /* index into plan.draws, -1 */
    uint32_t sample, element;
};

/* Arithmetic and traffic of one run of a step, for `plan` and `bench`. */
struct cost {
    double flops, bytes;
    int chunks; /* K chunks of a GEMM or convolution: S of the order of summation; 0: none */
};

/* The ways in which a step can be launched on a device, the plainest first, and the key under which
 * the choice is kept: steps with one key launch the same kernel. */
struct step_ways {
    char key[TUNE_KEY];
    const char *name[TUNE_WAYS];
    int count;
};

enum { STAGE_WORDS = 3 };

struct op {
    const char *name;
    bool producer;  /* accepts stages: applies them to each output element before storing it */
    bool any_order; /* a sum of products: under `gemm: any` a library may compute it, in an order of
                       its own, so that devices may differ by rounding                          */

    /* Appends the backward steps of step `i`: reads plan_grad_of(out), gives plan_grad_give(in,
     * ...). NULL: no gradient flows (the optimizer, metrics). */
    void (*grad)(struct plan *, int i);

    /* The C reference, clear loops over `real`; NULL for pointwise operations. Stages are applied
     * by the backend afterwards. */
    void (*cpu)(const struct cpu_run *, const struct step *);

    /* A pointwise operation instead has `point`: f(x, second operand) at a place. Its kernel twin
     * is the macro NAME_point in kernels/PIECE.cl; `words` gives the uints that macro receives. */
    real (*point)(const struct point *, real x, real extra);
    const char *piece;
    const char *needs[2]; /* further pieces, put before it; NULL: none */
    void (*words)(const struct plan *, const void *attr, int draw, uint32_t out[STAGE_WORDS]);

    /* An operation that draws a mask over its output: kept[e] = 1 where sample `sample` of the
     * micro-batch keeps element e, else 0, by the generator alone (docs/masks.md). It is what
     * `compare` judges the kernels' masks by; their dropped elements are 0. NULL: draws none. */
    void (*mask)(const struct cpu_run *, int draw, uint32_t sample, uint8_t *kept);

    /* An operation that masks its weights has these two instead. `reveal` fills input `k` so that
     * every element of out[0] becomes the layer's scale times n / 256, where the binary digits of
     * the whole number n < 256 are decisions, 1 kept; false: the input may stay as it is.
     * `revealed` gives n for each element of row `row` of out[0], by the generator alone. */
    bool (*reveal)(const struct cpu_run *, const struct step *, int k, real *data);
    void (*revealed)(const struct cpu_run *, const struct step *, size_t row, uint8_t *codes);

    /* Kernel launches; pointwise operations leave this NULL (host/ops/pointwise.c serves them all).
     */
    void (*launch)(const struct plan *, const struct step *, const struct caps *,
                   struct launch_list *);

    /* Element `index` of out[output] before the stages, as the reference computes it; for checking
     * a few elements of large outputs. Needed where there are ways. */
    real (*sample)(const struct cpu_run *, const struct step *, int output, size_t index);

    /* Fills in the ways and returns their number; NULL: there is only one. */
    int (*ways)(const struct plan *, const struct step *, const struct caps *, struct step_ways *);

    void (*cost)(const struct plan *, const struct step *,
                 struct cost *); /* NULL: by bytes alone */

    /* In evaluation plans, when every reader of every value is known: may write step i into the
     * steps around it, remove it (plan_step_drop) and then say true. New steps are appended. NULL:
     * it stays. */
    bool (*freeze)(struct plan *, int i);

    /* Of operations y = W x + b, W = in[1] with the outputs as its last axis, b = in[2] where there
     * is one: the attributes of the same operation with a bias, so that `freeze` can give it other
     * weights and a bias. NULL: not such an operation. */
    const void *(*biased)(struct plan *, const void *attr);
};

/* A layer type of recipes: its schema (first member: struct layer points to it) and how it is built
 * into a plan. `build` returns the value that is the layer's output; on a shape error it calls
 * plan_fault and returns its input. */
struct layer_type {
    struct schema schema;
    int (*build)(struct plan *, const struct layer *, int in);
    struct draw_type draw; /* types that draw random numbers */
};

/* A loss: appends forward and (in training) the gradient of the logits. */
struct loss_type {
    struct schema schema;
    void (*build)(struct plan *, const void *attr, int logits, int label);
};

/* An optimizer: appends its one step over the flat buffers; fills its words of a CONTROL row. */
struct optimizer_type {
    struct schema schema;
    int state_tensors;                /* flat buffers of state */
    double (*rate)(const void *attr); /* the base learning rate; NULL attr not allowed */
    void (*build)(struct plan *, const void *attr);
    /* words: 8 floats at CONTROL_OPTIMIZER; lr: scheduled; step counts from 0 */
    void (*control)(const void *attr, double lr, uint64_t step, float *words);
};

/* Everything the passes need to know of operations; host/ops/table.c makes the real one, tests pass
 * their own. */
struct op_table {
    const struct layer_type *const *layers; /* NULL-terminated, as the other lists */
    const struct loss_type *const *losses;
    const struct optimizer_type *const *optimizers;
    const struct op *gather;    /* the first step of every plan                              */
    const struct op *add;       /* sums the gradients of a value with several readers        */
    const struct op *fold;      /* micro-batch tree: gradient = partial[level] + gradient    */
    const struct op *keep;      /* partial[level] = gradient                                 */
    const struct op *pointwise; /* runs a pointwise operation that found no producer        */
    const struct op *max_norm;  /* limits the weights into each unit of a parameter        */
    const struct op *average;   /* moves the averaged model towards the present one         */
    const struct op *softmax;   /* the probabilities of an evaluation plan                  */
    const struct op *ensemble;  /* sums over the passes of a Monte-Carlo evaluation         */
};

/* ---- for builders
 * --------------------------------------------------------------------------------- */

/* Builds a list of layers, the first of which reads `in` (unless its `from` says otherwise);
 * returns the last one's output, `in` for an empty list. For layers that have layers inside. */
int plan_layers(struct plan *, const struct layers *, int in);
int plan_value_new(struct plan *, const char *name, const struct shape *, enum dtype, enum role);
/* Declares a parameter LAYER.SUFFIX in recipe order; returns its value. */
int plan_param_new(struct plan *, const char *layer, const char *suffix, const struct shape *,
                   const struct param *law);
/* The same for running statistics: kept beside the parameters, saved with them, never trained. */
int plan_running_new(struct plan *, const char *layer, const char *suffix, const struct shape *,
                     int law);
/* Appends a step and returns its index. attr is borrowed (recipe or static). */
int plan_step_new(struct plan *, const struct op *, const void *attr, const char *name, int line);
void plan_in(struct plan *, int step, int value);
void plan_out(struct plan *, int step, int value);
/* Appends a pointwise step with a new activation of in's shape; extra -1 for none. Returns the
 * output. */
int plan_point(struct plan *, const struct op *, const void *attr, const char *name, int line,
               int draw, int in, int extra);
void *plan_alloc(struct plan *, size_t bytes); /* plan-owned; a static dummy when out of memory */
const char *plan_text(struct plan *, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The first fault wins. */
void plan_fault(struct plan *, int line, int column, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Gradients, while the grad pass runs. */
int plan_grad_of(const struct plan *, int value);            /* -1: none flows into it */
void plan_grad_give(struct plan *, int value, int gradient); /* a second gift appends an add step */
bool plan_needs_grad(const struct plan *, int value);
int plan_readers(const struct plan *, int value); /* steps that read it, so far */
int plan_writer(const struct plan *, int value);  /* the step that writes it, -1 */
void plan_step_drop(struct plan *, int step);     /* moves the borders behind it    */

/* Enters a layer that draws random numbers, and its input, into plan.draws. Its `build` calls this
 * in every mode and at every rate, so that CONTROL has its words. */
void plan_draw(struct plan *, const struct layer *, int in);
/* Says that the plan draws this layer's mask, which would have so many bytes if it were stored. */
void plan_mask(struct plan *, const struct layer *, size_t bytes);

/* The float of a CONTROL word. */
float control_float(const uint32_t *row, int word);
int control_row_words(const struct plan *); /* words of one row, a multiple of 4 */

/* ---- for backends
 * ---------------------------------------------------------------------------------- */

/* Runs a step on the reference: op->cpu, then its stages over out[0]. */
void step_run_cpu(const struct cpu_run *, const struct step *);
/* Element `index` of out[output], stages included, by op->sample. */
real step_sample_cpu(const struct cpu_run *, const struct step *, int output, size_t index);

/* What a step is launched from: the device's capabilities, with gemm_any where the recipe says so
 * and this step's way was chosen by timing or by force. A library is the fastest way on some
 * devices and the slowest by far on others: nobody gets it unasked. */
struct caps step_caps(const struct plan *, const struct step *, const struct caps *device);

/* What one run of a step costs: its operation's own count, or the bytes of its inputs and outputs.
 */
struct cost step_cost(const struct plan *, const struct step *);
/* "dense+relu+dropout": the operation and the stages fused into it. */
void step_title(const struct step *, char *out, size_t size);

/* Golden text: the table `dropcl plan` prints. caps may be NULL (no launch counts). */
struct text;
void plan_print(const struct plan *, const struct caps *, struct text *out);

#endif
