#!/bin/sh
# The style checks catch what they are for: each planted fault must be refused, and named.
# Usage: planted.sh ROOT
set -eu
root=$(CDPATH='' cd "$1" && pwd)
checks=$root/tests/style
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

fresh() {
    rm -rf "$work/tree"
    mkdir -p "$work/tree"
    cp -R "$root/host" "$root/kernels" "$root/docs" "$root/.clang-format" "$work/tree"
    mkdir "$work/tree/tests"
}

# expect NAME CHECK TEXT: the check fails and says TEXT
expect() {
    if sh "$checks/$2.sh" "$work/tree" >"$work/out" 2>&1; then
        echo "$1: not caught by $2.sh"
        bad=1
    elif ! grep -q -- "$3" "$work/out"; then
        echo "$1: $2.sh failed, but did not say '$3':"
        cat "$work/out"
        bad=1
    fi
}

plant() {
    fresh
    printf '%s\n' "$2" >"$work/tree/host/$1"
}

plant base/planted.c '#include "plan/plan.h"'
expect 'include upwards' layers 'base may not include plan'
plant ops/planted.c '#include "backend/backend.h"'
expect 'include sideways' layers 'ops may not include backend'
plant train/planted.c '#include <CL/cl.h>'
expect 'OpenCL outside backend/ocl_*' layers 'only backend/ocl_'
plant backend/planted.c '#include "dropcl.h"'
expect 'public header below train' layers 'the public header'
fresh
echo '#include "plan/plan.h"' >>"$work/tree/host/cli/train.c"
expect 'train.c beside the public API' layers 'beside dropcl.h'

plant base/planted.c 'int planted(void) {   return 1; }'
expect 'unformatted' format 'planted.c'

plant base/planted.c "$(yes '/* line */' | head -n 401)"
expect 'long file' sizes '401 FILE host/base/planted.c'
plant base/planted.c "int planted(void) {
$(yes '    ;' | head -n 59)
}"
expect 'long function' sizes '61 host/base/planted.c'
plant cli/planted.c 'int planted(char *s) { return atoi(s); }'
expect 'banned function' sizes 'planted.c:1:.*atoi'
plant base/planted.c 'void planted(void) { printf("x"); }'
expect 'printing library' sizes 'planted.c:1:.*printf'
exit $bad
