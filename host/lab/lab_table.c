/* The experiments, in the order of the lecture. */
#include "lab/lab_private.h"

const struct experiment lab_experiments[] = {
    {"mechanism", "What dropout does",
     "At every training step each hidden unit is dropped at random, anew for each sample. The same "
     "input therefore gives different outputs in training mode; in evaluation mode it has one.",
     lab_mechanism},
    {"scaling", "Why what is kept is scaled by 1/(1-p)",
     "With the factor 1/(1-p) in training, activations have the same mean as in evaluation, where "
     "nothing is dropped; without it the mean would be (1-p) times as large. The variance grows "
     "in either case.",
     lab_scaling},
    {"ensemble", "An ensemble of 2^n networks in one",
     "For a softmax layer, evaluation with dropout off is exactly the normalised geometric mean of "
     "all 2^n networks that masks can make, and close to their arithmetic mean.",
     lab_ensemble},
    {"samples", "Averaging many passes with dropout on",
     "One pass with dropout on errs more than evaluation does; the mean of about 50 passes errs "
     "about as little (Srivastava et al. 2014, section 7.5).",
     lab_samples},
    {"rate", "The rate",
     "A moderate rate in the hidden layers is better than none and better than a large one; the "
     "input layer takes less (recommended: 0.4 to 0.5, and 0 to 0.2).",
     lab_rate},
    {"size", "How much data there is",
     "Dropout gains most where data is scarce but not tiny, and less with plenty of it (Srivastava "
     "et al. 2014, figure 10).",
     lab_size},
    {"coadaptation", "What units learn",
     "With dropout, hidden units rely less on each other: activations are sparser, and the network "
     "suffers less when units are taken away.",
     lab_coadaptation},
    {"variants", "Dropping in convolutions",
     "In feature maps neighbours say nearly the same, so dropping single elements takes little "
     "away. Dropping whole maps (Tompson et al. 2015) or blocks (Ghiasi et al. 2018) regularises a "
     "convolutional network better.",
     lab_variants},
    {"connect", "Dropping weights",
     "Dropping single weights (DropConnect) instead of activations generalises at least as well as "
     "dropout of the same rate (Wan et al. 2013).",
     lab_connect},
    {"batchnorm", "Dropout and batch normalisation",
     "Dropout before a batch norm makes the variance that it sees in training another one than in "
     "evaluation, so that its running statistics do not fit, and costs accuracy that dropout behind "
     "the last batch norm does not (Li et al. 2018).",
     lab_batchnorm},
    {"rotated", "What it knows that it does not know",
     "The further pictures are turned away from what training has seen, up to 90\xc2\xb0, the more "
     "the passes with dropout on disagree: information rises as accuracy falls, and it tells wrong "
     "answers from right ones (Gal, Ghahramani 2016, figure 4).",
     lab_rotated},
    {0},
};
