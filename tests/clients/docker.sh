#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# docker.sh: Debian's dockerd, on a unix socket in a private /run, drives RUNTIME.
# shellcheck source=tests/clients/lib.sh
. "$(dirname "$0")/lib.sh"
begin 400 "$0" dockerd /usr/bin/docker containerd iptables script

root_make
archive_make box:latest
export DOCKER_HOST=unix:///run/docker.sock PATH=/usr/sbin:/usr/bin:/sbin:/bin
d() { LIMIT=30 want "$1" "$2" "$3" docker "${@:4}"; }
seen() { until_seen "$1" "$2" "$3" docker "${@:4}"; }
run() { d "$1" "$2" "$3" run --rm --network none "${@:4}"; }

engine_start() {
	dockerd --host "$DOCKER_HOST" --data-root /var/lib/docker --exec-root /run/docker \
		--pidfile /run/docker.pid --add-runtime "tested=$work/bin/$runtime_name" \
		--default-runtime tested --storage-driver overlay2 \
		--exec-opt native.cgroupdriver=cgroupfs >>"$work/dockerd.log" 2>&1 &
	engine=$!
	for _ in $(seq 150); do
		docker info >/dev/null 2>&1 && return 0
		sleep 0.1
	done
	return 1
}
if ! engine_start; then
	report 1 'dockerd starts' "$(tail -5 "$work/dockerd.log")"
	finish
fi

d 'loads an image' 0 'box:latest' load -i "$work/image.tar"
d 'info names the runtime' 0 '^tested$' info --format '{{.DefaultRuntime}}'

# One command
run 'runs a command' 0 '^hello$' box echo hello
run 'gives its status' 7 '^$' box sh -c 'exit 7'
run 'gives its death by a signal' 137 '' --init box sh -c 'kill -9 $$'
run 'says 127 for a missing program' 127 'executable file not found in \$PATH' box nosuch
run 'says 127 for a missing path' 127 'no such file or directory' box /nosuch
run 'says 126 for a file that is no program' 126 'permission denied' box /etc/plain
run 'says 126 for a directory' 126 'permission denied|is a directory' box /tmp
run 'makes a missing working directory' 0 '^/nosuch/dir$' --workdir /nosuch/dir box pwd
run 'refuses a file as working directory' 125 'not a directory' --workdir /etc/plain box pwd
run 'sets the environment' 0 '^value$' -e NAME=value box sh -c 'echo $NAME'
run 'sets user and groups' 0 'uid=1000\(user\) gid=1000\(user\) groups=.*2000' --user user box id
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
run 'sets a limit' 0 '^99$' --ulimit nofile=99:99 box sh -c 'ulimit -n'
run 'sets a sysctl' 0 '^4242$' --sysctl kernel.msgmax=4242 box cat /proc/sys/kernel/msgmax
run 'has a read-only root' 1 'Read-only file system' --read-only box touch /file
mkdir "$work/volume" && echo inside >"$work/volume/file"
run 'binds a folder' 0 '^inside$' -v "$work/volume:/data" box cat /data/file
run 'binds it read-only' 1 'Read-only file system' -v "$work/volume:/data:ro" box touch /data/new
run 'binds a file' 0 '^inside$' -v "$work/volume/file:/data/one" box cat /data/one
run 'refuses a folder on a file' 125 'not a directory: unknown: Are you trying to mount' -v \
	"$work/volume:/etc/plain" box true
run 'mounts a tmpfs with its options' 0 'tmpfs /data tmpfs .*size=1024k' \
	--tmpfs /data:size=1m box grep /data /proc/mounts
run 'makes a named volume' 0 '^$' -v vol:/data box touch /data/kept
run 'and keeps it' 0 '^kept$' -v vol:/data box ls /data
run 'adds a device' 0 '10, 229' --device /dev/fuse box ls -l /dev/fuse
run 'refuses a device it has not' 1 'Operation not permitted' --cap-add mknod box \
	sh -c 'mknod /tmp/d c 1 11 && cat /tmp/d'
# Not "is pid 1", as with runc: kist's own init is (docs/init.md).
run 'sees its own pids alone' 0 '^/proc/1( /proc/[2-9])?$' box sh -c 'echo /proc/[0-9]*'
run 'sees the pids of the host' 0 '^[0-9]{2,}$' --pid host box sh -c 'echo $$'
run 'runs an init' 0 'init|tini' --init box cat /proc/1/comm
d 'has a network' 0 'eth0' run --rm box ip -o link
d 'has the network of the host' 0 'docker0' run --rm --network host box ip -o link

# Limits
if [ "$CGROUP" = v1 ]; then
	c=/sys/fs/cgroup
	run 'limits memory' 0 '^67108864$' --memory 64m box cat $c/memory/memory.limit_in_bytes
	run 'limits processes' 0 '^33$' --pids-limit 33 box cat $c/pids/pids.max
	run 'limits the processor' 0 '^50000$' --cpus 0.5 box cat $c/cpu/cpu.cfs_quota_us
	run 'sets shares' 0 '^512$' --cpu-shares 512 box cat $c/cpu/cpu.shares
	run 'sets the set of processors' 0 '^0$' --cpuset-cpus 0 box cat $c/cpuset/cpuset.cpus
	run 'allows devices by rule' 0 'c 1:11 rwm' --device-cgroup-rule 'c 1:11 rwm' box \
		cat $c/devices/devices.list
fi

# At a terminal
want 'has a terminal' 0 '/dev/pts/0|/dev/console' script -qec \
	'docker run --rm --network none -it box tty' /dev/null
want 'whose status comes through' 5 '' script -qec \
	"docker run --rm --network none -it box sh -c 'exit 5'" /dev/null

# A container that stays
d 'starts in the background' 0 '^[0-9a-f]{64}$' run -d --name one --network none --memory 64m box \
	sh -c 'trap "exit 3" TERM; echo started; while :; do sleep 0.1; done'
d 'inspect says running' 0 '^running$' inspect -f '{{.State.Status}}' one
d 'ps shows it' 0 'Up .* one' ps
seen 'logs has its words' 5 '^started$' logs one
d 'exec' 0 '^in$' exec one echo in
d 'exec gives the status' 9 '^$' exec one sh -c 'exit 9'
d 'exec of a missing program' 126 'executable file not found in \$PATH|127' exec one nosuch
d 'exec of a file that is no program' 126 'permission denied' exec one /etc/plain
d 'exec as a user' 0 'uid=1000' exec --user 1000 one id
d 'exec with environment and folder' 0 '^v /data$' exec -e N=v -w /data one sh -c 'echo $N $PWD'
d 'exec in the background' 0 '^$' exec -d one touch /tmp/made
seen 'whose work is seen' 5 'made' exec one ls /tmp
want 'exec at a terminal' 0 '/dev/pts/' script -qec 'docker exec -it one tty' /dev/null
d 'top' 0 'sh' top one
d 'top with options of ps' 0 'PID +COMMAND' top one -o pid,comm
d 'pause' 0 '^one$' pause one
d 'says paused' 0 '^paused$' inspect -f '{{.State.Status}}' one
d 'no exec in a paused one' 1 'is paused' exec one true
d 'unpause' 0 '^one$' unpause one
d 'runs again' 0 '^again$' exec one echo again
d 'stats' 0 '^one .*[0-9][KM]iB / 64MiB [1-9]$' stats --no-stream --format \
	'{{.Name}} {{.MemUsage}} {{.PIDs}}' one
d 'update of memory' 0 '^one$' update --memory 96m --memory-swap 192m one
d 'update of shares after it' 0 '^one$' update --cpu-shares 300 one
d 'update of pids after it' 0 '^one$' update --pids-limit 44 one
if [ "$CGROUP" = v1 ]; then
	d 'all are seen' 0 $'^100663296\n300\n44$' exec one sh -c 'cd /sys/fs/cgroup
		cat memory/memory.limit_in_bytes cpu/cpu.shares pids/pids.max'
fi
d 'cp into it' 0 '' cp "$work/volume/file" one:/tmp/copied
d 'is there' 0 '^inside$' exec one cat /tmp/copied
d 'diff shows it' 0 'A /tmp/copied' diff one
d 'kill with a signal that is ignored' 0 '^one$' kill -s WINCH one
d 'still runs' 0 '^true$' inspect -f '{{.State.Running}}' one
d 'stop ends it by SIGTERM' 0 '^one$' stop -t 10 one
d 'keeps its status' 0 '^3$' inspect -f '{{.State.ExitCode}}' one
d 'no exec in a stopped one' 1 'is not running' exec one true
d 'starts again' 0 '^one$' start one
d 'restarts' 0 '^one$' restart -t 1 one
d 'kill' 0 '^one$' kill one
d 'wait gives 137' 0 '^137$' wait one
d 'rm' 0 '^one$' rm one
d 'is gone' 1 'No such (object|container)' inspect one
d 'runs another' 0 '' run -d --name other --network none box sleep 100
d 'rm -f of one that runs' 0 '^other$' rm -f other
d 'a restart policy' 0 '' run -d --name again --network none --restart on-failure:2 box sh -c \
	'exit 1'
seen 'restarts twice' 10 '^2 exited$' inspect -f '{{.RestartCount}} {{.State.Status}}' again
d 'a container that takes too much memory' 137 '' run --name greedy --network none \
	--memory 16m box sh -c 'x=1; while :; do x=$x$x; done'
d 'was killed for it' 0 '^true$' inspect -f '{{.State.OOMKilled}}' greedy
d 'a health check' 0 '' run -d --name healthy --network none --health-cmd true \
	--health-interval 1s box sleep 100
seen 'passes' 10 '^healthy$' inspect -f '{{.State.Health.Status}}' healthy
d 'events have them' 0 'container (create|start|die)' events --since 10m --until 0s

# Build
mkdir "$work/context"
printf 'FROM box\nRUN echo built >/built\nCMD cat /built\n' >"$work/context/Dockerfile"
export DOCKER_BUILDKIT=0
LIMIT=60 d 'builds' 0 'Successfully built' build --network none -t made "$work/context"
run 'what it built' 0 '^built$' made
printf 'FROM box\nRUN exit 4\n' >"$work/context/Dockerfile"
d 'a step that fails' 4 'non-zero code: 4' build --network none "$work/context"

# The engine itself
docker rm -f healthy again greedy >/dev/null 2>&1
docker ps -aq | xargs -r docker rm -f >/dev/null 2>&1
seen 'no container is left' 5 '^$' ps -aq
until_seen 'no cgroup is left' 5 '^$' find /sys/fs/cgroup -type d -path '*/docker/*'
until_seen 'no state is left' 5 '^(null|\[\s*\])?$' "$runtime_path" \
	--root /run/docker/runtime-runc/moby list -f json
kill "$engine"
wait "$engine"
finish
