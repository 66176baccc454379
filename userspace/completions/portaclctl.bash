# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Completion for portaclctl(8) in bash, by way of bash-completion.

# What "portaclctl help" lists; tests/completions/run compares.
_portaclctl_commands() {
	printf '%s\n' status list query explain who ports log suggest stats \
		doctor allow deny reserve remove check diff apply flush \
		cat-config import mode strict scope lock load unload version \
		help
}

_portaclctl_options() {
	printf '%s\n' --help --dry-run --quiet --verbose --yes --json \
		--no-legend --numeric --color= --root= --runtime
	case $1 in
	'') printf '%s\n' --version ;;
	list) printf '%s\n' --source= --format= --user= --port= ;;
	log) printf '%s\n' --follow --lines= ;;
	stats) printf '%s\n' --prometheus ;;
	allow) printf '%s\n' --for= ;;
	deny) printf '%s\n' --for= --force ;;
	remove) printf '%s\n' --close ;;
	check | load) printf '%s\n' --skip-unresolved ;;
	apply) printf '%s\n' --boot --confirm= --replace= --skip-unresolved ;;
	import) printf '%s\n' --tcp-only ;;
	mode | strict) printf '%s\n' --force ;;
	esac
}

# Sets plain to a word, or its beginning, with the shell's quotes taken off.
_portaclctl_unquote() {
	local rest=$1 quote='' char
	plain=
	while [[ -n $rest ]]; do
		char=${rest:0:1} rest=${rest:1}
		case $quote$char in
		\' | \") quote=$char ;;
		\'\' | \"\") quote= ;;
		\\) plain+=${rest:0:1} rest=${rest:1} ;;
		\"\\)
			[[ $rest != [\$\`\"\\]* ]] || char=${rest:0:1} rest=${rest:1}
			plain+=$char
			;;
		*) plain+=$char ;;
		esac
	done
}

# Adds the candidates of standard input, one per line, that begin with what was
# typed. Names may hold what means something to the shell.
_portaclctl_add() {
	local line
	while IFS= read -r line; do
		[[ $line == "$typed"* && -n $line ]] || continue
		if [[ $cur == [\"\']* ]]; then
			COMPREPLY+=("$line")
		elif [[ $line == *[!a-zA-Z0-9_.,:/+=@%-]* ]]; then
			COMPREPLY+=("$(printf %q "$line")")
		else
			COMPREPLY+=("$line")
		fi
	done
}

# The rules in force, one per line; those of a tree with --root.
_portaclctl_rules() {
	timeout 2 "$portaclctl" "${root[@]}" list --format=rules --no-legend \
		2>/dev/null </dev/null | sed 's/ # .*//'
}

_portaclctl_services() {
	# name port/protocol aliases...
	[[ ! -r $tree/etc/services ]] || sed -nE "s/#.*//; $1" "$tree/etc/services" |
		sort -u
}

# Items of a list, then /tcp and the like.
_portaclctl_ports() {
	local before='' item
	if [[ $typed == */* ]]; then
		if [[ $typed == [0-9]* || $typed == *,* ]]; then
			printf '%s\n' "${typed%%/*}"/{tcp,udp,sctp}
		else
			_portaclctl_services \
				's|^([^[:blank:]]+)[[:blank:]]+[0-9]+/([a-z]+).*|\1/\2|p'
		fi
		return
	fi
	if [[ $typed == *,* ]]; then
		before=${typed%,*},
	fi
	{
		_portaclctl_services 's/^([^[:blank:]]+)[[:blank:]]+[0-9].*/\1/p'
		_portaclctl_rules | sed -nE '
			s/"[^"]*"/NAME/
			s/^reserve ([^ ]+).*/\1/p
			s/^(allow|deny) any ([^ ]+).*/\2/p
			s/^(allow|deny) (user|group) [^ ]+ ([^ ]+).*/\3/p' |
			sed 's|/.*||; s/,/\n/g' | sort -u
	} | while read -r item; do
		printf '%s\n' "$before$item"
	done
}

# Names from DIR/etc/passwd or group with --root, as the tool takes them.
_portaclctl_users() {
	if [[ -n $tree && -r $tree/etc/passwd ]]; then
		cut -d: -f1 "$tree/etc/passwd"
	else
		compgen -u
	fi
}

_portaclctl_groups() {
	if [[ -n $tree && -r $tree/etc/group ]]; then
		cut -d: -f1 "$tree/etc/group"
	else
		compgen -g
	fi
}

# What may stand behind [SUBJECT] PORTS: terms, each once.
_portaclctl_terms() {
	local word terms=" $* "
	while (($#)); do
		word=$1
		shift
		[[ $word == on || $word == until ]] || return
		# Its value is being typed.
		(($#)) || return
		shift
	done
	for word in $kinds; do
		[[ $terms == *" $word "* ]] || echo "$word"
	done
}

# SUBJECT PORTS [on ...] [until ...]; "also" are more words for the subject.
_portaclctl_subject() {
	local also=$1
	shift
	case ${1-} in
	'')
		(($# == 0)) || return
		{
			printf '%s\n' user group any ${also:+"$also"}
			_portaclctl_users
		}
		return
		;;
	user | group)
		if (($# == 1)); then
			"_portaclctl_${1}s"
			return
		fi
		shift 2
		;;
	each) return ;;
	*) shift ;;
	esac
	if (($# == 0)); then
		_portaclctl_ports
	else
		shift
		_portaclctl_terms "$@"
	fi
}

# The next word of each rule that begins with the words typed. "user" may be
# left out.
_portaclctl_remove() {
	local rule word before
	local -a words_of
	printf -v before '%s\n' "$@"
	(($#)) || before=
	while IFS= read -r rule; do
		words_of=()
		while [[ $rule =~ ^\ *(\"([^\"]*)\"|[^\ ]+)(.*)$ ]]; do
			word=${BASH_REMATCH[1]}
			[[ $word != \"* ]] || word=${BASH_REMATCH[2]}
			words_of+=("$word")
			rule=${BASH_REMATCH[3]}
		done
		_portaclctl_next "${words_of[@]}"
		if [[ ${words_of[1]-} == user &&
			${words_of[2]-} != @(user|group|any|each) ]]; then
			_portaclctl_next "${words_of[0]}" "${words_of[@]:2}"
		fi
	done < <(_portaclctl_rules) | sort -u
}

# The word of these that follows $before.
_portaclctl_next() {
	local form='' word
	for word; do
		if [[ $form == "$before" ]]; then
			printf '%s\n' "$word"
			return
		fi
		form+=$word$'\n'
	done
}

# Values of options; fails for what is none that takes one.
_portaclctl_values() {
	case $1 in
	--json) printf '%s\n' pretty short ;;
	--color) printf '%s\n' auto always never ;;
	--source) printf '%s\n' kernel files ;;
	--format) printf '%s\n' table rules ;;
	--user) _portaclctl_users ;;
	--port) _portaclctl_ports ;;
	--for) printf '%s\n' 10m 1h 8h 1d ;;
	--confirm) printf '%s\n' 30 60 120 ;;
	--lines) ;;
	*) return 1 ;;
	esac
}

# Files, where these are wanted: prints what _filedir takes.
_portaclctl_files() {
	case $1 in
	--root) echo -d ;;
	--replace | check) echo conf ;;
	--prometheus) echo prom ;;
	load) (($# > 1)) || echo '@(ko|ko.xz|ko.zst|ko.gz)' ;;
	import) (($# < 2)) || echo '*' ;;
	*) return 0 ;;
	esac
}

# Candidates behind a command, given as the arguments so far.
_portaclctl_words() {
	local command=$1 kinds='on until'
	shift
	case $command in
	allow) _portaclctl_subject each "$@" ;;
	deny) _portaclctl_subject '' "$@" ;;
	query | explain) kinds=on && _portaclctl_subject '' "$@" ;;
	who)
		kinds=on
		if (($#)); then
			shift
			_portaclctl_terms "$@"
		else
			_portaclctl_ports
		fi
		;;
	remove) _portaclctl_remove "$@" ;;
	doctor)
		printf '%s\n' kernel ftrace hooks bpf-fault lockdown signature \
			dkms version boot files names automatic strict boundary \
			capabilities units authbind nat
		;;
	esac
	(($# == 0)) || return
	case $command in
	reserve) _portaclctl_ports ;;
	import)
		printf '%s\n' authbind mac_portacl setcap systemd sysctl nat
		;;
	mode) printf '%s\n' enforce permissive off ;;
	strict) printf '%s\n' on off ;;
	scope) printf '%s\n' init all ;;
	lock) printf '%s\n' status ;;
	help) _portaclctl_commands ;;
	esac
}

# Sets options_ended, root, tree and given: the command and its arguments, with
# the shell's quotes taken off.
_portaclctl_split() {
	local i word plain
	for ((i = 1; i < cword; i++)); do
		_portaclctl_unquote "${words[i]}"
		word=$plain
		if $options_ended; then
			given+=("$word")
			continue
		fi
		case $word in
		--) options_ended=true ;;
		--root)
			_portaclctl_unquote "${words[++i]}"
			((i >= cword)) || tree=$plain
			;;
		--root=*) tree=${word#*=} ;;
		--color | --source | --format | --user | --port | --for | \
			--confirm | --replace | --lines)
			i=$((i + 1))
			;;
		-n) [[ ${given[0]-} != log ]] || i=$((i + 1)) ;;
		-*) ;;
		*) given+=("$word") ;;
		esac
	done
	tree=${tree/#~\//"$HOME"/}
	[[ -z $tree ]] || root=(--root "$tree")
}

_portaclctl() {
	local cur prev words cword split files='' value=false plain typed
	local portaclctl=$1 options_ended=false tree=''
	local -a root=() given=()
	_init_completion -s -n : || return
	_portaclctl_unquote "$cur"
	typed=$plain
	_portaclctl_split
	# With "=" a value belongs to any option, else to those that need one.
	if ! $options_ended && [[ $prev == --* ]] &&
		{ $split || [[ $prev != --json && $prev != --prometheus ]]; }; then
		files=$(_portaclctl_files "$prev")
		if [[ -n $files ]] || _portaclctl_values "$prev" >/dev/null; then
			value=true
		fi
	fi
	if $value; then
		_portaclctl_add < <(_portaclctl_values "$prev")
	elif [[ $prev == -n && ${given[0]-} == log ]]; then
		return
	elif ! $options_ended && [[ $cur == -* ]]; then
		_portaclctl_add < <(_portaclctl_options "${given[0]-}")
		[[ ${COMPREPLY[*]-} != *= ]] || compopt -o nospace
	elif ((${#given[@]} == 0)); then
		_portaclctl_add < <(_portaclctl_commands)
	else
		files=$(_portaclctl_files "${given[@]}")
		_portaclctl_add < <(_portaclctl_words "${given[@]}")
	fi
	case $files in
	'') ;;
	'*') _filedir ;;
	*) _filedir "$files" ;;
	esac
	# Readline replaces what is behind the last colon only.
	__ltrim_colon_completions "$cur"
} &&
	complete -F _portaclctl portaclctl
