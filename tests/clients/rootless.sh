#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rootless.sh: podman as a user with sub-ids drives RUNTIME, in a cgroup that is delegated to it.
# shellcheck source=tests/clients/lib.sh
. "$(dirname "$0")/lib.sh"
# Limits need controllers of cgroup v2, and a pause its freezer.
export CGROUP=v2
begin 400 "$0" podman conmon script newuidmap slirp4netns setpriv
# shellcheck source=tests/clients/checks.sh
. "$here/checks.sh"
# shellcheck source=tests/clients/podman_setup.sh
. "$here/podman_setup.sh"

# A user for this mount namespace alone.
cover() {
	{
		cat "$1" 2>/dev/null
		echo "$2"
	} >"$work/${1##*/}"
	[ -e "$1" ] || touch "$1"
	mount --bind "$work/${1##*/}" "$1"
}
cover /etc/passwd 'someone:x:4321:4321::/run/someone:/bin/sh'
cover /etc/group 'someone:x:4321:'
cover /etc/subuid 'someone:300000:65536'
cover /etc/subgid 'someone:300000:65536'
for node in 'net/tun c 10 200' 'fuse c 10 229'; do
	# shellcheck disable=SC2086 # words
	mknod -m 666 "$work/${node%% *}" ${node#* } 2>/dev/null ||
		{ mkdir -p "$work/net" && mknod -m 666 "$work/${node%% *}" ${node#* }; }
	mount --bind "$work/${node%% *}" "/dev/${node%% *}"
done
mkdir -p /run/someone /run/user/4321 "$work/home"
mount -t tmpfs -o mode=700,uid=4321,gid=4321 tmpfs /run/someone
mount -t tmpfs -o mode=700,uid=4321,gid=4321 tmpfs /run/user/4321
chmod 755 "$work" && chmod 1777 "$work/tmp"

# What systemd would do: a cgroup of the user's own, with the processes of it in a leaf.
delegate=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)/user
mkdir -p "$delegate/session"
echo $$ >"$delegate/session/cgroup.procs"
for file in "$delegate" "$delegate/session" "$delegate"/cgroup.{procs,subtree_control,threads} \
	"$delegate"/session/cgroup.{procs,subtree_control,threads}; do
	chown 4321:4321 "$file"
done
root_make
chown -R 4321:4321 "$work/root.tar"
podman_setup /run/user/4321/storage /run/someone/storage
cd /run/someone || exit 1
engine=(setpriv --reuid 4321 --regid 4321 --init-groups env HOME=/run/someone
	XDG_RUNTIME_DIR=/run/user/4321 podman --cgroup-manager cgroupfs --events-backend file)
# shellcheck disable=SC2034 # of checks.sh
declare -A is=([exec_missing]=127 [refused]=255)

checks_of_podman
run 'is root in a namespace of the user' 0 '0 +4321 +1.*1 +300000 +65536' box \
	cat /proc/self/uid_map
run 'keeps the id' 0 'uid=4321\(someone\) gid=4321\(someone\)' --userns keep-id box id
run 'and maps it' 0 '4321 +0 +1' --userns keep-id box cat /proc/self/uid_map
run 'whose files are its own' 0 '^4321$' --userns keep-id -v /run/someone:/data box \
	stat -c %u /data
run 'maps no id of the user' 0 '^ +0 +1 +65536$' --userns nomap box cat /proc/self/uid_map
run 'maps users' 0 '^ +0 +1 +1000$' --uidmap 0:1:1000 --gidmap 0:1:1000 box \
	cat /proc/self/uid_map
run 'has the groups it is given' 0 'groups=.*2000' --group-add 2000 box id
run 'makes no device' 1 'not permitted' --cap-add mknod box mknod /tmp/d c 1 3
run 'sets no clock' '0|1' 'not permitted' box date -s 00:00
run 'binds with its own rights alone' 1 '[Pp]ermission denied' -v /etc/shadow:/data/shadow box \
	cat /data/shadow
e 'has a network' 0 'tap0' run --rm --network slirp4netns box ip -o link
e 'has the network of the host' 0 'lo' run --rm --network host box ip -o link
run 'splits the cgroup of conmon' 0 '^in$' --cgroups split box echo in
if "$binary" --cgroup-manager disabled list >/dev/null 2>&1; then # not runc
	run 'makes no cgroup' 0 "^in\$" --cgroups disabled box echo in
fi
run 'has its cgroup at the top' 0 '0::/$' box cat /proc/self/cgroup

checks_of_life
checks_of_health
checks_of_pod
checks_of_build --isolation oci

want 'leaves no container behind' 0 '^$' find "/run/user/4321/$runtime_name" -mindepth 1 \
	-maxdepth 1 -name '[0-9a-f]*'
want 'leaves no cgroup behind' 0 '^$' find "$delegate" -type d -name '*[0-9a-f]{64}*'
finish
