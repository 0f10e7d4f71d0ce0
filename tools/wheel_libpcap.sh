#!/bin/sh
# Builds libpcap for a manylinux or musllinux wheel (cibuildwheel's before-all): a distribution's own drags in libraries
# for RDMA, D-Bus and Bluetooth, which the wheel would have to bundle as well. docs/releasing.md tells how far it was
# tried. To try it elsewhere: PREFIX, where it is installed, and ARCHIVE, a file to take instead of fetching it, with its
# VERSION and SHA256.
set -eu
VERSION=${VERSION:-1.10.5}
SHA256=${SHA256:-37ced90a19a302a7f32e458224a00c365c117905c2cd35ac544b6880a81488f0}
PREFIX=${PREFIX:-/usr/local}

if command -v dnf >/dev/null; then
    dnf -y -q install flex bison
elif command -v apk >/dev/null; then
    apk add -q flex bison linux-headers
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
if [ -n "${ARCHIVE:-}" ]; then
    cp "$ARCHIVE" "$folder/libpcap.tar.gz"
else
    curl -fsSL -o "$folder/libpcap.tar.gz" "https://www.tcpdump.org/release/libpcap-$VERSION.tar.gz"
fi
echo "$SHA256  $folder/libpcap.tar.gz" | sha256sum -c -
tar -xzf "$folder/libpcap.tar.gz" -C "$folder"
cp "$folder/libpcap-$VERSION/LICENSE" LICENSE.libpcap # its terms ask that they go with the binary
cd "$folder/libpcap-$VERSION"
./configure --prefix="$PREFIX" --disable-rdma --disable-dbus --disable-usb --disable-bluetooth --without-libnl
make -s -j"$(nproc)"
make -s install
ldconfig 2>/dev/null || true
