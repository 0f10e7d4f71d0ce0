#!/bin/sh
# What pcapframe needs of the system, and how each package manager calls it.
#   system.sh python [PYTHON]   prints a Python >= 3.11 that has headers and venv (looks for one itself without PYTHON)
#   system.sh need NEED...      cc chromium clang libpcap make tcpdump tshark valgrind
#   system.sh want NEED...      the same, but goes on without them
# What is missing is installed when this runs as root, and otherwise named, one line per package manager.
set -u
export DEBIAN_FRONTEND=noninteractive
py=python3

packages() { # of one need: apt dnf apk pacman brew, "-" where nothing of the kind exists
    case $1 in
    cc)       echo "gcc,libc6-dev gcc gcc,musl-dev gcc gcc" ;;
    # Debian's clang only recommends its sanitizer and fuzzer libraries, whose package bears another name in each release.
    chromium) echo "chromium chromium chromium chromium chromium" ;;
    clang)    echo "clang,--install-recommends clang,compiler-rt clang,compiler-rt clang,compiler-rt llvm" ;;
    headers)  echo "$py-dev $py-devel python3-dev python python" ;;
    libpcap)  echo "libpcap-dev libpcap-devel libpcap-dev libpcap libpcap" ;;
    make)     echo "make make make make make" ;;
    python)   echo "$py $py python3 python python" ;;
    tcpdump)  echo "tcpdump tcpdump tcpdump tcpdump tcpdump" ;;
    tshark)   echo "tshark wireshark-cli tshark wireshark-cli wireshark" ;;
    valgrind) echo "valgrind valgrind,glibc-debuginfo valgrind,musl-dbg valgrind -" ;;
    venv)     echo "$py-venv $py python3 python python" ;;
    *)        echo "system.sh: no such need: $1" >&2; exit 2 ;;
    esac
}

run() { command -v "${1%% *}" >/dev/null 2>&1; }

have() {
    case $1 in
    cc)      echo '#include <stdio.h>
int main(void) { return 0; }' | ${CC:-cc} -x c -o /dev/null - 2>/dev/null ;;
    clang)   echo 'int LLVMFuzzerTestOneInput(const char *p, long n) { return p != 0 && n > 0; }' |
        clang -x c -fsanitize=fuzzer,address -o /dev/null - 2>/dev/null ;;
    headers) "$python" -c 'import os, sysconfig as s; os.stat(s.get_path("include") + "/Python.h")' 2>/dev/null ;;
    libpcap) run pcap-config || pkg-config --exists libpcap 2>/dev/null ;;
    python)  find_python ;;
    venv)    "$python" -c 'import ensurepip, venv' 2>/dev/null ;;
    *)       run "$1" ;;
    esac
}

find_python() { # sets $python; a name on the path may be there and still not run
    for python in ${asked:-python3 python3.14 python3.13 python3.12 python3.11 python}; do
        "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && return
    done
    return 1
}

names() { # names COLUMN NEED...: the packages of these needs in one package manager
    column=$1
    shift
    for need; do packages "$need"; done | cut -d ' ' -f "$column" | tr ',' '\n' | grep -vx -e - | sort -u | tr '\n' ' '
}

install() { # install NEED...: with the first package manager found
    [ "$(id -u)" = 0 ] || return 1
    if run apt-get; then
        # The lists may be missing or old: fetch them only then.
        apt-get install -y -qq --no-install-recommends $(names 1 "$@") ||
            { apt-get update -qq && apt-get install -y -qq --no-install-recommends $(names 1 "$@"); }
    elif run dnf; then dnf install -y -q $(names 2 "$@")
    elif run apk; then apk add -q $(names 3 "$@")
    elif run pacman; then pacman -Sy --noconfirm --needed $(names 4 "$@")
    else return 1
    fi >&2
}

lack() { # lack NEED...: sets $missing to those that are not there, after an attempt to install them
    missing=
    for need; do have "$need" || missing="$missing $need"; done
    [ -n "$missing" ] || return 1
    install $missing
    missing=
    for need; do have "$need" || missing="$missing $need"; done
    [ -n "$missing" ]
}

name() { # name WHAT NEED...: how each package manager installs them
    echo "$1"
    shift
    echo "    apt-get install $(names 1 "$@")"
    echo "    dnf install     $(names 2 "$@")"
    echo "    apk add         $(names 3 "$@")"
    echo "    pacman -S       $(names 4 "$@")"
    echo "    brew install    $(names 5 "$@")"
}

ensure() { # ensure NEED...: all of them are there, or the end
    lack "$@" || return 0
    name "pcapframe needs:$missing. Install with one of" $missing >&2
    exit 1
}

want() { # want NEED...: those that can be had
    lack "$@" || return 0
    name "pcapframe is built without:$missing. To have it, install with one of these and build again" $missing >&2
}

what=${1:-}
[ $# -eq 0 ] || shift
case $what in
need) ensure "$@" ;;
want) want "$@" ;;
python)
    asked=${1:-}
    if ! find_python; then
        [ -z "$asked" ] || { echo "$asked is not a Python >= 3.11" >&2; exit 1; }
        # The default of an older system may be too old while a newer one lies beside it.
        for py in python3 python3.13 python3.12 python3.11; do install python && find_python && break; done
        find_python || { py=python3; ensure python; }
    fi
    # Packages of the system's default Python bear no minor version, those of its others do.
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    py=python3
    [ "$(/usr/bin/python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = "$version" ] || py=python$version
    ensure cc headers venv
    command -v "$python"
    ;;
*) sed -n '2,6p' "$0" >&2; exit 2 ;;
esac
