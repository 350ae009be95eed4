/* The stages fused into a producer. v: elements element.. of sample `sample` (within the micro-batch);
 * index: where they are in the output, which is where second operands have theirs; count: valid lanes. */
#ifndef EPILOGUE
#define EPILOGUE
#endif
#define STAGE(name, first, second, third)                                                                 \
    at.a = first;                                                                                  \
    at.b = second;                                                                                 \
    at.c = third;                                                                                  \
    v = name##_point(v, v, at);
#define STAGE_WITH(name, first, second, third, extra)                                                     \
    at.a = first;                                                                                  \
    at.b = second;                                                                                 \
    at.c = third;                                                                                  \
    v = name##_point(v, load_lanes(extra + index, count), at);

static realv epilogue(realv v, uint sample, uint element, size_t index, uint count, STAGE_PARAMS) {
    struct point at;
    at.row = control + (size_t)cursor * ROW;
    at.sample = sample;
    at.element = element;
    at.a = at.b = at.c = 0;
    EPILOGUE
    return v;
}
