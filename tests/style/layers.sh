#!/bin/sh
# Includes only point down: cli > lab > train > ops, backend, data (never each other) > plan > recipe > base.
# Only backend/ocl_* and what it alone includes may see OpenCL; train and cli alone see the public header;
# dropcl train and dropcl eval use nothing else of the library.
# Usage: layers.sh ROOT
set -eu
cd "$1/host"
find . -name '*.[ch]' | sed 's|^\./||' | LC_ALL=C sort | xargs awk '
    BEGIN {
        split("base 1 recipe 2 plan 3 ops 4 backend 4 data 4 train 5 lab 6 cli 7 include 0", pair, " ")
        for (i = 1; i in pair; i += 2) rank[pair[i]] = pair[i + 1]
    }
    function fault(text) {
        printf "host/%s:%d: %s\n", FILENAME, FNR, text
        bad = 1
    }
    FNR == 1 {
        files++
        folder = FILENAME
        sub(/\/.*/, "", folder)
        if (!(folder in rank)) fault("folder " folder " is no layer")
        public_only = FILENAME == "cli/train.c" || FILENAME == "cli/eval.c"
    }
    /^[ \t]*#[ \t]*include[ \t]*</ && /<CL\/|<clblast/ {
        if (FILENAME !~ /^backend\/ocl_/) fault("only backend/ocl_* includes OpenCL headers")
    }
    /^[ \t]*#[ \t]*include[ \t]*"/ {
        target = $0
        sub(/^[^"]*"/, "", target)
        sub(/".*/, "", target)
        if (target == "dropcl.h" && folder != "train" && folder != "cli" && folder != "lab")
            fault("the public header is for train, lab and cli")
        if (target !~ /\//) next # dropcl.h and the headers shared with the kernels
        sub(/\/.*/, "", target)
        if (!(target in rank)) fault("no layer called " target)
        else if (target != folder && rank[target] >= rank[folder])
            fault(folder " may not include " target)
        if (public_only && target != "cli") fault("uses the library beside dropcl.h")
    }
    END {
        if (files < 20) { print "only " files " files found: is this the right folder?"; bad = 1 }
        exit bad
    }'
