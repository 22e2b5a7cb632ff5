#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# crio.sh: what CRI-O does with a container, without CRI-O, which Debian has no package of: it
# starts conmon with these arguments, and calls RUNTIME itself for the rest (docs/contracts.md).
# Where CRI-O is nevertheless, crio_pods.sh runs it.
: "${CRIO_PATH:=$PATH}"
export CRIO_PATH
# shellcheck source=tests/clients/lib.sh
. "$(dirname "$0")/lib.sh"
begin 400 "$0" conmon python3
root_make
# As the [crio.runtime.runtimes] of docs/engines.md say it.
path=$(snippet crio.conf | sed -n 's/^runtime_path = "\(.*\)"/\1/p')
state=$(snippet crio.conf | sed -n 's/^runtime_root = "\(.*\)"/\1/p')
exits=$work/exits attach=$work/attach persist=$work/persist
mkdir -p "$exits" "$attach" "$persist" "$state"

# r TEXT STATUS REGEX ARGUMENT...: a call of the runtime as CRI-O does it.
r() { want "$1" "$2" "$3" "$path" --root "$state" "${@:4}"; }
in_it() { r "$1" "$2" "$3" exec --process "$(process "${@:4}")" "$id"; }

# process WORD...: a process.json as CRI-O writes it for an exec; prints its path.
process() {
	local words
	words=$(printf '"%s",' "$@")
	printf '{"args":[%s],"cwd":"/","user":{"uid":1000,"gid":1000},"env":["PATH=/bin"],
		"capabilities":{"bounding":[],"effective":[],"permitted":[]},"noNewPrivileges":true}' \
		"${words%,}" >"$work/process.json"
	echo "$work/process.json"
}

# bundle ID TERMINAL SCRIPT: what CRI-O has in config.json, as far as it matters here.
bundle() {
	mkdir -p "$work/bundles/$1"
	cat >"$work/bundles/$1/config.json" <<-END
	{"ociVersion": "1.1.0", "hostname": "pod", "root": {"path": "$work/root", "readonly": true},
	 "process": {"terminal": $2, "user": {"uid": 1000, "gid": 1000, "additionalGids": [2000]},
	  "args": ["sh", "-c", "$3"], "env": ["PATH=/bin", "TERM=xterm"], "cwd": "/",
	  "noNewPrivileges": true, "oomScoreAdj": 1000},
	 "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
	  {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
	   "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
	  {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
	   "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
	  {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["mode=1777"]}],
	 "annotations": {"io.kubernetes.cri-o.ContainerType": "container", "org.kist.init": "never"},
	 "linux": {"cgroupsPath": "/kubepods/crio-$1", "resources": {"pids": {"limit": 50},
	   "devices": [{"allow": false, "access": "rwm"}]},
	  "namespaces": [{"type": "pid"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"},
	   {"type": "network"}, {"type": "cgroup"}],
	  "maskedPaths": ["/proc/kcore"], "readonlyPaths": ["/proc/sys"]}}
	END
}

# conmon_create TEXT REGEX ARGUMENT...: create of $id, with CRI-O's arguments and these.
conmon_create() {
	local dir=$work/bundles/$id
	want "$1" 0 "$2" python3 "$here/conmon.py" start -b "$dir" -c "$id" --exit-dir "$exits" \
		-l "$work/$id.log" --log-level info -n "k8s_$id" -P "$dir/conmon.pid" -p "$dir/pidfile" \
		--persist-dir "$persist/$id" -r "$path" --runtime-arg "--root=$state" \
		--socket-dir-path "$attach" --syslog -u "$id" "${@:3}"
}

# conmon_exec TEXT REGEX WORD...: ExecSync, with a time limit.
conmon_exec() {
	want "$1" 0 "$2" python3 "$here/conmon.py" start -c "$id" -n "k8s_$id" -r "$path" \
		-p "$work/exec.pid" --exec -l "$work/exec.log" --socket-dir-path "$attach" \
		--log-level info --exec-process-spec "$(process "${@:3}")" --runtime-arg "--root=$state" \
		-u "$id" -T 2
}

r 'features has the versions' 0 'ociVersionMin.*ociVersionMax' features
id=one
mkdir -p "$persist/one"
bundle one false 'trap \"exit 3\" TERM; echo told; echo wrong >&2; while :; do sleep 0.1; done'
conmon_create 'conmon creates a container' '^\{"pid": [1-9][0-9]*'
want 'has its pid in the file, and no more' 0 '^[1-9][0-9]*$' sh -c "od -An -c $work/bundles/one/pidfile |
	tr -d ' '"
r 'state says created' 0 '"status": "created"' state one
r 'state has the pid of the file' 0 "\"pid\": $(cat "$work/bundles/one/pidfile")" state one
r 'state has the annotations' 0 'io.kubernetes.cri-o.ContainerType' state one
r 'start' 0 '^$' start one
r 'state says running' 0 '"status": "running"' state one
until_seen 'the log has its words' 5 'stdout F told' cat "$work/one.log"
until_seen 'and those of stderr' 5 'stderr F wrong' cat "$work/one.log"
in_it 'exec in the foreground' 0 '^in$' echo in
in_it 'exec gives the status' 9 '^$' sh -c 'exit 9'
in_it 'exec has the user' 0 '^uid=1000' id
in_it 'exec of a missing program' 255 'executable file not found in \$PATH' nosuch
conmon_exec 'exec by conmon' '"exit_code": 0' echo by conmon
want 'has its words in the log' 0 'stdout F by conmon' cat "$work/exec.log"
conmon_exec 'exec by conmon gives the status' '"exit_code": 9' sh -c 'exit 9'
conmon_exec 'exec by conmon is ended in time' '"exit_code": -1, "message": "command timed out"' sleep 30
conmon_exec 'exec by conmon of a missing program' \
	'"exit_code": -1, "message": ".*executable file not found in \$PATH' nosuch
want 'update by stdin' 0 '^$' sh -c \
	"echo '{\"pids\": {\"limit\": 44}}' | '$path' --root '$state' update --resources=- one"
[ "$CGROUP" != v1 ] ||
	want 'as its cgroup shows' 0 '^44$' cat /sys/fs/cgroup/pids/kubepods/crio-one/pids.max
r 'pause' 0 '^$' pause one
r 'state says paused' 0 '"status": "paused"' state one
r 'resume' 0 '^$' resume one
r 'ps' 0 '^\[[0-9,]+\]' ps --format json one
r 'kill with SIGTERM' 0 '^$' kill one SIGTERM
until_seen 'conmon writes the status' 5 '^3$' cat "$exits/one"
want 'and keeps it' 0 '^3$' cat "$persist/one/exit"
until_seen 'state says stopped' 5 '"status": "stopped"' "$path" --root "$state" state one
r 'kill of a stopped one' 1 'container not running' kill one SIGKILL
r 'kill --all of a stopped one' 0 '' kill -a one 9
r 'delete' 0 '^$' delete --force one
r 'is gone' 1 'does not exist' state one
r 'delete --force of what is gone' 0 '^$' delete --force one

id=two
mkdir -p "$persist/two"
bundle two false 'cat'
conmon_create 'one with stdin' '^\{"pid": [1-9]' -i --leave-stdin-open
r 'is started' 0 '^$' start two
want 'attach gives it words, and has what it says' 0 '^out typed' python3 "$here/conmon.py" attach \
	"$attach/two/attach" $'typed\n'
r 'kill' 0 '^$' kill two KILL
until_seen 'conmon writes 137' 5 '^137$' cat "$exits/two"
r 'is deleted' 0 '^$' delete --force two

id=three
mkdir -p "$persist/three"
bundle three true 'trap \"stty size\" WINCH; tty; while :; do sleep 0.1; done'
conmon_create 'one at a terminal' '^\{"pid": [1-9]' -t
r 'runs' 0 '^$' start three
until_seen 'it has a terminal' 5 '/dev/pts/0|/dev/console' cat "$work/three.log"
want 'is told another size' 0 '' sh -c "echo '1 33 99' >$work/bundles/three/ctl"
until_seen 'which it has' 5 '33 99' cat "$work/three.log"
r 'is deleted while it runs' 0 '^$' delete --force three
until_seen 'conmon knows' 5 '^137$' cat "$exits/three"

id=four
mkdir -p "$persist/four"
bundle four false true
sed -i 's|"args": \["sh", "-c", "true"\]|"args": ["nosuch"]|' "$work/bundles/four/config.json"
conmon_create 'a missing program is told at create' \
	'^\{"pid": -1.*executable file not found in \$PATH'
r 'and leaves nothing' 1 'does not exist' state four

none_left "$state"

missing=
for tool in crio crictl pinns skopeo; do
	printf -v $tool %s "$(PATH=$CRIO_PATH command -v $tool)"
	[ -n "${!tool}" ] || missing="$missing $tool"
done
if [ -z "$missing" ]; then
	# shellcheck source=tests/clients/crio_pods.sh
	. "$here/crio_pods.sh"
else
	report 0 "CRI-O itself # SKIP not on the PATH:$missing"
fi
want 'no cgroup is left' 0 '^$' find /sys/fs/cgroup -mindepth 2 -type d -path '*/kubepods/crio-*'
finish
