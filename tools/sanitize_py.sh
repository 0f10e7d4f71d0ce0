#!/bin/sh
# The Python tests with a sanitizer loaded into a real python and _core built for it:
#   sanitize_py.sh address|thread PYTHON [PYTEST ARGUMENTS]
# Reports of children count too: all go to build/py-KIND/report.*, and one of them is a failure. There is no list of
# suppressions for our own code; what stands in tools/tsan.supp names other people's libraries.
set -u
kind=$1 python=$2
shift 2
here=build/py-$kind
cc=${CC:-cc}
case $kind in
address) flags=address,undefined; libraries="libasan.so libubsan.so" ;;
thread) flags=thread; libraries="libtsan.so" ;;
*) sed -n 3p "$0" >&2; exit 2 ;;
esac
PCAPFRAME_SANITIZE=$flags "$python" setup.py -q build -b "$here" --build-lib "$here/lib" || exit 1
rm -f "$here"/report.*
preload=
for library in $libraries; do preload="$preload $("$cc" -print-file-name=$library)"; done
report=$PWD/$here/report
# What Python and NumPy never free is not asked after here (that is test_leaks.py); an allocation that is refused is
# something our tests ask for.
export ASAN_OPTIONS="detect_leaks=0:allocator_may_return_null=1:log_path=$report"
export UBSAN_OPTIONS="print_stacktrace=1:log_path=$report"
# The order of locks is looked at in the C tests: here jemalloc in polars and pyarrow takes more than the 64 locks that
# the sanitizer can count, at each fork.
# It also guesses how long the thread-local variables of a library are from what stands before them in memory. Where they
# happen to lie 16 octets behind the beginning of a page (a thread of 256) it takes what was there for their length, and
# ends with "failed to allocate": so it is told not to look. As memory they are looked at all the same.
export TSAN_OPTIONS="detect_deadlocks=0:intercept_tls_get_addr=0:die_after_fork=0:suppressions=$PWD/tools/tsan.supp:log_path=$report"
# jemalloc in polars starts a thread past the sanitizer, which knows nothing of it and ends in SIGSEGV at import.
export _RJEM_MALLOC_CONF=background_thread:false
# The oracles, and the browser, run as they are: a sanitizer in them would test them, and capinfos and chromium hang.
mkdir -p "$here/bin"
"$cc" -O1 -static tools/plainly.c -o "$here/plainly" || exit 1
for tool in bash capinfos cat cc chromium clang dumpcap editcap gcc ip mergecap setcap sh sysctl tcpdump tcpreplay tshark unshare; do
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin command -v $tool >/dev/null || continue
    ln -sf ../plainly "$here/bin/$tool"
done
export PATH="$PWD/$here/bin:$PATH"
export PYTHONMALLOC=malloc PYTHONPATH="$here/lib" LD_PRELOAD="$preload"
"$python" -m pytest -p no:cacheprovider -q "$@"
status=$?
unset LD_PRELOAD
ls "$here"/report.* >/dev/null 2>&1 && { head -60 "$here"/report.* >&2; echo "reports: $here/report.*" >&2; exit 1; }
exit $status
