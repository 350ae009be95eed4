#include "data/synthetic.h"
#include "control_words.h"
#include "data/glyphs.h"
#include "philox.h"
#include <string.h>

/* How hard the digits are, tuned until a linear classifier gets 80 to 90 % and a perceptron with
 * two hidden layers 95 to 97 %. Lengths are in 1/256 pixel, tangents in 1/1024. */
enum {
    TURN = 280,  /* largest tangent of half the angle of rotation: 25 degrees */
    SLANT = 420, /* largest shear */
    BEND = 400,  /* largest bow of the vertical, at its ends */
    WIDTH_MIN = 1050,
    WIDTH_MAX = 2100, /* half the width of the digit  */
    HEIGHT_MIN = 1800,
    HEIGHT_MAX = 2700, /* half the height */
    SHIFT = 620,       /* largest shift of the centre on each axis */
    JITTER = 9,        /* largest shift of a control point in units of the glyph's box */
    RADIUS_MIN = 110,
    RADIUS_MAX = 340,
    INK_MIN = 120,
    PAPER_MAX = 45,
    NOISE_MAX = 60,
    DISTRACTORS = 4, /* at most this many stray strokes */
    UNIT = 64,       /* a glyph unit is divided into this many */
    TANGENT = 1024,
    Q16 = 65536,
    NOISE_ELEMENT = 4096 /* first random word of the pixels' noise; the drawing's own start at 0 */
};

/* The row's random words, one after the other. */
struct dice {
    uint32_t split, row, element;
};

static uint32_t roll(struct dice *d) {
    return philox_word(0, d->element++, d->row, d->split,
                       PHILOX_COUNTER3(DOMAIN_SYNTHETIC, 0u, 0u));
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
    struct placement p = {
        .xx = cosine * width / half,
        .xy = (cosine * sheared - sine * height) / half,
        .yx = sine * width / half,
        .yy = (sine * sheared + cosine * height) / half,
        .bend = wobble(d, BEND),
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
        p[i].x = (s->points[i][0] - GLYPH_BOX / 2) * UNIT + wobble(d, JITTER * UNIT);
        p[i].y = (s->points[i][1] - GLYPH_BOX / 2) * UNIT + wobble(d, JITTER * UNIT);
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
        struct ink_point a = {uniform(d, 0, INK_SIDE * INK_PIXEL),
                              uniform(d, 0, INK_SIDE * INK_PIXEL)};
        struct ink_point b = {a.x + wobble(d, 2400), a.y + wobble(d, 2400)};
        ink_segment(picture, a, b, uniform(d, 60, 180), uniform(d, 80, 200));
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
    const struct glyph *g = glyphs_get(digit, uniform(&d, 0, glyphs_count(digit) - 1));
    struct placement p = place(&d);
    int radius = uniform(&d, RADIUS_MIN, RADIUS_MAX);
    memset(picture, 0, INK_PIXELS);
    for (int i = 0; i < g->nstrokes; i++) draw_stroke(&d, &g->strokes[i], &p, radius, 255, picture);
    draw_distractors(&d, picture);
    for (int blurs = uniform(&d, 0, 2); blurs > 0; blurs--) ink_blur(picture);
    develop(&d, picture);
    return (uint8_t)digit;
}
