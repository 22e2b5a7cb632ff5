#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# squash.sh: layers made at random (layers.py) give the same files unpacked one after the other,
# squashed whole, and squashed but for the first.  ROOTFS: the program kist-rootfs; SEEDS: which.
set -u
export LC_ALL=C
here=$(dirname "$(realpath "$0")")
[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root" && exit 0; }
if [ -z "${SQUASH_INSIDE:-}" ]; then
	work=$(mktemp -d /tmp/kist-squash-XXXXXX)
	timeout -k 5 300 unshare -m env "SQUASH_INSIDE=$work" bash "$0"
	status=$?
	rmdir "$work"
	exit $status
fi
mount -t tmpfs tmpfs "$SQUASH_INSIDE" && cd "$SQUASH_INSIDE" || exit 99
seeds=${SEEDS:-$(seq 1 8)}
# shellcheck source=tests/tap.sh
. "$here/../tap.sh"
echo "TAP version 13"

k() { timeout -k 2 60 "$ROOTFS" "$@"; }
# Without times, for nobody knows that of a directory that is in no layer.
files() {
	(cd "$1" && find . -mindepth 1 -printf '%P %y %m %U:%G %l %n\n' | sort &&
		find . -type f -exec cksum {} + | sort)
}

one() {
	python3 "$here/layers.py" "$1" x.tar && k unpack -q x.tar whole &&
		k config x.tar --to oci:img:a && k squash img:a --to oci:img:all || return
	count=$(grep -o '\.tar"' <(tar xOf x.tar manifest.json) | wc -l)
	k squash -n $((count - 1)) img:a --to oci:img:upper &&
		k unpack -q img:a a && k unpack -q img:all all && k unpack -q img:upper upper &&
		diff <(files whole) <(files a) && diff <(files whole) <(files all) &&
		diff <(files whole) <(files upper) && k diff img:a img:all -i time
}

for seed in $seeds; do
	rm -rf img whole a all upper x.tar
	out=$(one "$seed" 2>&1)
	status=$?
	report $status "layers of seed $seed" "$out"
done
finish
