# SPDX-License-Identifier: GPL-2.0-only
# The configuration: a base, a flavour, and what must be left of both; sourced by
# patches/bin/portacl-kernel, never run.
# shellcheck shell=bash

# check_flavour: sets flavour_words; they are one another's parts joined by "+".
check_flavour() {
	local word number seen=" "
	IFS=+ read -ra flavour_words <<<"$flavour"
	for word in "${flavour_words[@]:-}"; do
		[[ $seen != *" ${word%%-[0-9]*} "* ]] ||
			die 2 "--flavour: '$word' is one too many in '$flavour'"
		seen+="${word%%-[0-9]*} "
		case $word in
		stock | no-privileged-ports | portacl-builtin) ;;
		prot-sock-*)
			number=${word#prot-sock-}
			if ! [[ $number =~ ^(0|[1-9][0-9]{0,4})$ ]] || ((number > 32768)); then
				die 2 "--flavour: '$word' is not prot-sock-0 to prot-sock-32768"
			fi
			;;
		*)
			die 2 "--flavour: '$word' is none of stock, prot-sock-N," \
				"no-privileged-ports and portacl-builtin"
			;;
		esac
	done
	if [[ $seen == *" no-privileged-ports "* && $seen == *" prot-sock "* ]]; then
		die 2 "--flavour: no boundary is left with no-privileged-ports: '$flavour'"
	elif [[ $seen == *" stock "* ]] && ((${#flavour_words[@]} > 1)); then
		die 2 "--flavour: stock cannot be joined with anything: '$flavour'"
	fi
}

# has_flavour WORD
has_flavour() {
	[[ " ${flavour_words[*]} " == *" $1 "* ]]
}

# local_version: what makes the release another than Debian's, and the flavours'
# releases differ. It becomes part of package names.
local_version() {
	local word version=-portacl
	for word in "${flavour_words[@]}"; do
		version+=-${word#portacl-}
	done
	[[ $config != vm ]] || version+=-vm
	for word in "${fragments[@]}"; do
		word=$(basename "$word" .config)
		version+=-$(tr -c 'a-z0-9.\n' - <<<"${word,,}")
	done
	echo "$version"
}

# check_files: those that the options name are there.
check_files() {
	local word
	case $config in
	'' | vm | running) ;;
	*) [[ -f $config ]] || die 2 "--config: there is no file $config" ;;
	esac
	for word in "${fragments[@]}"; do
		[[ -f $word ]] || die 2 "--fragment: there is no file $word"
	done
}

# find_config: sets config_name, for the build directory, and config_file, which
# is empty for vm.
find_config() {
	local word
	config_file=''
	if [[ -z $config ]]; then
		config=/boot/config-$(uname -r)
		[[ -f $config ]] || config=$(find /boot -maxdepth 1 -name 'config-*' \
			2>/dev/null | sort -V | tail -n 1)
		[[ -n $config ]] || die 1 "there is no /boot/config-* to start from:" \
			"use --config running, vm or the name of a file"
	fi
	case $config in
	vm) config_name=vm ;;
	running)
		config_name=running
		config_file=/proc/config.gz
		[[ -f $config_file ]] || config_file=/boot/config-$(uname -r)
		[[ -f $config_file ]] || die 1 "the running kernel does not say how it" \
			"was configured: no /proc/config.gz and no $config_file"
		;;
	*)
		config_file=$config
		config_name=$(basename "$config" | tr -c 'A-Za-z0-9.\n_-' _)
		;;
	esac
	for word in "${fragments[@]}"; do
		config_name+=-$(basename "$word" .config | tr -c 'A-Za-z0-9.\n_-' _)
	done
	build=$work/build-$config_name
}

base_config() {
	case $config_file in
	*.gz) gzip -dc "$config_file" ;;
	*) cat "$config_file" ;;
	esac
}

# options_sum: of what the user gives for a configuration, whatever its name.
options_sum() {
	{
		if [[ $config != vm ]]; then
			base_config
		fi
		((${#fragments[@]} == 0)) || cat "${fragments[@]}"
	} | sha256sum | cut -d ' ' -f 1
}

# recorded_sum options|config: of what the last configure was given, and wrote.
recorded_sum() {
	sed -n "s/^$1 //p" "$build/configured" 2>/dev/null || true
}

# flavour_fragments: "FILE" for each fragment, those of numbers made in $1. What the
# flavour does not open is closed, and what it does not name is not there, whatever
# the base has.
flavour_fragments() {
	local word boundary=1024
	for word in "${flavour_words[@]}"; do
		case $word in
		stock) ;;
		prot-sock-*) boundary=${word#prot-sock-} ;;
		no-privileged-ports) boundary='' ;&
		*) echo "$top_dir/kconfig/$word.config" ;;
		esac
	done
	{
		[[ -z $boundary ]] || printf '%s\n' CONFIG_INET_PRIVILEGED_PORTS=y \
			"# CONFIG_INET_NO_PRIVILEGED_PORTS is not set" \
			"CONFIG_INET_PROT_SOCK=$boundary"
		has_flavour portacl-builtin ||
			echo "# CONFIG_SECURITY_PORTACL is not set"
	} >"$1/$flavour.config"
	echo "$1/$flavour.config"
	printf 'CONFIG_LOCALVERSION="%s"\n# CONFIG_LOCALVERSION_AUTO is not set\n' \
		"$(local_version)" >"$1/release.config"
	echo "$1/release.config"
}

# distribution_changes: what a distribution's configuration needs to be built by
# somebody else. Only for options that it has.
distribution_changes() {
	local options='SYSTEM_TRUSTED_KEYS|SYSTEM_REVOCATION_KEYS|MODULE_SIG_KEY|BUILD_SALT'
	options+='|DEBUG_INFO[A-Z0-9_]*'
	{ grep -oE "^(# )?CONFIG_($options)[= ]" "$1" || true; } |
		sed -E 's/^# //; s/[= ]$//' | sort -u | while read -r option; do
		case $option in
		CONFIG_DEBUG_INFO_NONE) ;;
		# Where the kernel's own Makefile makes one.
		CONFIG_MODULE_SIG_KEY) echo "$option=\"certs/signing_key.pem\"" ;;
		CONFIG_SYSTEM_* | CONFIG_BUILD_SALT) echo "$option=\"\"" ;;
		*) echo "# $option is not set" ;;
		esac
	done
	if grep -q '^CONFIG_DEBUG_INFO' "$1"; then
		echo CONFIG_DEBUG_INFO_NONE=y
	fi
}

# merge FILE...: the last word on each option, with where it comes from:
# "option<TAB>value<TAB>file:line". A value of n stands for "is not set".
merge() {
	awk -v OFS='\t' '
		/^CONFIG_[A-Za-z0-9_]+=/ {
			option = $0; sub(/=.*/, "", option)
			value = substr($0, length(option) + 2)
		}
		/^# CONFIG_[A-Za-z0-9_]+ is not set/ { option = $2; value = "n" }
		option != "" {
			if (!(option in last))
				order[++count] = option
			last[option] = value; place[option] = FILENAME ":" FNR
			option = ""
		}
		END {
			for (i = 1; i <= count; i++)
				print order[i], last[order[i]], place[order[i]]
		}' "$@"
}

as_config() {
	awk -F '\t' '{
		if ($2 == "n") print "# " $1 " is not set"; else print $1 "=" $2
	}'
}

# place_of FILE:LINE: without what is no news to people.
place_of() {
	local place=${1#"$top_dir/"}
	echo "${place/#*\/.portacl.*\//}"
}

# check_conflicts FLAVOUR FRAGMENTS: what merge says of each. A flavour is what its
# name says. Prints how many options of it a fragment changes.
check_conflicts() {
	local option wanted place other other_place count=0
	while IFS=$'\t' read -r option wanted place; do
		IFS=$'\t' read -r other other_place \
			< <(awk -F '\t' -v OFS='\t' -v option="$option" \
				'$1 == option { print $2, $3 }' "$2") || continue
		[[ $other != "$wanted" ]] || continue
		note "$option is $other in $(place_of "$other_place") and $wanted in" \
			"$(place_of "$place"), which $flavour is made of"
		count=$((count + 1))
	done <"$1"
	echo "$count"
}

# check_survivors REQUESTED RESULT COUNT: every option that was asked for is there;
# COUNT are wrong anyway.
check_survivors() {
	local option wanted place got reason count=$3
	while IFS=$'\t' read -r option wanted place; do
		got=$(sed -n "s/^$option=//p" "$2")
		[[ -n $got ]] || got=n
		[[ $got != "$wanted" ]] || continue
		reason="something that it depends on is missing"
		if ! grep -rqsE --include='Kconfig*' \
			"^[[:space:]]*(menu)?config[[:space:]]+${option#CONFIG_}\$" "$tree"; then
			reason="Linux $tree_version has no such option"
		elif [[ $wanted == n && $got == [ym] ]]; then
			reason="something that is on selects it, or it takes CONFIG_EXPERT=y"
		elif [[ $wanted =~ ^(0x[0-9a-fA-F]+|-?[0-9]+)$ && $got != n ]]; then
			reason="it is out of the kernel's own range"
		fi
		note "$option is $got, $wanted was asked for, $reason: $(place_of "$place")"
		count=$((count + 1))
	done <"$1"
	((count == 0)) || die 1 "$count options were not taken, nothing is configured: $build"
}

kmake() {
	make "${make_args[@]}" -C "$tree" O="$build" --no-print-directory LOCALVERSION= \
		KBUILD_BUILD_USER=portacl KBUILD_BUILD_HOST=portacl \
		KBUILD_BUILD_TIMESTAMP="$(LC_ALL=C date -u -d "@$source_epoch")" \
		KBUILD_BUILD_VERSION="$package_revision" "$@"
}

# run_kconfig FILE ARG...: kbuild's configurator on FILE.
run_kconfig() {
	local file=$1
	shift
	kmake -s KCONFIG_CONFIG="$file" "$@" >"$scratch/kconfig.log" 2>&1 </dev/null || {
		tail -n 20 "$scratch/kconfig.log" >&2
		die 1 "the kernel's own configuration step failed: $build"
	}
}

# list_in_lsm FILE: portacl among the security modules that are started, before
# those of which only one was possible for long.
list_in_lsm() {
	local list
	grep -q '^CONFIG_SECURITY_PORTACL=y' "$1" || return 1
	list=$(sed -n 's/^CONFIG_LSM="\(.*\)"$/\1/p' "$1")
	[[ ,$list, != *,portacl,* ]] || return 1
	if grep -q '^CONFIG_LSM' "$scratch/fragments"; then
		note "CONFIG_LSM is \"$list\", as your fragment says: portacl is only" \
			"started by lsm= with it"
		return 1
	fi
	list=$(awk -F, -v OFS=, '{
		for (i = 1; i <= NF; i++) {
			if (!done && $i ~ /^(selinux|smack|tomoyo|apparmor|ipe|bpf)$/) {
				$i = "portacl" OFS $i
				done = 1
			}
		}
		if (!done) $0 = $0 (NF ? OFS : "") "portacl"
		print
	}' <<<"$list")
	sed -i "s/^CONFIG_LSM=.*/CONFIG_LSM=\"$list\"/" "$1"
	note "CONFIG_LSM is \"$list\", so that portacl is started"
}

# changed_by_hand: since the last configure, as by menuconfig.
changed_by_hand() {
	[[ -f $build/.config && -f $build/configured ]] &&
		[[ $(sha256sum <"$build/.config") != "$(recorded_sum config)" ]]
}

# save_choices: under a name that kbuild does not use.
save_choices() {
	local copy
	changed_by_hand || return 0
	copy=$(mktemp "$build/config-$(date +%Y-%m-%d).XXXX")
	cp "$build/.config" "$copy"
	note "what was changed by hand since the last configure is gone from .config," \
		"it is in $copy"
}

# What uname has room for.
readonly RELEASE_LENGTH=64

# configure_build: makes build/.config; leaves it alone when it would be the same.
configure_build() {
	local new release conflicts
	local -a base=() list
	need_series_applied
	release=$tree_release$(local_version)
	((${#release} <= RELEASE_LENGTH)) ||
		die 1 "the release would have ${#release} characters and $RELEASE_LENGTH are" \
			"possible, give the fragments shorter names: $release"
	need_space "$work" 64 "the configuration"
	mkdir -p "$build"
	scratch=$(mktemp -d "$build/.portacl.XXXXXX")
	cleanup_dirs+=("$scratch")
	new=$scratch/config
	[[ $config != vm ]] || base=("$top_dir/kconfig/vm.config")
	mapfile -t list < <(flavour_fragments "$scratch")
	merge "${list[@]}" >"$scratch/flavour"
	merge "${fragments[@]}" /dev/null >"$scratch/fragments"
	conflicts=$(check_conflicts "$scratch/flavour" "$scratch/fragments")
	list=("${base[@]}" "${list[@]}" "${fragments[@]}")
	merge "${list[@]}" >"$scratch/requested"
	if [[ $config == vm ]]; then
		as_config <"$scratch/requested" >"$scratch/all"
		run_kconfig "$new" KCONFIG_ALLCONFIG="$scratch/all" allnoconfig
	else
		base_config >"$scratch/base"
		grep -q '^CONFIG_' "$scratch/base" ||
			die 1 "no kernel configuration: $config_file"
		distribution_changes "$scratch/base" >"$scratch/changes"
		merge "$scratch/base" "$scratch/changes" "${list[@]}" |
			as_config >"$new"
		run_kconfig "$new" olddefconfig
		note "from $config_file, without debugging information and other" \
			"people's certificates"
	fi
	if list_in_lsm "$new"; then
		run_kconfig "$new" olddefconfig
	fi
	check_survivors "$scratch/requested" "$new" "$conflicts"
	if grep -q '^CONFIG_MODULE_SIG_ALL=y' "$new"; then
		note "modules are signed with a key made here, so that two builds differ"
	fi
	if ! cmp -s "$new" "$build/.config"; then
		save_choices
		cp "$new" "$build/.config.new"
		mv "$build/.config.new" "$build/.config"
	fi
	printf '%s\n' "options $(options_sum)" "config $(sha256sum <"$build/.config")" \
		>"$build/configured"
	rm -rf "$scratch"
	note "configured $flavour, $(grep -c '=y$' "$build/.config") options built in," \
		"$(grep -c '=m$' "$build/.config" || true) modules: $build/.config"
}
