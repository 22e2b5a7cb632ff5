# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# bash complete.bash FILE: what bash offers for each line, with the completions of that file: the
# words, sorted, in one line.
# shellcheck source=/dev/null
. "$1"
while IFS= read -r line; do
	read -ra COMP_WORDS <<<"${line//=/ = }"
	[[ $line != *' ' ]] || COMP_WORDS+=('')
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	COMPREPLY=()
	_kist
	printf '%s\n' "${COMPREPLY[@]}" | LC_ALL=C sort | paste -s -d' '
done
