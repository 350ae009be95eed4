/* What the layers that draw random numbers share (docs/masks.md). Private to ops/. */
#ifndef DROPCL_OPS_DRAWS_H
#define DROPCL_OPS_DRAWS_H

#include "ops/internal.h"

/* The rows of an attribute table for struct draw_attr, which must be the first member `member` of
 * the attributes. A rate that is `usual`, or not given, is that of the layer's place
 * (plan/advice.h). */
extern const char *const draws_usual[];
#define DRAW_ATTRS(type_, member, doc_)                                                            \
    DRAW_RATE(type_, member, doc_, .names = draws_usual, .fallback = "usual"),                     \
        DRAW_SCHEDULE(type_, member)
#define DRAW_RATE(type_, member, doc_, ...)                                                        \
    {                                                                                              \
        .name = "rate", .type = ATTR_REAL, .offset = offsetof(type_, member.rate), .max = 1,       \
        .doc = doc_, __VA_ARGS__                                                                   \
    }
#define DRAW_SCHEDULE(type_, member)                                                               \
    {                                                                                              \
        .name = "schedule", .type = ATTR_CHOICE, .offset = offsetof(type_, member.schedule),       \
        .kind = CHOICE_RATE_SCHEDULE, .fallback = "",                                              \
        .doc = "how the rate changes over the run; without it it does not"                         \
    }

/* Counter word 3 without aux; the domains of Monte-Carlo evaluation are 8 above those of training.
 */
uint32_t draws_counter(const struct plan *, int draw, uint32_t domain);
/* The word of CONTROL_LAYER that `word` names, of a draw. */
uint32_t draws_word(const struct cpu_run *, int draw, int word);
float draws_scale(const struct cpu_run *, int draw);
/* The domain that the layer's numbers belong to in training (struct draw_type). */
uint32_t draws_domain(const struct plan *, int draw);
/* The word of an element of a sample of the micro-batch. */
uint32_t draws_random(const struct cpu_run *, int draw, uint32_t sample, uint32_t element);
/* Whether the layer's decision for this element is to drop it. */
bool draws_drop(const struct cpu_run *, int draw, uint32_t sample, uint32_t element);

/* Words of a stage: where the layer's words are in a CONTROL row, and counter word 3. */
void draws_words(const struct plan *, const void *attr, int draw, uint32_t out[STAGE_WORDS]);

/* Whether backward needs no mask: step `i` is behind a ReLU whose output only it reads, and so y >
 * 0 exactly where an element was kept and active (scale >= 1 cannot underflow). dy * scale followed
 * by ReLU's own test on y then says it all; draws_scale_step appends that, and returns it. */
bool draws_implied(const struct plan *, int step);
int draws_scale_step(struct plan *, int step, int dy);

/* The backward step of a pointwise operation that masks: the implied one, or `again`, which draws
 * the mask again. */
void draws_grad(struct plan *, int step, const struct op *again);

/* The last axis of the layer's input. */
int draws_channels(const struct draw *);

/* Append the step of element-wise and of channel-wise dropout, whose draw has been entered. */
int dropout_append(struct plan *, const struct layer *, int in);
int dropout2d_append(struct plan *, const struct layer *, int in);

#endif
