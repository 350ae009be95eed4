/* dropcl mask: any dropout mask from its coordinates (docs/masks.md), computed on the named device.
 */
#include "backend/backend.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "control_words.h"
#include "dropcl.h"
#include "philox.h"
#include "plan/draw.h"
#include <stdlib.h>
#include <string.h>

struct arguments {
    struct number seed, layer, step, elements;
    struct range samples;
    struct fraction rate;
    const char *kind, *device;
};

static const struct option options[] = {
    /* clang-format off */
    OPTION(NUMBER, seed, "N", "the seed of the run", .max = UINT64_MAX, .required = true),
    OPTION(NUMBER, layer, "N", "ordinal of the stochastic layer, from 0", .max = 4095, .required = true),
    OPTION(NUMBER, step, "N", "optimizer step, from 0 (mc: the pass)", .max = UINT32_MAX, .required = true),
    OPTION(RANGE, samples, "A:B", "positions in the batch (mc: dataset rows)", .max = UINT32_MAX, .required = true),
    OPTION(NUMBER, elements, "N", "elements of one sample", .min = 1, .max = INT32_MAX, .required = true),
    OPTION(FRACTION, rate, "P", "probability to drop, 0 to 1", .required = true),
    OPTION(TEXT, kind, "K", "dropout (training; the default) or mc (Monte-Carlo, test rows)"),
    OPTION_DEVICE,
    OPTION_END,
    /* clang-format on */
};

static const struct {
    const char *name;
    uint32_t domain;
} kinds[] = {{"dropout", DOMAIN_MASK}, {"mc", DOMAIN_MC_MASK}};

enum { KINDS = sizeof kinds / sizeof *kinds, BLOCK_WORDS = 1 << 20 };

static int find_domain(const char *name, uint32_t *out) {
    for (int i = 0; i < KINDS; i++) {
        if (name && strcmp(name, kinds[i].name) != 0) continue;
        *out = kinds[i].domain;
        return 0;
    }
    return cli_fail(STATUS_USAGE, "mask: unknown kind '%s': dropout or mc", name);
}

static void print_rows(const struct mask_query *q, const uint32_t *words, char *line) {
    size_t stride = ((size_t)q->elements + 31) / 32;
    for (uint32_t s = 0; s < q->samples; s++) {
        const uint32_t *row = words + s * stride;
        for (uint32_t i = 0; i < q->elements; i++) line[i] = row[i / 32] >> i % 32 & 1 ? '1' : '0';
        line[q->elements] = '\n';
        fwrite(line, 1, (size_t)q->elements + 1, stdout);
    }
}

/* In blocks of samples, so that a long range needs no more memory than a short one. */
static int print_all(struct device *device, struct mask_query q, const struct range *samples) {
    size_t stride = ((size_t)q.elements + 31) / 32;
    uint64_t most = BLOCK_WORDS / stride ? BLOCK_WORDS / stride : 1;
    if (most > samples->last - samples->first) most = samples->last - samples->first;
    uint32_t *words = malloc(most * stride * sizeof *words);
    char *line = malloc((size_t)q.elements + 1);
    int code = 0;
    if (!words || !line) {
        code = cli_fail(DROPCL_SYSTEM, "out of memory for masks of %u elements", q.elements);
        goto out;
    }
    for (uint64_t at = samples->first; at < samples->last && !code; at += q.samples) {
        q.first_sample = (uint32_t)at;
        q.samples = (uint32_t)(samples->last - at < most ? samples->last - at : most);
        code = (int)device_mask(device, &q, words);
        if (code)
            cli_report(code);
        else
            print_rows(&q, words, line);
    }
out:
    free(words);
    free(line);
    return code;
}

static int run_mask(const void *arguments) {
    const struct arguments *a = arguments;
    uint32_t domain = 0;
    int code = find_domain(a->kind, &domain);
    if (code) return code;
    struct decision rate = decision_of(a->rate.value);
    struct mask_query q = {
        .seed = a->seed.value,
        .step = (uint32_t)a->step.value,
        .counter3 = PHILOX_COUNTER3(domain, (uint32_t)a->layer.value, 0u),
        .elements = (uint32_t)a->elements.value,
        .limit = rate.limit,
        .active = rate.active,
    };
    struct device_info info;
    struct device *device = NULL;
    code = (int)device_find(a->device, &info);
    if (!code) code = (int)device_open(&info, &device);
    if (code) return cli_report(code);
    cli_device(info.name, info.driver);
    code = print_all(device, q, &a->samples);
    device_close(device);
    return code;
}

const struct command mask_command = {
    .name = "mask",
    .summary = "Print dropout masks from their coordinates",
    .details =
        "One line per sample: 1 kept, 0 dropped. docs/masks.md says how every bit is made.\n",
    .options = options,
    .size = sizeof(struct arguments),
    .run = run_mask,
};
