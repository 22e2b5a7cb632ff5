#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# podman.sh: podman as root, with conmon, drives RUNTIME.
# shellcheck source=tests/clients/lib.sh
. "$(dirname "$0")/lib.sh"
begin 400 "$0" podman conmon script

root_make
mkdir -p /etc/containers "$work/conf"
cat >"$work/conf/containers.conf" <<END
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
[engine.runtimes]
$runtime_name = ["$work/bin/$runtime_name"]
END
cat >"$work/conf/storage.conf" <<END
[storage]
driver = "overlay"
runroot = "/run/containers/storage"
graphroot = "/var/lib/containers/storage"
END
export CONTAINERS_CONF=$work/conf/containers.conf CONTAINERS_STORAGE_CONF=$work/conf/storage.conf
pm() { LIMIT=30 want "$1" "$2" "$3" podman --runtime "$work/bin/$runtime_name" "${@:4}"; }
seen() { until_seen "$1" "$2" "$3" podman --runtime "$work/bin/$runtime_name" "${@:4}"; }
run() { pm "$1" "$2" "$3" run --rm --network none "${@:4}"; }

pm 'imports an image' 0 '' import "$work/root.tar" box
pm 'info names the runtime' 0 "$runtime_name" info --format '{{.Host.OCIRuntime.Name}}'
pm 'info has its version' 0 'version' info --format '{{.Host.OCIRuntime.Version}}'

# One command
run 'runs a command' 0 '^hello$' box echo hello
run 'gives its status' 7 '^$' box sh -c 'exit 7'
run 'gives its death by a signal' 137 '' --init box sh -c 'kill -9 $$'
run 'says 127 for a missing program' 127 'nosuch' box nosuch
run 'says 126 for a file that is no program' 126 '[Pp]ermission denied' box /etc/plain
run 'says 126 for a directory' 126 '[Pp]ermission denied|is a directory' box /tmp
run 'refuses a missing working directory' 126 'nosuch/dir' --workdir /nosuch/dir box true
run 'keeps the streams apart' 0 '^out$' box sh -c 'echo out; echo err >/dev/null'
run 'hands over stdin' 0 '' -i box cat
run 'sets the environment' 0 '^value$' -e NAME=value box sh -c 'echo $NAME'
run 'sets the working directory' 0 '^/data$' --workdir /data box pwd
run 'sets user and groups' 0 'uid=1000\(user\) gid=1000\(user\)' --user user box id
run 'sets the host name' 0 '^name$' --hostname name box hostname
run 'drops capabilities' 0 'CapEff:.0000000000000000' --cap-drop all box grep CapEff \
	/proc/self/status
run 'adds a capability' 0 'CapEff:.0000000000002000' --cap-drop all --cap-add net_raw box \
	grep CapEff /proc/self/status
run 'has a seccomp filter' 0 'Seccomp:.2' box grep Seccomp: /proc/self/status
run 'has none unconfined' 0 'Seccomp:.0' --security-opt seccomp=unconfined box \
	grep Seccomp: /proc/self/status
run 'sets no_new_privs' 0 'NoNewPrivs:.1' --security-opt no-new-privileges box \
	grep NoNewPrivs /proc/self/status
run 'runs privileged' 0 'CapEff:.[0-9a-f]*[1-9a-f]' --privileged box grep CapEff /proc/self/status
run 'sets a limit' 0 '^99$' --ulimit nproc=99:99 --ulimit nofile=99:99 box sh -c 'ulimit -n'
run 'sets a sysctl' 0 '^4242$' --sysctl kernel.msgmax=4242 box cat /proc/sys/kernel/msgmax
run 'sets a sysctl of the network' 0 '^1$' --sysctl net.ipv4.ip_forward=1 box cat \
	/proc/sys/net/ipv4/ip_forward

# The file system
run 'has a read-only root' 1 'Read-only file system' --read-only box touch /file
run 'and a writable /tmp in it' 0 '^$' --read-only box touch /tmp/file
mkdir "$work/volume" && echo inside >"$work/volume/file"
run 'binds a volume' 0 '^inside$' -v "$work/volume:/data" box cat /data/file
run 'binds it read-only' 1 'Read-only file system' -v "$work/volume:/data:ro" box touch /data/new
run 'mounts a tmpfs with its options' 0 'tmpfs /data tmpfs .*size=1024k' \
	--tmpfs /data:size=1m box grep /data /proc/mounts
run 'makes a named volume' 0 '^$' -v vol:/data box touch /data/kept
run 'and keeps it' 0 '^kept$' -v vol:/data box ls /data
run 'hides paths of /proc' 1 '' box sh -c 'test -s /proc/kcore && echo seen'
run 'has its own devices' 0 '^crw-rw-rw- .* 1, +3 .*/dev/null' box ls -l /dev/null
run 'adds a device' 0 '10, 229' --device /dev/fuse box ls -l /dev/fuse
run 'has a large /dev/shm' 0 'shm .*size=32768k' --shm-size 32m box grep /dev/shm /proc/mounts

# Namespaces
# With runc an annotation like any other; kist would have its own init there (docs/init.md).
run 'is pid 1' 0 '^1$' --annotation org.kist.init=never box sh -c 'echo $$'
run 'sees the pids of the host' 0 '^[0-9]{2,}$' --pid host box sh -c 'echo $$'
run 'maps users' 0 '0 +100000 +65536' --uidmap 0:100000:65536 --gidmap 0:100000:65536 box \
	cat /proc/self/uid_map
run 'runs an init' 0 'init|catatonit' --init box cat /proc/1/comm
pm 'has a network' 0 'eth0' run --rm box ip -o link

# Limits
if [ "$CGROUP" = v1 ]; then
	m=/sys/fs/cgroup/memory
	run 'limits memory' 0 '^67108864$' --memory 64m box cat $m/memory.limit_in_bytes
	run 'limits processes' 0 '^33$' --pids-limit 33 box cat /sys/fs/cgroup/pids/pids.max
	run 'limits the processor' 0 '^50000$' --cpus 0.5 box cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us
	run 'sets shares' 0 '^512$' --cpu-shares 512 box cat /sys/fs/cgroup/cpu/cpu.shares
fi

# At a terminal
pm_tty="podman --runtime $work/bin/$runtime_name run --rm --network none -it box"
want 'has a terminal' 0 '/dev/pts/0|/dev/console' script -qec "$pm_tty tty" /dev/null
want 'whose status comes through' 5 '' script -qec "$pm_tty sh -c 'exit 5'" /dev/null

# A container that stays
pm 'starts in the background' 0 '^[0-9a-f]{64}$' run -d --name c --network none \
	--health-cmd 'test -e /tmp/healthy' --health-interval disable box \
	sh -c 'trap "exit 3" TERM; echo started; while :; do sleep 0.1; done'
pm 'inspect says running' 0 '^running$' inspect -f '{{.State.Status}}' c
pm 'ps shows it' 0 'c .*Up|Up .* c' ps
seen 'logs has its words' 5 '^started$' logs c
pm 'exec' 0 '^in$' exec c echo in
pm 'exec gives the status' 9 '' exec c sh -c 'exit 9'
pm 'exec of a missing program' 127 'nosuch' exec c nosuch
pm 'exec of a file that is no program' 126 '[Pp]ermission denied' exec c /etc/plain
pm 'exec as a user' 0 'uid=1000' exec --user 1000 c id
pm 'exec with environment and folder' 0 '^v /data$' exec -e N=v -w /data c sh -c 'echo $N $PWD'
pm 'exec in the background' 0 '^[0-9a-f]{64}$' exec -d c touch /tmp/healthy
seen 'whose work is seen' 5 'healthy' exec c ls /tmp
want 'exec at a terminal' 0 '/dev/pts/' script -qec \
	"podman --runtime $work/bin/$runtime_name exec -it c tty" /dev/null
pm 'the health check passes' 0 '^$' healthcheck run c
pm 'rm and fail' 0 '' exec c rm /tmp/healthy
pm 'the health check fails' 1 'unhealthy' healthcheck run c
pm 'top' 0 'sh' top c
pm 'top with columns' 0 'PID' top c pid comm
pm 'pause' 0 '' pause c
pm 'says paused' 0 '^paused$' inspect -f '{{.State.Status}}' c
pm 'no exec in a paused one' 255 'paused|running' exec c true
pm 'unpause' 0 '' unpause c
pm 'runs again' 0 '^again$' exec c echo again
pm 'stats' 0 'c' stats --no-stream --format '{{.Name}}' c
if [ "$CGROUP" = v1 ]; then
	pm 'update' 0 '' update --cpu-shares 300 c
	pm 'is seen inside' 0 '^300$' exec c cat /sys/fs/cgroup/cpu/cpu.shares
fi
pm 'cp into it' 0 '' cp "$work/volume/file" c:/tmp/copied
pm 'is there' 0 '^inside$' exec c cat /tmp/copied
pm 'kill with a signal that is ignored' 0 '' kill -s WINCH c
pm 'still runs' 0 '^true$' inspect -f '{{.State.Running}}' c
pm 'stop ends it by SIGTERM' 0 '^c$' stop -t 10 c
pm 'keeps its status' 0 '^3$' inspect -f '{{.State.ExitCode}}' c
pm 'no exec in a stopped one' 255 'running|state' exec c true
pm 'starts again' 0 '^c$' start c
pm 'restarts' 0 '' restart -t 1 c
pm 'kill -s KILL' 0 '' kill -s KILL c
pm 'wait gives 137' 0 '^137$' wait c
pm 'rm' 0 '' rm c
pm 'is gone' 1 '' container exists c
pm 'create' 0 '' create --name d --network none box sleep 100
pm 'init makes it' 0 '' init d
pm 'says initialized' 0 'initialized|created' inspect -f '{{.State.Status}}' d
pm 'starts it' 0 '' start d
pm 'rm -f of one that runs' 0 '' rm -f -t 0 d

# Pods
pm 'makes a pod' 0 '^[0-9a-f]{64}$' pod create --name pod --network none --infra-command \
	'/bin/sleep 1000' --infra-image box
pm 'runs in it' 0 '' run -d --pod pod --name e box sleep 100
pm 'shares its network' 0 'lo' exec e ip -o link
pm 'pauses it' 0 '' pod pause pod
pm 'resumes it' 0 '' pod unpause pod
pm 'stops it' 0 '' pod stop -t 0 pod
pm 'removes it' 0 '' pod rm -f -t 0 pod

# Build
mkdir "$work/context"
printf 'FROM box\nRUN echo built >/built\nCMD cat /built\n' >"$work/context/Containerfile"
LIMIT=60 pm 'builds' 0 'COMMIT|Successfully' build --isolation oci --network none -t made \
	"$work/context"
run 'what it built' 0 '^built$' made
printf 'FROM box\nRUN exit 4\n' >"$work/context/Containerfile"
pm 'a step that fails' 4 'exit status 4|exit code: 4' build --isolation oci --network none \
	"$work/context"

want 'leaves no container behind' 0 '^(null|\[\s*\])?$' "$runtime_path" --root \
	"/run/$runtime_name" list -f json
want 'leaves no cgroup behind' 0 '^$' find /sys/fs/cgroup -type d -name '*[0-9a-f]{64}*'
finish
