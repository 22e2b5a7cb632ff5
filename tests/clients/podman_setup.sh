# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2154 # the suite sets and lib.sh makes what is used here
# podman_setup.sh: podman's configuration, and the checks that it passes as root and as a user;
# sourced by podman.sh and rootless.sh.

# podman_setup RUNROOT GRAPHROOT: in $work/conf, readable by all.
podman_setup() {
	mkdir -p /etc/containers "$work/conf"
	{
		snippet containers.conf
		cat "$here/machine.conf"
	} >"$work/conf/containers.conf"
	printf '[storage]\ndriver = "overlay"\nrunroot = "%s"\ngraphroot = "%s"\n' "$1" "$2" \
		>"$work/conf/storage.conf"
	chmod -R a+rX "$work/conf"
	export CONTAINERS_CONF=$work/conf/containers.conf
	export CONTAINERS_STORAGE_CONF=$work/conf/storage.conf
	# Podman 5 would say at each call that it is deprecated.
	export PODMAN_IGNORE_CGROUPSV1_WARNING=1
}

checks_of_podman() {
	e 'imports an image' 0 '' import "$work/root.tar" box
	e 'info names the runtime' 0 '^kist$' info --format '{{.Host.OCIRuntime.Name}}'
	e 'info has its version' 0 'version' info --format '{{.Host.OCIRuntime.Version}}'
	checks_of_process
	run 'refuses a missing working directory' 126 'nosuch/dir' --workdir /nosuch/dir box true
	run 'runs privileged' 0 'CapEff:.[0-9a-f]*[1-9a-f]' --privileged box grep CapEff \
		/proc/self/status
	run 'sets a sysctl of the network' 0 '^1$' --sysctl net.ipv4.ip_forward=1 box cat \
		/proc/sys/net/ipv4/ip_forward
	# With runc an annotation like any other; kist would have its own init there
	# (docs/init.md).
	run 'is pid 1' 0 '^1$' --annotation org.kist.init=never box sh -c 'echo $$'
	checks_of_files
	run 'and a writable /tmp in it' 0 '^$' --read-only box touch /tmp/file
	checks_of_limits
}

checks_of_pod() {
	e 'makes a pod' 0 '^[0-9a-f]{64}$' pod create --name pod --network none --infra-command \
		'/bin/sleep 1000' --infra-image box
	e 'runs in it' 0 '' run -d --pod pod --name e box sleep 100
	e 'shares its network' 0 'lo' exec e ip -o link
	e 'pauses it' 0 '' pod pause pod
	e 'resumes it' 0 '' pod unpause pod
	e 'stops it' 0 '' pod stop -t 0 pod
	e 'removes it' 0 '' pod rm -f -t 0 pod
}

checks_of_health() {
	e 'starts one with a health check' 0 '' run -d --name h --network none \
		--health-cmd 'test -e /tmp/healthy' --health-interval disable box sleep 100
	e 'the health check fails' 1 'unhealthy' healthcheck run h
	e 'is healed' 0 '' exec h touch /tmp/healthy
	e 'the health check passes' 0 '^$' healthcheck run h
	e 'rm -f of it' 0 '' rm -f -t 0 h
}
