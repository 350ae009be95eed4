#include "lab/record.h"
#include "base/io.h"
#include "base/text.h"
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_LIMIT = 64 << 20 };

const char *const record_names[RECORD_FIELDS] = {
    "epoch",     "train_loss",    "train_accuracy", "val_loss",           "val_accuracy",
    "test_loss", "test_accuracy", "seconds",        "samples_per_second",
};

static char *join(const char *folder, const char *file) {
    struct text t = {0};
    char *path = NULL;
    text_add(&t, "%s/%s", folder, file);
    return text_take(&t, &path) ? NULL : path;
}

static char *last_part(const char *folder) {
    size_t end = strlen(folder);
    while (end > 1 && folder[end - 1] == '/') end--;
    size_t start = end;
    while (start > 0 && folder[start - 1] != '/') start--;
    return strndup(folder + start, end - start);
}

static enum err read_file(const char *folder, const char *file, char **out) {
    char *path = join(folder, file);
    size_t size;
    if (!path) return err_memory("a file name");
    enum err rc = ERR_MISSING;
    if (io_exists(path))
        rc = io_read(path, FILE_LIMIT, out, &size);
    else
        err_set(rc, "%s holds no run: there is no %s in it", folder, file);
    free(path);
    return rc;
}

static void take_numbers(const json_t *line, double *out) {
    for (int f = 0; f < RECORD_FIELDS; f++) {
        const json_t *number = json_object_get(line, record_names[f]);
        out[f] = json_is_number(number) ? json_number_value(number) : (double)NAN;
    }
}

static enum err take_epoch(struct record *r, const json_t *line) {
    size_t n = (size_t)r->nepochs;
    if ((n & (n - 1)) == 0) { /* grows at powers of two */
        void *grown = realloc(r->epochs, (n ? 2 * n : 1) * sizeof *r->epochs);
        if (!grown) return err_memory("the epochs of a run");
        r->epochs = grown;
    }
    take_numbers(line, r->epochs[r->nepochs++]);
    return OK;
}

static long long integer_or(const json_t *line, const char *field) {
    const json_t *number = json_object_get(line, field);
    return json_is_integer(number) ? (long long)json_integer_value(number) : -1;
}

static void take_text(const json_t *line, const char *field, char *out, size_t size) {
    const char *text = json_string_value(json_object_get(line, field));
    snprintf(out, size, "%s", text ? text : "");
}

static void take_end(struct record *r, const json_t *line) {
    take_numbers(line, r->last);
    r->ended = true;
    r->interrupted = json_is_true(json_object_get(line, "interrupted"));
    r->parameters = integer_or(line, "parameters");
    r->steps = integer_or(line, "steps");
    take_text(line, "parameters_sha256", r->sha256, sizeof r->sha256);
    take_text(line, "device", r->device, sizeof r->device);
}

static enum err take_line(struct record *r, const char *text, size_t size, int number) {
    json_error_t fault;
    json_t *line = json_loadb(text, size, JSON_REJECT_DUPLICATES, &fault);
    const char *event = json_string_value(json_object_get(line, "event"));
    enum err rc = OK;
    if (!line)
        rc = err_set(ERR_DATA, "%s/metrics.jsonl:%d: %s", r->folder, number, fault.text);
    else if (!event)
        rc = err_set(ERR_DATA, "%s/metrics.jsonl:%d: no object with a field 'event'", r->folder,
                     number);
    else if (!strcmp(event, "epoch"))
        rc = take_epoch(r, line);
    else if (!strcmp(event, "end"))
        take_end(r, line);
    json_decref(line);
    return rc;
}

/* A last line without its end is one that was being written. */
static enum err take_metrics(struct record *r, const char *text) {
    int number = 1;
    for (const char *end; (end = strchr(text, '\n')); text = end + 1, number++)
        TRY(take_line(r, text, (size_t)(end - text), number));
    return OK;
}

static enum err fill(struct record *r, const char *folder) {
    r->folder = strdup(folder);
    r->name = last_part(folder);
    if (!r->folder || !r->name) return err_memory("the name of a run");
    if (!io_is_folder(folder)) return err_set(ERR_MISSING, "there is no folder %s", folder);
    char *metrics = NULL;
    TRY(read_file(folder, "recipe.yaml", &r->recipe));
    TRY(read_file(folder, "metrics.jsonl", &metrics));
    enum err rc = take_metrics(r, metrics);
    free(metrics);
    if (rc) return rc;
    r->model = join(folder, "model.safetensors");
    if (!r->model) return err_memory("a file name");
    if (io_exists(r->model)) return OK;
    free(r->model);
    r->model = NULL;
    return OK;
}

enum err record_read(const char *folder, struct record *out) {
    *out = (struct record){.parameters = -1, .steps = -1};
    for (int f = 0; f < RECORD_FIELDS; f++) out->last[f] = (double)NAN;
    enum err rc = fill(out, folder);
    if (rc) record_free(out);
    return rc;
}

void record_free(struct record *r) {
    free(r->folder);
    free(r->name);
    free(r->family);
    free(r->recipe);
    free(r->epochs);
    free(r->model);
    *r = (struct record){0};
}

bool record_finished(const char *folder) {
    struct record r;
    if (record_read(folder, &r)) return false;
    bool finished = r.ended && !r.interrupted && r.model;
    record_free(&r);
    return finished;
}
