#include "recipe/utf8.h"

#include <stdint.h>
#include <string.h>

/* Decodes one character; returns its length, 0 when malformed. */
static size_t decode(const unsigned char *s, size_t left, uint32_t *out) {
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000}; /* shorter forms exist below */
    size_t length = s[0] < 0x80             ? 1
                    : (s[0] & 0xe0) == 0xc0 ? 2
                    : (s[0] & 0xf0) == 0xe0 ? 3
                    : (s[0] & 0xf8) == 0xf0 ? 4
                                            : 0;
    if (!length || length > left) return 0;
    uint32_t value = length == 1 ? s[0] : s[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((s[i] & 0xc0) != 0x80) return 0;
        value = value << 6 | (s[i] & 0x3fu);
    }
    bool surrogate = value >= 0xd800 && value <= 0xdfff;
    if (value < least[length] || value > 0x10ffff || surrogate) return 0;
    *out = value;
    return length;
}

/* Line ends other than LF and CR LF are refused with the rest: YAML would count them as lines,
 * editors would not, and every position after them would be wrong for one of the two. */
static bool is_allowed(uint32_t c, bool before_newline) {
    if (c == '\r') return before_newline;
    if (c < 0x20) return c == '\t' || c == '\n';
    if (c >= 0x7f && c < 0xa0) return false;
    return c != 0x2028 && c != 0x2029 && c != 0xfffe && c != 0xffff;
}

bool utf8_check(struct faults *faults, const char *text, size_t size, const struct place *at) {
    const unsigned char *s = (const unsigned char *)text;
    struct place place = {1, 1, 0};
    for (size_t i = 0; i < size;) {
        uint32_t c = 0;
        size_t length = decode(s + i, size - i, &c);
        struct place here = at ? *at : place;
        if (!length) {
            faults_add(faults, here, "byte 0x%02x is not valid UTF-8", (unsigned)s[i]);
            return false;
        }
        bool start = i == 0 && c == 0xfeff; /* a byte order mark: skipped, takes no column */
        if (!is_allowed(c, i + 1 < size && s[i + 1] == '\n') || (c == 0xfeff && !start)) {
            faults_add(faults, here, "character U+%04X is not allowed", (unsigned)c);
            return false;
        }
        i += length;
        place.column += !start;
        if (c == '\n') place = (struct place){place.line + 1, 1, 0};
    }
    return true;
}

size_t utf8_show(char *out, size_t room, const char *in, size_t length) {
    const unsigned char *s = (const unsigned char *)in;
    size_t used = 0, written = 0;
    while (used < length) {
        uint32_t c = 0;
        size_t size = decode(s + used, length - used, &c);
        bool as_is = size && c != '\n' && c != 0xfeff && is_allowed(c, false);
        size_t wanted = as_is ? size : 1;
        if (written + wanted >= room) break;
        if (as_is)
            memcpy(out + written, in + used, size);
        else
            out[written] = size ? ' ' : '?';
        written += wanted;
        used += size ? size : 1;
    }
    out[written] = 0;
    return used;
}
