#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# containerd.sh: ctr and containerd's runc shim, pointed at RUNTIME by --runc-binary and by a
# program named runc on PATH.
# shellcheck source=tests/clients/lib.sh
. "$(dirname "$0")/lib.sh"
begin 300 "$0" containerd ctr containerd-shim-runc-v2 script
# shellcheck source=tests/clients/checkpoint.sh
. "$(dirname "$0")/checkpoint.sh"

root_make
archive_make docker.io/library/box:latest
image=docker.io/library/box:latest
# What the shim starts by name is RUNTIME, too.
export PATH=$work/bin:$PATH CONTAINERD_ADDRESS=/run/containerd/containerd.sock
t() { want "$1" "$2" "$3" ctr "${@:4}"; }
seen() { until_seen "$1" "$2" "$3" ctr "${@:4}"; }
id=0
bare() {
	id=$((id + 1))
	local text=$1 status=$2 regex=$3 options=()
	shift 3
	while [ "$1" != -- ]; do options+=("$1") && shift; done
	shift
	t "$text" "$status" "$regex" run --rm --runc-binary "$binary" "${options[@]}" "$image" \
	"run-$id" "$@"
}

# The same with a while more to live, for ctr now and then loses what is said by one that ends at
# once, with any runtime.
run() {
	local words=()
	while [ "$1" != -- ]; do words+=("$1") && shift; done
	shift
	bare "${words[@]}" -- sh -c '"$@"; status=$?; sleep 0.2; exit $status' sh "$@"
}

cat >"$work/config.toml" <<END
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
END
criu_path
containerd -c "$work/config.toml" >"$work/containerd.log" 2>&1 &
engine=$!
for _ in $(seq 600); do
	ctr version >/dev/null 2>&1 && break
	sleep 0.1
done
t 'the engine answers' 0 'Server' version
t 'imports an image' 0 'box' image import "$work/image.tar"
t 'has it' 0 'box:latest' image ls -q

# One command
run 'runs a command' 0 '^hello$' -- echo hello
t 'runs the program named runc on PATH' 0 '^hello$' run --rm "$image" by-path echo hello
want 'runs as docs/engines.md says' 0 '^hello$' bash -c "$(snippet ctr)"
run 'gives its status' 7 '^$' -- sh -c 'exit 7'
bare 'says that a program is missing' 1 'executable file not found in \$PATH' -- nosuch
bare 'says that a path is missing' 1 'no such file or directory' -- /nosuch
bare 'says that a file is no program' 1 'permission denied' -- /etc/plain
run 'sets the environment' 0 '^value$' --env NAME=value -- sh -c 'echo $NAME'
run 'sets the working directory' 0 '^/data$' --cwd /data -- pwd
run 'has capabilities of the default' 0 'CapEff:.00000000a80425fb' -- grep CapEff /proc/self/status
run 'adds a capability' 0 'CapEff:.00000000a80435fb' --cap-add CAP_NET_ADMIN -- \
	grep CapEff /proc/self/status
run 'drops a capability' 0 'CapEff:.00000000a80405fb' --cap-drop CAP_NET_RAW -- \
	grep CapEff /proc/self/status
run 'has a seccomp filter' 0 'Seccomp:.2' --seccomp -- grep Seccomp: /proc/self/status
run 'sets no_new_privs' 0 'NoNewPrivs:.1' -- grep NoNewPrivs /proc/self/status
run 'has a read-only root' 1 'Read-only file system' --read-only -- touch /file
mkdir "$work/volume" && echo inside >"$work/volume/file"
run 'binds a folder' 0 '^inside$' \
	--mount "type=bind,src=$work/volume,dst=/data,options=rbind:ro" -- cat /data/file
run 'binds it read-only' 1 'Read-only file system' \
	--mount "type=bind,src=$work/volume,dst=/data,options=rbind:ro" -- touch /data/new
run 'mounts a tmpfs' 0 'tmpfs /data tmpfs .*size=1024k' \
	--mount type=tmpfs,src=tmpfs,dst=/data,options=size=1m -- grep /data /proc/mounts
bare 'refuses a mount with a missing source' 1 'no such file or directory' \
	--mount type=bind,src=/nosuch,dst=/data,options=rbind -- true
run 'adds a device' 0 '10, 229' --device /dev/fuse -- ls -l /dev/fuse
# With runc an annotation like any other; kist would have its own init there (docs/init.md).
bare 'is pid 1' 0 '^1$' --annotation org.kist.init=never -- sh -c 'echo $$; sleep 0.2'
run 'has the network of the host' 0 'lo' --net-host -- ip -o link
run 'has a network of its own' 0 'lo' -- ip -o link
uts=$(readlink /proc/self/ns/uts)
run 'joins a namespace' 0 "^uts:.${uts//[^0-9]/}.\$" --with-ns "uts:/proc/$$/ns/uts" -- \
	readlink /proc/self/ns/uts
run 'runs privileged' 0 'CapEff:.000001ff' --privileged -- grep CapEff /proc/self/status
run 'leaves out no_new_privs' 0 'NoNewPrivs:.0' --allow-new-privs -- \
	grep NoNewPrivs /proc/self/status
# Seen from outside: ctr mounts no cgroups.
limited() {
	local text=$1 value=$2 file=$3
	shift 3
	t "$text" 0 '^$' run -d --runc-binary "$binary" --cgroup /limited "$@" "$image" limited sleep 100
	want 'as its cgroup shows' 0 "^$value\$" cat "/sys/fs/cgroup/${file%%/*}/limited/${file#*/}"
	ctr task rm -f limited >/dev/null 2>&1
	ctr container rm limited
}
if [ "$CGROUP" = v1 ]; then
	limited 'limits memory' 67108864 memory/memory.limit_in_bytes --memory-limit 67108864
	limited 'limits the processor' 50000 cpu/cpu.cfs_quota_us --cpu-quota 50000 --cpu-period 100000
	limited 'has shares' 512 cpu/cpu.shares --cpu-shares 512
fi

# At a terminal
# A while longer, for ctr loses the words of one in a hundred that end at once: of 1046 with kist
# 13, of 778 with runc 9.
at_terminal 'has a terminal' 0 '/dev/pts/0|/dev/console' \
	"ctr run --rm -t --runc-binary $binary $image tty sh -c 'tty; sleep 1'"
at_terminal 'whose status comes through' 5 '' \
	"ctr run --rm -t --runc-binary $binary $image tty2 sh -c 'exit 5'"

# A container that stays
t 'starts in the background' 0 '^$' run -d --runc-binary "$binary" "$image" one \
	sh -c 'trap "exit 3" TERM; while :; do sleep 0.1; done'
t 'task ls says running' 0 'one +[0-9]+ +RUNNING' task ls
# Here, too, a while longer, that ctr hears what is said.
t 'exec' 0 '^in$' task exec --exec-id e1 one sh -c 'echo in; sleep 0.2'
t 'exec gives the status' 9 '^$' task exec --exec-id e2 one sh -c 'exit 9'
t 'exec of a missing program' 1 'executable file not found in \$PATH' task exec --exec-id e3 one \
	nosuch
t 'exec of a file that is no program' 1 'permission denied' task exec --exec-id e4 one /etc/plain
t 'exec as a user' 0 'uid=1000' task exec --exec-id e5 --user 1000 one sh -c 'id; sleep 0.2'
t 'exec in a folder' 0 '^/data$' task exec --exec-id e6 --cwd /data one sh -c 'pwd; sleep 0.2'
at_terminal 'exec at a terminal' 0 '/dev/pts/' \
	"ctr task exec -t --exec-id e7 one sh -c 'tty; sleep 1'"
t 'exec in the background' 0 '^$' task exec -d --exec-id e8 one sleep 54
t 'which is among the processes' 0 'sleep 54' task exec --exec-id e9 one sh -c 'ps; sleep 0.2'
t 'ps' 0 'PID +INFO' task ps one
t 'metrics' 0 'pids.current|memory.usage' task metrics one
t 'pause' 0 '^$' task pause one
t 'says paused' 0 'one +[0-9]+ +PAUSED' task ls
t 'no exec in a paused one' 1 'paused' task exec --exec-id e10 one true
t 'resume' 0 '^$' task resume one
t 'runs again' 0 'one +[0-9]+ +RUNNING' task ls
t 'no removal of one that runs' 1 'running|stopped' task rm one
t 'a second of that name' 1 'already exists' run -d --runc-binary "$binary" "$image" one true
t 'kill with a signal that is ignored' 0 '^$' task kill -s WINCH one
t 'still runs' 0 'one +[0-9]+ +RUNNING' task ls
t 'kill with SIGTERM' 0 '^$' task kill -s TERM one
seen 'ends' 5 'one +[0-9]+ +STOPPED' task ls
t 'kill of a stopped one' 1 'not found|already finished' task kill -s KILL one
t 'exec in a stopped one' 1 'stopped|not running' task exec --exec-id e11 one true
t 'the removal of the task tells its status' 0 'non-zero exit code 3' task rm one
t 'the removal of the container' 0 '^$' container rm one
t 'create' 0 '^$' container create "$image" two sleep 100
t 'start' 0 '^$' task start -d two
t 'kill --all' 0 '^$' task kill -a -s KILL two
seen 'ends too' 5 'two +[0-9]+ +STOPPED' task ls
t 'task rm -f' 0 'non-zero exit code 137' task rm -f two
t 'container rm' 0 '^$' container rm two
checkpoints checkpoint_containerd
t 'nothing is left' 0 '^TASK +PID +STATUS *$' task ls
none_left /run/containerd/runc/default
want 'no cgroup is left' 0 '^$' find /sys/fs/cgroup -mindepth 2 -type d -path '*/default/*'
kill "$engine"
wait "$engine"
finish
