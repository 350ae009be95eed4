#!/bin/sh
# Installs into an empty folder and builds docs/example.c against what lies there, through pkg-config alone.
# Then runs it, and the installed program on the model it saved. Usage: install.sh SOURCE BUILD
set -eu
source=$1
build=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
    echo "$*" >&2
    exit 1
}

cmake --install "$build" --prefix "$work/usr" >"$work/install.log" || fail "$(cat "$work/install.log")"
file=$(find "$work/usr" -name dropcl.pc)
[ -n "$file" ] || fail "no dropcl.pc was installed"
# The prefix of the file is where it was configured for; a package would have the same.
PKG_CONFIG_PATH=$(dirname "$file")
export PKG_CONFIG_PATH
flags=$(pkg-config --define-variable=prefix="$work/usr" --cflags --libs dropcl)
libraries=$(pkg-config --define-variable=prefix="$work/usr" --variable=libdir dropcl)
version=$(pkg-config --modversion dropcl)

# A build with sanitizers has a library that needs their runtime.
sanitize=
! grep -q 'DROPCL_SANITIZE:BOOL=ON' "$build/CMakeCache.txt" || sanitize='-fsanitize=address,undefined'
# shellcheck disable=SC2086 # flags are words
cc -std=c11 -Wall -Wextra -Werror -pedantic "$source/docs/example.c" $flags $sanitize -o "$work/example"

# Only dropcl_* may be visible in the library.
exported=$(nm -D --defined-only "$libraries/libdropcl.so" | awk '$2 ~ /[TDBRVW]/ { print $3 }')
echo "$exported" | grep -q '^dropcl_train$' || fail "libdropcl.so does not export dropcl_train"
! echo "$exported" | grep -qv '^dropcl_' || fail "exported beside dropcl_*: $(echo "$exported" | grep -v '^dropcl_')"

cd "$work"
LD_LIBRARY_PATH=$libraries
XDG_CACHE_HOME=$build/cache
DROPCL_TUNE=off
export LD_LIBRARY_PATH XDG_CACHE_HOME DROPCL_TUNE
unset POCL_CACHE_DIR
sed -e 's/dataset: mnist/dataset: synthetic/' -e 's/units: 256/units: 32/' -e 's/batch: 128/batch: 128\n  limit: 2560/' \
    "$source/models/mnist-mlp.yaml" >recipe.yaml
grep -q 'dataset: synthetic' recipe.yaml || fail "the recipe was not changed"
./example recipe.yaml >out || fail "the example failed"
grep -q '^epoch 2 of 2: test accuracy 0\.' out || fail "no second epoch: $(cat out)"
[ "$(grep -c 'with probability 0\.\|with probability 1\.' out)" = 10 ] || fail "not ten classes: $(cat out)"
awk '/probability/ { sum += $NF } END { exit !(sum > 0.98 && sum < 1.02) }' out || fail "probabilities: $(cat out)"
! ./example missing.yaml 2>err || fail "a missing recipe must fail"
grep -q 'missing.yaml' err || fail "no message: $(cat err)"
"$work/usr/bin/dropcl" eval example.safetensors >eval || fail "the saved model cannot be scored"
accuracy=$(sed -n 's/^epoch 2 of 2: test accuracy //p' out)
grep -q "^test accuracy *$accuracy\$" eval || fail "eval differs from the end of training: $(cat eval out)"
echo "dropcl $version: installed, compiled against, run"
