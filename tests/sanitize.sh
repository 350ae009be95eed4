#!/bin/sh
# Builds everything with AddressSanitizer, LeakSanitizer and UndefinedBehaviorSanitizer and runs the suites and
# scripts that need no OpenCL device (labels host and cpu). Usage: sanitize.sh SOURCE BUILD
set -eu
source=$1
build=$2/sanitize
cmake -S "$source" -B "$build" -DCMAKE_BUILD_TYPE=Debug -DDROPCL_SANITIZE=ON >"$2/sanitize-configure.log" 2>&1 ||
    { cat "$2/sanitize-configure.log"; exit 1; }
cmake --build "$build" --parallel "$(nproc)" >"$2/sanitize-build.log" 2>&1 ||
    { tail -n 60 "$2/sanitize-build.log"; exit 1; }

# What OpenCL drivers keep until the process ends is theirs; nothing of ours is suppressed.
cat >"$build/leaks.txt" <<END
leak:libOpenCL.so
leak:libpocl
leak:libLLVM
leak:libclang
leak:libhwloc
leak:libcuda
leak:libnvidia
END
ASAN_OPTIONS=strict_string_checks=1:detect_stack_use_after_return=1
UBSAN_OPTIONS=print_stacktrace=1
LSAN_OPTIONS=suppressions=$build/leaks.txt:print_suppressions=0
CK_TIMEOUT_MULTIPLIER=30 # Check's limits are for the release build
export ASAN_OPTIONS UBSAN_OPTIONS LSAN_OPTIONS CK_TIMEOUT_MULTIPLIER
cd "$build"
# The sanitizers must be in: a program of this build with a planted fault has to be stopped by them.
printf 'int main(int argc, char **argv) { int a[2] = {0}; (void)argv; return a[argc + 1]; }\n' >planted.c
cc -fsanitize=address,undefined planted.c -o planted
if ./planted 2>/dev/null; then
    echo "the sanitizers let a planted fault pass"
    exit 1
fi
nm dropcl | grep -q __asan_init || { echo "dropcl was built without AddressSanitizer"; exit 1; }
ctest -L 'host|cpu' --output-on-failure --parallel "$(nproc)"
