#include "data/ink.h"

static int smaller(int a, int b) {
    return a < b ? a : b;
}

static int larger(int a, int b) {
    return a > b ? a : b;
}

static int clamp(int v, int low, int high) {
    return larger(low, smaller(v, high));
}

/* The first and last pixel whose centre may be within `reach` of the stretch from a to b. */
static void span(int a, int b, int reach, int *first, int *last) {
    *first = clamp((smaller(a, b) - reach) / INK_PIXEL, 0, INK_SIDE - 1);
    *last = clamp((larger(a, b) + reach) / INK_PIXEL, 0, INK_SIDE - 1);
}

static int64_t distance2(struct ink_point a, struct ink_point b, int px, int py) {
    int64_t ex = b.x - a.x, ey = b.y - a.y, dx = px - a.x, dy = py - a.y;
    int64_t length2 = ex * ex + ey * ey, along = dx * ex + dy * ey;
    if (along <= 0) return dx * dx + dy * dy;
    if (along >= length2) return (dx - ex) * (dx - ex) + (dy - ey) * (dy - ey);
    int64_t cross = dx * ey - dy * ex;
    return cross * cross / length2;
}

void ink_segment(uint8_t picture[INK_PIXELS], struct ink_point a, struct ink_point b, int radius,
                 int strength) {
    /* Coverage falls from 1 to 0 over one pixel around the edge; linear in the squared distance,
     * which saves the root. */
    int outer = radius + INK_PIXEL / 2, inner = larger(radius - INK_PIXEL / 2, 0);
    int64_t outer2 = (int64_t)outer * outer, inner2 = (int64_t)inner * inner;
    int x0, x1, y0, y1;
    span(a.x, b.x, outer, &x0, &x1);
    span(a.y, b.y, outer, &y0, &y1);
    for (int y = y0; y <= y1; y++) {
        for (int x = x0; x <= x1; x++) {
            int64_t d2 =
                distance2(a, b, x * INK_PIXEL + INK_PIXEL / 2, y * INK_PIXEL + INK_PIXEL / 2);
            if (d2 >= outer2) continue;
            int64_t full = outer2 - inner2, covered = d2 <= inner2 ? full : outer2 - d2;
            uint8_t value = (uint8_t)(strength * covered / full);
            uint8_t *pixel = &picture[y * INK_SIDE + x];
            if (value > *pixel) *pixel = value;
        }
    }
}

static void blur_line(uint8_t *line, int stride) {
    int before = line[0];
    for (int i = 0; i < INK_SIDE; i++) {
        int here = line[i * stride], after = line[smaller(i + 1, INK_SIDE - 1) * stride];
        line[i * stride] = (uint8_t)((before + 2 * here + after + 2) / 4);
        before = here;
    }
}

void ink_blur(uint8_t picture[INK_PIXELS]) {
    for (int y = 0; y < INK_SIDE; y++) blur_line(picture + y * INK_SIDE, 1);
    for (int x = 0; x < INK_SIDE; x++) blur_line(picture + x, INK_SIDE);
}
