# SPDX-License-Identifier: GPL-2.0-only
# Debian's archive, as this machine is set up to reach it, without touching the
# machine's own apt state; sourced after tests/vm/lib/common.sh, never run.
# shellcheck shell=bash

# apt_at DIR PROGRAM ARG...: apt with its state in DIR. Proxies, credentials and
# the rest of the machine's configuration still apply.
apt_at() {
	local dir=$1 program=$2
	shift 2
	local -a opts=(
		-q=1
		-o "Dir::State=$dir/state"
		-o "Dir::State::status=$dir/status"
		-o "Dir::Cache=$dir/cache"
		-o "Dir::Etc::preferences=/dev/null"
		-o "Dir::Etc::preferencesparts=/dev/null"
		-o "Acquire::Languages=none"
		-o "Acquire::Retries=3"
		-o "APT::Get::List-Cleanup=false"
		-o "APT::Sandbox::User="
	)
	if [[ -f $dir/sources.list ]]; then
		# Backports are never a candidate without being asked for.
		[[ ! -f $dir/release ]] ||
			opts+=(-o "APT::Default-Release=$(<"$dir/release")")
		opts+=(
			-o "Dir::Etc::sourcelist=$dir/sources.list"
			-o "Dir::Etc::sourceparts=/dev/null"
			-o "Dir::Etc::trusted=/dev/null"
			-o "Dir::Etc::trustedparts=$dir/keys"
		)
	fi
	"$program" "${opts[@]}" "$@"
}

make_apt_dir() {
	mkdir -p "$1/state/lists/partial" "$1/cache/archives/partial" "$1/keys"
	: >"$1/status"
}

# Where this machine gets Debian from, whatever the format of its sources:
# apt itself lists "<base URI> <label>" for every index it knows.
list_mirrors() {
	# shellcheck disable=SC2016 # apt expands these
	apt_at "$1" apt-get indextargets \
		--format '$(REPO_URI) $(LABEL)' \
		'Created-By: Packages' 'Origin: Debian' | sort -u
}

# write_sources DIR MIRRORS CODENAME [backports]: sources for another release of the
# same archive.
write_sources() {
	local dir=$1 codename=$3 part=${4:-} uri label key
	rm -f "$dir/release"
	[[ -z $part ]] || echo "$codename-backports" >"$dir/release"
	while read -r uri label; do
		case $label in
		Debian)
			echo "deb $uri $codename main"
			echo "deb $uri $codename-updates main"
			[[ -z $part ]] || echo "deb $uri $codename-backports main"
			;;
		Debian-Security)
			echo "deb $uri $codename-security main"
			;;
		esac
	done <<<"$2" >"$dir/sources.list"
	[[ -s $dir/sources.list ]] ||
		die 1 "this machine's apt sources name no Debian archive"
	for key in /usr/share/keyrings/debian-archive-*.gpg /etc/apt/keyrings/*.{gpg,asc} \
		/etc/apt/trusted.gpg.d/*.{gpg,asc}; do
		[[ ! -f $key ]] || cp "$key" "$dir/keys/"
	done
}
