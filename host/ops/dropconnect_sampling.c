/* The expected activation of DropConnect's pre-activation u, normal with its moments, by a sample
 * of that distribution (Wan et al. 2013, algorithm 2), for activations whose mean has no closed
 * form. An evaluation has one answer, so the sample is drawn once and for all, at the middles of Z
 * equally probable strata:
 *
 *     y = (sum_k a(mu - s c n_k) + a(mu + s c n_k)) / Z,   n_k = Phi^-1((w k + w / 2 + 1/2) 2^-32),
 *     w = floor(2^32 / Z),   k = 0 .. floor(Z / 2) - 1;   for odd Z, a(mu) is the middle one.
 *
 * n_k is below 0 and odd in its argument, so the sample's mean is 0. c makes its variance 1, which
 * midpoints of strata are short of (by 2 % for Z = 64): the sample has the two moments that were
 * matched, and is exact where a is quadratic over its width. Its error in general is at most the
 * largest slope of a, times s, times the distance E |n - nearest quantile's n_k|: 0.025 for Z = 64,
 * and in practice a tenth of that; it falls as 1 / Z but for a logarithm.
 *
 * Order of summation, part of the arithmetic contract: pairs are added up in chunks of
 * SAMPLE_CHUNK, chunk sums in order, then a(mu); one division by Z. */
#include "inverse_normal.h"
#include "ops/dropconnect.h"
#include "ops/real_math.h"
#include "ops/table.h"
#include <math.h>
#include <string.h>

enum { SAMPLE_CHUNK = 16 };

/* c, and the lower half of the sample. */
struct sample {
    int pairs;
    uint32_t stratum;
    float scale, n[DROPCONNECT_SAMPLES_MAX / 2];
};

static void sample_new(int samples, struct sample *out) {
    double squares = 0;
    out->pairs = samples / 2;
    out->stratum = (uint32_t)((1ull << 32) / (unsigned)samples); /* of one sample: unused */
    for (int k = 0; k < out->pairs; k++) {
        out->n[k] = inverse_normal(out->stratum * (uint32_t)k + out->stratum / 2);
        squares += 2 * (double)out->n[k] * (double)out->n[k];
    }
    out->scale = out->pairs ? (float)sqrt(samples / squares) : 1;
}

struct sampling {
    const struct op *activation;
    struct point at;
    int samples;
    struct sample sample;
};

static real activate(const struct sampling *s, real u) {
    return s->activation->point(&s->at, u, u);
}

static real expected_activation(const void *user, struct moments u) {
    const struct sampling *s = user;
    const struct sample *sample = &s->sample;
    real deviation = REAL_SQRT(u.variance) * (real)sample->scale, total = 0;
    for (int first = 0; first < sample->pairs; first += SAMPLE_CHUNK) {
        real sum = 0;
        for (int k = first; k < first + SAMPLE_CHUNK && k < sample->pairs; k++) {
            real n = (real)sample->n[k];
            real low = activate(s, REAL_FMA(deviation, n, u.mean));
            real high = activate(s, REAL_FMA(deviation, -n, u.mean));
            sum += low + high;
        }
        total += sum;
    }
    if (s->samples % 2) total += activate(s, u.mean);
    return total / (real)s->samples;
}

static struct sampling sampling_of(const struct step *s) {
    const struct dropconnect_attr *attr = s->attr;
    struct sampling x = {.activation = activation_op(attr->dense.activation),
                         .at.draw = -1, /* its attributes are the defaults */
                         .samples = attr->samples ? attr->samples : DROPCONNECT_SAMPLES};
    sample_new(x.samples, &x.sample);
    return x;
}

static void sampling_cpu(const struct cpu_run *run, const struct step *s) {
    struct sampling x = sampling_of(s);
    dropconnect_moments_cpu(run, s, expected_activation, &x);
}

/* Behind the epilogue, whose macro STAGE spells the activation. */
static void sampling_launch(const struct plan *p, const struct step *s, const struct caps *caps,
                            struct launch_list *list) {
    struct sampling x = sampling_of(s);
    struct launch *l = dropconnect_moments_launch(p, s, caps, list);
    uint32_t scale, words[STAGE_WORDS] = {0};
    memcpy(&scale, &x.sample.scale, sizeof scale);
    if (x.activation->words) x.activation->words(p, NULL, -1, words);
    launch_define(l, "-DACTIVATION=STAGE(%s,%uu,%uu,%uu)", x.activation->name, words[0], words[1],
                  words[2]);
    launch_define(l, "-DSAMPLES=%d -DSTRATUM=%uu -DSAMPLE_SCALE=%uu -DSAMPLE_CHUNK=%d", x.samples,
                  x.sample.stratum, scale, SAMPLE_CHUNK);
    launch_piece(l, x.activation->piece);
    launch_piece(l, "inverse_normal.h");
    stages_launch(p, s, l);
    launch_piece(l, "dropconnect_sampling");
}

static void sampling_cost(const struct plan *p, const struct step *s, struct cost *c) {
    enum { ACTIVATION = 10 }; /* operations of one, roughly */
    dropconnect_moments_cost(p, s, c);
    c->flops += (double)ACTIVATION * sampling_of(s).samples *
                (double)shape_elements(&p->values[s->out[0]].shape);
}

const struct op op_dropconnect_sampling = {.name = "dropconnect_sampling",
                                           .producer = true,
                                           .cpu = sampling_cpu,
                                           .launch = sampling_launch,
                                           .cost = sampling_cost};
