# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# tap.sh: how the suites that are shell scripts tell what they saw, in TAP; sourced, not run.
# TRACE=DIRECTORY keeps $status and $out of each check there.
: "${TRACE:=}"
checks=0 failed=0 out='' status=0

# report STATUS NAME [LINE...]: the lines explain a failure.
report() {
	checks=$((checks + 1))
	if [ "$1" = 0 ]; then
		echo "ok $checks - $2"
	else
		failed=$((failed + 1))
		echo "not ok $checks - $2"
		printf '%s\n' "${@:3}" | sed 's/^/# /'
	fi
	[ -z "$TRACE" ] || printf '== %s\nstatus %s\n%s\n' "$2" "$status" "$out" >>"$TRACE/${0##*/}.out"
}

# The end of a suite: the plan, and a status that says what was seen.
finish() {
	echo "1..$checks"
	[ "$failed" = 0 ] || echo "# $failed of $checks failed"
	[ "$failed" = 0 ]
	exit
}
