/* One network trained with several seeds, and whether another one is better. */
#include "lab/lab_private.h"
#include <math.h>
#include <stdlib.h>

int lab_trial_rows(const struct lab *lab, struct trial *t) {
    int all = lab->data->train.rows;
    if (t->validation > all / 4) t->validation = all / 4;
    if (t->rows > all - t->validation) t->rows = all - t->validation;
    return t->rows;
}

void lab_over_seeds(struct errors *e, int seeds) {
    e->seeds = seeds;
    e->over = stats_of(e->of, seeds);
}

static struct lab_settings settings_of(const struct trial *t) {
    struct lab_settings s = {.count = 0};
    lab_set(&s, "train.limit=%d", t->rows);
    lab_set(&s, "train.epochs=%d", t->epochs);
    for (int i = 0; t->settings && t->settings[i]; i++) lab_set(&s, "%s", t->settings[i]);
    return s;
}

enum err lab_trial_model(struct lab *lab, const char *layers, const struct trial *t,
                         struct model **out) {
    const struct lab_settings s = settings_of(t);
    char *text = NULL;
    *out = NULL;
    TRY(lab_network(lab, layers, &text));
    enum err rc = lab_train(lab, text, &s, out, NULL);
    free(text);
    return rc;
}

static enum err train_once(struct lab *lab, const char *text, const struct trial *t, int seed,
                           dropcl_event *last) {
    struct lab_settings s = settings_of(t);
    struct model *m = NULL;
    lab_set(&s, "train.validation=%d", t->validation);
    lab_set(&s, "train.seed=%d", seed);
    enum err rc = lab_train(lab, text, &s, &m, last);
    model_free(m);
    return rc;
}

static enum err try_seeds(struct lab *lab, const char *text, const struct trial *t,
                          struct outcome *out) {
    struct errors *held = &out->held, *test = &out->test, *train = &out->train;
    for (int i = 0; i < t->seeds; i++) {
        dropcl_event e;
        TRY(train_once(lab, text, t, i + 1, &e));
        held->of[i] = 100 * (1 - e.val_accuracy);
        test->of[i] = 100 * (1 - e.test_accuracy);
        train->of[i] = 100 * (1 - e.train_accuracy);
    }
    lab_over_seeds(held, t->seeds);
    lab_over_seeds(test, t->seeds);
    lab_over_seeds(train, t->seeds);
    return OK;
}

enum err lab_try(struct lab *lab, const char *layers, const struct trial *t, struct outcome *out) {
    char *text = NULL;
    TRY(lab_network(lab, layers, &text));
    enum err rc = try_seeds(lab, text, t, out);
    free(text);
    return rc;
}

/* Student's t: 97.5 % of the distribution with n - 1 degrees of freedom lie below. */
static double student(int n) {
    static const double t[] = {12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262};
    enum { MOST = sizeof t / sizeof *t };
    return t[n - 2 < MOST ? n - 2 : MOST - 1];
}

/* Seeds are paired: both networks of a seed hold out the same rows and see the others in the same
 * order, so that what is common to them cancels. */
struct gain lab_gain(const struct errors *from, const struct errors *to) {
    double d[TRIAL_SEEDS];
    int n = from->seeds < to->seeds ? from->seeds : to->seeds;
    for (int i = 0; i < n; i++) d[i] = from->of[i] - to->of[i];
    struct stats s = stats_of(d, n); /* pairs of which one is no number do not count */
    double error = s.count > 1 ? s.spread / sqrt(s.count) : (double)NAN;
    double least = s.count > 1 ? s.mean - student(s.count) * error : (double)NAN;
    return (struct gain){s.mean, error, least, least > 0};
}

enum verdict lab_peak(const struct errors *curve, int count, int best) {
    int last = count - 1;
    bool clear = true, end = best == 0 || best == last;
    for (int i = 0; i < count; i++)
        if (end ? i > 0 && i < last : i == 0 || i == last)
            clear = clear && lab_gain(&curve[i], &curve[best]).clear;
    return !clear ? VERDICT_OPEN : end ? VERDICT_FAILED : VERDICT_HELD;
}
