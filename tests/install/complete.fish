# SPDX-License-Identifier: Apache-2.0
# fish --no-config complete.fish FILE: as complete.bash, what fish offers.
source $argv[1]
while read -l line
	complete -C "$line" | string replace -r '\t.*' '' | LC_ALL=C sort | paste -s -d' '
end
