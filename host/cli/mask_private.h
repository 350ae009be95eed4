/* What the files of `dropcl mask` share: masks come in blocks of samples, from one source, and go
 * to whoever asked for them: printed, hashed, drawn. */
#ifndef DROPCL_CLI_MASK_PRIVATE_H
#define DROPCL_CLI_MASK_PRIVATE_H

#include "base/hash.h"
#include "cli/options.h"
#include "train/mask.h"

struct mask_arguments {
    struct number seed, layer, step, elements, size;
    struct range samples;
    struct fraction rate;
    const char *kind, *shape, *gamma, *split, *device, *png;
    bool sha256;
};

/* Element-wise masks are asked by their number of elements, a sample's one gate by nothing, the
 * others by the axes of a sample. */
struct mask_kind {
    const char *name;
    uint32_t domain; /* of an element-wise one        */
    int axes;        /* 0: element-wise               */
    bool gate;       /* one element a sample          */
    bool blocks;     /* takes --size and --gamma      */
    bool noise;      /* factors instead of bits       */
    bool learned;    /* the rate is trained, and so neither 0 nor 1 */
    bool weights;    /* of inputs and outputs         */
};

/* Everything that was asked, checked. */
struct mask_question {
    const struct mask_arguments *arguments;
    const struct mask_kind *kind;
    struct ints shape; /* the axes of a sample, where the kind has them  */
    size_t elements;   /* of a sample, in the order in which they print  */
    bool monte_carlo;  /* masks of an evaluation's passes...             */
    uint32_t split;    /* ...over the rows of SPLIT_... (train/control.h) */
};

/* Samples one behind the other: bits, or factors. */
struct mask_block {
    const uint8_t *kept; /* [samples][elements], 1 or 0; NULL: factors */
    const real *factors;
    size_t samples, elements;
};

/* ---- mask_source.c ---- */

/* Makes the masks on the device and hands them to `take`, in blocks, so that a long range needs no
 * more memory than a short one. */
enum err mask_blocks(const struct mask_question *, struct device *,
                     enum err (*take)(void *user, const struct mask_block *), void *user);

/* ---- mask_print.c ---- */

/* A line for each sample. Factors as hexadecimal floats: to the bit. */
enum err mask_print(const struct mask_block *);

/* SHA-256 of the bits as bytes 0 and 1, or of the factors as little-endian 32-bit floats, in the
 * order in which they would print; and a little of what would be seen. */
struct mask_digest {
    struct sha256 hash;
    uint64_t elements, kept;
    double sum, squares; /* of factors - 1 */
    bool noise;
};
void mask_digest_open(struct mask_digest *, const struct mask_question *);
void mask_digest_add(struct mask_digest *, const struct mask_block *);
void mask_digest_print(struct mask_digest *);

/* ---- mask_draw.c ---- */

/* So many cells of a size in columns, with gaps between them: in pixels. */
struct mask_cells {
    uint64_t count, columns, width, height, gap;
};

/* A picture of tiles. Element e of a sample is in channel e % tiles.count, and there the pixel
 * e / tiles.count, row by row. */
struct mask_picture {
    struct mask_cells tiles;   /* of a sample      */
    struct mask_cells samples; /* of the picture   */
    uint64_t scale;            /* pixels of an element, across and down */
    uint64_t row;              /* elements across a tile                */
    uint64_t width, height, drawn;
    uint8_t *pixels; /* [height][width] */
};
/* Lays the picture out. ERR_USAGE when it would be larger than a picture should be. */
enum err mask_picture_plan(struct mask_picture *, const struct mask_question *);
enum err mask_picture_open(struct mask_picture *);
void mask_picture_add(struct mask_picture *, const struct mask_block *);
/* Writes the file and says on stdout what is in it. ERR_CREATE, ERR_IO, ERR_SYSTEM. */
enum err mask_picture_write(const struct mask_picture *, const char *path);
void mask_picture_close(struct mask_picture *);

#endif
