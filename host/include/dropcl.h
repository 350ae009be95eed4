/* dropcl: training neural networks on any OpenCL device, with masks that everyone can reproduce.
 *
 * Every function that can fail returns 0 or one of the DROPCL_ codes below and leaves a sentence
 * for dropcl_error(). The library never prints, exits, installs signal handlers or changes the
 * environment. Handles are opaque; who opens closes; closing NULL is fine. A handle and everything
 * made from it belong to one thread. */
#ifndef DROPCL_H
#define DROPCL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define DROPCL_API __attribute__((visibility("default")))
#else
#define DROPCL_API
#endif

/* Codes; also the exit status of the command `dropcl`. */
enum dropcl_code {
    DROPCL_OK = 0,
    DROPCL_USAGE = 64,       /* an argument makes no sense                            */
    DROPCL_DATA = 65,        /* a data or model file is damaged or does not fit       */
    DROPCL_MISSING = 66,     /* a file or dataset is not there                        */
    DROPCL_DEVICE = 69,      /* no such device, or several match                      */
    DROPCL_NUMERIC = 70,     /* a loss stopped being finite; names step and tensor    */
    DROPCL_SYSTEM = 71,      /* memory or the system, host or device                  */
    DROPCL_CREATE = 73,      /* a file or folder cannot be created                    */
    DROPCL_IO = 74,          /* reading or writing failed                             */
    DROPCL_INTERRUPTED = 75, /* the callback asked to stop; the model is as of that step */
    DROPCL_RECIPE = 78       /* the recipe is wrong; every fault, with line and column */
};

typedef struct dropcl_device dropcl_device;
typedef struct dropcl_recipe dropcl_recipe;
typedef struct dropcl_model dropcl_model; /* a recipe with trained parameters, in host memory */

/* The last fault on this thread, one sentence (a recipe may have several lines). Never NULL. */
DROPCL_API const char *dropcl_error(void);
DROPCL_API const char *dropcl_version(void);

/* spec: "cpu" (the C reference), "gpu", "opencl", "PLATFORM:DEVICE", part of a name, or NULL for
 * the default (a GPU, else another OpenCL device, else the reference). DROPCL_DEVICE,
 * DROPCL_SYSTEM. */
DROPCL_API int dropcl_device_open(const char *spec, dropcl_device **out);
DROPCL_API void dropcl_device_close(dropcl_device *);
DROPCL_API const char *dropcl_device_name(const dropcl_device *);
DROPCL_API const char *dropcl_device_driver(const dropcl_device *);

/* settings: `count` strings "KEY=VALUE" as for --set, checked like the recipe itself. */
DROPCL_API int dropcl_recipe_read(const char *path, const char *const *settings, int count,
                                  dropcl_recipe **out);
DROPCL_API int dropcl_recipe_parse(const char *text, const char *const *settings, int count,
                                   dropcl_recipe **out);
DROPCL_API void dropcl_recipe_close(dropcl_recipe *);
DROPCL_API const char *dropcl_recipe_name(const dropcl_recipe *);
DROPCL_API const char *dropcl_recipe_text(const dropcl_recipe *); /* as run, settings applied */
DROPCL_API uint64_t dropcl_recipe_seed(const dropcl_recipe *);

/* What the callback is told. Fields that were not measured are NaN. */
typedef enum { DROPCL_STEP, DROPCL_EPOCH } dropcl_event_kind;
typedef struct {
    dropcl_event_kind kind; /* after each optimizer step is queued; at the end of each epoch */
    int epoch, epochs;      /* the running or just ended epoch, from 1, of so many */
    int64_t step, steps;    /* optimizer steps done, and of the whole run                    */
    double train_loss, train_accuracy; /* of this epoch, in training mode (dropout on)        */
    double val_loss, val_accuracy;     /* where the recipe holds rows out                     */
    double test_loss, test_accuracy;
    double seconds;            /* since the loop began                                        */
    double samples_per_second; /* of this epoch, training only                                */
} dropcl_event;

/* Returns 0 to go on, anything else to stop after this step. */
typedef int (*dropcl_callback)(const dropcl_event *, void *user);

typedef struct {
    const char *data;         /* dataset folder, NULL: the usual places                        */
    const dropcl_model *init; /* start from these parameters, NULL: the recipe's initialisation */
    int64_t steps;            /* stop after so many optimizer steps; 0: all epochs             */
    dropcl_callback callback; /* may be NULL */
    void *user;
    void (*message)(const char *text, void *user); /* notes such as a lowered batch; may be NULL */
    int (*stop)(void *user); /* asked now and then while kernels are timed for the device, before
                                the first step: not 0 stops; may be NULL */
} dropcl_options;

/* Trains and hands over the model (also with DROPCL_INTERRUPTED, then as of the last step; NULL
 * when `stop` came before the first). `last` gets the last epoch's event (may be NULL). Evaluates
 * the test set after each epoch. */
DROPCL_API int dropcl_train(dropcl_device *, const dropcl_recipe *, const dropcl_options *,
                            dropcl_model **out, dropcl_event *last);

typedef struct {
    double loss, accuracy; /* mean cross-entropy; fraction right */
    int64_t rows;
} dropcl_score;

/* Scores the test set of the model's dataset. passes > 0: Monte-Carlo dropout, the mean of that
 * many softmax outputs with dropout on. DROPCL_MISSING, DROPCL_DATA. */
DROPCL_API int dropcl_evaluate(dropcl_device *, const dropcl_model *, const char *data, int passes,
                               dropcl_score *);

/* The same with test-time augmentation: every picture and its mirror image, left and right
 * exchanged, the mean of both outputs (of all passes). DROPCL_USAGE where the model reads no
 * pictures. */
DROPCL_API int dropcl_evaluate_flipped(dropcl_device *, const dropcl_model *, const char *data,
                                       int passes, dropcl_score *);

/* Class probabilities [rows][classes] for images [rows][H][W][C] in the dataset's own bytes. */
DROPCL_API int dropcl_predict(dropcl_device *, const dropcl_model *, const uint8_t *images,
                              size_t rows, float *probabilities);

/* safetensors files, complete in themselves: the recipe travels in the metadata. Loading takes the
 * file or the folder of a run. */
DROPCL_API int dropcl_model_load(const char *path, dropcl_model **out);
DROPCL_API int dropcl_model_save(const dropcl_model *, const char *path);
DROPCL_API void dropcl_model_close(dropcl_model *);
DROPCL_API size_t dropcl_model_parameters(const dropcl_model *); /* trained numbers */
DROPCL_API int dropcl_model_classes(const dropcl_model *);
DROPCL_API size_t dropcl_model_features(const dropcl_model *); /* bytes of one image */
/* SHA-256 of the parameters as little-endian float32 in file order, 64 hex digits. */
DROPCL_API const char *dropcl_model_sha256(const dropcl_model *);
DROPCL_API const char *dropcl_model_recipe(const dropcl_model *);

/* Whether the files of the recipe's dataset can be found (see dropcl_options.data): 1 or 0. */
DROPCL_API int dropcl_dataset_found(const dropcl_recipe *, const char *data);

#ifdef __cplusplus
}
#endif
#endif
