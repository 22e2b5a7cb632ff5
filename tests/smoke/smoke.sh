#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# smoke.sh: kist-smoke as users call it, in TAP.  SMOKE and ROOTFS are the programs under test.
set -u
here=$(dirname "$(realpath "$0")")
: "${SMOKE:?}" "${ROOTFS:?}"
export LC_ALL=C
# Unlike that of any other run.
sleeper=7341.$$$RANDOM
# shellcheck source=tests/tap.sh
. "$here/../tap.sh"
work=$(mktemp -d "${KIST_E2E_DIR:-/tmp}/kist-test-smoke-XXXXXX")
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
cd "$work" || exit 1

# call ARGUMENT...: kist smoke, with its output in $out and its exit status in $status.
call() {
	status=0
	out=$(timeout -k 2 240 "$SMOKE" "$@" 2>&1) || status=$?
}

# check NAME COMMAND...: the command decides; the output of the last call explains.
check() {
	if "${@:2}"; then
		report 0 "$1"
	else
		report 1 "$1" "status $status" "$out"
	fi
}

skip() {
	report 0 "$1 # SKIP $2"
}

# ended STATUS TEXT...: the exit status, and every text in the output.
ended() {
	local text
	[ "$status" = "$1" ] || return 1
	for text in "${@:2}"; do
		case $out in *"$text"*) ;; *) return 1 ;; esac
	done
}

# takes MEGABYTES ARGUMENT...: kist smoke ends in less memory.
takes() {
	out=$(python3 - "${@:2}" <<-'END' 2>&1
		import os, resource, subprocess, sys
		subprocess.run([os.environ['SMOKE']] + sys.argv[1:], stdout=subprocess.DEVNULL)
		print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
	END
	)
	[ "$out" -lt "$1"000 ]
}

lacks() { case $out in *"$1"*) return 1 ;; esac; }

# Processes, cgroups and directories of runs.
runs() {
	local places
	if [ "$(id -u)" = 0 ]; then places=/run/kist-smoke; else places=/tmp/kist-smoke-$(id -u); fi
	ls "$places" 2>/dev/null
	find /sys/fs/cgroup -maxdepth 4 -name 'kist-smoke-*' 2>/dev/null
	ps -eo args | grep -F "sleep $sleeper" | grep -v grep
}

before=$(runs)

# No more of these than before, after a minute at most.
nothing_left() {
	local try
	for try in $(seq 600); do
		left=$(runs | grep -vxF "$before")
		[ -n "$left" ] || return 0
		sleep 0.1
	done
	out="$try: $left"
	return 1
}

make_root() {
	"$here/../make-root" busybox "$work/root"
	mkdir -p root/www
	echo '<h1>hello</h1>' >root/www/index.html
	rm root/.made
}

# --- without a suite -------------------------------------------------------------------

test_defaults() {
	local try
	call root -- sleep $sleeper
	check 'an image that works passes' ended 0 'ok    starts' 'ok    orphans are reaped' \
		'ok    stops on SIGTERM' 'ok    works with a read-only root' 'ok    peak memory'
	check 'what it needs is told' ended 0 'note  works as pid 1' 'does not hear SIGTERM' \
		'leaves orphans as zombies'
	call root --require no-init -- sleep $sleeper
	check 'what it must not need is a failure' ended 1 'FAIL  works as pid 1'
	call root --strict -- sleep $sleeper
	check 'with --strict a note is a failure' ended 1 'FAIL  works as pid 1'
	# It has long begun to ignore it when it is told.
	call root --only container --settle 3s --grace 200ms -- \
		sh -c "trap '' TERM; while :; do sleep 0.1; done"
	check 'a program that does not stop fails' ended 1 'FAIL  stops on SIGTERM' \
		'still runs 200 ms after SIGTERM, and was killed'
	call root -- sh -c 'echo no such luck >&2; exit 3'
	check 'a program that fails fails, with what it said' ended 1 'FAIL  starts' \
		'ended with status 3' '| no such luck'
	call root --status 3 -- sh -c 'exit 3'
	check 'unless that is right' ended 0 'ended by itself'
	# On a loaded machine it may be told to stop before it comes to that.
	for try in $(seq 20); do
		call root --settle 1ms --only container -- sh -c 'sleep 0.01; exit 3'
		! ended 1 'ended with status 3' || break
	done
	check 'also when it fails while it is looked at' ended 1 'ended with status 3'
	call root -- sh -c 'set -e; echo x >/written; rm /bin/ls; sleep 999'
	check 'what it writes is listed, and the image is as it was' ended 0 /written \
		'/bin/ls (removed)' 'note  works with a read-only root'
	check 'the image is as it was' test -e root/bin/ls -a ! -e root/written
	call root -- nothing
	check 'a missing program is named' ended 1 'FAIL  its program can be executed' \
		'exec: "nothing": executable file not found in $PATH'
	out=$(LISTEN_FDS=1 LISTEN_PID=$$ NOTIFY_SOCKET=$work/nobody timeout -k 2 240 "$SMOKE" root -- \
		sh -c 'if [ -e /proc/self/fd/3/etc ] || [ -n "$LISTEN_FDS$NOTIFY_SOCKET" ]; then
		       exit 1; fi; exec sleep 999' 2>&1 3</) && status=0 || status=$?
	check 'what a service manager gave to the caller is not handed on' ended 0 'ok    starts'
	call root --only container -- sh -c 'while :; do kill -STOP -1 2>/dev/null; done'
	check 'what stops who comes in does not hold it up' test "$status" -lt 124
	status=0
	out=$(timeout -k 2 240 "$SMOKE" root -- sleep $sleeper 2>&1 >/dev/full) || status=$?
	check 'a report that cannot be written is an error' ended 2 \
		'write the report to stdout: no space left on device'
	call root --only 'works as pid*' -- sleep $sleeper
	check 'a need may be chosen, and is measured against the start' ended 0 'ok    starts' \
		'note  works as pid 1'
	check 'alone' lacks read-only
	call root --requires
	check 'an unknown flag is an error' ended 2 requires
	call nowhere
	check 'so is an image that is not there' ended 2 nowhere
	call
	check 'and none at all' ended 2 'what is to be checked?'
	call root --json nowhere/report.json
	check 'and a report that cannot be written, before anything runs' \
		test "$status $out" = '2 kist smoke: write nowhere/report.json: no such file or directory'
}

test_programs() {
	printf '\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\267\0\1\0\0\0' >root/bin/arm
	head -c 200 /dev/zero >>root/bin/arm
	chmod 755 root/bin/arm
	call root -- arm
	check 'a program of another machine is told' ended 1 AArch64
	cp "$(command -v env)" root/bin/dynamic
	call root -- dynamic
	check 'so is a missing interpreter or library' ended 1 'FAIL  its program can be executed' \
		'its ELF interpreter'
	rm root/bin/arm root/bin/dynamic
}

test_files() {
	local try
	cp -r root odd
	chmod 4755 odd/bin/busybox
	echo x >odd/etc/open
	chmod 666 odd/etc/open
	ln -s /nowhere odd/etc/broken
	printf -- '-----BEGIN OPENSSH PRIVATE KEY-----\n%s\n' "$(head -c 100 /dev/zero | tr '\0' a)" \
		>odd/root/id
	call odd -- true
	check 'files that stand out are listed' ended 0 '/bin/busybox: urwxr-xr-x' \
		'/etc/open: -rw-rw-rw-' '/etc/broken: points to /nowhere' \
		'/root/id: a private key'
	rm -r odd
	cp -r root large
	truncate -s 60M large/file
	for try in $(seq 10); do
		mkdir -p large/usr/share/doc/$try
		ln -s /file large/usr/share/doc/$try/copyright
	done
	printf 'schemaVersion: 2.0.0\nlicenseTests: [{debian: true}]\n' >licenses.yaml
	check 'no more than one file is in memory' takes 500 large -c licenses.yaml
	python3 - <<-'END'
		import os
		os.chdir('large')
		for i in range(60):
		    os.mkdir('d' * 250)
		    os.chdir('d' * 250)
		for i in range(30000):
		    os.mknod(str(i))
	END
	check 'nor are the paths of all' takes 300 large --only files
	rm -r large
}

# --- with one ----------------------------------------------------------------------------

test_suites() {
	cat >good.yaml <<-'END'
		schemaVersion: 2.0.0
		globalEnvVars: [{key: GREETING, value: "hello $HOME_OF"}]
		containerRunOptions: {user: "nobody", envVars: [HOME_OF], envFile: vars.env, capabilities: [NET_RAW]}
		commandTests:
		- {name: output, command: echo, args: [a, b], expectedOutput: ['^a b\n$'], excludedOutput: [c]}
		- {name: errors, command: sh, args: [-c, "echo bad >&2; exit 7"], exitCode: 7, expectedError: [bad]}
		- {name: user, command: id, args: [-u], expectedOutput: ['^65534$(?-m)|65534\n']}
		- {name: env, command: env, expectedOutput: [GREETING=hello, FROM_FILE=file, 'OWN=own', HOME_OF=me],
		   envVars: [{key: OWN, value: own}]}
		- {name: state, user: root, setup: [[touch, /made]], command: test, args: [-e, /made]}
		- {name: no state, command: test, args: [-e, /made], exitCode: 1}
		- {name: signal, command: sh, args: [-c, "kill -9 $$"], exitSignal: KILL}
		- {name: time, command: sleep, args: ["0.01"], maxTime: 30s, timeout: 30s}
		- {name: directory, command: pwd, workdir: /www, expectedOutput: ["^/www\n"]}
		- {name: read-only, user: root, readOnly: true, command: touch, args: [/x], exitCode: 1}
		fileExistenceTests:
		- {name: busybox, path: /bin/busybox, permissions: -rwxr-xr-x, isExecutableBy: any}
		- {name: gone, path: /gone, shouldExist: false}
		- {name: link, path: /bin/sh, permissions: Lrwxrwxrwx}
		- {name: sticky, path: /tmp, permissions: dtrwxrwxrwx, uid: 0, gid: 0}
		fileContentTests:
		- {name: passwd, path: /etc/passwd, expectedContents: ['(?m)^root:.*$'], excludedContents: [bash]}
		metadataTest: {workdir: /, envVars: [{key: PATH, value: bin, isRegex: true}]}
		licenseTests: [{files: [/etc/passwd]}]
	END
	echo 'FROM_FILE=file' >vars.env
	HOME_OF=me call root -c good.yaml
	check 'a suite that is right passes' ended 0 '17 checks: 17 ok'
	cat >bad.json <<-'END'
		{"schemaVersion": "2.0.0",
		 "commandTests": [
		  {"name": "a", "command": "echo", "args": ["x"], "expectedOutput": ["y"]},
		  {"name": "b", "command": "printf", "args": ["a\\000b"], "exitCode": 1},
		  {"name": "c", "command": "nothing"},
		  {"name": "d", "command": "sleep", "args": ["100"], "timeout": "100ms"},
		  {"name": "e", "command": "sleep", "args": ["0.05"], "maxTime": "1ms"}],
		 "fileExistenceTests": [{"name": "f", "path": "/gone"},
		  {"name": "g", "path": "/etc/passwd", "permissions": "-rwxrwxrwx", "uid": 7}],
		 "fileContentTests": [{"name": "h", "path": "/etc/passwd", "excludedContents": ["root"]}],
		 "metadataTest": {"workdir": "/x", "unboundEnvVars": [{"key": "PATH"}]}}
	END
	call root -c bad.json
	check 'what is wrong fails, and says why' ended 1 '9 checks: 0 ok, 9 failed' '"y" is not in it' \
		'must end with status 1, and ended with status 0' 'not found in $PATH' 'was killed' '| a�b' \
		'must take at most 1.0 ms' '/gone must exist' 'must belong to user 7, and belongs to 0' \
		'"root" is in it, and must not' 'variable PATH must not be set'
	printf 'schemaVersion: 2.0.0\ncommandTests:\n- {name: a, comand: b}\n' >typo.yaml
	call root -c typo.yaml
	check 'a typing error is told with its place' ended 2 \
		'typo.yaml:3:13: /commandTests/0/comand: is no property of a suite; did you mean "command"?' \
		'typo.yaml:3:3: /commandTests/0/command: is required, but missing'
	call root -c good.yaml -c typo.yaml --only 'out*'
	check 'no check runs then' lacks 'ok    output'
	call root -c good.yaml --only 'out*'
	check 'one check may be chosen' ended 0 '1 check: 1 ok'
	call --list -c good.yaml
	check 'checks can be listed' ended 0 'good.yaml: output' 'good.yaml: metadata'
	status=0
	out=$("$SMOKE" --list 2>&1 >/dev/full) || status=$?
	check 'where somebody can read that' ended 2 'write to stdout: no space left on device'
}

test_services() {
	local try
	cat >service.yaml <<-'END'
		schemaVersion: 2.0.0
		serviceTests:
		- name: web
		  command: httpd
		  args: [-f, -p, "8080", -h, /www]
		  waitForPorts: [8080]
		  maxStartTime: 30s
		  stopTimeout: 60s
		  exitSignal: TERM
		  http:
		  - {port: 8080, expectedBody: ["<h1>hello"], expectedHeaders: ["(?i)content-type: text/html"]}
		  - {port: 8080, path: /gone, status: 404}
		  sidecars:
		  - {name: client, command: wget, args: [-qO-, "http://127.0.0.1:8080/"], expectedOutput: [hello]}
		  - {name: other, command: httpd, args: [-f, -p, "8081", -h, /], waitForPorts: [8081]}
		- name: log
		  command: sh
		  args: [-c, "trap 'echo bye; exit 7' USR1; echo ready; while :; do sleep 0.02; done"]
		  waitForLog: [ready]
		  stopSignal: USR1
		  exitCode: 7
		  expectedOutput: [bye]
	END
	call root -c service.yaml
	check 'services answer, and end as they should' ended 0 '2 checks: 2 ok'
	# More than a pipe holds, before it answers.
	cat >root/www/talk <<-'END'
		#!/bin/sh
		while read -r line && [ ${#line} -gt 1 ]; do :; done
		head -c 200000 /dev/zero >&2
		printf 'HTTP/1.0 200 OK\r\n\r\nyes'
	END
	chmod 755 root/www/talk
	cat >talk.yaml <<-'END'
		schemaVersion: 2.0.0
		serviceTests:
		- name: talks
		  command: nc
		  args: [-ll, -p, "8080", -e, /www/talk]
		  waitForPorts: [8080]
		  http: [{port: 8080, timeout: 30s, expectedBody: [yes]}]
		  sidecars:
		  - {name: other, command: nc, args: [-ll, -p, "8081", -e, /www/talk], waitForPorts: [8081]}
		  - {name: client, command: sh, args: [-c, "nc 127.0.0.1 8081; nc 127.0.0.1 8080"],
		     expectedOutput: ['yes(.|\n)*yes'], timeout: 30s}
	END
	call root -c talk.yaml
	check 'who says much is heard all the time' ended 0 '1 check: 1 ok'
	rm root/www/talk
	cat >killed.yaml <<-END
		schemaVersion: 2.0.0
		serviceTests:
		- {name: killed, command: sh, args: [-c, "echo up; exec sleep $sleeper"], waitForLog: [up],
		   stopSignal: KILL, exitSignal: KILL}
		- {name: later, command: sh, args: [-c, "trap 'exit 0' TERM; sleep 1; echo up; while :; do sleep 0.02; done"],
		   waitForLog: [up], exitCode: 0}
	END
	"$SMOKE" -j 1 root -c killed.yaml >log 2>&1 &
	for try in $(seq 600); do
		! grep -q 'ok    killed' log || break
		sleep 0.1
	done
	out=$(ps -eo args | grep -F "sleep $sleeper" | grep -v grep)
	wait $! && status=0 || status=$?
	check 'SIGKILL to stop with is for the program, not for kist' test "$status$out" = 0
	cat >flood.yaml <<-'END'
		schemaVersion: 2.0.0
		serviceTests: [{name: flood, command: "yes", waitForLog: ["y", "y", "y", "y", "y", "y", "no"], timeout: 2s}]
	END
	check 'who never stops talking is not heard in more and more memory' takes 500 root -c flood.yaml
	# Who ends by itself has a second for that: it is not to be told to stop on its way.
	cat >broken.yaml <<-'END'
		schemaVersion: 2.0.0
		serviceTests:
		- {name: silent, command: sleep, args: ["50"], waitForPorts: [80], timeout: 200ms}
		- {name: ends, command: "false", waitForLog: [ready]}
		- {name: refuses, command: httpd, args: [-f, -p, "80", -h, /gone], waitForPorts: [80],
		   http: [{port: 80}, {port: 81, timeout: 100ms}]}
		- {name: stays, command: sh, args: [-c, "trap '' TERM; echo up; while :; do sleep 0.02; done"],
		   waitForLog: [up], stopTimeout: 100ms}
		- {name: deaf, command: sh, args: [-c, "trap '' 37; echo up; while :; do sleep 0.02; done"],
		   waitForLog: [up], stopTimeout: 100ms, stopSignal: RTMIN+3}
		- {name: crashes, command: sh, args: [-c, "echo up; kill -SEGV $$"], waitForLog: [up],
		   sidecars: [{name: meanwhile, command: sleep, args: ["1"]}]}
		- {name: ends, command: nc, args: [-l, -p, "80", -e, echo, "HTTP/1.0 200 OK\r\n\r\n"],
		   waitForPorts: [80], http: [{port: 80}],
		   sidecars: [{name: meanwhile, command: sleep, args: ["1"]}]}
		- {name: beside, command: sh, args: [-c, "echo up; exec sleep 50"], waitForLog: [up], sidecars: [
		   {name: dies, command: sh, args: [-c, "echo up and away; exit 4"], waitForLog: [up]},
		   {name: meanwhile, command: sleep, args: ["1"]}]}
	END
	call root -c broken.yaml
	check 'services that do not are told' ended 1 'nobody listens on port 80' \
		'ended with status 1 before it was ready' 'stays still runs' 'after signal 37' \
		'8 checks: 0 ok, 8 failed'
	check 'so are those that end too early' ended 1 'crashes ended with status 139, as for SIGSEGV, before it' \
		'ends ended with status 0, before it was told to stop' 'dies ended with status 4, before it' \
		'| up and away'
}

test_limits() {
	if [ ! -d /sys/fs/cgroup/memory ] && ! grep -qs memory /sys/fs/cgroup/cgroup.controllers; then
		skip 'memory is limited and measured' 'there is no memory controller here'
		return
	fi
	cat >limits.yaml <<-'END'
		schemaVersion: 2.0.0
		commandTests:
		- {name: eats, command: sh, args: [-c, "x=a; while :; do x=$x$x; done"], memoryLimit: 64M, exitCode: 137}
		- {name: little, command: "true", maxMemory: 500M}
		- {name: much, command: sh, args: [-c, 'x=$(head -c 30000000 /dev/zero | tr "\0" a); echo ${#x}'],
		   maxMemory: 10M}
	END
	call root -c limits.yaml
	check 'memory is limited and measured' ended 1 'ok    eats' 'ok    little' 'FAIL  much' \
		'must use at most 10.0 MiB'
}

test_terminal() {
	cat >tty.yaml <<-'END'
		schemaVersion: 2.0.0
		containerRunOptions: {allocateTty: true, privileged: true}
		commandTests:
		- {name: tty, command: tty, expectedOutput: ['^/dev/(pts/\d|console)']}
		- {name: privileged, command: grep, args: [CapEff, /proc/self/status], expectedOutput: ['[0-9a-f]{10}[2367abef][0-9a-f]{5}']}
	END
	call root -c tty.yaml
	check 'allocateTty and privileged' ended 0 '2 checks: 2 ok'
}

# --- images and bundles ----------------------------------------------------------------------

test_images() {
	export XDG_DATA_HOME=$work/data
	out=$("$ROOTFS" pack --entrypoint httpd --cmd -f --cmd -p --cmd 8080 --expose 8080 \
		--volume /data -l a=b -w /www root image:one 2>&1) || status=$?
	cat >image.yaml <<-'END'
		schemaVersion: 2.0.0
		metadataTest: {entrypoint: [httpd], cmd: ["-f", "-p", "8080"], exposedPorts: [8080], volumes: [/data],
		  labels: [{key: a, value: b}], workdir: /www}
		serviceTests: [{name: as it is, waitForPorts: [8080], http: [{port: 8080, path: /}]}]
	END
	call --store "$work/store" image:one -c image.yaml --default
	check 'an image, with its own configuration' ended 0 'listens on 8080' 'ok    metadata' 'ok    as it is' \
		'1 layer, digests and sizes'
	if out=$("$ROOTFS" --store "$work/store" bundle image:one bundle 2>&1); then
		call bundle
		check 'a bundle that was made of it' ended 0 'listens on 8080'
		check 'which is as it was' test -z "$(ls bundle/overlay/upper)"
	else
		skip 'a bundle that was made of it' "$out"
	fi
	if out=$("$ROOTFS" bundle --copy --read-only image:one sealed 2>&1); then
		call sealed --only container -- sh -c 'touch /x && sleep 999'
		check 'one with a read-only root has that' ended 1 'Read-only file system'
	else
		skip 'one with a read-only root has that' "$out"
	fi
	call --store "$work/store" --timeout 3s image:one -- sleep $sleeper
	check 'what never listens does not need all that for it' ended 0 'note  starts' \
		'none of its ports listens after' 'ok    works with a read-only root' \
		'ok    works without capabilities'
	"$ROOTFS" pack --user nobody --cmd id root image:user >/dev/null
	cat >user.yaml <<-'END'
		schemaVersion: 2.0.0
		commandTests:
		- {name: user, command: grep, args: ['CapEff:.*00000$', /proc/self/status]}
		- {name: root, user: root, command: grep, args: ['CapEff:.*[1-9a-f]', /proc/self/status]}
	END
	call --store "$work/store" image:user -c user.yaml
	check 'root has its capabilities where the image has another user' ended 0 '2 checks: 2 ok'
	PYTHONPATH=$here/../unpack python3 -B - <<-'END'
		import subprocess
		import image
		deep = image.Layout('deep').layer(subprocess.check_output(['tar', '-C', 'root', '-c', '.']))
		for n in range(126):
		    deep.layer(image.file_(b'www/%d' % n, b'one more') + image.END)
		deep.config['config'] = {'Cmd': ['httpd', '-f', '-p', '8080', '-h', '/www'],
		                         'ExposedPorts': {'8080/tcp': {}}}
		deep.save()
	END
	call --store "$work/store" deep:latest --only container
	check 'an image of as many layers as Docker makes' ended 0 'listens on 8080'
	call --store "$work/store" image:two
	check 'a tag that is not there' ended 2 two
	call --store "$work/store" --platform linux/arm64 image:one
	check 'a platform that is not there' ended 2 arm64
}

# --- reports -----------------------------------------------------------------------------------

test_reports() {
	call root -c bad.json --json report.json --junit report.xml --html report.html
	check 'reports are written' test -s report.json -a -s report.xml -a -s report.html
	out=$(python3 - <<-'END' 2>&1
		import json, xml.etree.ElementTree as tree
		report, suites = json.load(open('report.json')), tree.parse('report.xml').getroot()
		assert report['counts']['fail'] == 9 == int(suites.get('failures')), report['counts']
		assert len(suites.findall('.//testcase')) == 9
		assert any(check.get('containers') for check in report['checks'])
		page = open('report.html').read()
		assert '<svg' in page and '<script' not in page and 'http://' not in page
		print('fine')
	END
	)
	check 'and hold the same' test "$out" = fine
	call root -c bad.json --tap
	check 'TAP has its plan' ended 1 'TAP version 13' 'not ok 1 - bad.json: a' 1..9
	call root -c good.yaml --json -
	check 'a report to standard output is alone there' test "${out:0:1}" = '{'
}

# --- interruption ------------------------------------------------------------------------------

# Until containers run that do nothing else.
until_asleep() {
	local try
	for try in $(seq 600); do
		[ "$(ps -eo args | grep -cF "sleep $sleeper")" -lt 3 ] || break
		sleep 0.1
	done
}

test_interruption() {
	local signal try pid keeper
	cat >long.yaml <<-END
		schemaVersion: 2.0.0
		serviceTests:
		- {name: a, command: sleep, args: ["$sleeper"], waitForPorts: [1], timeout: 60s, pidsLimit: 50}
		commandTests:
		- {name: b, command: sleep, args: ["$sleeper"], timeout: 60s}
	END
	[ "$(id -u)" = 0 ] || sed -i 's/, pidsLimit: 50//' long.yaml
	for signal in INT TERM HUP KILL; do
		"$SMOKE" root -c long.yaml >log 2>&1 &
		pid=$!
		until_asleep
		kill -$signal $pid
		wait $pid 2>/dev/null
		status=$? out=$(cat log)
		check "it ends on $signal" test $status -gt 128
		check "nothing is left after $signal" nothing_left
	done
	# The keeper, too: the next run cleans up.
	"$SMOKE" root -c long.yaml >log 2>&1 &
	pid=$!
	until_asleep
	keeper=$(pgrep -P $pid)
	kill -KILL $pid "$keeper"
	wait $pid 2>/dev/null
	for try in $(seq 600); do
		kill -0 "$keeper" 2>/dev/null || break
		sleep 0.1
	done
	call root -c good.yaml --only output
	check 'what a killed run left is collected by the next' nothing_left
	status=0
	out=$(for _ in $(seq 10); do
		(for _ in $(seq 40); do "$SMOKE" root --only image 2>&1 >/dev/null; done) &
	done; wait)
	check 'and no other that begins' test -z "$out"
}

# --- without privileges ----------------------------------------------------------------------

test_rootless() {
	local as=(setpriv --reuid 65533 --regid 65533 --clear-groups env -u XDG_RUNTIME_DIR)
	local program=$SMOKE
	if ! command -v setpriv >/dev/null; then
		skip 'without privileges' 'setpriv is not installed'
		return
	fi
	# A clone in a closed home keeps users out.
	if ! "${as[@]}" test -x "$SMOKE"; then
		mkdir libexec
		find "$(dirname "$SMOKE")" -maxdepth 1 -type f -exec cp {} libexec \;
		program=libexec/${SMOKE##*/}
	fi
	status=0
	out=$("${as[@]}" timeout -k 2 240 "$program" root -- sleep $sleeper 2>&1) || status=$?
	check 'without privileges' ended 0 'ok    starts' 'ok    orphans are reaped' 'ok    stops on SIGTERM'
	sed -i '/^containerRunOptions/d; /name: user/d; /sticky/d; s/, user: root//' service.yaml good.yaml
	out=$("${as[@]}" timeout -k 2 240 "$program" root -c service.yaml 2>&1) || status=$?
	check 'a service without privileges' ended 0 '2 checks: 2 ok'
	rm -rf /tmp/kist-smoke-65533
	# As podman unshare starts it: root, but not of /run; here with one id alone.
	mkdir run && chown 65533:65533 run && chmod 700 run
	status=0
	out=$("${as[@]}" unshare -Ur env "XDG_RUNTIME_DIR=$work/run" timeout -k 2 240 "$program" root -- \
		sleep $sleeper 2>&1) || status=$?
	check 'as root of a user namespace' ended 0 'ok    starts' 'another user needs a range'
	rm -rf run
}

make_root
test_defaults
test_programs
test_files
test_suites
test_services
[ "$(id -u)" != 0 ] || test_limits
test_terminal
test_images
test_reports
test_interruption
[ "$(id -u)" != 0 ] || test_rootless
check 'nothing is left' nothing_left
finish
