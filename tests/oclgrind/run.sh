#!/bin/sh
# run.sh memory|races|uninitialized FOLDER: runs suites of FOLDER on Oclgrind, both kernel families, and
# fails when a suite fails or when Oclgrind has anything to say. Its exit status says nothing, so the log
# decides; each plugin runs alone because they share one limit on messages. First a kernel that is wrong
# on purpose must fill the log.
set -eu
mode=$1
folder=$2
icd=${OCLGRIND_ICD:-/usr/lib/oclgrind/liboclgrind-rt-icd.so}
[ -e "$icd" ] || { echo "Oclgrind is not installed: $icd is missing (Debian: oclgrind)" >&2; exit 1; }

case $mode in
memory) suites="op_portable_math_float op_tour_float" ;;
races) suites=op_tour_float; export OCLGRIND_DATA_RACES=1 ;;
uninitialized) suites=op_tour_float; export OCLGRIND_UNINITIALIZED=1 ;;
*) echo "run.sh: unknown mode $mode" >&2; exit 2 ;;
esac

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# Without optimisation every load and store is seen as written; Oclgrind 21.10 also does not know the
# intrinsic that inlining a function with restrict pointers leaves behind.
export OCLGRIND_BUILD_OPTIONS=-cl-opt-disable OCLGRIND_LOG="$scratch/log"
export OCL_ICD_VENDORS="$icd" DROPCL_TEST_PLATFORM=Oclgrind CK_FORK=no CK_VERBOSITY=minimal

"$folder/oclgrind_faulty" "$mode"
if [ ! -s "$scratch/log" ]; then
    echo "Oclgrind missed a kernel that is wrong on purpose ($mode)" >&2
    exit 1
fi

for suite in $suites; do
    : >"$scratch/log"
    "$folder/$suite"
    if [ -s "$scratch/log" ]; then
        echo "Oclgrind ($mode) about $suite:" >&2
        head -40 "$scratch/log" >&2
        exit 1
    fi
done
