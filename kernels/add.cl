/* y = x + e */
#define add_point(x, extra, at) ((x) + (extra))
