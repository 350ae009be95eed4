#!/bin/sh
# clang-format agrees with every C file of the host and the tests. (Kernels are left out: it takes OpenCL's casts
# and qualifiers for other things.) Usage: format.sh ROOT
set -eu
cd "$1"
find host tests docs -name '*.[ch]' | LC_ALL=C sort |
    xargs clang-format --dry-run -Werror
