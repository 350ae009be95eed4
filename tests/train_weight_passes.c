/* Monte-Carlo evaluation of masked weights: a trained DropConnect network's passes against the
 * network written out in double with the masks of docs/masks.md, and its scores on every device.
 * Its evaluation without masks is by a sample, which a pass must not be. */
#include "data/dataset.h"
#include "harness/suite.h"
#include "harness/train_fixture.h"
#include "philox.h"
#include "train/predict.h"
#include "train/train.h"
#include <math.h>
#include <string.h>

enum { ROWS = 9, HIDDEN = 16, CLASSES = 10, PIXELS = 784, SEED = 7 };
static const int t8[] = {77, 128}; /* of both layers */

static struct model *trained(void) {
    struct recipe *r = train_recipe_layers(
        "    - dropconnect: {name: fc1, units: 16, rate: 0.3, activation: tanh, inference: sampling}\n"
        "    - dropconnect: {name: fc2, units: 10, rate: 0.5}\n");
    const dropcl_options options = {.data = train_data()};
    struct device *d = train_device("pocl");
    struct model *m;
    ck_assert_msg(!train_run(d, r, &options, &m, NULL), "%s", err_message());
    device_close(d);
    recipe_free(r);
    return m;
}

/* ---- in double ---- */

struct place {
    uint32_t split, row, pass;
};

/* Whether a weight is kept: an 8-bit number from all eight planes against T8. Domain 11; the split
 * is in the top bits of aux. All layers here have one block of 128 outputs. */
static bool kept(const struct place *at, uint32_t layer, uint32_t in, uint32_t out) {
    const uint32_t key[2] = {SEED, 0};
    uint32_t u = 0;
    for (uint32_t plane = 0; plane < 8; plane++) {
        uint32_t words[4] = {in, at->row, at->pass,
                             11u << 28 | layer << 16 | at->split << 14 | plane};
        philox4x32(words, key, words);
        u = 2 * u + (words[out / 32] >> out % 32 & 1);
    }
    return u >= (uint32_t)t8[layer];
}

static const float *tensor(const struct model *m, const char *name) {
    for (int i = 0; i < m->plan->nparams; i++) {
        const struct value *v = &m->plan->values[m->plan->params[i].value];
        if (!strcmp(v->name, name)) return m->flat + v->offset;
    }
    ck_abort_msg("no tensor %s", name);
}

static void masked(const struct place *at, uint32_t layer, const double *x, int in, const float *w,
                   const float *b, int out, double *y) {
    for (int o = 0; o < out; o++) {
        double sum = kept(at, layer, (uint32_t)in, (uint32_t)o) ? (double)b[o] : 0;
        for (int i = 0; i < in; i++)
            if (kept(at, layer, (uint32_t)i, (uint32_t)o)) sum += x[i] * (double)w[i * out + o];
        y[o] = sum * 256 / (256 - t8[layer]);
    }
}

/* Class probabilities of one image in one pass. */
static void network(const struct model *m, const uint8_t *image, const struct place *at,
                    double p[CLASSES]) {
    double x[PIXELS], h[HIDDEN], sum = 0;
    for (int i = 0; i < PIXELS; i++) x[i] = image[i] * (double)m->norm[0] + (double)m->norm[1];
    masked(at, 0, x, PIXELS, tensor(m, "fc1.weight"), tensor(m, "fc1.bias"), HIDDEN, h);
    for (int i = 0; i < HIDDEN; i++) h[i] = tanh(h[i]);
    masked(at, 1, h, HIDDEN, tensor(m, "fc2.weight"), tensor(m, "fc2.bias"), CLASSES, p);
    for (int c = 0; c < CLASSES; c++) sum += p[c] = exp(p[c]);
    for (int c = 0; c < CLASSES; c++) p[c] /= sum;
}

/* ---- the program ---- */

static void predict(const char *device, const struct model *m, const struct predict_rows *rows,
                    float *p) {
    dropcl_uncertainty figures[ROWS];
    struct device *d = train_device(device);
    ck_assert_msg(!predict_images(d, m, rows, p, figures), "%s", err_message());
    device_close(d);
}

/* Single precision: 784 products near 1 leave 1e-5 in sums and as much in probabilities. */
START_TEST(passes_have_the_contracts_masks) {
    static const char *const devices[] = {"cpu", "pocl"};
    struct model *m = trained();
    struct dataset *data;
    ck_assert_int_eq(dataset_open("mnist", train_data(), &data), OK);
    const struct predict_rows rows = {.images = data->train.images + PIXELS * 3,
                                      .rows = ROWS,
                                      .split = (uint32_t)_i,
                                      .first = 3,
                                      .passes = _i ? 5 : 1,
                                      .batch = 4};
    for (int d = 0; d < 2; d++) {
        float p[ROWS * CLASSES];
        predict(devices[d], m, &rows, p);
        for (uint32_t r = 0; r < ROWS; r++) {
            double mean[CLASSES] = {0}, one[CLASSES];
            for (int k = 0; k < rows.passes; k++) {
                const struct place at = {rows.split, rows.first + r, (uint32_t)k};
                network(m, rows.images + PIXELS * r, &at, one);
                for (int c = 0; c < CLASSES; c++) mean[c] += one[c] / rows.passes;
            }
            for (int c = 0; c < CLASSES; c++)
                ck_assert_msg(fabs((double)p[r * CLASSES + (uint32_t)c] - mean[c]) < 2e-5,
                              "%s, row %u, class %d: %g, not %g", devices[d], r, c,
                              (double)p[r * CLASSES + (uint32_t)c], mean[c]);
        }
    }
    dataset_close(data);
    model_free(m);
}
END_TEST

/* Ten passes' scores, the same on both; a mean of probabilities has a lower loss than one pass
 * (Jensen), and "off" is the sample's evaluation. */
START_TEST(scores_are_the_same_everywhere) {
    struct model *m = trained();
    const dropcl_inference ten = {.passes = 10};
    dropcl_score a, b, off;
    struct device *cpu = train_device("cpu"), *pocl = train_device("pocl");
    ck_assert_int_eq(predict_score(cpu, m, train_data(), &ten, &a), OK);
    ck_assert_int_eq(predict_score(pocl, m, train_data(), &ten, &b), OK);
    ck_assert_int_eq(predict_score(pocl, m, train_data(), NULL, &off), OK);
    ck_assert_int_eq(a.points, 5); /* off, 1, 2, 5, 10 */
    ck_assert_int_eq(b.points, 5);
    for (int i = 0; i < 5; i++) ck_assert_mem_eq(&a.point[i], &b.point[i], sizeof a.point[i]);
    ck_assert_mem_eq(&a.point[0], &off.point[0], sizeof off.point[0]);
    ck_assert(a.point[4].loss < a.point[1].loss && isfinite(a.loss));
    ck_assert(a.all.mean.information > 0.01); /* the passes do disagree */
    device_close(cpu);
    device_close(pocl);
    model_free(m);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("weight_passes");
    TCase *tests = tcase_create("weight_passes");
    tcase_set_timeout(tests, 0); /* CTest has one */
    tcase_add_loop_test(tests, passes_have_the_contracts_masks, 0, 3);
    tcase_add_test(tests, scores_are_the_same_everywhere);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
