# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
#
# The named cases that are scripts; sourced behind lib/cases.sh, never run.
#
# Each file of tests/vm/ways registers its cases:
#
#	way NAME FUNCTION ABOUT...
#
# FUNCTION runs as root with the module loaded, without a rule, in mode enforce,
# not strict, scope init; it may unload and load the module. It calls skip where
# the kernel or the machine lacks what the case is about. What it mounts, starts
# or sets it must end itself, also when a check fails: checks only count.

# shellcheck source=tests/vm/lib/await.sh
. tests/vm/lib/await.sh

way_names=() way_functions=() way_abouts=()

way() {
	way_names+=("$1") way_functions+=("$2")
	shift 2
	way_abouts+=("$*")
}

for way_file in "$ways"/*.sh; do
	# shellcheck source=/dev/null
	. "$way_file"
done

# A name, or the first part of names up to a slash.
is_called() {
	[[ $1 == "$2" || $1 == "$2"/* ]]
}

way_is_chosen() {
	local name=$1 chosen
	shift
	(($# > 0)) || return 0
	for chosen; do
		! is_called "$name" "$chosen" || return 0
	done
	return 1
}

list_ways() {
	local i
	for i in "${!way_names[@]}"; do
		! way_is_chosen "${way_names[i]}" "$@" ||
			printf '%-32s %s\n' "${way_names[i]}" "${way_abouts[i]}"
	done
}

portacl=/sys/kernel/portacl

add() {
	printf '%s\n' "$@" >$portacl/add
}

rules() {
	sed -n 's/ *#.*//; /./p' $portacl/policy
}

no_rules() {
	local rule
	local -a all
	mapfile -t all < <(rules)
	for rule in "${all[@]}"; do
		printf '%s\n' "$rule" >$portacl/remove
	done
	echo enforce >$portacl/mode
	echo 0 >$portacl/strict
	echo init >$portacl/scope
}

# A closed connection keeps its port for a minute, from which no other case in a
# script, and nothing behind them all, is to suffer.
tw_buckets=/proc/sys/net/ipv4/tcp_max_tw_buckets

# What is on this machine is put back by end_ways, which runs also when a command
# of a case ends the script.
begin_ways() {
	ways_loaded=0
	! loaded || ways_loaded=1
	need_loaded
	ways_policy=$(rules)
	ways_settings=$(cd "$portacl" && grep . mode strict scope)
	ways_tw=$(<$tw_buckets)
	trap 'fail "a command of the case ended the script"; end_ways' EXIT
}

end_ways() {
	local rule file value
	trap - EXIT
	echo "$ways_tw" >$tw_buckets
	need_loaded
	no_rules
	while read -r rule; do
		[[ -z $rule ]] || add "$rule"
	done <<<"$ways_policy"
	while IFS=: read -r file value; do
		echo "$value" >"$portacl/$file"
	done <<<"$ways_settings"
	((ways_loaded)) || rmmod portacl
}

# bind_as UID GID TRANSPORT ADDRESS PORT: "bound" or the errno's name.
bind_as() {
	"$programs/bind_as" "$@" || true
}

# bind_here ...: several binds by one process, an answer for each; see
# tests/vm/bind/bind_here.c.
bind_here() {
	"$programs/bind_here" "$@" 2>&1 || true
}

# need_kernel MODULE...: skips, and fails, unless all can be loaded.
need_kernel() {
	modprobe -q -a "$@" || {
		skip "this kernel lacks one of: $*"
		return 1
	}
}

# need_tools PROGRAM...: the same for programs of the machine.
need_tools() {
	local tool
	for tool; do
		command -v "$tool" >/dev/null || {
			skip "no $tool on this machine"
			return 1
		}
	done
}

# run_ways [NAME...]: all that are chosen; the policy is left empty.
run_ways() {
	local i
	echo 0 >$tw_buckets
	for i in "${!way_names[@]}"; do
		way_is_chosen "${way_names[i]}" "$@" || continue
		need_loaded
		no_rules
		begin "${way_names[i]}"
		"${way_functions[i]}"
		end
	done
	need_loaded
	no_rules
}
