/* DropConnect's decisions: an 8-bit uniform for each weight of each sample, one bit plane after the
 * other, a Philox call for 128 weights of a plane. */
#include "base/text.h"
#include "ops/dropconnect.h"
#include "philox.h"
#include <math.h>

static int t8_of(double rate) {
    return (int)nearbyint(rate * 256); /* half to even */
}

struct decision dropconnect_decide(const struct draw *draw, double rate) {
    int t8 = t8_of(rate);
    (void)draw;
    return (struct decision){.threshold = (uint64_t)t8 << 24,
                             .limit = t8 ? (uint32_t)t8 - 1 : 0,
                             .active = t8 > 0,
                             .scale = t8 < 256 ? (float)(256.0 / (256 - t8)) : 0,
                             .extra = t8 < 256 ? (float)((double)t8 / (256 - t8)) : 0};
}

/* Down to the lowest set digit of T8; 0 where every decision is the same. */
static uint32_t planes_of(uint32_t t8) {
    uint32_t planes = 0;
    while (planes < 8 && (t8 << planes & 255)) planes++;
    return planes;
}

void dropconnect_describe(const struct draw *draw, struct text *out) {
    const struct dropconnect_attr *attr = draw->layer->attr;
    int t8 = t8_of(attr->draw.rate);
    bool changes = attr->draw.schedule.schema != NULL;
    text_add(out, "rate in effect %d/256 = %.10g, bit planes %s%u", t8, t8 / 256.0,
             changes ? "up to " : "", changes ? 8 : planes_of((uint32_t)t8));
}

struct dropconnect_shape dropconnect_shape_of(const struct plan *p, const struct step *s) {
    const struct dropconnect_attr *attr = s->attr;
    const struct shape *x = &p->values[s->in[0]].shape;
    return (struct dropconnect_shape){.batch = x->dim[0],
                                      .in = shape_features(x),
                                      .out = attr->dense.units,
                                      .bias = attr->dense.bias,
                                      .dx = s->nout == 2 + attr->dense.bias};
}

/* kept = not (U < T8), from the least significant plane that matters up: where T8 has a 1, U must
 * have one too and not be less below; where it has a 0, a 1 decides. */
static void kept_words(const struct cpu_run *run, const struct step *s, uint32_t sample,
                       uint32_t block, uint32_t words[4]) {
    const uint32_t *row = run->control;
    const uint32_t key[2] = {row[CONTROL_SEED_LOW], row[CONTROL_SEED_HIGH]};
    uint32_t t8 =
        draws_word(run, s->draw, LAYER_ACTIVE) ? draws_word(run, s->draw, LAYER_LIMIT) + 1 : 0;
    uint32_t counter3 = draws_counter(run->plan, s->draw, DOMAIN_WEIGHTS) | row[CONTROL_AUX];
    for (int w = 0; w < 4; w++) words[w] = t8 == 256 ? 0 : ~0u;
    for (uint32_t plane = planes_of(t8); plane-- > 0;) {
        uint32_t digit[4] = {block, row[CONTROL_SAMPLE] + sample, row[CONTROL_STEP],
                             counter3 | plane};
        philox4x32(digit, key, digit);
        for (int w = 0; w < 4; w++)
            words[w] = t8 >> (7 - plane) & 1 ? words[w] & digit[w] : words[w] | digit[w];
    }
}

int dropconnect_kept(const struct cpu_run *run, const struct step *s, int sample, int row,
                     int block, uint8_t kept[128]) {
    struct dropconnect_shape shape = dropconnect_shape_of(run->plan, s);
    uint32_t blocks = ((uint32_t)shape.out + 127) / 128, words[4];
    kept_words(run, s, (uint32_t)sample, (uint32_t)row * blocks + (uint32_t)block, words);
    int left = shape.out - 128 * block, count = left < 128 ? left : 128;
    for (int o = 0; o < 128; o++) kept[o] = words[o >> 5] >> (o & 31) & 1;
    return count;
}

static int is_kept(const struct cpu_run *run, const struct step *s, int sample, int row, int out) {
    uint8_t kept[128];
    dropconnect_kept(run, s, sample, row, out / 128, kept);
    return kept[out % 128];
}

/* ---- making them visible: powers of two where the sums then hold a digit for each decision ----
 */

enum { DIGITS = 8, CODES = 1 << DIGITS };

/* Which neighbours of an axis of length n row `row` of the output shows, and how many: others in
 * every row and at every step. */
static int first_shown(const struct cpu_run *run, size_t row, int n) {
    uint64_t at =
        (uint64_t)run->control[CONTROL_SAMPLE] + row + 131 * (uint64_t)run->control[CONTROL_STEP];
    return (int)((DIGITS - 1) * at % (uint64_t)n);
}

static int shown(int n, int digits) {
    return n < digits ? n : digits;
}

/* 2^d / 256 at neighbour d of each of `rows` rows of n numbers; `columns`: stored as columns. */
static void put_digits(const struct cpu_run *run, real *data, int rows, int n, int digits,
                       bool columns) {
    for (int row = 0; row < rows; row++) {
        int first = first_shown(run, (size_t)row, n);
        for (int k = 0; k < n; k++) {
            int digit = (k - first + n) % n;
            size_t at = columns ? (size_t)k * (size_t)rows + (size_t)row
                                : (size_t)row * (size_t)n + (size_t)k;
            data[at] = digit < shown(n, digits) ? (real)(1 << digit) / CODES : 0;
        }
    }
}

static bool is_gradient(const struct cpu_run *run, const struct step *s) {
    return run->plan->values[s->in[1]].role != ROLE_PARAM;
}

/* y: seven rows of W, and the bias as the highest digit, by x; dx: eight outputs, by dy; dW: eight
 * samples, by x. */
bool dropconnect_reveal(const struct cpu_run *run, const struct step *s, int k, real *data) {
    struct dropconnect_shape g = dropconnect_shape_of(run->plan, s);
    bool gradient = is_gradient(run, s);
    int own = gradient ? 2 + g.dx : 2 + g.bias;
    size_t n = shape_elements(&run->plan->values[s->in[k]].shape);
    if (k >= own) return false;
    if (k == 0 && !gradient)
        put_digits(run, data, g.batch, g.in, DIGITS - 1, false);
    else if (k == 0 && !g.dx)
        put_digits(run, data, g.in, g.batch, DIGITS, true);
    else if (k == 1 && g.dx && gradient)
        put_digits(run, data, g.batch, g.out, DIGITS, false);
    else
        for (size_t i = 0; i < n; i++) data[i] = k == 2 && !gradient ? (real)0.5 : 1;
    return true;
}

void dropconnect_revealed(const struct cpu_run *run, const struct step *s, size_t row,
                          uint8_t *codes) {
    struct dropconnect_shape g = dropconnect_shape_of(run->plan, s);
    bool gradient = is_gradient(run, s), dw = gradient && !g.dx;
    int axis = !gradient ? g.in : dw ? g.batch : g.out;
    int features = gradient && g.dx ? g.in : g.out, first = first_shown(run, row, axis);
    int at = (int)row, digits = shown(axis, gradient ? DIGITS : DIGITS - 1);
    for (int f = 0; f < features; f++) {
        int code = !gradient && g.bias ? is_kept(run, s, at, g.in, f) << (DIGITS - 1) : 0;
        for (int d = 0; d < digits; d++) {
            int other = (first + d) % axis;
            int kept = dw         ? is_kept(run, s, other, at, f)
                       : gradient ? is_kept(run, s, at, f, other)
                                  : is_kept(run, s, at, other, f);
            code |= kept << d;
        }
        codes[f] = (uint8_t)code;
    }
}
