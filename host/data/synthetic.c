#include "data/synthetic.h"
#include "control_words.h"
#include "data/glyphs.h"
#include "philox.h"
#include <string.h>

/* How hard the digits are: tuned so that a linear classifier gets about 79 % of the test rows right
 * and a perceptron 784-256-128-10 with dropout about 96.5 %. Lengths on the picture are in
 * 1/INK_PIXEL of a pixel, those inside the glyph's box in 1/UNIT of its unit. */
enum {
    UNIT = 64,
    TANGENT = 1024, /* tangents are in 1/TANGENT */
    Q16 = 65536,    /* matrix entries are in 1/Q16 */
    TURN = 310,     /* most of the tangent of half the angle of rotation: 34 degrees */
    SLANT = 480,    /* most of the shear */
    BEND = 450,     /* most of the bow of the vertical, at its ends */
    WIDTH_MIN = 1050,
    WIDTH_MAX = 2100, /* half the digit's width */
    HEIGHT_MIN = 1800,
    HEIGHT_MAX = 2700,  /* half its height */
    SHIFT = 560,        /* most of the shift of its centre on each axis */
    JITTER = 12 * UNIT, /* most of the shift of a control point on each axis */
    RADIUS_MIN = 100,
    RADIUS_MAX = 340, /* half the thickness of the strokes */
    INK_MIN = 105,
    PAPER_MAX = 45,
    NOISE_MAX = 75,     /* most of the noise on a pixel, of 255 */
    DISTRACTORS = 4,    /* at most so many stray strokes, */
    STRAY_REACH = 2400, /* so long on each axis, */
    STRAY_MIN = 60,     /* half so thick */
    STRAY_MAX = 180,
    STRAY_INK_MIN = 80,
    STRAY_INK_MAX = 200, /* and so dark */
    NOISE_ELEMENT = 4096 /* a multiple of 4: where the words of the pixels' noise start */
};

/* The row's random words, one after the other, drawn four at a time. */
struct dice {
    uint32_t split, row, element, words[4];
};

static uint32_t roll(struct dice *d) {
    static const uint32_t key[2] = {0, 0};
    if (d->element % 4 == 0) {
        const uint32_t counter[4] = {d->element / 4, d->row, d->split,
                                     PHILOX_COUNTER3(DOMAIN_SYNTHETIC, 0u, 0u)};
        philox4x32(counter, key, d->words);
    }
    return d->words[d->element++ % 4];
}

/* Uniform on low .. high. */
static int uniform(struct dice *d, int low, int high) {
    return low + (int)((uint64_t)roll(d) * (uint32_t)(high - low + 1) >> 32);
}

/* Symmetric around 0, at most `limit` in size, small values more often: the mean of two. */
static int wobble(struct dice *d, int limit) {
    return (uniform(d, -limit, limit) + uniform(d, -limit, limit)) / 2;
}

/* From the glyph's box to the picture: a bow, then a matrix of 1/65536, then the centre. */
struct placement {
    int64_t xx, xy, yx, yy;
    int bend;
    struct ink_point centre;
};

/* matrix = rotation * shear * scale; the rotation from the tangent t of half its angle:
 * cos = (1 - t^2) / (1 + t^2), sin = 2 t / (1 + t^2). */
static struct placement place(struct dice *d) {
    int64_t t = wobble(d, TURN), slant = wobble(d, SLANT);
    int64_t norm = TANGENT * TANGENT + t * t;
    int64_t cosine = (TANGENT * TANGENT - t * t) * Q16 / norm, sine = 2 * TANGENT * t * Q16 / norm;
    int64_t width = uniform(d, WIDTH_MIN, WIDTH_MAX), height = uniform(d, HEIGHT_MIN, HEIGHT_MAX);
    int64_t half = GLYPH_BOX / 2 * UNIT, sheared = -slant * height / TANGENT;
    int bend = wobble(d, BEND);
    struct placement p = {
        .xx = cosine * width / half,
        .xy = (cosine * sheared - sine * height) / half,
        .yx = sine * width / half,
        .yy = (sine * sheared + cosine * height) / half,
        .bend = bend,
    };
    p.centre.x = INK_SIDE * INK_PIXEL / 2 + uniform(d, -SHIFT, SHIFT);
    p.centre.y = INK_SIDE * INK_PIXEL / 2 + uniform(d, -SHIFT, SHIFT);
    return p;
}

static struct ink_point placed(const struct placement *p, struct ink_point g) {
    int64_t half = GLYPH_BOX / 2 * UNIT, x = g.x, y = g.y;
    int64_t bow = p->bend * y / half * y / half; /* a parabola: 0 in the middle */
    struct ink_point out;
    out.x = (int)((p->xx * x + p->xy * y) / Q16 + bow) + p->centre.x;
    out.y = (int)((p->yx * x + p->yy * y) / Q16) + p->centre.y;
    return out;
}

/* One coordinate of the Catmull-Rom curve between b and c, at `k` quarters of the way. */
static int spline(int a, int b, int c, int d, int k) {
    int cubic = -a + 3 * b - 3 * c + d, square = 2 * a - 5 * b + 4 * c - d, linear = c - a;
    return (cubic * k * k * k + 4 * square * k * k + 16 * linear * k + 128 * b) / 128;
}

/* Shakes the control points and draws the curve through them, four straight pieces to a span. */
static void draw_stroke(struct dice *d, const struct stroke *s, const struct placement *place,
                        int radius, int strength, uint8_t *picture) {
    struct ink_point p[GLYPH_POINTS];
    int n = s->npoints, spans = s->closed ? n : n - 1;
    for (int i = 0; i < n; i++) {
        p[i].x = (s->points[i][0] - GLYPH_BOX / 2) * UNIT + wobble(d, JITTER);
        p[i].y = (s->points[i][1] - GLYPH_BOX / 2) * UNIT + wobble(d, JITTER);
    }
    for (int i = 0; i < spans; i++) {
        /* An open curve's ends stand for their missing neighbours. */
        struct ink_point p0 = p[s->closed ? (i + n - 1) % n : i > 0 ? i - 1 : 0];
        struct ink_point p1 = p[i], p2 = p[(i + 1) % n];
        struct ink_point p3 = p[s->closed ? (i + 2) % n : i + 2 < n ? i + 2 : n - 1];
        struct ink_point from = placed(place, p1);
        for (int k = 1; k <= 4; k++) {
            struct ink_point q = {spline(p0.x, p1.x, p2.x, p3.x, k),
                                  spline(p0.y, p1.y, p2.y, p3.y, k)};
            struct ink_point to = placed(place, q);
            ink_segment(picture, from, to, radius, strength);
            from = to;
        }
    }
}

/* Short thin strokes anywhere, paler than the digit. */
static void draw_distractors(struct dice *d, uint8_t *picture) {
    int count = uniform(d, 0, DISTRACTORS);
    for (int i = 0; i < count; i++) {
        /* One roll to a statement: C leaves the order of arguments and initialisers open. */
        int x = uniform(d, 0, INK_SIDE * INK_PIXEL), y = uniform(d, 0, INK_SIDE * INK_PIXEL);
        int right = wobble(d, STRAY_REACH), down = wobble(d, STRAY_REACH);
        int radius = uniform(d, STRAY_MIN, STRAY_MAX);
        int strength = uniform(d, STRAY_INK_MIN, STRAY_INK_MAX);
        ink_segment(picture, (struct ink_point){x, y}, (struct ink_point){x + right, y + down},
                    radius, strength);
    }
}

/* Ink on paper, both of random brightness, with noise of random strength on every pixel. */
static void develop(struct dice *d, uint8_t *picture) {
    int paper = uniform(d, 0, PAPER_MAX), ink = uniform(d, INK_MIN, 255),
        noise = uniform(d, 0, NOISE_MAX);
    d->element = NOISE_ELEMENT;
    for (int i = 0; i < INK_PIXELS; i++) {
        int value = paper + (ink - paper) * picture[i] / 255 + wobble(d, noise);
        picture[i] = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
    }
}

uint8_t synthetic_row(uint32_t split, uint32_t row, uint8_t picture[INK_PIXELS]) {
    struct dice d = {.split = split, .row = row};
    int digit = uniform(&d, 0, 9);
    int manner = uniform(&d, 0, glyphs_count(digit) - 1);
    const struct glyph *g = glyphs_get(digit, manner);
    struct placement p = place(&d);
    int radius = uniform(&d, RADIUS_MIN, RADIUS_MAX);
    memset(picture, 0, INK_PIXELS);
    for (int i = 0; i < g->nstrokes; i++) draw_stroke(&d, &g->strokes[i], &p, radius, 255, picture);
    draw_distractors(&d, picture);
    for (int blurs = uniform(&d, 0, 2); blurs > 0; blurs--) ink_blur(picture);
    develop(&d, picture);
    return (uint8_t)digit;
}
