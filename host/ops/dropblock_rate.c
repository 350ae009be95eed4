/* From the fraction to drop to the probability of a corner, and what is kept at that probability.
 */
#include "base/text.h"
#include "ops/dropblock.h"

static int at_most(int a, int b) {
    return a < b ? a : b;
}

struct dropblock_grid dropblock_grid_of(const struct draw *draw) {
    const struct dropblock_attr *attr = draw->layer->attr;
    const int *axes = draw->shape.dim + 1;
    struct dropblock_grid g = {.height = axes[0], .width = axes[1], .channels = axes[2]};
    g.block_h = at_most(attr->size, g.height);
    g.block_w = at_most(attr->size, g.width);
    g.grid_h = g.height - g.block_h + 1;
    g.grid_w = g.width - g.block_w + 1;
    return g;
}

/* Blocks that cover a row in the middle; from the borders inwards there are 1, 2, ... of them. */
static int most_blocks(int block, int corners) {
    return at_most(block, corners);
}

static int rows_with(int blocks, int most, int length) {
    return blocks < most ? 2 : length - 2 * (most - 1);
}

/* A pixel covered by a blocks in one direction and b in the other is kept with probability
 * (1 - gamma)^(a b). Whole powers by multiplication alone: the same in every C library. */
double dropblock_kept(const struct dropblock_grid *g, double gamma) {
    int most_a = most_blocks(g->block_h, g->grid_h), most_b = most_blocks(g->block_w, g->grid_w);
    double power = 1, sum = 0;
    for (int a = 1; a <= most_a; a++) {
        double all = 1, row = 0;
        power *= 1 - gamma;
        for (int b = 1; b <= most_b; b++) {
            all *= power;
            row += rows_with(b, most_b, g->width) * all;
        }
        sum += rows_with(a, most_a, g->height) * row;
    }
    return sum / ((double)g->height * g->width);
}

/* Every pixel lies in one block only: blocks of 1, or one block over the whole map. */
static bool is_single(const struct dropblock_grid *g) {
    return most_blocks(g->block_h, g->grid_h) == 1 && most_blocks(g->block_w, g->grid_w) == 1;
}

/* What is kept falls as gamma rises: 64 halvings leave 2^-64, far below a step of T. */
static double solve(const struct dropblock_grid *g, double rate) {
    double low = 0, high = 1;
    for (int i = 0; i < 64; i++) {
        double middle = low + (high - low) / 2;
        if (1 - dropblock_kept(g, middle) < rate)
            low = middle;
        else
            high = middle;
    }
    return high;
}

/* Ghiasi, Lin, Le 2018, equation 1, which counts overlapping blocks twice and so drops too little.
 */
static double paper(const struct dropblock_grid *g, double rate) {
    double gamma = rate * ((double)g->height * g->width) /
                   ((double)g->block_h * g->block_w * ((double)g->grid_h * g->grid_w));
    return gamma < 1 ? gamma : 1;
}

double dropblock_gamma(const struct dropblock_grid *g, double rate, int kind) {
    if (is_single(g) || rate == 0 || rate == 1) return rate;
    return kind == GAMMA_PAPER ? paper(g, rate) : solve(g, rate);
}

struct decision dropblock_decide(const struct draw *draw, double rate) {
    const struct dropblock_attr *attr = draw->layer->attr;
    struct dropblock_grid g = dropblock_grid_of(draw);
    struct decision d = decision_of(dropblock_gamma(&g, rate, attr->gamma));
    if (is_single(&g)) return d; /* dropout of elements or of channels, to the last bit */
    double kept = dropblock_kept(&g, (double)d.threshold / 4294967296.0);
    d.scale = kept > 0 ? (float)(1 / kept) : 0;
    return d;
}

void dropblock_describe(const struct draw *draw, struct text *out) {
    const struct dropblock_attr *attr = draw->layer->attr;
    struct dropblock_grid g = dropblock_grid_of(draw);
    double gamma = dropblock_gamma(&g, attr->draw.rate, attr->gamma);
    text_add(out, "blocks of %dx%d in %dx%d, %s gamma %.6g really drops %.4g, %s scale", g.block_h,
             g.block_w, g.height, g.width, attr->gamma == GAMMA_PAPER ? "paper" : "exact", gamma,
             1 - dropblock_kept(&g, gamma),
             attr->normalize == NORMALIZE_SAMPLE ? "each sample's own" : "expected");
}
