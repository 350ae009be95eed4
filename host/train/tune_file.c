#include "train/tune_file.h"
#include "base/hash.h"
#include "base/io.h"
#include "base/place.h"
#include "base/text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER "dropcl-tuning 1"

/* What decides which kernel is fastest. Compute units: the same device may be given fewer of them
 * (a container, POCL_MAX_PTHREAD_COUNT). */
bool tune_file_path(const struct device *d, char *path, size_t size) {
    const struct device_info *info = device_about(d);
    struct sha256 h;
    char hex[65], name[32], about[1024];
    int n = snprintf(about, sizeof about, "%s|%s|%s|%s|%d|%d|%s", info->platform, info->name,
                     info->driver, info->version, device_caps(d)->compute_units,
                     device_caps(d)->cpu_family, DROPCL_VERSION);
    sha256_init(&h);
    sha256_add(&h, about, (size_t)n < sizeof about ? (size_t)n : sizeof about - 1);
    sha256_hex(&h, hex);
    snprintf(name, sizeof name, "%.16s.tune", hex);
    return place_cache(name, path, size);
}

/* Splits "KEY\tWAY\n"; the end of the line becomes the start of the next. */
static bool take_line(char **at, char **key, char **way) {
    char *end = strchr(*at, '\n'), *tab = strchr(*at, '\t');
    if (!end || !tab || tab > end) return false;
    *end = *tab = '\0';
    *key = *at;
    *way = tab + 1;
    *at = end + 1;
    return **key && **way && strlen(*key) < TUNE_KEY && strlen(*way) < TUNE_WAY &&
           !strchr(*way, '\t');
}

/* With no device the text is only judged. */
static bool read_lines(char *at, struct device *d, int *count, enum err *rc) {
    size_t header = strlen(HEADER);
    if (strncmp(at, HEADER "\n", header + 1) != 0) return false;
    at += header + 1;
    for (*count = 0; *at; ++*count) {
        char *key, *way;
        if (!take_line(&at, &key, &way)) return false;
        if (d && (*rc = device_tune(d, key, way))) return false;
    }
    return true;
}

enum err tune_file_load(struct device *d, const char *path, int *count) {
    char *text = NULL, *judged = NULL;
    size_t size;
    enum err rc = OK;
    *count = 0;
    if (io_read(path, 1 << 20, &text, &size)) return OK;
    judged = malloc(size + 1);
    if (!judged) {
        free(text);
        return err_memory("the tuning file");
    }
    memcpy(judged, text, size + 1);
    if (strlen(text) == size && read_lines(judged, NULL, count, &rc))
        read_lines(text, d, count, &rc);
    else
        *count = 0;
    free(judged);
    free(text);
    return rc;
}

enum err tune_file_save(const struct device *d, const char *path) {
    const struct tuning *t = device_caps(d)->tuning;
    struct text text = {0};
    char *page = NULL, folder[4096];
    text_add(&text, "%s\n", HEADER);
    for (int i = 0; t && i < t->count; i++) text_add(&text, "%s\t%s\n", t->at[i].key, t->at[i].way);
    TRY(text_take(&text, &page));
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash) *slash = '\0';
    enum err rc = io_make_folder(folder);
    if (!rc) rc = io_write_atomic(path, page, strlen(page));
    free(page);
    return rc;
}
