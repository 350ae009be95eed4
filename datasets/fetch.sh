#!/bin/sh
# fetch.sh [NAME [FOLDER]]: downloads the files of a dataset (default: mnist) into FOLDER (default: the
# folder NAME beside this script). A file arrives under its name only when its SHA-256 is that of
# manifest.json; files that are already right are left alone. DROPCL_MIRROR=URL replaces the mirrors.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
manifest=$here/manifest.json
name=${1:-mnist}
folder=${2:-$here/$name}

fail() {
    echo "fetch.sh: $*" >&2
    exit 1
}

if command -v curl >/dev/null; then
    download() { curl -fsSL --retry 2 --connect-timeout 20 -o "$2" "$1"; }
elif command -v wget >/dev/null; then
    download() { wget -q -t 3 -T 20 -O "$2" "$1"; }
else
    fail "needs curl or wget"
fi
if command -v sha256sum >/dev/null; then
    hash_of() { sha256sum <"$1" | cut -d ' ' -f 1; }
elif command -v shasum >/dev/null; then
    hash_of() { shasum -a 256 <"$1" | cut -d ' ' -f 1; }
else
    fail "needs sha256sum or shasum"
fi

# The manifest keeps one file, one mirror, and the archive to a line: enough of JSON for sed.
section=$(sed -n "/^  \"$name\": {/,/^  }/p" "$manifest")
[ -n "$section" ] || fail "$manifest knows no dataset $name"
files=$(echo "$section" | sed -n 's/.*"name": "\([^"]*\)".*"sha256": "\([^"]*\)".*/\1:\2/p')
archive=$(echo "$section" | sed -n 's/^ *"archive": {"file": "\([^"]*\)".*"sum": "\([^"]*\)".*/\1:\2/p')
inside=$(echo "$section" | sed -n 's/^ *"archive": .*"folder": "\([^"]*\)".*/\1/p')
mirrors=${DROPCL_MIRROR:-$(echo "$section" | sed -n 's/^ *"\([a-z]*:\/\/[^"]*\)",*$/\1/p')}
[ -n "$files" ] || fail "$name needs no files"

mkdir -p "$folder"
part=$folder/.fetch.$$
trap 'rm -f "$part" "$part.one"' EXIT
trap 'exit 1' HUP INT TERM

fetch() { # file, hash: into $part
    for mirror in $mirrors; do
        if ! download "$mirror/$1" "$part"; then
            echo "fetch.sh: $mirror/$1 could not be downloaded" >&2
        elif found=$(hash_of "$part") && [ "$found" != "$2" ]; then
            echo "fetch.sh: $mirror/$1 has SHA-256 $found, expected $2" >&2
        else
            return 0
        fi
    done
    fail "no mirror has $1"
}

absent=
for entry in $files; do
    file=${entry%%:*} hash=${entry#*:}
    if [ -f "$folder/$file" ] && [ "$(hash_of "$folder/$file")" = "$hash" ]; then
        echo "$folder/$file: already there"
    else
        absent="$absent $entry"
    fi
done

if [ -n "$archive" ] && [ -n "$absent" ]; then
    fetch "${archive%%:*}" "${archive#*:}"
    # One file at a time, to the standard output: nothing in the archive chooses where it lands.
    for entry in $absent; do
        file=${entry%%:*} hash=${entry#*:}
        gzip -dc <"$part" | tar -xOf - "$inside/$file" >"$part.one" || fail "the archive has no $inside/$file"
        [ "$(hash_of "$part.one")" = "$hash" ] || fail "$inside/$file in the archive is not what it should be"
        mv "$part.one" "$folder/$file"
        echo "$folder/$file: unpacked, SHA-256 as expected"
    done
    exit
fi

for entry in $absent; do
    file=${entry%%:*}
    fetch "$file" "${entry#*:}"
    mv "$part" "$folder/$file"
    echo "$folder/$file: downloaded, SHA-256 as expected"
done
