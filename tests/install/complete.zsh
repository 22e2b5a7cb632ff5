# SPDX-License-Identifier: Apache-2.0
# zsh -f complete.zsh FILE: as complete.bash, what zsh offers.  Completions are for the line editor
# alone, so there is a zsh with a terminal, a key that asks for them, and a compadd that tells
# them; with -O, -A or -D it only asks itself.
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PS1= PS2= fpath=(${1:h} \$fpath); autoload -Uz compinit; compinit -u -D
compadd() {
	local -a found
	if (( ! \${@[(I)-(O|A|D)*]} )); then
		builtin compadd -O found \"\$@\"
		offered+=(\$found)
	fi
	builtin compadd \"\$@\"
}
offer() {
	typeset -ga offered=()
	_main_complete
	compstate[list]= compstate[insert]=
	print -r -- \"<<\${(j: :)\${(@ou)offered}}>>\"
}
zle -C offer complete-word offer
bindkey '^T' offer
bindkey '^U' kill-whole-line
print '<<' ready '>>'"
zpty -r shell text '*<< ready >>*'
while IFS= read -r line; do
	zpty -w -n shell $'\x15'"$line"$'\x14'
	zpty -r shell text '*<<*>>*'
	print -r -- "${${text##*<<}%%>>*}"
done
