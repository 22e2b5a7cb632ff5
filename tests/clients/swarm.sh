#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# swarm.sh: a swarm of two dockerds, each in a network namespace of its own, runs services by
# RUNTIME on both, and moves them when one stops.
# shellcheck source=tests/clients/lib.sh
. "$(dirname "$0")/lib.sh"
begin 200 "$0" dockerd docker containerd iptables
# shellcheck source=tests/clients/dockerd.sh
. "$here/dockerd.sh"

root_make
archive_make box:latest
one() { want "$1" "$2" "$3" docker --host unix:///run/one.sock "${@:4}"; }
two() { want "$1" "$2" "$3" docker --host unix:///run/two.sock "${@:4}"; }
one_seen() { until_seen "$1" "$2" "$3" docker --host unix:///run/one.sock "${@:4}"; }
two_seen() { until_seen "$1" "$2" "$3" docker --host unix:///run/two.sock "${@:4}"; }
# The line of docs/engines.md that begins with the words, as words.
told() {
	local line
	line=$(snippet swarm | grep "^$1")
	read -ra words <<<"${line#docker }"
}

ip netns add one && ip netns add two
ip link add to-two netns one type veth peer name to-one netns two
for side in 'one to-two 10.0.0.1' 'two to-one 10.0.0.2'; do
	read -r name device address <<<"$side"
	ip -n "$name" addr add "$address/24" dev "$device"
	ip -n "$name" link set "$device" up
	ip -n "$name" link set lo up
	# A node is known by its host name.
	enter=(nsenter "--net=/run/netns/$name" unshare -u sh -c "hostname $name && exec \"\$@\"" sh)
	dockerd_start "$name" ||
		{ report 1 "dockerd $name starts" "$(tail -5 "$work/$name.log")" && finish; }
	docker --host "unix:///run/$name.sock" load -qi "$work/image.tar" >/dev/null
done

told 'docker swarm init'
one 'begins a swarm' 0 'is now a manager' "${words[@]}" --dispatcher-heartbeat 5s
two 'a second node joins' 0 'joined a swarm' swarm join --advertise-addr 10.0.0.2 \
	--token "$(docker swarm join-token -q worker)" 10.0.0.1:2377
one_seen 'both are ready' 10 $'(one|two) Ready.*\n.*(one|two) Ready' node ls --format \
	'{{.Hostname}} {{.Status}}'

told 'docker network create'
one 'makes a network of both' 0 '' "${words[@]}"
told 'docker service create'
one 'creates a service' 0 '' "${words[@]:0:2}" --detach --no-resolve-image "${words[@]:2}"
one_seen 'which runs on the first' 20 '^web\.[12]' ps --format '{{.Names}}'
two_seen 'and on the second' 20 '^web\.[12]' ps --format '{{.Names}}'
for node in one two; do
	"$node" "node $node names the runtime" 0 '^kist$' inspect -f '{{.HostConfig.Runtime}}' \
		"$(docker --host "unix:///run/$node.sock" ps -q | head -1)"
	want 'which has the container' 0 '"status": *"running"' "$runtime_path" --root \
		"/run/$node/runtime-runc/moby" list -f json
done
task=$(docker ps -q | head -1)
other=$(docker --host unix:///run/two.sock ps -q | head -1)
other=$(docker --host unix:///run/two.sock inspect -f \
	'{{(index .NetworkSettings.Networks "inside").IPAddress}}' "$other")
one 'the name of the service has the task on the other node' 0 "Address: *${other:-none}" \
	exec "$task" nslookup web
one 'which answers through the network' 0 '1 packets received' exec "$task" ping -c 1 -W 5 \
	"${other:-none}"
one 'scales it' 0 'web scaled to 4' service scale --detach web=4
one_seen 'two are on the first' 20 $'^(web\.[1-4][^\n]*\n?){2}$' ps --format '{{.Names}}'
two_seen 'two are on the second' 20 $'^(web\.[1-4][^\n]*\n?){2}$' ps --format '{{.Names}}'
one 'updates it' 0 '' service update --detach --args 'sh -c "echo told; sleep 1000"' web
until_seen 'and reads the words of all its tasks' 30 \
	$'(two.*told.*one.*told|one.*told.*two.*told)' sh -c "docker service logs web | tr '\n' ' '"
one_seen 'four run again' 30 '^4/4$' service ls --format '{{.Replicas}}'

told 'docker node update'
one 'drains the second' 0 '' "${words[@]}"
one_seen 'whose tasks come over' 20 $'^(web\.[1-4][^\n]*\n?){4}$' ps --format '{{.Names}}'
two_seen 'and end there' 20 '^$' ps --format '{{.Names}}'
one 'lets it work again' 0 '' node update --availability active two
one 'spreads the service again' 0 '' service update --detach --force web
two_seen 'so that both have tasks' 30 'web' ps --format '{{.Names}}'
one_seen 'all of them' 30 '^4/4$' service ls --format '{{.Replicas}}'

dockerd_stop two
one_seen 'the second node is lost' 20 'two Down' node ls --format '{{.Hostname}} {{.Status}}'
one_seen 'and the first runs all' 20 $'^(web\.[1-4][^\n]*\n?){4}$' ps --format '{{.Names}}'
want 'nothing runs on the second' 0 '^(null|\[\s*\])?$' "$runtime_path" --root \
	/run/two/runtime-runc/moby list -f json

one 'removes the service' 0 'web' service rm web
one_seen 'no container is left' 20 '^$' ps -aq
one 'leaves' 0 'left the swarm' swarm leave --force
dockerd_stop one
finish
