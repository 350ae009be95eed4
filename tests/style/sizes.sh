#!/bin/sh
# Files of at most 400 lines, functions of at most 60, no function that cannot be used safely.
# Prints the five longest functions. Usage: sizes.sh ROOT
set -eu
cd "$1"
files=$(find host kernels tests docs -name '*.[ch]' -o -name '*.cl' | LC_ALL=C sort)
[ "$(echo "$files" | wc -l)" -ge 20 ] || { echo "too few files found in $1"; exit 1; }
bad=0
# A function starts at a line in column 0 that ends with its opening brace, or whose next line is the brace.
# shellcheck disable=SC2086 # the names have no blanks
longest=$(awk '
    FNR == 1 { if (lines > 400) print lines, "FILE", name; name = FILENAME; start = head = 0 }
    { lines = FNR }
    /;[ \t]*$/ && !start { head = 0 }
    /^[A-Za-z_].*\(/ && !/;[ \t]*$/ { head = FNR; title = $0 }
    (/^[A-Za-z_ \t].*\{[ \t]*$/ || /^\{/) && head && !start && !/^(struct|enum|union|typedef|extern)[^(]*\{/ { start = head }
    /^\}/ && start { print FNR - start + 1, FILENAME ":" start, title; start = 0; head = 0 }
    END { if (lines > 400) print lines, "FILE", name }' $files | sort -rn)
echo "longest functions:"
echo "$longest" | grep -v ' FILE ' | head -n 5
[ "$(echo "$longest" | grep -vc ' FILE ')" -ge 20 ] || { echo "too few functions found"; bad=1; }
over=$(echo "$longest" | awk '$2 == "FILE" || $1 > 60')
if [ -n "$over" ]; then
    echo "too long (file > 400 lines or function > 60):"
    echo "$over"
    bad=1
fi
# shellcheck disable=SC2086
if grep -nE '\b(sprintf|vsprintf|strcpy|strcat|strtok|gets|atoi|atol|atof|alloca|system|popen|tmpnam)[ \t]*\(' \
    $(echo "$files" | grep -v '\.cl$'); then
    echo "banned functions (above)"
    bad=1
fi
# The library never prints, exits or changes the environment.
# shellcheck disable=SC2086
if grep -nE '\b(printf|puts|putchar|perror|exit|_exit|abort|setenv|putenv|unsetenv|signal|sigaction)[ \t]*\(|\bstderr\b|\bstdout\b' \
    $(echo "$files" | grep '^host/' | grep -v '^host/cli/'); then
    echo "printing, leaving or changing the environment inside the library (above)"
    bad=1
fi
exit $bad
