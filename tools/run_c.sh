#!/bin/sh
# Runs built C tests and fuzz targets, all of them even when one fails:
#   run_c.sh replay EXE...   tests once each, fuzz targets over their corpus in tests/fuzz/corpus/NAME
#   run_c.sh fuzz EXE...     libFuzzer for $FUZZ_SECONDS each; what it finds is kept in build/fuzz/NAME
# $RUN, when set, stands before each command (valgrind).
set -u
export UBSAN_OPTIONS="print_stacktrace=1:${UBSAN_OPTIONS:-}"
mode=$1
shift
[ $# -gt 0 ] || { echo "no C tests found" >&2; exit 1; }

one() {
    name=${1##*/}
    corpus=tests/fuzz/corpus/${name#fuzz_}
    case $name in fuzz_where | fuzz_writer | fuzz_pieces | fuzz_narrow) corpus="$(ls -d "$corpus" 2>/dev/null) tests/fuzz/corpus/capture" ;; esac
    case $mode-$name in
    replay-test_*) $RUN "$1" ;;
    replay-fuzz_*) find $corpus -type f -exec $RUN "$1" {} + ;;
    fuzz-*)
        found=build/fuzz/${name#fuzz_}
        mkdir -p "$found"
        "$1" -max_total_time="${FUZZ_SECONDS:-60}" -timeout=1 -rss_limit_mb=512 -print_final_stats=1 \
            -artifact_prefix="build/fuzz/$name-" "$found" $corpus
        ;;
    esac
}

RUN=${RUN:-}
failed=
for exe; do
    if one "$exe"; then echo "ok      $exe"; else echo "FAILED  $exe"; failed="$failed $exe"; fi
done
[ -z "$failed" ] || { echo "failed:$failed" >&2; exit 1; }
