#include "data/dataset.h"
#include "base/hash.h"
#include "data/cifar.h"
#include "data/find.h"
#include "data/idx.h"
#include "data/synthetic.h"
#include <stdlib.h>
#include <string.h>

enum { TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS };

/* What is known of a dataset before its files are read. */
struct kind {
    const char *names[3]; /* its own, then other names that its folder may have */
    int height, width, channels, classes;
    const char *const *class_names;
    const char *const *files; /* NULL-terminated; none for built-in ones */
    enum err (*load)(const struct kind *, const char *folder, struct dataset *);
};

static const char *const digits[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
static const char *const mnist_files[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                          "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", NULL};
static const char *const no_files[] = {NULL};
static const char *const things[] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                     "dog",      "frog",       "horse", "ship", "truck"};
/* The last one holds the test rows. */
static const char *const cifar_files[] = {"data_batch_1.bin",
                                          "data_batch_2.bin",
                                          "data_batch_3.bin",
                                          "data_batch_4.bin",
                                          "data_batch_5.bin",
                                          "test_batch.bin",
                                          NULL};

static enum err check_images(const struct kind *k, const char *path, const struct idx *x) {
    if (x->dim[0] > INT32_MAX)
        return err_set(ERR_DATA, "%s: %u rows are more than can be numbered", path, x->dim[0]);
    if (x->dim[1] == (uint32_t)k->height && x->dim[2] == (uint32_t)k->width) return OK;
    return err_set(ERR_DATA, "%s: images are %u x %u, %s has %d x %d", path, x->dim[1], x->dim[2],
                   k->names[0], k->height, k->width);
}

static enum err check_labels(const struct kind *k, const char *path, const struct idx *y,
                             uint32_t rows) {
    if (y->dim[0] != rows)
        return err_set(ERR_DATA, "%s: %u labels for %u images", path, y->dim[0], rows);
    for (uint32_t i = 0; i < rows; i++)
        if (y->data[i] >= k->classes)
            return err_set(ERR_DATA, "%s: the label of row %u is %d, expected 0 to %d", path, i,
                           y->data[i], k->classes - 1);
    return OK;
}

static enum err load_split(const struct kind *k, const char *folder, int images, int labels,
                           struct split *s) {
    char path[FIND_PATH];
    struct idx x, y = {0};
    find_file(folder, k->files[images], path);
    TRY(idx_read(path, 3, &x));
    enum err rc = check_images(k, path, &x);
    if (!rc) {
        find_file(folder, k->files[labels], path);
        rc = idx_read(path, 1, &y);
    }
    if (!rc) rc = check_labels(k, path, &y, x.dim[0]);
    if (rc) {
        free(x.data);
        free(y.data);
        return rc;
    }
    *s = (struct split){.rows = (int)x.dim[0], .images = x.data, .labels = y.data};
    return OK;
}

static enum err load_idx(const struct kind *k, const char *folder, struct dataset *d) {
    TRY(load_split(k, folder, TRAIN_IMAGES, TRAIN_LABELS, &d->train));
    return load_split(k, folder, TEST_IMAGES, TEST_LABELS, &d->test);
}

static enum err make_room(struct split *s, int rows, size_t pixels) {
    s->rows = rows;
    s->images = malloc((size_t)rows * pixels);
    s->labels = malloc((size_t)rows);
    return s->images && s->labels ? OK : err_memory("a dataset");
}

static enum err load_cifar(const struct kind *k, const char *folder, struct dataset *d) {
    enum { TRAIN_FILES = 5 };
    char path[FIND_PATH];
    TRY(make_room(&d->train, TRAIN_FILES * CIFAR_ROWS, CIFAR_IMAGE));
    TRY(make_room(&d->test, CIFAR_ROWS, CIFAR_IMAGE));
    for (int i = 0; k->files[i]; i++) {
        const struct split *s = i < TRAIN_FILES ? &d->train : &d->test;
        size_t first = i < TRAIN_FILES ? (size_t)i * CIFAR_ROWS : 0;
        find_file(folder, k->files[i], path);
        TRY(cifar_read(path, CIFAR_ROWS, s->images + first * CIFAR_IMAGE, s->labels + first));
    }
    if (!find_file(folder, "batches.meta.txt", path)) return OK;
    TRY(cifar_names(path, &d->owned_names));
    d->class_names = d->owned_names;
    return OK;
}

static enum err load_synthetic(const struct kind *k, const char *folder, struct dataset *d) {
    static const int rows[] = {SYNTHETIC_TRAIN, SYNTHETIC_TEST};
    struct split *splits[] = {&d->train, &d->test};
    (void)k, (void)folder;
    for (uint32_t s = 0; s < 2; s++) {
        TRY(make_room(splits[s], rows[s], INK_PIXELS));
        for (uint32_t r = 0; r < (uint32_t)rows[s]; r++)
            splits[s]->labels[r] = synthetic_row(s, r, splits[s]->images + (size_t)r * INK_PIXELS);
    }
    return OK;
}

static const struct kind kinds[] = {
    {{"mnist"}, 28, 28, 1, 10, digits, mnist_files, load_idx},
    {{"cifar-10", "cifar-10-batches-bin"},
     CIFAR_SIDE,
     CIFAR_SIDE,
     CIFAR_CHANNELS,
     CIFAR_CLASSES,
     things,
     cifar_files,
     load_cifar},
    {{"synthetic"}, INK_SIDE, INK_SIDE, 1, 10, digits, no_files, load_synthetic},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

const char *const *dataset_names(void) {
    static const char *const names[] = {"mnist", "cifar-10", "synthetic", NULL};
    return names;
}

static const struct kind *kind_of(const char *name) {
    for (int i = 0; i < KINDS; i++)
        if (!strcmp(kinds[i].names[0], name)) return &kinds[i];
    return NULL;
}

bool dataset_available(const char *name, const char *folder) {
    char path[FIND_PATH];
    const struct kind *k = kind_of(name);
    return k && (!k->files[0] || find_folder(k->names, folder, k->files, path, NULL));
}

static enum err unknown(const char *name) {
    const char *near = text_suggest(name, dataset_names());
    return err_set(ERR_USAGE,
                   "there is no dataset called %s%s%s%s (known: mnist, cifar-10, synthetic)", name,
                   near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

enum err dataset_axes(const char *name, int axes[3]) {
    const struct kind *k = kind_of(name);
    if (!k) return unknown(name);
    axes[0] = k->height;
    axes[1] = k->width;
    axes[2] = k->channels;
    return OK;
}

static enum err missing(const struct kind *k, const char *looked) {
    struct text files = {0};
    for (int i = 0; k->files[i]; i++) text_add(&files, "%s%s", i ? ", " : "", k->files[i]);
    enum err rc = err_set(
        ERR_MISSING,
        "dataset %s was not found; it consists of %s, each plain or with .gz; looked in%s\n"
        "Get it with `sh datasets/fetch.sh %s` (see datasets/README.md), or train on the built-in "
        "digits, which need no files: --set train.dataset=synthetic",
        k->names[0], files.data ? files.data : "its files", looked ? looked : " no folder",
        k->names[0]);
    text_free(&files);
    return rc;
}

static void add_split(struct sha256 *h, const struct dataset *d, const struct split *s) {
    size_t row = (size_t)d->height * (size_t)d->width * (size_t)d->channels;
    sha256_add(h, s->images, (size_t)s->rows * row);
    sha256_add(h, s->labels, (size_t)s->rows);
}

static enum err load(const struct kind *k, const char *folder, struct dataset *d) {
    *d = (struct dataset){.name = k->names[0],
                          .height = k->height,
                          .width = k->width,
                          .channels = k->channels,
                          .classes = k->classes,
                          .class_names = k->class_names};
    return k->load(k, folder, d);
}

const char *dataset_hash(struct dataset *d) {
    struct sha256 h;
    if (d->sha256[0]) return d->sha256;
    sha256_init(&h);
    add_split(&h, d, &d->train);
    add_split(&h, d, &d->test);
    sha256_hex(&h, d->sha256);
    return d->sha256;
}

enum err dataset_open(const char *name, const char *folder, struct dataset **out) {
    *out = NULL;
    char path[FIND_PATH] = "";
    struct text looked = {0};
    const struct kind *k = kind_of(name);
    if (!k) return unknown(name);
    if (k->files[0] && !find_folder(k->names, folder, k->files, path, &looked)) {
        enum err rc = missing(k, looked.data);
        text_free(&looked);
        return rc;
    }
    text_free(&looked);
    struct dataset *d = malloc(sizeof *d);
    if (!d) return err_memory("a dataset");
    enum err rc = load(k, path, d);
    if (rc) {
        dataset_close(d);
        return rc;
    }
    *out = d;
    return OK;
}

struct dataset *dataset_share(struct dataset *d) {
    d->shares++;
    return d;
}

void dataset_close(struct dataset *d) {
    if (!d || d->shares-- > 0) return;
    free(d->train.images);
    free(d->train.labels);
    free(d->test.images);
    free(d->test.labels);
    free(d->owned_names);
    free(d);
}
