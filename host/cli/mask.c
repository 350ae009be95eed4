/* dropcl mask: any mask from its coordinates (docs/masks.md), computed on the named device. */
#include "train/mask.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "control_words.h"
#include "dropcl.h"
#include "philox.h"
#include "plan/draw.h"
#include <stdlib.h>
#include <string.h>

struct arguments {
    struct number seed, layer, step, elements, size;
    struct range samples;
    struct fraction rate;
    const char *kind, *shape, *gamma, *split, *device;
};

static const struct option options[] = {
    /* clang-format off */
    OPTION(NUMBER, seed, "N", "the seed of the run", .max = UINT64_MAX, .required = true),
    OPTION(NUMBER, layer, "N", "ordinal of the stochastic layer, from 0", .max = 4095, .required = true),
    OPTION(NUMBER, step, "N", "optimizer step, from 0 (with --split: the pass)", .max = UINT32_MAX, .required = true),
    OPTION(RANGE, samples, "A:B", "positions in the batch (with --split: its rows)", .max = UINT32_MAX, .required = true),
    OPTION(NUMBER, elements, "N", "elements of one sample (dropout, mc)", .min = 1, .max = INT32_MAX),
    OPTION(TEXT, shape, "H,W,C", "axes of one sample (dropout1d: T,C; dropconnect: IN,OUT)"),
    OPTION(FRACTION, rate, "P", "probability to drop, 0 to 1", .required = true),
    OPTION(NUMBER, size, "N", "side of the blocks (dropblock)", .min = 1, .max = 65536),
    OPTION(TEXT, gamma, "G", "exact or paper (dropblock)"),
    OPTION(TEXT, kind, "K", "dropout (the default), dropout1d, dropout2d, dropblock, dropconnect, "
                            "droppath, gaussian_dropout, or mc (dropout with --split test)"),
    OPTION(TEXT, split, "S", "masks of Monte-Carlo evaluation: samples are rows of the split test, "
                             "train or user, steps are passes"),
    OPTION_DEVICE,
    OPTION_END,
    /* clang-format on */
};

/* Element-wise masks are asked by their number of elements, a sample's one gate by nothing, the
 * others by the axes of a sample. */
static const struct kind {
    const char *name;
    uint32_t domain; /* of an element-wise one        */
    int axes;        /* 0: element-wise               */
    bool gate;       /* one element a sample          */
    bool blocks;     /* takes --size and --gamma      */
    bool noise;      /* factors instead of bits       */
    bool weights;    /* of inputs and outputs         */
} kinds[] = {{.name = "dropout", .domain = DOMAIN_MASK},
             {.name = "mc", .domain = DOMAIN_MC_MASK},
             {.name = "droppath", .domain = DOMAIN_PATH, .gate = true},
             {.name = "gaussian_dropout", .noise = true},
             {.name = "dropout1d", .axes = 2},
             {.name = "dropout2d", .axes = 3},
             {.name = "dropblock", .axes = 3, .blocks = true},
             {.name = "dropconnect", .axes = 2, .weights = true}};

enum { KINDS = sizeof kinds / sizeof *kinds, BLOCK_BITS = 1 << 22, MOST_NOISE = 65536 };

static int find_kind(const char *name, const struct kind **out) {
    for (int i = 0; i < KINDS; i++) {
        if (name && strcmp(name, kinds[i].name) != 0) continue;
        *out = &kinds[i];
        return 0;
    }
    return cli_fail(
        STATUS_USAGE,
        "mask: unknown kind '%s': dropout, dropout1d, dropout2d, dropblock, dropconnect, droppath, gaussian_dropout or mc",
        name);
}

/* Each kind takes what it needs and nothing that it would ignore. */
static int check_given(const struct arguments *a, const struct kind *k) {
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
    if (k->noise && a->elements.value > MOST_NOISE)
        return cli_fail(STATUS_USAGE, "mask: --elements of --kind %s is at most %d", k->name,
                        MOST_NOISE);
    return 0;
}

/* Which masks: those of training, or of Monte-Carlo evaluation over the rows of a split. */
struct place {
    bool monte_carlo;
    uint32_t split;
};

static int read_split(const struct arguments *a, const struct kind *k, struct place *out) {
    static const char *const names[] = {
        [SPLIT_TEST] = "test", [SPLIT_TRAIN] = "train", [SPLIT_USER] = "user"};
    *out = (struct place){.monte_carlo = a->split || k->domain == DOMAIN_MC_MASK};
    for (; a->split && out->split <= SPLIT_USER; out->split++)
        if (!strcmp(a->split, names[out->split])) return 0;
    if (!a->split) return 0;
    return cli_fail(STATUS_USAGE, "mask: --split is test, train or user, not '%s'", a->split);
}

static int read_shape(const char *text, const struct kind *k, struct ints *out) {
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

static void print_rows(const uint8_t *kept, size_t samples, size_t elements, char *line) {
    for (size_t s = 0; s < samples; s++) {
        for (size_t i = 0; i < elements; i++) line[i] = kept[s * elements + i] ? '1' : '0';
        line[elements] = '\n';
        fwrite(line, 1, elements + 1, stdout);
    }
}

/* As hexadecimal floats: to the bit. */
static void print_factors(const real *factors, size_t samples, size_t elements) {
    for (size_t i = 0; i < samples * elements; i++)
        printf("%a%c", (double)factors[i], (i + 1) % elements ? ' ' : '\n');
}

/* ---- element-wise: asked of the generator ---- */

struct source {
    struct device *device;
    struct mask_query query;
    struct mask_maker maker;
    uint32_t *words;
    size_t elements, most; /* samples at once */
    bool noise;
};

static enum err ask(struct source *s, uint32_t first, size_t samples, uint8_t *kept) {
    if (s->maker.plan) return mask_make(&s->maker, s->query.step, first, kept);
    size_t stride = (s->elements + 31) / 32;
    s->query.first_sample = first;
    s->query.samples = (uint32_t)samples;
    TRY(device_mask(s->device, &s->query, s->words));
    for (size_t i = 0; i < samples * s->elements; i++) {
        size_t e = i % s->elements;
        kept[i] = s->words[i / s->elements * stride + e / 32] >> e % 32 & 1;
    }
    return OK;
}

/* In blocks of samples, so that a long range needs no more memory than a short one. */
static int print_all(struct source *s, const struct range *samples) {
    uint8_t *kept = malloc(s->most * s->elements);
    char *line = malloc(s->elements + 1);
    enum err rc = OK;
    s->words = malloc(s->most * ((s->elements + 31) / 32) * sizeof *s->words);
    if (!kept || !line || !s->words)
        rc = err_set(ERR_SYSTEM, "out of memory for masks of %zu elements", s->elements);
    for (uint64_t at = samples->first; at < samples->last && !rc; at += s->most) {
        size_t n = samples->last - at < s->most ? (size_t)(samples->last - at) : s->most;
        const real *factors;
        if (s->noise) {
            rc = mask_factors(&s->maker, s->query.step, (uint32_t)at, &factors);
            if (!rc) print_factors(factors, n, s->elements);
            continue;
        }
        rc = ask(s, (uint32_t)at, n, kept);
        if (!rc) print_rows(kept, n, s->elements, line);
    }
    free(kept);
    free(line);
    free(s->words);
    return rc ? cli_report((int)rc) : 0;
}

/* ---- the others: made by a step ---- */

static void plan_source(struct source *s, const struct arguments *a, const struct kind *k,
                        const struct place *place, const struct ints *shape) {
    struct decision rate = decision_of(a->rate.value);
    uint32_t domain = place->monte_carlo ? k->domain | DOMAIN_OF_PASSES : k->domain;
    s->elements = k->axes || k->gate ? 1 : (size_t)a->elements.value;
    for (int i = 0; i < shape->count; i++) s->elements *= (size_t)shape->at[i];
    if (k->weights) s->elements += (size_t)shape->at[1];
    uint64_t asked = a->samples.last - a->samples.first;
    s->most = BLOCK_BITS / s->elements ? BLOCK_BITS / s->elements : 1;
    if (s->most > asked) s->most = (size_t)asked;
    s->query = (struct mask_query){
        .seed = a->seed.value,
        .step = (uint32_t)a->step.value,
        .counter3 = PHILOX_COUNTER3(domain, (uint32_t)a->layer.value, place->split << 14),
        .elements = (uint32_t)s->elements,
        .limit = rate.limit,
        .active = rate.active,
    };
}

static enum err open_maker(struct source *s, const struct arguments *a, const struct kind *k,
                           const struct place *place, const struct ints *shape) {
    char more[64] = "";
    const struct ints features = {1, {(int)s->elements}}, inputs = {1, {shape->at[0]}};
    if (!k->axes && !k->noise) return OK;
    s->noise = k->noise;
    if (k->blocks)
        snprintf(more, sizeof more, ", size: %d, gamma: %s", (int)a->size.value,
                 a->gamma ? a->gamma : "exact");
    if (k->weights) snprintf(more, sizeof more, ", units: %d", shape->at[1]);
    const struct mask_layer layer = {.type = k->name,
                                     .more = more,
                                     .shape = k->weights ? inputs
                                              : k->noise ? features
                                                         : *shape,
                                     .elements = s->elements,
                                     .rate = a->rate.value,
                                     .number = (int)a->layer.value,
                                     .seed = a->seed.value,
                                     .monte_carlo = place->monte_carlo,
                                     .split = place->split};
    return mask_open(&s->maker, s->device, &layer, (int)s->most);
}

static int run_mask(const void *arguments) {
    const struct arguments *a = arguments;
    const struct kind *kind = NULL;
    struct ints shape = {0};
    struct place place;
    struct source source = {0};
    struct device_info info;
    int code = find_kind(a->kind, &kind);
    if (!code) code = check_given(a, kind);
    if (!code) code = read_split(a, kind, &place);
    if (!code && kind->axes) code = read_shape(a->shape, kind, &shape);
    if (code) return code;
    plan_source(&source, a, kind, &place, &shape);
    enum err rc = device_find(a->device, &info);
    if (!rc) rc = device_open(&info, &source.device);
    if (rc) return cli_report((int)rc);
    cli_device(info.name, info.driver);
    rc = open_maker(&source, a, kind, &place, &shape);
    code = rc ? cli_report((int)rc) : print_all(&source, &a->samples);
    mask_close(&source.maker);
    device_close(source.device);
    return code;
}

const struct command mask_command = {
    .name = "mask",
    .summary = "Print masks from their coordinates",
    .details =
        "One line per sample, in the order H, W, C: 1 kept, 0 dropped; of dropconnect, the weights in\n"
        "the order [in][out] and the biases behind them. docs/masks.md says how every bit is made.\n",
    .options = options,
    .size = sizeof(struct arguments),
    .run = run_mask,
};
