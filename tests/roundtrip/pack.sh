#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# pack.sh: images that kist makes and changes, seen by kist and the shell alone: the same bytes for
# the same input, nothing half-written, and what is refused.  ROOTFS: the program kist-rootfs.
set -u
export LC_ALL=C
unset SOURCE_DATE_EPOCH
here=$(dirname "$(realpath "$0")")
tree=$here/tree.py
# shellcheck source=tests/tap.sh
. "$here/../tap.sh"

if [ -z "${PACK_INSIDE:-}" ]; then
	[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root" && exit 0; }
	work=$(mktemp -d /tmp/kist-pack-XXXXXX)
	timeout -k 5 300 unshare -m env "PACK_INSIDE=$work" bash "$0"
	status=$?
	rm -rf --one-file-system "$work"
	exit $status
fi
cd "$PACK_INSIDE" || exit 99
mount -t tmpfs tmpfs . && cd "$PACK_INSIDE" || exit 99
echo "TAP version 13"

k() { timeout -k 2 60 "$ROOTFS" "$@"; }

# want TEXT STATUS REGEX COMMAND...
want() {
	local out status
	out=$("${@:4}" 2>&1)
	status=$?
	if [ $status = "$2" ] && [[ $out =~ $3 ]]; then
		report 0 "$1"
	else
		report 1 "$1" "command: ${*:4}" "wanted: $2, $3" "got: $status" "$out"
	fi
}
equal() { [ -n "$2" ] && [ "$2" = "$3" ] && report 0 "$1" || report 1 "$1" "$2" "$3"; }

# --- the same input, the same image ---------------------------------------------------------
mkdir root && python3 "$tree" make root || exit 99
cp -a root changed && python3 "$tree" change changed || exit 99
# Names in another order, other inodes, another file system, another umask and environment.
mkdir other && mount -t tmpfs -o size=50m,mode=755 tmpfs other
cp -a root/. other/
(
	cd other || exit 99
	find . -depth ! -type d -print0 | sort -z | while IFS= read -r -d '' file; do
		mv "$file" "$file~" && mv "$file~" "$file"
	done
	find . -type d -print0 | while IFS= read -r -d '' dir; do touch -r "../root/$dir" "$dir"; done
)
equal 'another order of the same names' "$(cd root && ls -U etc bin | sort)" \
	"$(cd other && ls -U etc bin | sort)"
want 'the same tree' 0 '^$' k diff root other
export SOURCE_DATE_EPOCH=1600000004
first=$(umask 0 && k pack root oci:a:x --cmd sh)
second=$(umask 077 && cd other && env -i PATH=/bin:/usr/bin TZ=Asia/Tokyo LANG=de_DE.UTF-8 USER=x \
	LOGNAME=x SOURCE_DATE_EPOCH=1600000004 "$ROOTFS" pack . oci:../b:x --cmd sh)
equal 'the same tree gives the same digest' "$first" "$second"
want 'and the same layout' 0 '^$' diff -r a b
equal 'on one CPU, too' "$first" "$(taskset -c 0 "$ROOTFS" pack root oci:c:x --cmd sh)"
for kind in zstd none; do
	equal "with --compress $kind" "$(k pack root oci:a:$kind --compress $kind)" \
		"$(k pack other oci:b:$kind --compress $kind)"
done
k pack root oci-archive:a.tar:x >/dev/null && k pack other oci-archive:b.tar:x >/dev/null
want 'the same archive of OCI' 0 '^$' cmp a.tar b.tar
want 'with its directories, for skopeo without root' 0 '^blobs/.blobs/sha256/.blobs/' tar -tf a.tar
k pack root docker-archive:a.docker:x >/dev/null && k pack other docker-archive:b.docker:x >/dev/null
want 'the same archive of Docker' 0 '^$' cmp a.docker b.docker
equal 'the same changes' "$(k pack --base oci:a:x changed oci:a:y)" \
	"$(k pack --base oci:b:x changed oci:b:y)"
equal 'the same squash' "$(k squash oci:a:y --to oci:a:s)" "$(k squash oci:b:y --to oci:b:s)"
equal 'the same insert' "$(k insert oci:a:x "$tree" /opt/)" "$(k insert oci:b:x "$tree" /opt/)"
want 'and the same layout after all that' 0 '^$' diff -r a b
mkdir odd odder && touch odd/$'a\xff\n"b' && ln -s x odd/link && ln -s $'x\xfe' odder/link
want 'names of any bytes are JSON all the same' 0 "a\\\\ufffd.*x\\\\ufffd" sh -c "'$ROOTFS' diff --json odd odder |
	python3 -c 'import json, sys; print(json.dumps(json.load(sys.stdin.buffer)))'"
want 'no time is later than SOURCE_DATE_EPOCH' 1 '1600000005123456789|2020-09-13T12:26:4[5-9]' \
	k diff root a:zstd
unset SOURCE_DATE_EPOCH
want 'without it the times are those of the files' 0 '^sha256' k pack root oci:d:x
want 'so that there is no difference' 0 '^$' k diff root d:x

# --- changes in place -----------------------------------------------------------------------
blobs() { find "$1" -type f | sort | xargs sha256sum | sort; }
k config d:x --env A=1 >/dev/null
want 'config changes a tag' 0 'x$' sh -c "tr , '\n' <d/index.json | sed -n 's/.*ref.name\":\"\([^\"]*\).*/\1/p'"
k tag d:x y && k rm d x
want 'tag and rm' 0 '^y$' sh -c "tr , '\n' <d/index.json | sed -n 's/.*ref.name\":\"\([^\"]*\).*/\1/p'"
want 'rm of what is not there says what is' 1 'no image is called x; there are: y' k rm d x
sed -i 's/"schemaVersion":2/"schemaVersion":2,"org.example":{"n":1.50}/' d/index.json
k tag d:y z
want 'what nobody knows stays' 0 '"org.example":\{"n":1.50\}' cat d/index.json
# Two at once: each waits for the other.
for n in 1 2 3 4 5 6; do k config d:y --to "d:p$n" --env "N=$n" >/dev/null & done
wait
want 'six at the same time' 0 '^8$' sh -c "grep -o ref.name d/index.json | wc -l"

# Several platforms under one tag
manifest() { grep -o 'sha256:[0-9a-f]*' "$1/index.json" | head -1; }
k pack root oci:arm:x --arch arm64 >/dev/null && k pack root oci:amd:x --arch amd64 >/dev/null
mkdir -p multi/blobs/sha256
for platform in arm amd; do cp $platform/blobs/sha256/* multi/blobs/sha256/; done
cp arm/oci-layout multi/
python3 - "$(manifest arm)" "$(manifest amd)" <<'END'
import hashlib, json, os, sys
def entry(digest, arch):
    size = os.path.getsize('multi/blobs/sha256/' + digest.split(':')[1])
    return {'mediaType': 'application/vnd.oci.image.manifest.v1+json', 'digest': digest,
            'size': size, 'platform': {'os': 'linux', 'architecture': arch}}
index = json.dumps({'schemaVersion': 2, 'mediaType': 'application/vnd.oci.image.index.v1+json',
                    'manifests': [entry(sys.argv[1], 'arm64'), entry(sys.argv[2], 'amd64')]}).encode()
digest = hashlib.sha256(index).hexdigest()
open('multi/blobs/sha256/' + digest, 'wb').write(index)
json.dump({'schemaVersion': 2, 'manifests': [{
    'mediaType': 'application/vnd.oci.image.index.v1+json', 'digest': 'sha256:' + digest,
    'size': len(index), 'annotations': {'org.opencontainers.image.ref.name': 'x'}}]},
    open('multi/index.json', 'w'))
END
k config multi:x --platform linux/arm64 --env A=arm >/dev/null
want 'a change of one platform leaves the other' 0 '^$' k diff --platform linux/amd64 multi:x amd:x
want 'and is in that one' 1 '/config/Env  none -> \["A=arm"\]' k diff --platform linux/arm64 arm:x multi:x

want 'gc keeps what both platforms need' 0 '^removed of multi: [34] blobs' k gc multi
want 'both are whole' 0 'valid' k validate multi
want 'gc removes nothing twice' 0 ' 0 blobs' k gc multi
cp -r multi broken && index=broken/blobs/sha256/$(manifest multi | cut -d: -f2)
k config broken:x --to broken:other >/dev/null && before=$(find broken -type f | sort)
printf '{' >"$index"
want 'gc refuses what it cannot read' 1 'not valid JSON' k gc broken
equal 'and removes nothing then' "$before" "$(find broken -type f | sort)"
rm "$index" && before=$(find broken -type f | sort)
want 'gc refuses where an image is missing' 1 'no such file' k gc broken
equal 'and removes nothing then, either' "$before" "$(find broken -type f | sort)"
cp -r multi sparse && rm sparse/blobs/sha256/"$(manifest amd | cut -d: -f2)"
want 'gc goes on where another platform is missing' 0 '^removed' k gc sparse
# What attests to an image is JSON of any size, and a digest may be named before it is known what it is.
cp -r multi attested && python3 - "$(manifest multi)" <<'END'
import hashlib, json, sys
def put(data, kind):
    name = hashlib.sha256(data).hexdigest()
    open('attested/blobs/sha256/' + name, 'wb').write(data)
    return {'mediaType': 'application/vnd.' + kind, 'digest': 'sha256:' + name, 'size': len(data)}
index = json.load(open('attested/index.json'))
manifest = {'schemaVersion': 2, 'mediaType': 'application/vnd.oci.image.manifest.v1+json',
            'config': put(b'{}', 'oci.empty.v1+json'),
            'layers': [put(b'"%s"' % (b'x' * (5 << 20)), 'in-toto+json'), put(b'{}\n{}', 'x+json')]}
index['manifests'].append(put(json.dumps(manifest).encode(), 'oci.image.manifest.v1+json'))
json.dump({'org.example.newest': {'digest': sys.argv[1]}, **index}, open('attested/index.json', 'w'))
END
want 'gc reads manifests alone, and each' 0 ' 0 blobs' k gc attested
want 'which leaves the image whole' 0 'A=arm' k inspect --platform linux/arm64 attested:x
want 'gc of a tag' 1 'without a tag' k gc multi:x

# What an image says may be as long as it likes.
cp -r d many && python3 - <<'END'
import hashlib, json
def blob(digest):
    return 'many/blobs/sha256/' + digest.split(':')[1]
def put(value, old):
    data = json.dumps(value).encode()
    old.update(digest='sha256:' + hashlib.sha256(data).hexdigest(), size=len(data))
    open(blob(old['digest']), 'wb').write(data)
index = json.load(open('many/index.json'))
entry = [e for e in index['manifests'] if e['annotations']['org.opencontainers.image.ref.name'] == 'y'][0]
manifest = json.load(open(blob(entry['digest'])))
config = json.load(open(blob(manifest['config']['digest'])))
config['history'] = [{'empty_layer': True}] * 120000 + [{'created_by': 'x'}] * len(manifest['layers'])
put(config, manifest['config'])
put(manifest, entry)
json.dump(index, open('many/index.json', 'w'))
END
k insert many:y d/oci-layout / >/dev/null
want 'a long history' 0 '^sha256' prlimit --cpu=15 "$ROOTFS" squash -n 1 many:y
mkdir -p ports/rootfs && printf '{"ociVersion": "1.2.0", "root": {"path": "rootfs"}, "annotations":
	{"org.opencontainers.image.exposedPorts": "%s,8/tcp,,8/tcp"}}' "$(seq -s, 200000)" >ports/config.json
want 'many ports' 0 '^sha256' prlimit --cpu=15 "$ROOTFS" pack ports ports.img:x
want 'once each' 0 '^200001$' sh -c "'$ROOTFS' inspect --json ports.img:x | python3 -c '
import json, sys; print(len(json.load(sys.stdin)[\"config\"][\"config\"][\"ExposedPorts\"]))'"

# --- bundles --------------------------------------------------------------------------------
mkdir bundle && cp -a root bundle/rootfs
cat >bundle/config.json <<'END'
{"ociVersion": "1.0.0", "root": {"path": "rootfs"}, "process": {"args": ["a", "b"], "cwd": "/tmp",
"env": ["X=1"], "user": {"uid": 5, "gid": 6}}, "annotations": {"org.opencontainers.image.stopSignal":
"SIGINT", "org.opencontainers.image.exposedPorts": "80/tcp,53/udp", "label": "value",
"org.opencontainers.image.author": "me", "org.kist.init": "never"}}
END
k pack bundle oci:bundle.oci:x >/dev/null
want "a bundle's config.json becomes the image's" 0 \
	'"Cmd":\["a","b"\],"Env":\["X=1"\],"User":"5:6","WorkingDir":"/tmp","StopSignal":"SIGINT","ExposedPorts":\{"80/tcp":\{\},"53/udp":\{\}\},"Labels":\{"label":"value"\}\},"author":"me"' \
	sh -c 'grep -h Cmd bundle.oci/blobs/sha256/*'
sed -i 's/"label": "value"/"org.opencontainers.image.architecture": "riscv64"/' bundle/config.json
want 'of the architecture that it had' 0 '^sha256' k pack bundle oci:riscv:x
want 'which it has then' 0 'linux/riscv64' k inspect riscv:x
want 'but --platform wins' 0 '^sha256' k pack --platform linux/arm64 bundle oci:arm64:x
want 'over that' 0 'linux/arm64' k inspect arm64:x
sed -i 's/"uid": 5/"uid": true/' bundle/config.json
want 'a user who is no number is none' 0 '^sha256' k pack bundle oci:bundle.oci:odd
mkdir upper work merged
mount -t overlay overlay -o lowerdir=root,upperdir=upper,workdir=work,redirect_dir=off,metacopy=off merged &&
	python3 "$tree" change merged && umount merged
want "an overlay's upper directory is its changes" 0 '^sha256' k pack --base d:y --upper upper d:over
# overlayfs breaks the hard links of what it copies up.
want 'as the kernel shows them' 0 '^$' k diff d:over changed -i links --mask-path /bin
want 'the upper alone is no image' 1 'wants --base' k pack --upper upper d:no
want 'what is masked stays as it was' 0 '^$' sh -c "'$ROOTFS' pack --base d:y changed d:m \
	--mask-path /etc --mask-path opt/ >/dev/null && '$ROOTFS' diff d:y d:m -i time |
	grep -E ' /(etc|opt)'; true"
want 'nothing changed, no layer' 0 'no layer was added' k pack --base d:y root d:same

# --- file systems ---------------------------------------------------------------------------
for kind in squashfs:mksquashfs erofs:mkfs.erofs; do
	tool=${kind#*:} kind=${kind%:*}
	want "$kind without its tool" 1 "$tool is not installed; it comes with" \
		env PATH=/nonexistent "$ROOTFS" pack root "$kind:none"
	command -v "$tool" >/dev/null || continue
	want "$kind" 0 '^$' k pack root "$kind:$kind.img" --mask-path /sparse
	want "$kind is one" 0 '^(hsqs|.*)' head -c 4 "$kind.img"
done

if command -v mksquashfs >/dev/null; then
	mkdir less && touch less/seen less/masked
	many=$(for i in $(seq 300); do echo "--mask-path /nope$i"; done)
	# shellcheck disable=SC2086 # words
	want 'many masks' 0 '^$' k pack less squashfs:less.img $many --mask-path /masked
	equal 'the last of them counts' squashfs-root/seen "$(unsquashfs -ll less.img | grep -o 'squashfs-root/.*')"
fi

# --- nothing half-written -------------------------------------------------------------------
mkdir full && mount -t tmpfs -o size=1m tmpfs full
head -c 3000000 /dev/urandom >big && mkdir small && echo small >small/file
want 'a full disk: a new layout' 1 'no space left' sh -c "mkdir -p big.d && cp big big.d &&
	'$ROOTFS' pack big.d oci:full/new:x"
want 'leaves nothing' 0 '^$' ls -A full
k pack small oci:full/img:x >/dev/null && before=$(blobs full)
want 'a full disk: a layer more' 1 'no space left' k insert full/img:x big /big
equal 'leaves the layout as it was' "$before" "$(blobs full)"
want 'a full disk: an archive' 1 'no space left' k pack big.d oci-archive:full/a.tar
equal 'leaves nothing of it' "$before" "$(blobs full)"
umount full
# Killed at any moment: the old image or the new one.
k pack root oci:killed:x >/dev/null
for delay in 0.001 0.002 0.004 0.008 0.016 0.032 0.064; do
	"$ROOTFS" insert killed:x big /big >/dev/null 2>&1 &
	sleep $delay
	kill -9 $! 2>/dev/null
	wait $! 2>/dev/null
	k diff killed:x killed:x >/dev/null || break
done 2>/dev/null
want 'killed seven times, the layout holds an image' 0 '^$' k diff killed:x killed:x
want 'and takes the next change' 0 '^sha256' k insert killed:x small/file /small
want 'nothing temporary is left' 0 '^$' find killed -name '.*'
"$ROOTFS" pack big.d oci:int:x >/dev/null 2>&1 &
sleep 0.02
kill -INT $! && wait $!
want 'a stopped pack leaves a whole layout or none' 0 '^$' sh -c "ls -d .int.* 2>/dev/null; true"

# An archive has no lock of its own: what a killed one left is known by the one on its file.
mkdir left && touch left/.a.tar.kist-7 left/.a.tar.kist-8 left/.a.tar.kist-x left/.b.tar.kist-9
exec 8<left/.a.tar.kist-8 && flock 8 && sleep 3.1
want 'after a killed pack' 0 '^sha256' k pack small oci-archive:left/a.tar
exec 8<&-
want 'its file goes, and no other' 0 \
	'^.a.tar.kist-8[[:space:]].a.tar.kist-x[[:space:]].b.tar.kist-9[[:space:]]a.tar$' ls -A left

mkdir slow && printf '#!/bin/sh\n: >%s/slow/began\nexec sleep 500\n' "$PWD" >slow/mksquashfs &&
	chmod 755 slow/mksquashfs
(PATH=$PWD/slow:$PATH exec "$ROOTFS" pack small squashfs:slow.img) >stopped 2>&1 &
for _ in $(seq 600); do
	[ ! -e slow/began ] || break
	sleep 0.1
done
kill -TERM $! && want 'who makes a file system stops with us' 0 '^$' timeout 60 tail --pid=$! -f /dev/null
want 'and that is told' 0 'stopped by SIGTERM' cat stopped
want 'and leaves nothing' 0 '^$' find . -maxdepth 1 -name '*slow.img*'

# --- refused --------------------------------------------------------------------------------
mkdir hides && touch hides/file hides/.wh.file
want 'a name that hides another' 1 '.wh.file: in a layer such a name takes another file away' \
	k pack hides oci:hides.img:x
want 'nor in what is inserted' 1 'takes another file away' k insert d:y hides /hides
want 'unless it is left out' 0 '^sha256:' k pack hides oci:hides.img:x --mask-path .wh.file
mkdir equals && touch equals/file &&
	python3 -c 'import os; os.setxattr("equals/file", "trusted.a=b", b"c")'
want 'an attribute whose name no layer can hold' 1 'file: .* trusted.a=b has a "="' \
	k pack equals oci:equals.img:x
want 'no OCI layout' 1 'is there, and is no OCI layout' k pack small oci:root
want 'no such directory' 1 'open nope: no such file' k pack nope oci:x
want 'a registry' 1 'skopeo copies them' k pack small docker://x/y
want 'what is only read' 1 'images are written to oci:DIR' k pack small tar:x.tar
want 'a tag with its layout' 1 'stands without its layout: z' k tag d:y d:z
want 'an unknown scheme' 1 'images are DIR:TAG' k inspect foo://x
want 'a directory that cannot be made' 1 'make /proc/d: ' k pack small oci:/proc/d:x
want 'a device as archive' 1 'no regular file' k pack small oci-archive:/dev/null
want 'a bad tag' 1 'a tag has letters' k tag d:y 'a b'
want 'a bad port' 1 'must be a port' k config d:y --expose 0
want 'a bad signal' 1 'no such signal' k config d:y --stop-signal NOPE
want 'a bad time' 1 'must be a time' k config d:y --created 2026
want 'nothing to change' 1 'nothing to change' k config d:y
want 'too many layers' 1 'has 1 layers' k squash -n 9 d:y
want 'a file into a file' 1 'not a directory' k insert d:y big /etc/passwd/x
want 'a directory over a file' 1 'no directory' k insert d:y small /etc/passwd
want 'a directory to take away' 0 '^sha256' k insert --whiteout d:y --to d:less /etc/
want 'which is gone' 0 '^$' sh -c "'$ROOTFS' ls d:less | grep -x etc; true"
for both in '/etc /etc/passwd' '/etc/passwd /etc'; do
	want "a directory and a file in it: $both" 0 '^sha256' k insert --whiteout d:y --to d:less $both
	want 'both are gone' 0 '^$' sh -c "'$ROOTFS' ls -R d:less | grep ^/etc; true"
done
want 'what is no directory to take away as one' 1 'no such file' k insert --whiteout d:y /etc/passwd/
want 'no such path to take away' 1 'no such file in the image' k insert --whiteout d:y /nope
want 'diff of what is not there' 2 'nope' k diff nope d:y
want 'diff of a layer that is not there' 2 'has 1 layers' k diff 'd:y#7' d:y
finish
