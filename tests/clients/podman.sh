#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# podman.sh: podman as root, with conmon, drives RUNTIME.
# shellcheck source=tests/clients/lib.sh
. "$(dirname "$0")/lib.sh"
begin 400 "$0" podman conmon script
# shellcheck source=tests/clients/checks.sh
. "$here/checks.sh"
# shellcheck source=tests/clients/podman_setup.sh
. "$here/podman_setup.sh"
# shellcheck source=tests/clients/checkpoint.sh
. "$here/checkpoint.sh"

root_make
podman_setup /run/containers/storage /var/lib/containers/storage
engine=(podman --cgroup-manager cgroupfs --events-backend file)
# shellcheck disable=SC2034 # of checks.sh
declare -A is=([exec_missing]=127 [refused]=255)

checks_of_podman
run 'maps users' 0 '0 +100000 +65536' --uidmap 0:100000:65536 --gidmap 0:100000:65536 box \
	cat /proc/self/uid_map
run 'maps users, and root is root of files' 0 '^0 0$' --uidmap 0:100000:65536 box \
	stat -c '%u %g' /etc/plain
e 'has a network' 0 'eth0' run --rm box ip -o link
if "$binary" --cgroup-manager disabled list >/dev/null 2>&1; then # not runc
	mine=$(sed -n 's/^[0-9]*:pids://p' /proc/self/cgroup)
	run 'makes no cgroup' 0 "^${mine:-/}\$" --cgroups=disabled --cgroupns=host box \
		sed -n 's/^[0-9]*:pids://p' /proc/self/cgroup
fi

checks_of_life
checks_of_health
e 'starts one more' 0 '' run -d --name c --network none box sleep 100
e 'top with columns' 0 'PID' top c pid comm
e 'stats' 0 'c' stats --no-stream --format '{{.Name}}' c
if [ "$CGROUP" = v1 ]; then
	e 'update' 0 '' update --cpu-shares 300 c
	e 'is seen inside' 0 '^300$' exec c cat /sys/fs/cgroup/cpu/cpu.shares
fi
e 'rm -f of it' 0 '' rm -f -t 0 c
e 'create' 0 '' create --name d --network none box sleep 100
e 'init makes it' 0 '' init d
e 'says initialized' 0 'initialized|created' inspect -f '{{.State.Status}}' d
e 'starts it' 0 '' start d
e 'rm -f of one that runs' 0 '' rm -f -t 0 d

criu_path
checkpoints checkpoint_podman
checks_of_pod
checks_of_build --isolation oci

none_left /run/kist
want 'leaves no cgroup behind' 0 '^$' find /sys/fs/cgroup -type d -name '*[0-9a-f]{64}*'
finish
