#compdef portaclctl
# SPDX-License-Identifier: GPL-2.0-only
#
# Completion for portaclctl(8) in zsh.

# What "portaclctl help" lists; tests/completions/run compares.
_portaclctl_commands() {
	local -a commands=(
		'status:show whether and what portacl enforces'
		'list:list the rules in force'
		'query:may SUBJECT bind PORT?'
		'explain:why may SUBJECT bind PORT, or why not?'
		'who:who may bind PORT?'
		'ports:show who has governed ports, and by which rule'
		'log:show refusals and changes'
		'suggest:turn refusals into rules to review'
		'stats:show what was granted and refused'
		'doctor:look for what is wrong with this machine'
		'allow:allow SUBJECT to bind PORTS'
		'deny:refuse SUBJECT the PORTS, whatever else allows'
		'reserve:keep PORTS for those who are allowed'
		'remove:remove a rule'
		'check:look for mistakes in policy files'
		'diff:show how the kernel and the files differ'
		'apply:put the files into force'
		'flush:take every rule out of the kernel'
		'cat-config:print the files in force as one'
		'import:print what other ways allow as rules'
		'mode:show or set whether rules are enforced'
		'strict:show or set whether privileged ports need a rule'
		'scope:show or set which network namespaces are judged'
		'lock:let nothing change until the next reboot'
		'load:load the module, apply the files'
		'unload:unload the module'
		'version:print the versions of tool and module'
		'help:print help'
	)
	_describe -t commands command commands
}

# The file of that name in /etc, or in the tree of --root if it has one.
_portaclctl_etc() {
	local root=$opt_root
	if [[ -n $root && -r $root/etc/$1 ]]; then
		print -r -- $root/etc/$1
	else
		print -r -- /etc/$1
	fi
}

_portaclctl_users() {
	local -a names
	if [[ -n $opt_root && -r $opt_root/etc/passwd ]]; then
		names=(${${(f)"$(<$opt_root/etc/passwd)"}%%:*})
		compadd "$@" -a names
	else
		_users "$@"
	fi
}

_portaclctl_groups() {
	local -a names
	if [[ -n $opt_root && -r $opt_root/etc/group ]]; then
		names=(${${(f)"$(<$opt_root/etc/group)"}%%:*})
		compadd "$@" -a names
	else
		_groups "$@"
	fi
}

# The rules in force, one per line; those of a tree with --root.
_portaclctl_rules() {
	timeout 2 $service ${opt_root:+--root} ${opt_root:+$opt_root} \
		list --format=rules --no-legend 2>/dev/null </dev/null |
		sed 's/ # .*//'
}

# Names and protocols of /etc/services: "http tcp".
_portaclctl_services() {
	sed -nE 's/#.*//
		s|^([^[:blank:]]+)[[:blank:]]+[0-9]+/([a-z]+).*|\1 \2|p' \
		"$(_portaclctl_etc services)" 2>/dev/null | sort -u
}

# Items of a list, then /tcp and the like.
_portaclctl_ports() {
	local -a items protocols
	local item
	if compset -P '*,'; then
		item=,
	fi
	if compset -P '*/'; then
		item+=${IPREFIX%/}
		item=${item##*,}
		protocols=(tcp udp sctp)
		if [[ $IPREFIX != *,* && $item != [0-9]* ]]; then
			protocols=(${${(M)${(f)"$(_portaclctl_services)"}:#$item *}#* })
		fi
		compadd -a protocols
		return
	fi
	items=(${(u)${(f)"$(_portaclctl_services)"}%% *})
	items+=(${(uf)"$(_portaclctl_rules | sed -nE '
		s/"[^"]*"/NAME/
		s/^reserve ([^ ]+).*/\1/p
		s/^(allow|deny) any ([^ ]+).*/\2/p
		s/^(allow|deny) (user|group) [^ ]+ ([^ ]+).*/\3/p' |
		sed 's|/.*||; s/,/\n/g')"})
	compadd -a items
}

# What may stand behind [SUBJECT] PORTS: terms, each once. The arguments are the
# kinds, "--" and the words so far.
_portaclctl_terms() {
	local -a kinds=(${@[1,(i)--]:#--})
	shift $(($#kinds + 1))
	while (($#)); do
		(($# > 1)) || return
		kinds=(${kinds:#$1})
		shift 2
	done
	compadd -a kinds
}

# KINDS -- WORD...: SUBJECT PORTS [on ...] [until ...]
_portaclctl_subject() {
	local -a kinds=(${@[1,(i)--]:#--})
	shift $(($#kinds + 1))
	local -a subjects=(user group any)
	if ((! $#)); then
		[[ $command != allow ]] || subjects+=(each)
		compadd -a subjects
		_portaclctl_users
		return
	fi
	case $1 in
	user | group)
		if (($# == 1)); then
			_portaclctl_${1}s
			return
		fi
		shift 2
		;;
	each) return 1 ;;
	*) shift ;;
	esac
	if (($#)); then
		_portaclctl_terms $kinds -- "${@:2}"
	else
		_portaclctl_ports
	fi
}

# The next word of each rule that begins with the words typed. "user" may be
# left out.
_portaclctl_remove() {
	local rule
	local -a parts candidates
	for rule in ${(f)"$(_portaclctl_rules)"}; do
		# Quoted by double quotes, with no escapes inside.
		parts=(${(z)${rule//\\/\\\\}})
		parts=(${(Q)parts})
		_portaclctl_next "$@"
		if [[ $parts[2] == user && $parts[3] != (user|group|any|each) ]]; then
			parts[2]=()
			_portaclctl_next "$@"
		fi
	done
	candidates=(${(u)candidates})
	compadd -a candidates
}

# Adds what follows these words in $parts.
_portaclctl_next() {
	(($# < $#parts)) || return
	if [[ "${(pj:\n:)parts[1,$#]}" == "${(pj:\n:)@}" ]]; then
		candidates+=($parts[$#+1])
	fi
}

_portaclctl_words() {
	local command=$1
	shift
	local -a values
	case $command in
	allow | deny) _portaclctl_subject on until -- "$@" ;;
	query | explain) _portaclctl_subject on -- "$@" ;;
	who)
		if (($#)); then
			_portaclctl_terms on -- "${@:2}"
		else
			_portaclctl_ports
		fi
		;;
	reserve) (($#)) || _portaclctl_ports ;;
	remove) _portaclctl_remove "$@" ;;
	check) _files -g '*.conf(-.)' ;;
	load) (($#)) || _files -g '*.ko(|.xz|.zst|.gz)(-.)' ;;
	import)
		values=(authbind mac_portacl setcap systemd sysctl nat)
		if (($#)); then
			_files
		else
			compadd -a values
		fi
		;;
	doctor)
		values=(kernel ftrace hooks bpf-fault lockdown signature dkms
			version boot files names automatic strict boundary
			capabilities units authbind nat)
		compadd -a values
		;;
	mode) values=(enforce permissive off) ;|
	strict) values=(on off) ;|
	scope) values=(init all) ;|
	lock) values=(status) ;|
	mode | strict | scope | lock) (($#)) || compadd -a values ;;
	help) (($#)) || _portaclctl_commands ;;
	esac
}

_portaclctl_options() {
	options=(
		'(-h --help)'{-h,--help}'[print help]'
		'(-q --quiet)'{-q,--quiet}'[print errors, warnings and lists only]'
		'(-v --verbose)'{-v,--verbose}'[print the single steps, too]'
		'(-y --yes)'{-y,--yes}'[do not ask]'
		'--json=-[answer in JSON]::style:(pretty short)'
		'--no-legend[leave out headings and footers]'
		'--numeric[show ids instead of names]'
		'--color=[use colours]:when:(auto always never)'
		'--root=[work on the files below a directory]:directory:_files -/'
		'--runtime[change it until the next reboot]'
	)
	if [[ $1 == log ]]; then
		options+=('--dry-run[say what would be done]')
	else
		options+=('(-n --dry-run)'{-n,--dry-run}'[say what would be done]')
	fi
	case $1 in
	'') options+=('--version[print the version]') ;;
	list)
		options+=(
			'--source=[whom to ask]:source:(kernel files)'
			'--format=[how to print]:format:(table rules)'
			'--user=[only rules that name a user]:user:_portaclctl_users'
			'--port=[only rules that name a port]:port:_portaclctl_ports'
		) ;;
	log)
		options+=(
			'(-f --follow)'{-f,--follow}'[go on with new ones]'
			'(-n --lines)'{-n+,--lines=}'[the last ones]:number: '
		) ;;
	stats) options+=('--prometheus=-[as a textfile for node_exporter]::file:_files') ;;
	allow | deny) options+=('--for=[for so long]:duration:(10m 1h 8h 1d)') ;|
	deny | mode | strict)
		options+=('--force[do it although listeners would be refused]') ;;
	remove) options+=('--close[close the listeners that lose their grant]') ;;
	apply)
		options+=(
			'--boot[only local names]'
			'--confirm=[take it back unless confirmed]:seconds:(30 60 120)'
			'--replace=[put a file into force instead]:file:_files -g "*.conf(-.)"'
		) ;|
	check | load | apply)
		options+=('--skip-unresolved[leave out rules whose names are not known]') ;;
	import) options+=('--tcp-only[of authbind\: for TCP only]') ;;
	esac
}

# Sets opt_root, and given to the command and its arguments before the cursor.
_portaclctl_split() {
	local -a before=("${(@Q)words[2,CURRENT-1]}")
	local word ended=
	while (($#before)); do
		word=$before[1]
		shift before
		if [[ -n $ended ]]; then
			given+=("$word")
			continue
		fi
		case $word in
		--) ended=1 ;;
		--root) opt_root=${before[1]-} && shift before 2>/dev/null ;;
		--root=*) opt_root=${word#*=} ;;
		--color | --source | --format | --user | --port | --for | --confirm | \
			--replace | --lines)
			shift before 2>/dev/null
			;;
		-n) [[ ${given[1]-} != log ]] || shift before 2>/dev/null ;;
		-*) ;;
		*) given+=("$word") ;;
		esac
	done
	opt_root=${opt_root/#\~\//$HOME/}
}

_portaclctl() {
	local opt_root
	local -a given options
	_portaclctl_split
	_portaclctl_options "${given[1]-}"
	_arguments -s -S : $options '*: :_portaclctl_argument'
}

_portaclctl_argument() {
	if (($#given)); then
		_portaclctl_words "${given[@]}"
	else
		_portaclctl_commands
	fi
}

_portaclctl "$@"
