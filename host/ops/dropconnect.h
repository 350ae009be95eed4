/* DropConnect (Wan, Zeiler, Zhang, LeCun, Fergus, ICML 2013): a dense layer whose weights, biases
 * included, are dropped for each sample anew. Private to ops/.
 *
 *     y[n][o]  = s (sum_i m[n][i][o] x[n][i] W[i][o] + m[n][In][o] b[o]),   s = 256 / (256 - T8)
 *     dx[n][i] = s sum_o m[n][i][o] W[i][o] dy[n][o]
 *     dW[i][o] = s sum_n m[n][i][o] x[n][i] dy[n][o],   db[o] = s sum_n m[n][In][o] dy[n][o]
 *
 * A dropped weight is left out of its sum: it is not multiplied by 0, so that not even its NaN is
 * seen. Orders of summation, part of the arithmetic contract: y in chunks of DROPCONNECT_IN inputs,
 * the bias last; dW and db in chunks of DROPCONNECT_BATCH samples; each chunk is one ascending
 * chain of fma from 0 (over what is kept), the chunk sums are added in order. dx is 16 ascending
 * chains of fma from 0, output o in chain o mod 16, which are added as a tree: l to l + 8, l + 4,
 * l + 2, l + 1. s multiplies each finished sum. */
#ifndef DROPCL_OPS_DROPCONNECT_H
#define DROPCL_OPS_DROPCONNECT_H

#include "ops/dense.h"
#include "ops/draws.h"

enum { DROPCONNECT_IN = 32, DROPCONNECT_BATCH = 16, DROPCONNECT_LANES = 16 };
enum { DROPCONNECT_SAMPLES = 64, DROPCONNECT_SAMPLES_MAX = 4096 };
enum { INFERENCE_MEAN, INFERENCE_GAUSSIAN, INFERENCE_SAMPLING };

struct dropconnect_attr {
    struct draw_attr draw;
    struct dense_attr dense;
    int inference;
    int samples; /* 0: not in the recipe */
};

/* The steps: dropconnect reads x, W and, where there is one, b, and writes y. dropconnect_grad
 * reads x, dy and, where dx is wanted, W, and writes dx (where wanted), dW, db (where there is
 * one). */
struct dropconnect_shape {
    int batch, in, out;
    bool bias, dx; /* dx: of the gradient's step */
};
struct dropconnect_shape dropconnect_shape_of(const struct plan *, const struct step *);

/* ---- dropconnect_mask.c: the decisions (docs/masks.md) ---- */

/* T8 = round_half_even(rate 256); limit T8 - 1; scale and, in extra, T8 / (256 - T8): the variance
 * of a mask times scale. */
struct decision dropconnect_decide(const struct draw *, double rate);
void dropconnect_describe(const struct draw *, struct text *);

/* 128 neighbouring outputs, from 128 `block` on, of a row of a sample's mask: kept[o] 1 or 0. Row
 * In is the bias. Returns how many of them exist. */
int dropconnect_kept(const struct cpu_run *, const struct step *, int sample, int row, int block,
                     uint8_t kept[128]);
bool dropconnect_reveal(const struct cpu_run *, const struct step *, int k, real *data);
void dropconnect_revealed(const struct cpu_run *, const struct step *, size_t row, uint8_t *codes);

/* ---- the reference and the launches ---- */
void dropconnect_cpu(const struct cpu_run *, const struct step *);
void dropconnect_grad_cpu(const struct cpu_run *, const struct step *);
void dropconnect_launch(const struct plan *, const struct step *, const struct caps *,
                        struct launch_list *);
void dropconnect_grad_launch(const struct plan *, const struct step *, const struct caps *,
                             struct launch_list *);

/* ---- dropconnect_moments.c: what an evaluation's steps share. They read x, W and, where there is
 * one, b, and write the activations [N][Out] expected of normal sums before them ---- */

struct moments {
    real mean, variance;
};
/* out[0] = expected(user, the moments of each output). */
void dropconnect_moments_cpu(const struct cpu_run *, const struct step *,
                             real (*expected)(const void *user, struct moments), const void *user);
/* The launch, all but the stages and the piece with the kernel's function expected(). */
struct launch *dropconnect_moments_launch(const struct plan *, const struct step *,
                                          const struct caps *, struct launch_list *);
void dropconnect_moments_cost(const struct plan *, const struct step *, struct cost *);
/* Appends a step of one of the two operations; returns its output. */
int dropconnect_moments_append(struct plan *, const struct op *, const struct layer *, int in,
                               const struct dense_params *);

/* In closed form, of a ReLU; by a sample, of every activation but linear. */
extern const struct op op_dropconnect_gaussian, op_dropconnect_sampling;

#endif
