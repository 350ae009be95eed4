/* Epilogues: the stages of a fused step, spelled as kernel text. */
#include "ops/internal.h"
#include <stdio.h>
#include <string.h>

static void add_stage(const struct plan *p, const struct stage *stage, int *extras, char *out,
                      size_t size) {
    uint32_t words[STAGE_WORDS] = {0};
    if (stage->op->words) stage->op->words(p, stage->attr, stage->draw, words);
    size_t used = strlen(out);
    if (stage->extra >= 0)
        snprintf(out + used, size - used, "STAGE_WITH(%s,%uu,%uu,%uu,extra%d)", stage->op->name,
                 words[0], words[1], words[2], (*extras)++);
    else
        snprintf(out + used, size - used, "STAGE(%s,%uu,%uu,%uu)", stage->op->name, words[0],
                 words[1], words[2]);
}

void stages_launch(const struct plan *p, const struct step *s, struct launch *l) {
    char epilogue[LAUNCH_DEFINES - 256] = "";
    int extras = 0;
    for (int i = 0; i < s->nstages; i++) {
        for (int k = 0; k < 2; k++)
            if (s->stage[i].op->needs[k]) launch_piece(l, s->stage[i].op->needs[k]);
        launch_piece(l, s->stage[i].op->piece);
        add_stage(p, &s->stage[i], &extras, epilogue, sizeof epilogue);
    }
    launch_piece(l, "epilogue");
    launch_define(l, "-DROW=%d -DEXTRAS=%d", control_row_words(p), extras);
    if (s->nstages) launch_define(l, "-DEPILOGUE=%s", epilogue);
    launch_value(l, p->control);
    launch_cursor(l);
    for (int i = 0; i < s->nstages; i++)
        if (s->stage[i].extra >= 0) launch_value(l, s->in[s->stage[i].extra]);
}
