/* A plan built by hand, with operations and kernels of its own, to see what a backend does with
 * steps. All numbers are small integers, so every result is exact. */
#ifndef DROPCL_TESTS_BACKEND_FAKE_H
#define DROPCL_TESTS_BACKEND_FAKE_H

#include "backend/backend.h"
#include "plan/op.h"

enum { FAKE_ROWS = 3, FAKE_N = 100, FAKE_OFFSET = 256 };

/* Values, by index. */
enum {
    FAKE_CONTROL, /* u32 [rows][CONTROL_LAYERS]                                 **/
    FAKE_A,       /* f32 [N] at the start of the parameter buffer              */
    FAKE_B,       /* f32 [N] at float 256 of it                                */
    FAKE_Y,       /* f32 [N] in slot 0                                         */
    FAKE_Z,       /* f32 [N] in slot 1                                         */
    FAKE_TRACE,   /* f32 [1] of the state buffer: digits of what ran, in order */
    FAKE_GONE,    /* fused away                                                */
    FAKE_M,       /* f32 [5][3] for GEMM, state at 256                         */
    FAKE_K,       /* f32 [3][7], state at 512                                  */
    FAKE_P,       /* f32 [5][7], state at 768                                  */
    FAKE_VALUES
};

/* Steps, by index. */
enum {
    FAKE_SUM,    /* y = 2 a + b + control[FIRST] + 0.5: two launches, scratch, a sub-buffer */
    FAKE_TRIPLE, /* z = 3 a + b + control[FIRST] + 0.5: the same kernels, another define    */
    FAKE_DIGIT,  /* trace = 10 trace + iter                                                 */
    FAKE_NINE,   /* trace = 10 trace + 9                                                    */
    FAKE_STEPS
};

struct fake {
    struct recipe recipe;
    struct plan plan;
    struct value values[FAKE_VALUES];
    struct step steps[FAKE_STEPS + 1];
    struct repeat repeat; /* of FAKE_DIGIT and FAKE_NINE, 3 times; plan.nrepeats switches it off */
    size_t slots[2];
    struct device *device;
    struct buffer *external[BUFFER_EXTERNAL];
};

extern const struct op fake_sum, fake_digit, fake_gemm;
extern size_t fake_group; /* work-items of a group of fake_sum; 0: by family */

/* Fills the plan, replaces the kernel files "fake" and makes the buffers: a[i] = i, b[i] = 1000 i,
 * control[r][FIRST] = 7 r. */
void fake_open(struct fake *, struct device *);
/* Appends the step p = m k by the library. */
void fake_add_gemm(struct fake *);
void fake_close(struct fake *);
/* y or z of FAKE_SUM or FAKE_TRIPLE at row `cursor`. */
float fake_want(int factor, int i, int cursor);

#endif
