#!/bin/sh
# The plain C rooms, their tests and a replay of the corpora on machines unlike most:
#   portable.sh MAKE...      MAKE... is how tools/c.mk is called
# 32 bit (x86, and the same with the undefined behaviour sanitizer), and big-endian (s390x, under qemu). What cannot be
# built or run here is named and left out; a failure, or nothing that could be run, is an error.
set -u
export PCAPFRAME_WERROR=1
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
echo '#include <sys/socket.h>
int main(void) { return 0; }' >"$folder/one.c"
emulator="qemu-s390x -L /usr/s390x-linux-gnu"
kernel=-idirafter/usr/include/$(gcc -print-multiarch 2>/dev/null)
ran= failed=

can() { # can RUN CC...: whether a program can be built and run so
    run=$1
    shift
    "$@" "$folder/one.c" -o "$folder/one" 2>/dev/null && $run "$folder/one" 2>/dev/null
}

lacks() { # lacks WHAT PACKAGES
    echo "left out: $1: no such program can be built and run here (Debian's packages: $2)" >&2
}

note() { # note WHAT STATUS
    ran="$ran $1"
    [ "$2" = 0 ] || failed="$failed $1"
}

if can "" gcc -m32 "$kernel"; then
    "$@" strict VARIANT=m32 CC=gcc && "$@" run VARIANT=m32 CC=gcc
    note m32 $?
else
    lacks "32 bit" "libc6-dev-i386 and gcc-N-multilib, N as in gcc --version"
fi
if can "" clang -m32 "$kernel"; then
    "$@" strict VARIANT=m32 CC=clang
    note m32-clang $?
else
    lacks "32 bit, clang's warnings" "clang libc6-dev-i386"
fi
if can "" gcc -m32 "$kernel" -fsanitize=undefined; then
    "$@" run VARIANT=m32ubsan CC=gcc
    note m32ubsan $?
else
    lacks "32 bit with the undefined behaviour sanitizer" "lib32ubsan1"
fi
if can "$emulator" s390x-linux-gnu-gcc; then
    RUN=$emulator "$@" run VARIANT=s390x CC=s390x-linux-gnu-gcc
    note s390x $?
else
    lacks "big-endian" "gcc-s390x-linux-gnu libc6-dev-s390x-cross qemu-user"
fi
[ -n "$ran" ] || { echo "portable: nothing could be run" >&2; exit 1; }
[ -z "$failed" ] || { echo "portable: failed:$failed" >&2; exit 1; }
echo "portable: passed:$ran"
