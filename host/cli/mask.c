/* dropcl mask: any mask from its coordinates (docs/masks.md), computed on the named device. */
#include "base/text.h"
#include "cli/cli.h"
#include "cli/mask_private.h"
#include "control_words.h"
#include "dropcl.h"
#include "philox.h"
#include <stdlib.h>
#include <string.h>

#define arguments mask_arguments /* the name that OPTION expects */
static const struct option options[] = {
    /* clang-format off */
    OPTION(NUMBER, seed, "N", "the seed of the run", .max = UINT64_MAX, .required = true),
    OPTION(NUMBER, layer, "N", "ordinal of the stochastic layer, from 0", .max = 4095, .required = true),
    OPTION(NUMBER, step, "N", "optimizer step, from 0 (with --split: the pass)", .max = UINT32_MAX, .required = true),
    OPTION(RANGE, samples, "A:B", "positions in the batch (with --split: its rows)", .max = UINT32_MAX, .required = true),
    OPTION(NUMBER, elements, "N", "elements of one sample (kinds without --shape)", .min = 1, .max = INT32_MAX),
    OPTION(TEXT, shape, "H,W,C", "axes of one sample (dropout1d: T,C; dropconnect: IN,OUT)"),
    OPTION(FRACTION, rate, "P", "probability to drop, 0 to 1", .required = true),
    OPTION(NUMBER, size, "N", "side of the blocks (dropblock)", .min = 1, .max = 65536),
    OPTION(TEXT, gamma, "G", "exact or paper (dropblock)"),
    OPTION(TEXT, kind, "K", "dropout (the default), alpha_dropout (the same bits), dropout1d, "
                            "dropout2d, dropblock, dropconnect, droppath, gaussian_dropout, "
                            "concrete_dropout, or mc (dropout with --split test)"),
    OPTION(TEXT, split, "S", "masks of Monte-Carlo evaluation: samples are rows of the split test, "
                             "train or user, steps are passes"),
    OPTION(FLAG, sha256, NULL, "instead of the masks, their SHA-256 and how much they keep"),
    OPTION(TEXT, png, "FILE", "instead of the masks on stdout, a picture of them"),
    OPTION_DEVICE,
    OPTION_END,
    /* clang-format on */
};
#undef arguments

static const struct mask_kind kinds[] = {
    {.name = "dropout", .domain = DOMAIN_MASK},
    {.name = "alpha_dropout", .domain = DOMAIN_MASK},
    {.name = "mc", .domain = DOMAIN_MC_MASK},
    {.name = "droppath", .domain = DOMAIN_PATH, .gate = true},
    {.name = "gaussian_dropout", .noise = true},
    {.name = "concrete_dropout", .noise = true, .learned = true},
    {.name = "dropout1d", .axes = 2},
    {.name = "dropout2d", .axes = 3},
    {.name = "dropblock", .axes = 3, .blocks = true},
    {.name = "dropconnect", .axes = 2, .weights = true},
};

enum { KINDS = sizeof kinds / sizeof *kinds, MOST_NOISE = 65536 };

static int unknown_kind(const char *name) {
    struct text list = {0};
    for (int i = 0; i < KINDS; i++)
        text_add(&list, "%s%s", !i ? "" : i + 1 < KINDS ? ", " : " or ", kinds[i].name);
    int status = cli_fail(STATUS_USAGE, "mask: unknown kind '%s': %s", name,
                          list.data ? list.data : "out of memory for the list of kinds");
    text_free(&list);
    return status;
}

static int find_kind(const char *name, const struct mask_kind **out) {
    for (int i = 0; i < KINDS; i++) {
        if (name && strcmp(name, kinds[i].name) != 0) continue;
        *out = &kinds[i];
        return 0;
    }
    return unknown_kind(name);
}

/* Each kind takes what it needs and nothing that it would ignore. */
static int check_given(const struct mask_arguments *a, const struct mask_kind *k) {
    if (k->gate && (a->elements.given || a->shape))
        return cli_fail(STATUS_USAGE,
                        "mask: --kind %s has one element a sample and takes neither "
                        "--elements nor --shape",
                        k->name);
    if (!k->gate && (!k->axes != a->elements.given || (k->axes != 0) != (a->shape != NULL)))
        return cli_fail(STATUS_USAGE, "mask: --kind %s takes --%s, and not --%s", k->name,
                        k->axes ? "shape" : "elements", k->axes ? "elements" : "shape");
    if (k->blocks && !a->size.given)
        return cli_fail(STATUS_USAGE, "mask: --kind dropblock needs --size");
    if (!k->blocks && (a->size.given || a->gamma))
        return cli_fail(STATUS_USAGE, "mask: --size and --gamma are of --kind dropblock");
    if (a->gamma && strcmp(a->gamma, "exact") != 0 && strcmp(a->gamma, "paper") != 0)
        return cli_fail(STATUS_USAGE, "mask: --gamma is exact or paper, not '%s'", a->gamma);
    if (k->noise && (a->rate.value >= 1 || (k->learned && a->rate.value <= 0)))
        return cli_fail(STATUS_USAGE, "mask: --rate of --kind %s is %s, not %g", k->name,
                        k->learned ? "between 0 and 1" : "below 1", a->rate.value);
    if (k->noise && a->elements.value > MOST_NOISE)
        return cli_fail(STATUS_USAGE, "mask: --elements of --kind %s is at most %d", k->name,
                        MOST_NOISE);
    return 0;
}

/* Which masks: those of training, or of Monte-Carlo evaluation over the rows of a split. */
static int read_split(const char *name, struct mask_question *q) {
    static const char *const names[] = {
        [SPLIT_TEST] = "test", [SPLIT_TRAIN] = "train", [SPLIT_USER] = "user"};
    q->monte_carlo = name || q->kind->domain == DOMAIN_MC_MASK;
    for (; name && q->split <= SPLIT_USER; q->split++)
        if (!strcmp(name, names[q->split])) return 0;
    if (!name) return 0;
    return cli_fail(STATUS_USAGE, "mask: --split is test, train or user, not '%s'", name);
}

static int read_shape(const char *text, const struct mask_kind *k, struct ints *out) {
    const char *at = text;
    uint64_t elements = 1;
    for (out->count = 0; out->count < k->axes; out->count++) {
        char *end;
        bool digit = *at >= '0' && *at <= '9';
        unsigned long axis = digit ? strtoul(at, &end, 10) : 0;
        if (axis < 1 || axis > 65536) break;
        elements *= axis;
        out->at[out->count] = (int)axis;
        at = *end == ',' && out->count + 1 < k->axes ? end + 1 : end;
    }
    if (out->count == k->axes && !*at && elements <= INT32_MAX) return 0;
    return cli_fail(STATUS_USAGE, "mask: --shape of %s is %s, each from 1 to 65536, not '%s'",
                    k->name,
                    k->weights     ? "IN,OUT"
                    : k->axes == 2 ? "T,C"
                                   : "H,W,C",
                    text);
}

static void count_elements(struct mask_question *q) {
    q->elements = q->kind->axes || q->kind->gate ? 1 : (size_t)q->arguments->elements.value;
    for (int i = 0; i < q->shape.count; i++) q->elements *= (size_t)q->shape.at[i];
    if (q->kind->weights) q->elements += (size_t)q->shape.at[1]; /* the biases */
}

/* Where the masks go. */
struct outputs {
    const struct mask_arguments *asked;
    struct mask_digest digest;
    struct mask_picture picture;
};

static enum err take(void *user, const struct mask_block *block) {
    struct outputs *o = user;
    if (o->asked->sha256) mask_digest_add(&o->digest, block);
    if (o->asked->png) mask_picture_add(&o->picture, block);
    return o->asked->sha256 || o->asked->png ? OK : mask_print(block);
}

static enum err answer(const struct mask_question *q, struct outputs *o) {
    struct device_info info;
    struct device *device = NULL;
    TRY(device_find(o->asked->device, &info));
    TRY(device_open(&info, &device));
    cli_device(info.name, info.driver);
    mask_digest_open(&o->digest, q);
    enum err rc = o->asked->png ? mask_picture_open(&o->picture) : OK;
    if (!rc) rc = mask_blocks(q, device, take, o);
    if (!rc && o->asked->sha256) mask_digest_print(&o->digest);
    if (!rc && o->asked->png) rc = mask_picture_write(&o->picture, o->asked->png);
    mask_picture_close(&o->picture);
    device_close(device);
    return rc;
}

static int run_mask(const void *arguments) {
    const struct mask_arguments *a = arguments;
    struct mask_question q = {.arguments = a};
    struct outputs o = {.asked = a};
    int code = find_kind(a->kind, &q.kind);
    if (!code) code = check_given(a, q.kind);
    if (!code) code = read_split(a->split, &q);
    if (!code && q.kind->axes) code = read_shape(a->shape, q.kind, &q.shape);
    if (code) return code;
    count_elements(&q);
    enum err rc = a->png ? mask_picture_plan(&o.picture, &q) : OK;
    if (!rc) rc = answer(&q, &o);
    return rc ? cli_report((int)rc) : 0;
}

const struct command mask_command = {
    .name = "mask",
    .summary = "Print, hash or draw masks from their coordinates",
    .details =
        "One line per sample, in the order H, W, C: 1 kept, 0 dropped; of dropconnect, the weights in\n"
        "the order [in][out] and the biases behind them; of gaussian_dropout and concrete_dropout, the\n"
        "factors as hexadecimal floats. docs/masks.md says how every bit is made. --sha256 hashes a\n"
        "byte 0 or 1 for each number in that order, or factors as little-endian 32-bit floats. --png\n"
        "draws a tile of H x W for each channel of a sample, a row for each sample of an element-wise\n"
        "mask: kept light, dropped dark.\n",
    .options = options,
    .size = sizeof(struct mask_arguments),
    .run = run_mask,
};
