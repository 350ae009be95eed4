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
    int score_every; /* epochs between scores of the validation and test rows, which are NaN in the
                        events between; the last epoch is scored in any case; 0: every epoch */
} dropcl_options;

/* Trains and hands over the model (also with DROPCL_INTERRUPTED, then as of the last step; NULL
 * when `stop` came before the first). `last` gets the last epoch's event (may be NULL). Evaluates
 * the test set after each epoch. */
DROPCL_API int dropcl_train(dropcl_device *, const dropcl_recipe *, const dropcl_options *,
                            dropcl_model **out, dropcl_event *last);

/* How a model is used; NULL or all zero: one output for each picture, dropout off. */
typedef struct {
    int passes; /* Monte-Carlo dropout (Gal, Ghahramani 2016): the mean of so many outputs with
                   dropout on, 1 .. 65536; the masks are keyed by row and pass (docs/masks.md) */
    int flip;   /* not 0: every picture and its mirror image, left and right exchanged, the mean of
                   all outputs. DROPCL_USAGE where the model reads no pictures              */
} dropcl_inference;

/* What the outputs p_k of one row say of their mean p; entropies in nats (Gal 2016; Smith, Gal
 * 2018). Of a single output information and variation are 0, rounding apart. */
typedef struct {
    double probability;      /* of the predicted class, the largest p: the confidence             */
    double entropy;          /* H[p]: everything there is to be unsure about                      */
    double expected_entropy; /* mean of H[p_k]: what the data leaves open                         */
    double information;      /* their difference, the mutual information of prediction and weights
                                (BALD): what the model does not know                              */
    double variation;        /* 1 - share of the outputs that vote for the class most vote for    */
} dropcl_uncertainty;

/* Class probabilities [rows][classes] for images [rows][H][W][C] in the dataset's own bytes, and
 * uncertainty [rows], which may be NULL. Rows are numbered from 0 in the user's own split. */
DROPCL_API int dropcl_predict(dropcl_device *, const dropcl_model *, const uint8_t *images,
                              size_t rows, const dropcl_inference *, float *probabilities,
                              dropcl_uncertainty *);

/* Means over some rows; NaN where there are none. */
typedef struct {
    int64_t rows;
    dropcl_uncertainty mean;
} dropcl_group;

/* Scores of the mean of so many passes; 0: dropout off, the weights scaled (Srivastava et al. 2014,
 * section 7.5). */
typedef struct {
    int passes;
    double loss;              /* mean of -log of the label's probability           */
    double accuracy;          /* fraction right                                    */
    double brier;             /* mean squared distance from the label, 0 to 2      */
    double calibration_error; /* expected, in 15 bins of confidence (Guo et al. 2017) */
} dropcl_point;

enum { DROPCL_POINTS = 17 };
typedef struct {
    double loss, accuracy, brier, calibration_error; /* of the last point     */
    int64_t rows;
    dropcl_group all, right, wrong; /* all rows, those predicted right and wrong  */
    int points;                     /* 1, and with passes those after 1, 2, 5, ... */
    dropcl_point point[DROPCL_POINTS];
} dropcl_score;

/* Scores the test set of the model's dataset. DROPCL_MISSING, DROPCL_DATA. */
DROPCL_API int dropcl_evaluate(dropcl_device *, const dropcl_model *, const char *data,
                               const dropcl_inference *, dropcl_score *);

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
