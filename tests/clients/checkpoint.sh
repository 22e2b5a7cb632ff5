# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2154 # the suite sets and lib.sh makes what is used here
# checkpoint.sh: containers that are saved and run again, by podman, docker and containerd; sourced
# by their suites.  Debian 12's criu does not work on newer kernels: tests/get-criu finds one.

# Before an engine is started that hands its PATH on.
criu_path() { PATH=${KIST_CRIU:+$KIST_CRIU:}$PATH; }

# One that counts in memory: it goes on only if that was restored.
counting='i=0; while :; do i=$((i + 1)); echo $i >/tmp/n; sleep 0.1; done'

# checkpoints FUNCTION: its checks, where criu works.
checkpoints() {
	if criu check >/dev/null 2>&1; then
		"$@"
	else
		report 0 'checkpoints # SKIP no criu works on this kernel'
	fi
}

# --- podman ---------------------------------------------------------------------

# counter NAME [OPTION...]: without podman's filter, which criu cannot always put back.
counter() {
	e "runs one that counts: $1" 0 '' run -d --name "$1" --network none --security-opt \
		seccomp=unconfined "${@:2}" box sh -c "$counting"
	seen 'which counts' 5 '^[0-9]{2,}$' exec "$1" cat /tmp/n
}

# goes_on NAME: further than it was, not from 1.
goes_on() {
	e "$1 goes on counting" 0 '^[0-9]{2,}$' exec "$1" cat /tmp/n
	e "rm -f of $1" 0 '' rm -f -t 0 "$1"
}

checkpoint_podman() {
	counter count
	e 'checkpoint' 0 '' container checkpoint --keep count
	e 'has stopped it' 0 'exited false' inspect -f '{{.State.Status}} {{.State.Running}}' count
	e 'restore' 0 '' container restore --keep count
	e 'checkpoint that leaves it running' 0 '' container checkpoint --leave-running count
	e 'it runs' 0 '^true$' inspect -f '{{.State.Running}}' count
	goes_on count
	counter told
	e 'checkpoint with numbers' 0 'memdump_time' container checkpoint --print-stats told
	e 'restore with numbers' 0 'restore_time' container restore --print-stats told
	goes_on told

	counter sent -v sent:/data
	e 'checkpoint to a file' 0 '' container checkpoint --export "$work/sent.tar" sent
	e 'rm of what is in the file' 0 '' rm sent
	e 'rm of its volume' 0 '' volume rm sent
	e 'restore from the file by another name' 0 '' container restore --import "$work/sent.tar" \
		--name came
	goes_on came

	e 'runs one with a connection' 0 '' run -d --name held --network none --security-opt \
		seccomp=unconfined box sh -c "sleep 1000 | nc -l -p 99 >/tmp/got &
		until grep -qs ':0063 .* 0A ' /proc/net/tcp /proc/net/tcp6; do sleep 0.01; done
		(while :; do echo more; sleep 0.1; done) | nc 127.0.0.1 99 &
		until grep -q ':0063 01 ' /proc/net/tcp; do sleep 0.01; done; $counting"
	seen 'which counts' 5 '^[0-9]{2,}$' exec held cat /tmp/n
	e 'no checkpoint without --tcp-established' 125 '' container checkpoint held
	e 'it runs all the same' 0 '^true$' inspect -f '{{.State.Running}}' held
	# "criu failed: type NOTIFY", of Debian 12's runc.
	! "$binary" --version | grep -q '^runc version 1\.1\.' || return 0
	e 'checkpoint with it' 0 '' container checkpoint --tcp-established --file-locks held
	e 'restore with it' 0 '' container restore --tcp-established --file-locks held
	goes_on held
}

# --- docker ---------------------------------------------------------------------

checkpoint_docker() {
	counter count
	e 'checkpoint create' 0 '^one$' checkpoint create --checkpoint-dir "$work" count one
	seen 'has stopped it' 5 '^exited$' inspect -f '{{.State.Status}}' count
	e 'checkpoint ls' 0 'one' checkpoint ls --checkpoint-dir "$work" count
	e 'checkpoint rm' 0 '' checkpoint rm --checkpoint-dir "$work" count one
	e 'rm of it' 0 '' rm -f count
	counter stays
	e 'checkpoint that leaves it running' 0 '^two$' checkpoint create --leave-running stays two
	e 'it runs' 0 '^true$' inspect -f '{{.State.Running}}' stays
	e 'checkpoint that is kept' 0 '^three$' checkpoint create stays three
	seen 'has stopped it, too' 5 '^exited$' inspect -f '{{.State.Status}}' stays
	# Not "start --checkpoint": no version of Docker here gets that far with any runtime.
	e 'rm of it, too' 0 '' rm -f stays
}

# --- containerd -----------------------------------------------------------------

checkpoint_containerd() {
	local saved=docker.io/library/saved
	t 'runs one that counts' 0 '^$' run -d --runc-binary "$binary" "$image" count sh -c "$counting"
	seen 'which counts' 5 '^[0-9]{2,}$' task exec --exec-id c1 count cat /tmp/n
	t 'container checkpoint leaves it running' 0 '' container checkpoint --rw --task count $saved:1
	t 'it runs' 0 'count +[0-9]+ +RUNNING' task ls
	t 'task checkpoint to a directory' 0 '' task checkpoint --image-path "$work/image" --work-path \
		"$work/criu" count
	want 'the directory has the image' 0 'descriptors.json' ls "$work/image"
	t 'task checkpoint that ends it' 0 '' task checkpoint --exit --image-path "$work/image2" \
		--work-path "$work/criu" count
	seen 'it is stopped' 5 'count +[0-9]+ +STOPPED' task ls
	t 'its task goes' 0 '' task rm count
	t 'container restore' 0 '' container restore --rw --live again $saved:1
	seen 'it runs again' 5 'again +[0-9]+ +RUNNING' task ls
	t 'goes on counting' 0 '^[0-9]{2,}$' task exec --exec-id c2 again \
		sh -c 'cat /tmp/n; sleep 0.2'
	t 'is killed' 0 '' task rm -f again
	t 'goes' 0 '' container rm again count
}
