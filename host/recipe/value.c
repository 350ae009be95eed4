#include "recipe/value.h"

#include "base/text.h"
#include "recipe/range.h"
#include <stdio.h>
#include <string.h>

enum { LONGEST_NAME = 100 }; /* it becomes a part of file and tensor names */

static const char DIGITS[] = "0123456789";

static void wrong_type(struct check *c, const struct slot *s, const char *wanted) {
    if (node_is_null(s->node))
        faults_add(c->faults, s->node->place, "%s has no value: it must be %s", check_label(s).at,
                   wanted);
    else
        faults_add(c->faults, s->node->place, "%s must be %s, got %s%s", check_label(s).at, wanted,
                   node_describe(s->node).at, s->node->quoted ? " in quotes" : "");
}

/* Where the number at the start of `s` ends; `s` itself when there is none. */
static const char *number_end(const char *s) {
    const char *at = s + (*s == '+' || *s == '-');
    size_t whole = strspn(at, DIGITS);
    at += whole;
    if (*at == '.') at++;
    size_t fraction = at[-1] == '.' ? strspn(at, DIGITS) : 0;
    if (!whole && !fraction) return s;
    at += fraction;
    if (*at == 'e' || *at == 'E') {
        const char *exponent = at + 1;
        exponent += *exponent == '+' || *exponent == '-';
        size_t digits = strspn(exponent, DIGITS);
        if (digits) at = exponent + digits;
    }
    return at;
}

/* Says what is wrong with a scalar that text_integer or text_real refused. */
static void not_a_number(struct check *c, const struct slot *s, const char *wanted) {
    const struct node *n = s->node;
    if (n->kind != NODE_SCALAR || node_is_null(n) || n->quoted) {
        wrong_type(c, s, wanted);
        return;
    }
    const char *end = number_end(n->value);
    struct quote got = faults_quote(n->value);
    struct label label = check_label(s);
    size_t decimals = *end == ',' ? strspn(end + 1, DIGITS) : 0;
    if (decimals && !end[1 + decimals])
        faults_add(c->faults, n->place,
                   "%s: a decimal comma does not make a number: write %.*s.%.20s, not %s", label.at,
                   (int)(end - n->value), n->value, end + 1, got.at);
    else if (end > n->value && *end)
        faults_add(c->faults, n->place, "%s must be %s, got '%s': trailing characters '%s'",
                   label.at, wanted, got.at, faults_quote(end).at);
    else
        wrong_type(c, s, wanted);
}

/* The papers' p is often the probability to keep, so a rate out of range says which one this is. */
static void out_of_range(struct check *c, const struct slot *s, const struct range *r,
                         double value) {
    bool rate = s->owner->stochastic && strcmp(s->attr->name, "rate") == 0;
    faults_add(c->faults, s->node->place, "%s %smust be %s, got %s", check_label(s).at,
               rate ? "is the probability to drop and " : "", range_missed(r, value).at,
               faults_quote(s->node->value).at);
}

static bool is_number(const struct node *n) {
    return n->kind == NODE_SCALAR && !n->quoted;
}

/* A whole number within the attribute's range and that of int. */
static bool read_int(struct check *c, const struct slot *s, int *out) {
    int64_t value;
    double size; /* of numbers that do not even fit 64 bits */
    const char *text = is_number(s->node) ? s->node->value : "";
    struct range r = range_of(s->attr);
    if (text_integer(text, &value)) {
        size = (double)value;
    } else if (strpbrk(text, ".eE") || !text_real(text, &size)) {
        not_a_number(c, s, "a whole number");
        return false;
    }
    if (!range_holds(&r, size)) {
        out_of_range(c, s, &r, size);
        return false;
    }
    *out = (int)value;
    return true;
}

/* The index of the word among the attribute's names; -1 after a fault. */
static int find_word(struct check *c, const struct slot *s) {
    const char *const *names = s->attr->names;
    for (int i = 0; names[i]; i++)
        if (strcmp(names[i], s->node->value) == 0) return i;
    faults_add(c->faults, s->node->place, "%s: unknown value '%s'%s", check_label(s).at,
               faults_quote(s->node->value).at, check_hint(s->node->value, names).at);
    return -1;
}

static bool is_word(const struct node *n) {
    return n->kind == NODE_SCALAR && !node_is_null(n) && number_end(n->value) == n->value;
}

void value_int(struct check *c, const struct slot *s) {
    int value;
    if (s->attr->names && is_word(s->node)) {
        int word = find_word(c, s);
        if (word >= 0) *(int *)s->out = -1 - word;
    } else if (read_int(c, s, &value)) {
        *(int *)s->out = value;
    }
}

void value_seed(struct check *c, const struct slot *s) {
    uint64_t value;
    if (is_number(s->node) && text_unsigned(s->node->value, &value))
        *(uint64_t *)s->out = value;
    else
        not_a_number(c, s, "a whole number from 0 to 18446744073709551615");
}

/* The index of the word among the names of a number's attribute, -1: none. */
static int number_word(const struct slot *s) {
    const char *const *names = s->attr->names;
    for (int i = 0; names && is_word(s->node) && names[i]; i++)
        if (strcmp(names[i], s->node->value) == 0) return i;
    return -1;
}

void value_real(struct check *c, const struct slot *s) {
    double value;
    struct range r = range_of(s->attr);
    struct quote wanted = {"a finite number"};
    int word = number_word(s);
    if (s->attr->names)
        snprintf(wanted.at, sizeof wanted.at, "a finite number or %s", s->attr->names[0]);
    if (word >= 0)
        *(double *)s->out = -1 - word;
    else if (!is_number(s->node) || !text_real(s->node->value, &value))
        not_a_number(c, s, wanted.at);
    else if (!range_holds(&r, value))
        out_of_range(c, s, &r, value);
    else
        *(double *)s->out = value;
}

void value_bool(struct check *c, const struct slot *s) {
    bool yes = is_number(s->node) && strcmp(s->node->value, "true") == 0;
    bool no = is_number(s->node) && strcmp(s->node->value, "false") == 0;
    if (yes || no)
        *(bool *)s->out = yes;
    else
        wrong_type(c, s, "true or false");
}

void value_enum(struct check *c, const struct slot *s) {
    if (s->node->kind != NODE_SCALAR || node_is_null(s->node)) {
        wrong_type(c, s, "a word");
        return;
    }
    int word = find_word(c, s);
    if (word >= 0) *(int *)s->out = word;
}

void value_name(struct check *c, const struct slot *s) {
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    if (s->node->kind != NODE_SCALAR || node_is_null(s->node)) {
        wrong_type(c, s, "a name");
        return;
    }
    size_t length = strlen(s->node->value);
    if (!length || length > LONGEST_NAME || strspn(s->node->value, allowed) != length) {
        faults_add(c->faults, s->node->place,
                   "%s must be a name of 1 to %d letters, digits and _ . - only, got %s",
                   check_label(s).at, LONGEST_NAME, node_describe(s->node).at);
        return;
    }
    char *copy = arena_strdup(c->arena, s->node->value);
    if (!copy) c->faults->memory = true;
    *(const char **)s->out = copy;
}

/* One number may stand for a list of one: `input: 784`. */
void value_ints(struct check *c, const struct slot *s) {
    enum { MOST = sizeof(struct ints) / sizeof(int) - 1 };
    struct ints *out = s->out;
    if (is_number(s->node) && !node_is_null(s->node)) {
        out->count = read_int(c, s, &out->at[0]);
        return;
    }
    if (s->node->kind != NODE_LIST || !s->node->count) {
        wrong_type(c, s,
                   s->node->kind == NODE_LIST ? "a list with at least one whole number"
                                              : "a list of whole numbers");
        return;
    }
    if (s->node->count > MOST) {
        faults_add(c->faults, s->node->place, "%s may have at most %d numbers, got %d",
                   check_label(s).at, MOST, s->node->count);
        return;
    }
    for (int i = 0; i < s->node->count; i++) {
        struct slot element = {s->owner, s->attr, s->node->entries[i].value, &out->at[i], s->place};
        if (element.node->kind != NODE_BAD) read_int(c, &element, &out->at[i]);
    }
    out->count = s->node->count;
}
