# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# lib.sh: what the suites of clients share; sourced, not run.
#
# A suite drives RUNTIME (a path or a name; runc to see that a check is right) from one
# client, in mount, network, pid and cgroup namespaces of its own with a private /run: what
# it starts, mounts or forgets ends with it.  Its cgroups are below one that the outer
# process removes.  Every command has a time limit, so that a hang is a failure.
# TRACE=DIRECTORY (tests/tap.sh) keeps what each check printed, so that two runtimes can be compared.
# ENGINES_ROOT=DIRECTORY: with the clients, and a RUNTIME named without a path, of that Debian root
# ("tests/make-root engines DIRECTORY": newer ones), which stays as it is.
set -u
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
: "${RUNTIME:=runc}" "${CGROUP:=}" "${ENGINES_ROOT:=}"
cg_name=kist-clients-${CLIENT_ID:=$$}
# shellcheck source=tests/tap.sh
. "$here/../tap.sh"

skip_all() {
	echo "1..0 # SKIP $1"
	exit 0
}

# The hierarchies to give: v1's where there are any, if CGROUP does not say v2.
cg_list() {
	case $CGROUP in
	'') [ -d /sys/fs/cgroup/pids ] && CGROUP=v1 || CGROUP=v2 ;;
	esac
	case $CGROUP:$(stat -fc %T /sys/fs/cgroup) in
	v1:*) for c in cpu cpuacct cpuset memory devices freezer blkio pids systemd net_cls perf_event \
		hugetlb; do [ ! -d "/sys/fs/cgroup/$c" ] || echo "/sys/fs/cgroup/$c"; done ;;
	v2:cgroup2fs) echo /sys/fs/cgroup ;;
	*) echo /sys/fs/cgroup/unified ;;
	esac
}

# Where its processes are: also in v2's tree beside v1's, of which CRIU saves all below them.
cg_places() {
	cg_list
	[ "$CGROUP" != v1 ] || [ ! -f /sys/fs/cgroup/unified/cgroup.procs ] ||
		echo /sys/fs/cgroup/unified
}

cg_join() {
	local dir
	[ "$CGROUP" != v2 ] || return 0
	for dir in $(cg_places); do
		mkdir -p "$dir/$cg_name"
		if [ -f "$dir/cpuset.cpus" ]; then
			cat "$dir/cpuset.cpus" >"$dir/$cg_name/cpuset.cpus"
			cat "$dir/cpuset.mems" >"$dir/$cg_name/cpuset.mems"
		fi
		echo 0 >"$dir/$cg_name/cgroup.procs"
	done
}

# cgroup v2: a cgroup that has processes gives no controllers to those below it, so that the root
# which the clients see must be left by all, those that started this one included.
cg_enter() {
	local dir
	dir=$(cg_list)/$cg_name
	mkdir "$dir" && echo $$ >"$dir/cgroup.procs" || exit 99
	exec env CLIENT_UNIFIED=1 unshare -C bash "$1"
}

cg_leave_root() {
	local controller
	mkdir /sys/fs/cgroup/clients && echo $$ >/sys/fs/cgroup/clients/cgroup.procs
	# shellcheck disable=SC2013 # words
	for controller in $(cat /sys/fs/cgroup/cgroup.controllers); do
		echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control
	done
}

# All are dead by now, but a cgroup is busy until the last one is reaped.
cg_remove() {
	local dir try
	for dir in $cg_dirs; do
		for try in 1 2 3 4 5 6 7 8 9 10; do
			find "$dir/$cg_name" -depth -type d -exec rmdir {} + 2>/dev/null
			[ -d "$dir/$cg_name" ] || break
			sleep "0.$try"
		done
		[ ! -d "$dir/$cg_name" ] || echo "# left: $dir/$cg_name"
	done
}

# In the namespaces: what the clients see of /run, /sys/fs/cgroup and their own folders.
view_make() {
	local dir name
	mount --make-rprivate /
	mount -t tmpfs -o mode=755 tmpfs /run
	mkdir -p /run/lock /run/user "$work/bin"
	mount -t tmpfs -o mode=755 tmpfs "$work"
	mkdir -p "$work/bin" "$work/tmp"
	for dir in /var/lib/containers /var/lib/docker /var/lib/containerd /var/lib/cni /etc/cni/net.d \
		/etc/docker; do
		[ ! -d "$dir" ] || mount -t tmpfs -o mode=755 tmpfs "$dir"
	done
	if [ "$CGROUP" = v2 ]; then
		umount -R /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup
		cg_leave_root
	else
		dirs=$(cg_list)
		mount -t tmpfs -o mode=755 tmpfs "$work/tmp"
		for dir in $dirs; do
			name=${dir##*/}
			mkdir "$work/tmp/$name"
			[ "$name" != systemd ] || name=name=systemd,none
			mount -t cgroup -o "$name" cgroup "$work/tmp/${dir##*/}"
		done
		umount -R /sys/fs/cgroup
		mount --move "$work/tmp" /sys/fs/cgroup
	fi
	ip link set lo up
	for name in kist runc crun; do
		ln -s "$runtime_path" "$work/bin/$name"
	done
	export TMPDIR=$work/tmp HOME=$work/home XDG_RUNTIME_DIR=
	unset XDG_RUNTIME_DIR
	mkdir -p "$HOME" "$TMPDIR"
}

# In the namespaces: another root, below which this tree and RUNTIME are where they were.
engines_enter() {
	local dir top root=$work/root
	top=$(realpath "$here/../..")
	mount --make-rprivate /
	mount -t tmpfs tmpfs "$work"
	mkdir "$work/upper" "$work/work" "$root"
	mount -t overlay -o "lowerdir=$ENGINES_ROOT,upperdir=$work/upper,workdir=$work/work" overlay \
		"$root"
	for dir in /dev /sys "$top" "$(dirname "$RUNTIME")"; do
		[ "$dir" != . ] || continue
		mkdir -p "$root$dir"
		mount --rbind "$dir" "$root$dir"
	done
	mkdir -p "$root$work" "$root/run" "$root"/var/lib/{containers,docker,containerd,cni} \
		"$root"/etc/{cni/net.d,docker,containers}
	mount -t proc proc "$root/proc"
	cd "$root" && pivot_root . mnt && umount -l mnt && cd /
}

# begin SECONDS SCRIPT TOOL...: starts SCRIPT again inside; what follows begin runs there.
begin() {
	local seconds=$1 script=$2 tool
	shift 2
	if [ -n "${CLIENT_INSIDE:-}" ]; then
		work=$CLIENT_INSIDE
		if [ -n "$ENGINES_ROOT" ]; then
			engines_enter || exit 99
			exec env ENGINES_ROOT= bash "$script"
		fi
		[ "$CGROUP${CLIENT_UNIFIED:-}" != v2 ] || cg_enter "$script"
		runtime_path=$(command -v "$RUNTIME")
		# shellcheck disable=SC2034 # for the suites
		runtime_name=$(basename "$runtime_path") binary=$work/bin/kist
		view_make || exit 99
		echo "TAP version 13"
		return 0
	fi
	[ "$(id -u)" = 0 ] || skip_all 'needs root'
	for tool in "$RUNTIME" /bin/busybox unshare ip "$@"; do
		[ -z "$ENGINES_ROOT" ] || break
		command -v "$tool" >/dev/null || skip_all "$tool is not installed"
	done
	work=$(mktemp -d /tmp/kist-clients-XXXXXX)
	[ -n "$CGROUP" ] || { [ -d /sys/fs/cgroup/pids ] && CGROUP=v1 || CGROUP=v2; }
	cg_dirs=$(cg_places)
	script=$(realpath "$script")
	export CGROUP CLIENT_ID RUNTIME TRACE ENGINES_ROOT
	[ -z "$TRACE" ] || mkdir -p "$TRACE"
	(
		cg_join
		[ "$CGROUP" = v2 ] || cgroups=-C
		exec timeout -k 5 "$seconds" unshare -m -p -n -u -i ${cgroups:-} -f --mount-proc \
			--kill-child env "CLIENT_INSIDE=$work" bash "$script"
	)
	status=$?
	cg_remove
	rm -rf --one-file-system "$work"
	[ "$status" != 124 ] || echo "Bail out! $seconds seconds are over"
	exit "$status"
}

# call COMMAND...: sets out (both streams) and status.
call() {
	out=$(timeout -k 2 "${LIMIT:-120}" "$@" 2>&1 </dev/null)
	status=$?
}

# want TEXT STATUS REGEX COMMAND...: one check; the whole output is matched unanchored.  STATUS may
# be several, as 126|127.
want() {
	local text=$1 wanted=$2 regex=$3
	shift 3
	call "$@"
	if [[ $status =~ ^($wanted)$ && $out =~ $regex ]]; then
		report 0 "$text"
	else
		report 1 "$text" "command: $*" "wanted: status $wanted, $regex" "got: status $status" "$out"
	fi
}

# until TEXT SECONDS REGEX COMMAND...: one check; asks until the answer is right.  The seconds are
# those of an idle machine: a busy one has more.
until_seen() {
	local text=$1 end=$((SECONDS + 6 * $2)) regex=$3
	shift 3
	while call "$@"; ! [[ $out =~ $regex ]]; do
		if [ "$SECONDS" -ge "$end" ]; then
			report 1 "$text" "command: $*" "wanted: $regex" "got: status $status" "$out"
			return
		fi
		sleep 0.2
	done
	report 0 "$text"
}

# none_left ROOT: one check, that RUNTIME has no container there.  runc 1.3 wants it to exist.
none_left() {
	mkdir -p "$1"
	until_seen 'no state is left' 5 '^(null|\[\s*\])?$' "$runtime_path" --root "$1" list -f json
}

# at_terminal TEXT STATUS REGEX WORDS: one check; the words go through a shell, at a terminal.
at_terminal() { want "$1" "$2" "$3" script -qec "$4" /dev/null; }

# snippet NAME: the block of docs/engines.md below "<!-- NAME -->", with RUNTIME in the place of
# /usr/bin/kist: what the page tells is what is tested.
snippet() {
	awk -v "mark=<!-- $1 -->" '$0 == mark { on = 1; next } !on { next } /^```/ { if (n++) exit; next }
		{ print }' "$here/../../docs/engines.md" | sed "s|/usr/bin/kist|$binary|g" | grep .
}

# The root file system all suites use: $work/root.tar
root_make() {
	local root=$work/root
	mkdir -p "$root"/{bin,etc,proc,sys,dev,tmp,data,home/user}
	cp "$(command -v busybox)" "$root/bin/busybox"
	chroot "$root" /bin/busybox --install -s /bin
	printf 'root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n' >"$root/etc/passwd"
	printf 'root:x:0:\nuser:x:1000:\nextra:x:2000:user\n' >"$root/etc/group"
	echo text >"$root/etc/plain"
	chmod 644 "$root/etc/plain"
	tar -C "$root" -cf "$work/root.tar" .
}

# archive_make NAME: the same as an image archive that docker, podman and ctr load: $work/image.tar
archive_make() {
	local dir=$work/archive digest
	mkdir -p "$dir/layer"
	cp "$work/root.tar" "$dir/layer/layer.tar"
	digest=$(sha256sum "$work/root.tar" | cut -d' ' -f1)
	printf '{"architecture":"%s","os":"linux","config":{"Env":["PATH=/bin"],"Cmd":["sh"]},' \
		"$(dpkg --print-architecture)" >"$dir/config.json"
	printf '"rootfs":{"type":"layers","diff_ids":["sha256:%s"]},"history":[{"created_by":"tar"}]}' \
		"$digest" >>"$dir/config.json"
	printf '[{"Config":"config.json","RepoTags":["%s"],"Layers":["layer/layer.tar"]}]' "$1" \
		>"$dir/manifest.json"
	tar -C "$dir" -cf "$work/image.tar" manifest.json config.json layer
}
