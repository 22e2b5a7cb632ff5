# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2154 # the suite sets and lib.sh makes what is used here
# dockerd.sh: engines of Docker with RUNTIME as default runtime; sourced by docker.sh and swarm.sh.
#
# NAME is an engine's: its socket is /run/NAME.sock, its folders have the name, too.
declare -A dockerd_pid
export DOCKER_HOST=unix:///run/one.sock

# dockerd_start NAME [OPTION...]: and wait until it answers; inside "$enter", an array.
enter=()
dockerd_start() {
	local name=$1
	shift
	mkdir -p "/var/lib/docker/$name" /etc/docker
	snippet daemon.json >"$work/$name.json"
	"${enter[@]}" dockerd --config-file "$work/$name.json" --host "unix:///run/$name.sock" \
		--data-root "/var/lib/docker/$name" --exec-root "/run/$name" \
		--pidfile "/run/$name.pid" --storage-driver overlay2 \
		--exec-opt native.cgroupdriver=cgroupfs "$@" >>"$work/$name.log" 2>&1 &
	dockerd_pid[$name]=$!
	for _ in $(seq 600); do
		docker --host "unix:///run/$name.sock" info >/dev/null 2>&1 && return 0
		sleep 0.1
	done
	return 1
}

dockerd_stop() {
	kill "${dockerd_pid[$1]}" && wait "${dockerd_pid[$1]}"
}
