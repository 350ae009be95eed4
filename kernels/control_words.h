/* The words of one CONTROL row and of the metrics buffer, shared by the host and the kernels. A row is
 * the table for one micro-batch; floats are stored by their bits. */
#ifndef DROPCL_CONTROL_WORDS_H
#define DROPCL_CONTROL_WORDS_H

#define CONTROL_SEED_LOW  0  /* the key of every mask                                        */
#define CONTROL_SEED_HIGH 1
#define CONTROL_STEP      2  /* optimizer step (training), pass (Monte-Carlo): counter word 2 */
#define CONTROL_FIRST     3  /* where this micro-batch starts in ORDER                       */
#define CONTROL_SAMPLE    4  /* sample number of its first row: counter word 1               */
#define CONTROL_VALID     5  /* rows that count; the rest of the batch is padding            */
#define CONTROL_MEAN      6  /* float: 1 / rows of the global batch, scales the gradients    */
#define CONTROL_AUX       7  /* counter word 3, low 16 bits (Monte-Carlo: the split)         */
#define CONTROL_EPOCH     8  /* from 0: counter word 2 of augmentation                        */
#define CONTROL_AVERAGE   9  /* float: how far the averaged model moves                      */
#define CONTROL_INTERVAL  10 /* Monte-Carlo: 2 * the interval of passes this one counts into,
                                + 1 for its first pass; a spare word follows                 */
#define CONTROL_OPTIMIZER 12 /* 8 floats whose meaning the optimizer defines                 */
#define CONTROL_LAYERS    20 /* 4 words for each stochastic layer                            */
#define CONTROL_LAYER     4  /* words per layer:                                             */
#define LAYER_LIMIT       0  /*   dropped iff ACTIVE and word <= LIMIT, LIMIT = T - 1         */
                             /*   (dropconnect: of an 8-bit word, LIMIT = T8 - 1)           */
#define LAYER_ACTIVE      1  /*   0 when T is 0                                              */
#define LAYER_SCALE       2  /*   float: of what is kept; mostly 1 / (1 - T 2^-32)           */
#define LAYER_EXTRA       3  /*   float: whatever else the kind of layer needs               */

/* METRIC: the latch, then a loss sum and a count of hits for each CONTROL row. */
#define METRIC_LATCH 0 /* 1 + the first row whose loss was not finite; 0: none so far */
#define METRIC_FIRST 4 /* row r: float loss sum at METRIC_FIRST + 2r, hits behind it  */

/* Domains of the randomness contract (docs/masks.md): the top 4 bits of counter word 3. */
#define DOMAIN_MASK       1u
#define DOMAIN_WEIGHTS    3u
#define DOMAIN_PATH       4u
#define DOMAIN_NOISE      5u
#define DOMAIN_INIT       6u
#define DOMAIN_SHUFFLE    7u
#define DOMAIN_AUGMENT    8u
#define DOMAIN_OF_PASSES  8u /* added to one of 1 to 5: the same in Monte-Carlo evaluation */
#define DOMAIN_MC_MASK    9u
#define DOMAIN_MC_WEIGHTS 11u
#define DOMAIN_MC_PATH    12u
#define DOMAIN_MC_NOISE   13u
#define DOMAIN_SYNTHETIC  14u

#endif
