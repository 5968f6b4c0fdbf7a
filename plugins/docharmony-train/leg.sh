#!/bin/sh
# One leg on a machine with a GPU and without network. Run it in the root of the repository.
#
#   leg.sh pack ASSETS DIR    here: put what the other machine lacks into DIR
#   leg.sh run DIR OUT [S]    there: train for S seconds (default 540 in all), results into OUT
#   leg.sh join OUT RUN       here: put the parts that came back together as the folder of a run
#
# DIR holds the training part of the assets, the packages that the machine lacks and, if
# there is one, the last run. It is made to fit beside the repository into LIMIT MiB.
set -eu

LIMIT=${LIMIT:-63}         # MiB that may be carried, the repository's files and DIR together
PART=15                    # MiB of a file that comes back
CONFIG=${CONFIG:-nano}
PACKAGES=${PACKAGES:-"diffusers==0.42.1 pypdfium2==5.15.2"}   # what the other machine lacks
PYTHON_THERE=${PYTHON_THERE:-3.12}
STATE=${STATE:-"${HOME}/docharmony-leg"}   # there; what lies here outlives a call, not the machine

tree_mib() {
    # Without DIR: where git does not ignore it, it would be counted twice.
    { git ls-files -z; git ls-files -z --others --exclude-standard --exclude="/${1#"$PWD"/}/"; } |
        xargs -0 -r stat -c %s 2>/dev/null | awk '{s += $1} END {printf "%d", s / 1048576 + 1}'
}

pack() {
    assets=$1 dir=$2
    mkdir -p "$dir"
    site=$(mktemp -d)
    # shellcheck disable=SC2086
    python3 -m pip install --quiet --no-deps --no-compile --only-binary=:all: --target "$site" \
        --python-version "$PYTHON_THERE" --implementation cp --platform manylinux_2_28_x86_64 \
        --platform manylinux2014_x86_64 --platform manylinux_2_17_x86_64 $PACKAGES
    tar -C "$site" -cJf "$dir/site.tar.xz" .
    rm -r "$site"
    tar -C "$assets" -cJf "$dir/assets.tar.xz" --exclude=held --exclude=licences .
    tree=$(tree_mib "${dir%/}")
    total=$((tree + $(du -sm "$dir" | cut -f1)))
    echo "repository $tree MiB, $dir $(du -sm "$dir" | cut -f1) MiB, together $total of $LIMIT"
    if [ "$total" -gt "$LIMIT" ]; then
        echo "too much: make smaller assets with docharmony train data --limit, or move large files" >&2
        echo "of the repository that training does not need aside for the call" >&2
        exit 1
    fi
}

run() {
    began=$(date +%s) dir=$1 out=$2 seconds=${3:-540}
    mkdir -p "$STATE/assets" "$STATE/site" "$out"
    if [ ! -f "$STATE/ready" ]; then
        tar -C "$STATE/site" -xJf "$dir/site.tar.xz"
        tar -C "$STATE/assets" -xJf "$dir/assets.tar.xz"
        touch "$STATE/ready"
    fi
    # A run that was carried counts only where the machine does not hold a later one.
    if [ -d "$dir/run" ] && [ ! -d "$STATE/run" ]; then cp -r "$dir/run" "$STATE/run"; fi
    PYTHONPATH=$PWD:$PWD/export:$PWD/plugins/docharmony-train:$STATE/site
    PYTHONUNBUFFERED=1 OMP_NUM_THREADS=${OMP_NUM_THREADS:-2}
    export PYTHONPATH PYTHONUNBUFFERED OMP_NUM_THREADS
    left=$((seconds - $(date +%s) + began))
    python3 -m docharmony -v --plugin docharmony_train train run "$CONFIG" \
        --assets "$STATE/assets" --out "$STATE/run" --seconds "$left"
    # The optimiser's state is too large to come back; it waits here while the machine is warm.
    tar -C "$STATE/run" -cf - weights | split -b "${PART}m" - "$out/weights.tar."
    cp "$STATE/run/record.jsonl" "$STATE/run/points.jsonl" "$STATE/run/config.toml" \
        "$STATE/run/curves.png" "$out/"
    tail -n 1 "$out/record.jsonl"
}

join() {
    mkdir -p "$2"
    cat "$1"/weights.tar.* | tar -C "$2" -xf -
    cp "$1"/record.jsonl "$1"/points.jsonl "$1"/config.toml "$1"/curves.png "$2/"
}

case ${1:-} in
    pack) pack "$2" "$3" ;;
    run) shift; run "$@" ;;
    join) join "$2" "$3" ;;
    *) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
