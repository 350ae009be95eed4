#!/bin/sh
# Builds a fuzz target with the sanitizers and runs it for some seconds: with clang's libFuzzer where that works, else
# with driver.c and the C compiler. Usage: run.sh ROOT WORK TARGET SECONDS, or the same with DRIVER=1 before it.
set -eu
root=$1 work=$2 target=$3 seconds=$4
name=$(basename "$target")
rm -rf "$work"
mkdir -p "$work/corpus"
cd "$root"

# Valid inputs to start from.
case $name in
recipe)
    cp models/*.yaml "$work/corpus"
    printf 'dropcl: 1\nmodel:\n  name: a\n  input: [4]\n  layers: [{dense: {units: 2}}]\n\0train.batch=3\0model.name=b' \
        >"$work/corpus/settings"
    ;;
idx)
    for kind in '\0' '\1' '\2' '\3' '\4' '\5'; do
        printf "$kind"'\0\0\10\1\0\0\0\3abc' >"$work/corpus/labels$(printf "$kind" | od -An -tu1 | tr -d ' ')"
        printf "$kind"'\0\0\10\3\0\0\0\1\0\0\0\2\0\0\0\2abcd' >"$work/corpus/images$(printf "$kind" | od -An -tu1 | tr -d ' ')"
    done
    ;;
cifar)
    printf '\40\3abcdef' >"$work/corpus/record"
    printf '\53\3abcdef' >"$work/corpus/records"
    printf '\20airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n' >"$work/corpus/names"
    ;;
safetensors)
    header='{"__metadata__":{"k":"v"},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    printf '\1%s\0abcd' "$header" >"$work/corpus/tensor"
    printf '\0\2\0\0\0\0\0\0\0{}' >"$work/corpus/empty"
    ;;
picture)
    png='\000\000\000\015IHDR\000\000\000\003\000\000\000\002\010\000\000\000\000\270\0379\306\000'
    png=$png'\000\000\016IDATx\234c\340\022\221c\000b\000\001\300\000yE\027\277\307\000\000\000\000IEND'
    png=$png'\256B\140\202'
    printf '\002'"$png" >"$work/corpus/grey"
    printf '\003'"$png" >"$work/corpus/colours"
    printf '\0\0\0\10\3\0\0\0\1\0\0\0\2\0\0\0\3abcdef' >"$work/corpus/idx"
    ;;
*) printf 'Dummy' >"$work/corpus/seed" ;;
esac

set -- -g -O1 -std=gnu11 -D_POSIX_C_SOURCE=200809L -DDROPCL_SANITIZED '-DDROPCL_VERSION="fuzz"' -Ihost -Ikernels -Itests \
    -ffp-contract=off -fno-sanitize-recover=all "$target.c" host/base/*.c host/recipe/*.c host/data/*.c
libraries="-lyaml -ljansson -lz -lpng -lm"
UBSAN_OPTIONS=print_stacktrace=1
export UBSAN_OPTIONS
if [ -z "${DRIVER:-}" ] && clang -fsanitize=fuzzer,address,undefined "$@" $libraries -o "$work/fuzz" 2>"$work/clang.log"; then
    words=
    [ ! -f "$target.dict" ] || words=-dict=$target.dict
    echo "$name: libFuzzer"
    exec "$work/fuzz" -seed=1 -max_len=4096 -max_total_time="$seconds" -print_final_stats=1 -verbosity=0 $words \
        -artifact_prefix="$work/" "$work/corpus"
fi
"${CC:-cc}" -fsanitize=address,undefined "$@" tests/fuzz/driver.c $libraries -o "$work/fuzz"
echo "$name: driver"
exec "$work/fuzz" "$seconds" 1 "$work"/corpus/*
