#!/bin/sh
# clang-format agrees with every C file. Usage: format.sh ROOT
set -eu
cd "$1"
find host tests docs kernels \( -name '*.[ch]' -o -name '*.cl' \) -print | LC_ALL=C sort |
    xargs clang-format --dry-run -Werror
