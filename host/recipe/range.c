#include "recipe/range.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>

/* Limits beyond this only keep arithmetic finite; a reader of messages need not hear of them. */
static const double UNSPOKEN = 1e30;

struct range range_of(const struct attr *a) {
    bool integer = a->type == ATTR_INT || a->type == ATTR_INTS;
    bool both_zero = a->min == 0 && a->max == 0;
    struct range r = {.min = -HUGE_VAL, .max = HUGE_VAL};
    if (integer) r.min = INT_MIN, r.max = INT_MAX;
    r.declared_min = !both_zero || a->above_min;
    r.declared_max = a->below_max || (!both_zero && a->max >= a->min);
    if (integer && a->max >= INT_MAX) r.declared_max = false;
    if (r.declared_min) r.min = a->min;
    if (r.declared_max) r.max = a->max;
    r.above_min = a->above_min;
    r.below_max = a->below_max;
    return r;
}

bool range_holds(const struct range *r, double value) {
    bool low = r->above_min ? value > r->min : value >= r->min;
    bool high = r->below_max ? value < r->max : value <= r->max;
    return low && high;
}

static struct range_words at_least(const struct range *r) {
    struct range_words w;
    snprintf(w.at, sizeof w.at, "%s %.10g", r->above_min ? "greater than" : "at least", r->min);
    return w;
}

static struct range_words at_most(const struct range *r) {
    struct range_words w;
    snprintf(w.at, sizeof w.at, "%s %.10g", r->below_max ? "less than" : "at most", r->max);
    return w;
}

struct range_words range_words(const struct range *r) {
    bool low = r->declared_min && r->min > -UNSPOKEN, high = r->declared_max && r->max < UNSPOKEN;
    if (low && !high) return at_least(r);
    if (high && !low) return at_most(r);
    struct range_words w = {""};
    if (low)
        snprintf(w.at, sizeof w.at, "in %c%.10g, %.10g%c", r->above_min ? '(' : '[', r->min, r->max,
                 r->below_max ? ')' : ']');
    return w;
}

struct range_words range_missed(const struct range *r, double value) {
    bool low = r->declared_min && r->min > -UNSPOKEN, high = r->declared_max && r->max < UNSPOKEN;
    if (low && high) return range_words(r);
    return value <= r->min ? at_least(r) : at_most(r);
}
