# SPDX-License-Identifier: Apache-2.0
# fish --no-config complete.fish FILE: as complete.bash, what fish offers.
source $argv[1]
while read -l line
	# fish 4 offers, too, what has the letters somewhere ("--pidfd-socket" for "--det").
	set -l word (string split -r -m 1 ' ' -- $line)[-1]
	complete -C "$line" | string replace -r '\t.*' '' | string match -- "$word*" |
		LC_ALL=C sort | paste -s -d' '
end
