#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# docker.sh: dockerd, on a unix socket in a private /run, drives RUNTIME.
# shellcheck source=tests/clients/lib.sh
. "$(dirname "$0")/lib.sh"
begin 400 "$0" dockerd docker containerd iptables script
# shellcheck source=tests/clients/checks.sh
. "$(dirname "$0")/checks.sh"
# shellcheck source=tests/clients/dockerd.sh
. "$(dirname "$0")/dockerd.sh"
# shellcheck source=tests/clients/checkpoint.sh
. "$(dirname "$0")/checkpoint.sh"

root_make
archive_make box:latest
engine=(docker)
# shellcheck disable=SC2034 # of checks.sh
declare -A is=([exec_missing]='126|127' [refused]=1)
criu_path
dockerd_start one --experimental || { report 1 'dockerd starts' "$(tail -5 "$work/one.log")" && finish; }

e 'loads an image' 0 'box:latest' load -i "$work/image.tar"
e 'info names the runtime' 0 '^kist$' info --format '{{.DefaultRuntime}}'

checks_of_process
run 'makes a missing working directory' 0 '^/nosuch/dir$' --workdir /nosuch/dir box pwd
run 'refuses a file as working directory' 125 'not a directory' --workdir /etc/plain box pwd
run 'has the groups of the user' 0 'groups=.*2000' --user user box id
# Not "is pid 1", as with runc: kist's own init is (docs/init.md).
run 'sees its own pids alone' 0 '^/proc/1( /proc/[2-9])?$' box sh -c 'echo /proc/[0-9]*'
e 'has a network' 0 'eth0' run --rm box ip -o link
e 'has the network of the host' 0 'docker0' run --rm --network host box ip -o link

checks_of_files
run 'refuses a folder on a file' 125 '[Nn]ot a directory.*Are you trying to mount' -v \
	"$work/volume:/etc/plain" box true
run 'refuses a device it has not' 1 'Operation not permitted' --cap-add mknod box \
	sh -c 'mknod /tmp/d c 1 11 && cat /tmp/d'

checks_of_limits
checks_of_life --memory 64m

e 'starts one with a limit' 0 '' run -d --name one --network none --memory 64m box sleep 100
e 'top with options of ps' 0 'PID +COMMAND' top one -o pid,comm
e 'stats' 0 '^one .*[0-9][KM]iB / 64MiB [1-9]$' stats --no-stream --format \
	'{{.Name}} {{.MemUsage}} {{.PIDs}}' one
e 'update of memory' 0 '^one$' update --memory 96m --memory-swap 192m one
e 'update of shares after it' 0 '^one$' update --cpu-shares 300 one
e 'update of pids after it' 0 '^one$' update --pids-limit 44 one
if [ "$CGROUP" = v1 ]; then
	e 'all are seen' 0 $'^100663296\n300\n44$' exec one sh -c 'cd /sys/fs/cgroup
		cat memory/memory.limit_in_bytes cpu/cpu.shares pids/pids.max'
fi
e 'a restart policy' 0 '' run -d --name again --network none --restart on-failure:2 box sh -c \
	'exit 1'
seen 'restarts twice' 10 '^2 exited$' inspect -f '{{.RestartCount}} {{.State.Status}}' again
# Not at once: the shim begins to look for that after the start.
e 'a container that takes too much memory' 137 '' run --name greedy --network none \
	--memory 16m box sh -c 'sleep 2; x=1; while :; do x=$x$x; done'
e 'was killed for it' 0 '^true$' inspect -f '{{.State.OOMKilled}}' greedy
e 'a health check' 0 '' run -d --name healthy --network none --health-cmd true \
	--health-interval 1s box sleep 100
seen 'passes' 10 '^healthy$' inspect -f '{{.State.Health.Status}}' healthy
e 'events have them' 0 'container (create|start|die)' events --since 10m --until 0s

checkpoints checkpoint_docker
export DOCKER_BUILDKIT=0
checks_of_build

# The engine itself
docker ps -aq | xargs -r docker rm -f >/dev/null 2>&1
seen 'no container is left' 5 '^$' ps -aq
until_seen 'no cgroup is left' 15 '^$' find /sys/fs/cgroup -type d -path '*/docker/*'
none_left /run/one/runtime-runc/moby
dockerd_stop one
finish
