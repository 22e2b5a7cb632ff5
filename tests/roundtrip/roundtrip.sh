#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# roundtrip.sh: images between kist and umoci, skopeo, podman and docker: what one writes the
# others read, and what comes out is what went in, down to times, attributes and hard links.
# shellcheck source=tests/clients/lib.sh
. "$(dirname "$(realpath "$0")")/../clients/lib.sh"
begin 240 "$0" umoci skopeo podman dockerd docker python3
# shellcheck source=tests/clients/dockerd.sh
. "$here/dockerd.sh"
tree=$(dirname "$(realpath "$0")")/tree.py
export CONTAINERS_STORAGE_CONF=$work/storage.conf SOURCE_DATE_EPOCH=1900000000
cat >"$CONTAINERS_STORAGE_CONF" <<END
[storage]
driver = "overlay"
runroot = "/run/containers/storage"
graphroot = "/var/lib/containers/storage"
END
cd "$work" || exit 99

k() { LIMIT=30 want "$1" "$2" "$3" "$runtime_path" rootfs "${@:4}"; }
do_it() { LIMIT=40 want "$1" 0 '' "${@:2}"; }
sha='^sha256:[0-9a-f]{64}$'

# same TEXT DIRECTORY DIRECTORY [seconds|below]: not a name, a byte, a mode or a time is different.
same() {
	call diff <(python3 "$tree" list "$2" ${4:+"$4"} 2>&1) <(python3 "$tree" list "$3" ${4:+"$4"} 2>&1)
	[ -n "$(ls -A "$2")" ] || status=99
	report $status "$1" "$out"
}

# comes_out TEXT DIRECTORY IMAGE: kist unpacks that image to the same; diff sees no difference.
comes_out() {
	rm -rf out
	k "$1: unpack" 0 '' unpack --quiet "$3" out
	same "$1: the same" "$2" out ${4:+"$4"}
}

mkdir one
python3 "$tree" make one || exit 99
cp -a one two
python3 "$tree" change two || exit 99

k 'packs a directory' 0 "$sha" pack one oci:img:one --cmd /bin/program --env A=b --label l=v \
	--user user --expose 80 --volume /data --workdir /tmp --stop-signal SIGINT --entrypoint /bin/sh
k 'packs what changed' 0 "$sha" pack --base oci:img:one two oci:img:two --compress gzip
k 'packs it with zstd' 0 "$sha" pack --base oci:img:one two oci:img:zstd --compress zstd
k 'packs an archive of OCI' 0 "$sha" pack one oci-archive:one.tar:one
k 'packs an archive of Docker' 0 "$sha" pack one docker-archive:one.docker:kist/one:1
k 'packs the changes into one, too' 0 "$sha" pack --base oci:img:one two \
	docker-archive:two.docker:kist/two:1
comes_out 'one' one oci:img:one
comes_out 'two' two oci:img:two
comes_out 'two of zstd' two oci:img:zstd
comes_out 'the archive of OCI' one oci-archive:one.tar:one
comes_out 'the archive of Docker' two docker-archive:two.docker
k 'diff of equals is empty' 0 '^$' diff oci:img:two two
k 'diff of others is not' 1 'etc/passwd' diff oci:img:one two
k 'changes one layer for two' 0 "$sha" squash oci:img:two --to oci:img:squashed
comes_out 'squashed' two oci:img:squashed

# --- umoci ----------------------------------------------------------------------------------
do_it 'umoci reads one' umoci unpack --image img:one u1
same 'umoci has one' one u1/rootfs
do_it 'umoci reads two' umoci unpack --image img:two u2
same 'umoci has two' two u2/rootfs
do_it 'umoci reads what was squashed' umoci unpack --image img:squashed u3
same 'umoci has it' two u3/rootfs
rm -rf u1/rootfs && cp -a two u1/rootfs
do_it 'umoci writes a layer' umoci repack --image img:umoci u1
# umoci 0.4 writes whole seconds.
comes_out 'of umoci' two oci:img:umoci seconds
do_it 'umoci changes the config' umoci config --image img:umoci --config.cmd other --author me
k 'kist changes it again' 0 "$sha" config oci:img:umoci --env A=c --clear cmd
want 'umoci sees the tags' 0 'squashed' umoci ls --layout img
want 'umoci sees the history' 0 'umoci config' umoci stat --image img:umoci
do_it 'umoci collects what is not used' umoci gc --layout img
comes_out 'after gc' two oci:img:two

# --- skopeo ---------------------------------------------------------------------------------
want 'skopeo reads the config' 0 '"User": "user".*"80/tcp".*"A=b".*"/data".*"l": "v".*SIGINT' \
	skopeo inspect --config oci:img:one
want 'skopeo reads changes of umoci and kist' 0 '"author": "me".*"A=c"' \
	skopeo inspect --config oci:img:umoci
for to in oci-archive:s.oci:two docker-archive:s.docker:two:1 oci:s.dir:two; do
	do_it "skopeo copies to $to" skopeo copy -q --insecure-policy oci:img:two $to
	comes_out "of skopeo, $to" two $to
done
do_it 'skopeo copies to zstd' skopeo copy -q --insecure-policy --dest-compress-format zstd \
	--dest-compress oci:img:two oci:s.zstd:two
comes_out 'of skopeo, zstd' two oci:s.zstd:two
for from in oci-archive:one.tar:one docker-archive:one.docker; do
	do_it "skopeo reads $from" skopeo copy -q --insecure-policy $from oci:s.back:one
	do_it "umoci reads that" umoci unpack --image s.back:one s.root
	same "umoci has $from" one s.root/rootfs
	rm -rf s.back s.root
done

# --- inserts --------------------------------------------------------------------------------
mkdir -p files/deep three && cp -a two three
three=three/two
echo inserted >files/file && echo deep >files/deep/file
k 'inserts a file through a link' 0 "$sha" insert oci:img:two files/file /lib/inserted --to oci:img:ins
cp -p files/file $three/usr/lib/inserted
k 'inserts a directory' 0 "$sha" insert oci:img:ins files/ /new/place
mkdir $three/new/place && cp -a files/. $three/new/place
k 'inserts one that hides' 0 "$sha" insert --opaque oci:img:ins files /home
rm -r "${three:?}/home" && cp -a files $three/home
k 'takes some away' 0 "$sha" insert --whiteout oci:img:ins /etc/deep /bin/again
rm -r $three/etc/deep $three/bin/again
# Directories that lost or got a name keep the time that the image has.
for dir in bin etc usr/lib new .; do touch -r "two/$dir" "$three/$dir"; done
comes_out 'inserted' $three oci:img:ins
do_it 'umoci reads the inserts' umoci unpack --image img:ins u4
same 'umoci has them' $three u4/rootfs
k 'squashes the upper four' 0 "$sha" squash -n 4 oci:img:ins --to oci:img:four
comes_out 'squashed four' $three oci:img:four

# --- podman ---------------------------------------------------------------------------------
mounted() { podman image mount "$1"; }
do_it 'podman pulls one' podman pull -q oci:img:one
do_it 'podman pulls the inserts' podman pull -q oci:img:ins
do_it 'podman pulls the four' podman pull -q oci:img:four
for name in ins four; do
	do_it "podman names $name" podman tag "$(podman pull -q oci:img:$name)" "localhost/$name"
	same "podman has $name" $three "$(mounted localhost/$name)" below
done
do_it 'podman loads an archive' podman load -q -i two.docker
same 'podman has two' two "$(mounted kist/two:1)" below
for format in docker-archive oci-archive oci-dir docker-dir; do
	do_it "podman saves $format" podman save -q --format $format -o "p.$format" kist/two:1
done
comes_out 'of podman, docker-archive' two docker-archive:p.docker-archive
comes_out 'of podman, oci-archive' two oci-archive:p.oci-archive
comes_out 'of podman, oci-dir' two oci:p.oci-dir
do_it 'podman makes a container' podman create --name made --network none kist/two:1 x
do_it 'puts a file into it' podman cp files/file made:/etc/of-podman
do_it 'and commits' podman commit -q made localhost/committed
do_it 'saves that' podman save -q --format oci-archive -o p.commit localhost/committed
rm -rf out
k 'unpack of what podman committed' 0 '' unpack --quiet p.commit out
same 'is what podman has' "$(mounted localhost/committed)" out below

# --- docker ---------------------------------------------------------------------------------
dockerd_start one || { report 1 'dockerd starts' "$(tail -5 "$work/one.log")" && finish; }
do_it 'docker loads an archive' docker load -q -i two.docker
do_it 'docker makes a container' docker create --name made --network none kist/two:1 x
do_it 'puts a file into it' docker cp files/file made:/etc/of-docker
do_it 'and commits' docker commit made of-docker
do_it 'saves both' docker save -o d.both kist/two:1 of-docker
comes_out 'of docker' two docker-archive:d.both:kist/two:1
rm -rf out
k 'unpack of what docker committed' 0 '' unpack --quiet docker-archive:d.both:of-docker:latest out
want 'which has the file' 0 '^inserted$' cat out/etc/of-docker
# docker makes the volume's directory, too.
rm out/etc/of-docker && rmdir out/data && touch -r two/etc out/etc && touch -r two out
same 'and is the same else' two out
k 'kist changes what docker saved' 0 "$sha" config docker-archive:d.both:of-docker:latest \
	--env X=y --to docker-archive:d.back:of-kist:2
do_it 'docker reads that' docker load -q -i d.back
want 'and has the change' 0 'X=y' docker inspect -f '{{.Config.Env}}' of-kist:2
dockerd_stop one
finish
