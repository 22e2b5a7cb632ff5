# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2154 # the suite sets and lib.sh makes what is used here
# checks.sh: the checks that podman (as root, and as a user) and docker share; sourced, not run.
#
# The suite sets, besides what lib.sh asks for:
#   engine   the beginning of the client's command line, an array
#   is       what differs between the engines: exec_missing, refused, removed (statuses)
# and has the image box:latest with root_make's root.

e() { want "$1" "$2" "$3" "${engine[@]}" "${@:4}"; }
run() { e "$1" "$2" "$3" run --rm --network none "${@:4}"; }
seen() { until_seen "$1" "$2" "$3" "${engine[@]}" "${@:4}"; }
# at_tty TEXT STATUS REGEX WORDS: the words go through a shell.
at_tty() { at_terminal "$1" "$2" "$3" "${engine[*]} $4"; }

checks_of_process() {
	run 'runs a command' 0 '^hello$' box echo hello
	run 'gives its status' 7 '^$' box sh -c 'exit 7'
	run 'gives its death by a signal' 137 '' --init box sh -c 'kill -9 $$'
	run 'says 127 for a missing program' 127 'nosuch.*(executable file )?not found' box nosuch
	run 'says 127 for a missing path' 127 '[Nn]o such file or directory' box /nosuch
	run 'says 126 for a file that is no program' 126 '[Pp]ermission denied' box /etc/plain
	run 'says 126 for a directory' 126 '[Pp]ermission denied|is a directory' box /tmp
	want 'hands over stdin' 0 '^typed$' sh -c \
		"echo typed | ${engine[*]} run --rm -i --network none box cat"
	want 'keeps the streams apart' 0 '^out$' sh -c \
		"${engine[*]} run --rm --network none box sh -c 'echo out; echo err >&2' 2>/dev/null"
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
	# Both: podman would raise the one that is not named, which this machine may forbid.
	run 'sets a limit' 0 '^99$' --ulimit nofile=99:99 --ulimit nproc=4096:4096 box sh -c \
		'ulimit -n'
	run 'sets a sysctl' 0 '^4242$' --sysctl kernel.msgmax=4242 box cat /proc/sys/kernel/msgmax
	run 'sees the pids of the host' 0 '^[0-9]{2,}$' --pid host box sh -c 'echo $$'
	run 'runs an init' 0 'init|tini|catatonit' --init box cat /proc/1/comm
	# A client may come too late for what a program says that ends at once.
	at_tty 'has a terminal' 0 '/dev/pts/0|/dev/console' \
		"run --rm --network none -it box sh -c 'tty; sleep 1'"
	at_tty 'whose status comes through' 5 '' \
		"run --rm --network none -it box sh -c 'exit 5'"
}

checks_of_files() {
	mkdir "$work/volume" && echo inside >"$work/volume/file"
	run 'has a read-only root' 1 'Read-only file system' --read-only box touch /file
	run 'binds a folder' 0 '^inside$' -v "$work/volume:/data" box cat /data/file
	run 'binds it read-only' 1 'Read-only file system' -v "$work/volume:/data:ro" box \
		touch /data/new
	run 'binds a file' 0 '^inside$' -v "$work/volume/file:/data/one" box cat /data/one
	run 'mounts a tmpfs with its options' 0 'tmpfs /data tmpfs .*size=1024k' \
		--tmpfs /data:size=1m box grep /data /proc/mounts
	run 'makes a named volume' 0 '^$' -v vol:/data box touch /data/kept
	run 'and keeps it' 0 '^kept$' -v vol:/data box ls /data
	run 'hides paths of /proc' 1 '' box sh -c 'test -s /proc/kcore && echo seen'
	run 'has its own devices' 0 '^crw-rw-rw- .* 1, +3 .*/dev/null' box ls -l /dev/null
	run 'adds a device' 0 '10, 229' --device /dev/fuse box ls -l /dev/fuse
	run 'has a large /dev/shm' 0 'shm .*size=32768k' --shm-size 32m box grep /dev/shm \
		/proc/mounts
}

checks_of_limits() {
	[ "$CGROUP" = v1 ] || return 0
	local c=/sys/fs/cgroup
	run 'limits memory' 0 '^67108864$' --memory 64m box cat $c/memory/memory.limit_in_bytes
	run 'limits processes' 0 '^33$' --pids-limit 33 box cat $c/pids/pids.max
	run 'limits the processor' 0 '^50000$' --cpus 0.5 box cat $c/cpu/cpu.cfs_quota_us
	run 'sets shares' 0 '^512$' --cpu-shares 512 box cat $c/cpu/cpu.shares
	run 'sets the set of processors' 0 '^0$' --cpuset-cpus 0 box cat $c/cpuset/cpuset.cpus
	run 'allows devices by rule' 0 'c 1:11 rwm' --device-cgroup-rule 'c 1:11 rwm' box \
		cat $c/devices/devices.list
}

# A container that stays, from its start to its removal: c, started with the options given.
checks_of_life() {
	e 'starts in the background' 0 '^[0-9a-f]{64}$' run -d --name web --network none "$@" box \
		sh -c 'trap "exit 3" TERM; echo started; while :; do sleep 0.1; done'
	e 'inspect says running' 0 '^running$' inspect -f '{{.State.Status}}' web
	e 'ps shows it' 0 'Up .* web' ps
	seen 'logs has its words' 5 '^started$' logs web
	e 'exec' 0 '^in$' exec web echo in
	e 'exec gives the status' 9 '' exec web sh -c 'exit 9'
	e 'exec of a missing program' "${is[exec_missing]}" 'nosuch' exec web nosuch
	e 'exec of a file that is no program' 126 '[Pp]ermission denied' exec web /etc/plain
	e 'exec as a user' 0 'uid=1000' exec --user 1000 web id
	e 'exec with environment and folder' 0 '^v /data$' exec -e N=v -w /data web sh -c \
		'echo $N $PWD'
	e 'exec in the background' 0 '' exec -d web touch /tmp/made
	seen 'whose work is seen' 5 'made' exec web ls /tmp
	# A client may come too late for what a program says that ends at once.
	at_tty 'exec at a terminal' 0 '/dev/pts/' "exec -it web sh -c 'tty; sleep 1'"
	at_tty 'exec at a terminal gives the status' 6 '' "exec -it web sh -c 'exit 6'"
	e 'top' 0 'sh' top web
	if [ -z "${is[no_freezer]:-}" ]; then
		e 'pause' 0 '' pause web
		e 'says paused' 0 '^paused$' inspect -f '{{.State.Status}}' web
		e 'no exec in a paused one' "${is[refused]}" 'paused|running' exec web true
		e 'unpause' 0 '' unpause web
		e 'runs again' 0 '^again$' exec web echo again
	fi
	e 'cp into it' 0 '' cp "$work/volume/file" web:/tmp/copied
	e 'is there' 0 '^inside$' exec web cat /tmp/copied
	e 'diff shows it' 0 'A /tmp/copied' diff web
	e 'kill with a signal that is ignored' 0 '' kill -s WINCH web
	e 'still runs' 0 '^true$' inspect -f '{{.State.Running}}' web
	e 'stop ends it by SIGTERM' 0 '^web$' stop -t 10 web
	e 'keeps its status' 0 '^3$' inspect -f '{{.State.ExitCode}}' web
	e 'no exec in a stopped one' "${is[refused]}" 'running|state' exec web true
	e 'starts again' 0 '^web$' start web
	e 'restarts' 0 '' restart -t 1 web
	e 'kill' 0 '' kill web
	e 'wait gives 137' 0 '^137$' wait web
	e 'rm' 0 '' rm web
	seen 'is gone' 2 '[Nn]o such' container inspect web
	e 'runs another' 0 '' run -d --name other --network none box sleep 100
	e 'rm -f of one that runs' 0 '' rm -f other
}

# checks_of_build OPTION...: of the engine's build.
checks_of_build() {
	mkdir "$work/context"
	printf 'FROM box\nRUN echo built >/built\nCMD cat /built\n' >"$work/context/Dockerfile"
	e 'builds' 0 'COMMIT|Successfully' build "$@" --network none -t made "$work/context"
	run 'what it built' 0 '^built$' made
	printf 'FROM box\nRUN exit 4\n' >"$work/context/Dockerfile"
	e 'a step that fails' 4 'exit status 4|exit code: 4|non-zero code: 4' build "$@" \
		--network none "$work/context"
}
