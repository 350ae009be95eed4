/* Layers that draw random numbers: their rates, and what of them travels in CONTROL
 * (docs/masks.md).
 *
 * Such a layer has a rate, which a schedule may change from step to step. Its type turns the rate
 * of a step into a decision: the few numbers that kernels read. Training computes both for every
 * CONTROL row (train/control.h) and knows no particular type; adding one touches nothing there. */
#ifndef DROPCL_PLAN_DRAW_H
#define DROPCL_PLAN_DRAW_H

#include "plan/plan.h"

/* The attributes of every layer type that draws random numbers start with these. */
struct draw_attr {
    double rate;            /* the probability to drop, at the end of its schedule */
    struct choice schedule; /* schema NULL: constant                               */
};

/* A probability to drop as the kernels want it (docs/masks.md, "Decision" and "Scale"). */
struct decision {
    uint64_t threshold; /* T = round_half_even(probability * 2^32), 0 .. 2^32              */
    uint32_t limit;     /* T - 1: dropped iff active and word <= limit                     */
    uint32_t active;    /* 0 when T is 0                                                   */
    float scale;        /* of what is kept                                                 */
    float extra;        /* LAYER_EXTRA: one more number for the kernels of this layer type */
};

/* What a layer type that draws random numbers adds; a part of struct layer_type. */
struct draw_type {
    uint32_t domain; /* of the contract, in training; 0: DOMAIN_MASK */
    /* The decision at a rate. NULL: decision_of. */
    struct decision (*decide)(const struct draw *, double rate);
    bool noise; /* a factor for each element, and no decision to drop it */
    /* Further words for `dropcl plan`, ending without a newline. NULL: none. */
    void (*describe)(const struct draw *, struct text *);
};

/* T of a probability, and scale = (float)(2^32 / (2^32 - T)): from T and not from the probability,
 * so that E[mask * scale] is exactly 1; 0 at T = 2^32. */
struct decision decision_of(double probability);

/* The decision of a layer at a rate, by its type. */
struct decision draw_decide(const struct draw *, double rate);
const struct draw_attr *draw_attr_of(const struct layer *);
/* Whether the rate is 0 at every step: such a layer makes no step of a plan. */
bool draw_never(const struct layer *);

/* A line for each layer whose masks this plan draws: kind, rate, schedule, bytes not stored. */
void draw_print(const struct plan *, struct text *out);

#endif
