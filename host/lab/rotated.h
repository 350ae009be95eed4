/* What the experiment with turned pictures measured, and its figures. */
#ifndef DROPCL_LAB_ROTATED_H
#define DROPCL_LAB_ROTATED_H

#include "lab/lab_private.h"

enum { TURN_STEP = 15, TURNS = 13, TURNS_UPRIGHT = 7 /* 0 to 90 degrees */ };

/* What tells, before the answer is known, that it may be wrong. */
enum score { SCORE_CONFIDENCE, SCORE_ENTROPY, SCORE_INFORMATION, SCORES };

/* Over the pictures at one angle. */
enum figure {
    ACCURACY_OFF, /* dropout off                              */
    ACCURACY,     /* of the mean of the passes                */
    ENTROPY,      /* these three are means, in nats           */
    EXPECTED,
    INFORMATION,
    FIGURES
};

struct turn {
    double degrees, of[FIGURES];
    struct auc auc[SCORES];
};

struct rotated {
    int rows, passes, classes;
    struct turn turn[TURNS];
    struct auc all[SCORES];
    /* [TURNS][rows]; wrong: of dropout off for the first score, of the passes for the others */
    double *score[SCORES];
    bool *wrong[SCORES];
};

/* One picture, turned. */
enum { COPIES = 60 };
struct example {
    int row;
    uint8_t *pictures; /* [TURNS][pixels]                            */
    float *p;          /* [TURNS][classes]: the mean of the passes   */
    dropcl_uncertainty at[TURNS];
    float *single; /* [TURNS][COPIES][classes]: of single passes */
};

/* ERR_SYSTEM. */
enum err rotated_figures(struct page *, const struct rotated *, const struct dataset *,
                         const struct example *);

#endif
