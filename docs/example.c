/* Trains a recipe through the public library, saves the model and asks it about one picture, by
 * the mean of 50 passes with dropout on, and how sure it is.
 *   cc example.c $(pkg-config --cflags --libs dropcl) -o example && ./example models/mnist-mlp.yaml
 */
#include <dropcl.h>
#include <stdio.h>
#include <stdlib.h>

static int on_event(const dropcl_event *e, void *user) {
    (void)user;
    if (e->kind == DROPCL_EPOCH)
        printf("epoch %d of %d: test accuracy %.4f\n", e->epoch, e->epochs, e->test_accuracy);
    return 0; /* anything else stops after this step */
}

int main(int argc, char **argv) {
    const char *settings[] = {"train.epochs=2", "train.seed=7"};
    dropcl_options options = {.callback = on_event};
    dropcl_device *device = NULL;
    dropcl_recipe *recipe = NULL;
    dropcl_model *model = NULL;
    unsigned char *picture = NULL;
    float p[256] = {0}; /* labels are bytes: no more classes than that */
    const dropcl_inference monte_carlo = {.passes = 50};
    dropcl_uncertainty u = {0};

    int code = argc > 1 ? 0 : DROPCL_USAGE;
    if (!code) code = dropcl_recipe_read(argv[1], settings, 2, &recipe);
    if (!code)
        code = dropcl_device_open(NULL, &device); /* a GPU, else another OpenCL device, else C */
    if (!code) code = dropcl_train(device, recipe, &options, &model, NULL);
    if (!code) code = dropcl_model_save(model, "example.safetensors");
    if (!code && !(picture = calloc(dropcl_model_features(model), 1))) code = DROPCL_SYSTEM;
    if (!code) code = dropcl_predict(device, model, picture, 1, &monte_carlo, p, &u);

    for (int c = 0; !code && c < dropcl_model_classes(model); c++)
        printf("a black picture is a %d with probability %.3f\n", c, p[c]);
    if (!code)
        printf("it is unsure by %.3f nats, %.3f of which the model does not know\n", u.entropy,
               u.information);
    if (code) fprintf(stderr, "example: %s\n", dropcl_error());

    free(picture);
    dropcl_model_close(model);
    dropcl_device_close(device);
    dropcl_recipe_close(recipe);
    return code;
}
