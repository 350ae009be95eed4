#include "ops/window.h"

const char *const window_pads[] = {"same", "valid", NULL};

bool window_axis(int in, int kernel, int stride, int pad, struct window_axis *out) {
    *out = (struct window_axis){.in = in, .kernel = kernel, .stride = stride};
    if (pad == PAD_SAME) {
        out->out = (in + stride - 1) / stride;
        int64_t missing = (int64_t)(out->out - 1) * stride + kernel - in;
        out->before = missing > 0 ? (int)(missing / 2) : 0;
        return true;
    }
    out->before = pad > 0 ? pad : 0;
    int padded = in + 2 * out->before;
    out->out = padded < kernel ? 0 : (padded - kernel) / stride + 1;
    return padded >= kernel;
}

bool window_of_layer(struct plan *p, const struct layer *layer, int in, const struct ints *kernel,
                     int stride, int pad, struct window_axis out[2]) {
    const struct shape x = p->values[in].shape;
    if (x.rank != 4) {
        char text[64];
        plan_fault(p, layer->line, layer->column,
                   "%s reads images of shape [height, width, channels]; its input is %s a batch",
                   layer->name, shape_text(&x, text));
        return false;
    }
    if (kernel->count > 2) {
        plan_fault(p, layer->line, layer->column,
                   "%s: a kernel is one number or [height, width], not %d numbers", layer->name,
                   kernel->count);
        return false;
    }
    for (int a = 0; a < 2; a++) {
        int size = kernel->at[kernel->count > 1 ? a : 0];
        if (window_axis(x.dim[1 + a], size, stride ? stride : size, pad, &out[a])) continue;
        plan_fault(p, layer->line, layer->column,
                   "%s: a kernel of %s %d does not fit into a map of %d%s", layer->name,
                   a ? "width" : "height", size, x.dim[1 + a], pad > 0 ? " and its padding" : "");
        return false;
    }
    return true;
}
