# SPDX-License-Identifier: GPL-2.0-only
# Where a kernel's source comes from: Debian's linux-source packages, or a tree
# that the user names; sourced by patches/bin/portacl-kernel, never run.
# shellcheck shell=bash

readonly apt_dir=$cache_dir/apt package_dir=$cache_dir/sources

# What apt's lists are believed for, in minutes.
readonly LISTS_AGE=1440

# known_kernels: those that have a series, oldest first.
known_kernels() {
	local series
	for series in "$patches_dir"/*/series; do
		[[ ! -f $series ]] || basename "$(dirname "$series")"
	done | sort -V
}

# places_of KERNEL: the apt directories to look for its package in, this
# machine's own release first.
places_of() {
	local codename
	echo "$apt_dir/host"
	codename=$(suite_of "$1") || return 0
	echo "$apt_dir/$codename"
}

# update_lists: once a day, or when --update asks for it. Old lists serve where
# there is no network.
update_lists() {
	local kernel codename mirrors backports
	if ((!update)) && [[ -f $apt_dir/updated ]] &&
		[[ -z $(find "$apt_dir/updated" -mmin "+$LISTS_AGE") ]]; then
		return
	fi
	note "reading the package lists of Debian's archive"
	mkdir -p "$apt_dir"
	: >"$apt_dir/log"
	make_apt_dir "$apt_dir/host"
	if ! run_logged "$apt_dir/log" apt_at "$apt_dir/host" apt-get update; then
		[[ -f $apt_dir/updated ]] ||
			die 1 "cannot read the package lists of this machine's apt sources"
		note "cannot read them, the ones from" \
			"$(date -r "$apt_dir/updated" +%F) will do"
		return
	fi
	mirrors=$(list_mirrors "$apt_dir/host")
	for kernel in $(known_kernels); do
		codename=$(suite_of "$kernel") || continue
		backports=
		[[ $kernel != 7.2 ]] || backports=backports
		[[ $codename != "$(host_suite)" || -n $backports ]] || continue
		make_apt_dir "$apt_dir/$codename"
		write_sources "$apt_dir/$codename" "$mirrors" "$codename" "$backports"
		run_logged "$apt_dir/log" apt_at "$apt_dir/$codename" apt-get update ||
			note "some package lists of $codename cannot be read"
	done
	touch "$apt_dir/updated"
}

# candidate_of DIR PACKAGE: the version that apt would take, or nothing.
candidate_of() {
	[[ -d $1/state ]] || return 0
	apt_at "$1" apt-cache show --no-all-versions "$2" 2>/dev/null |
		sed -n 's/^Version: //p' | head -n 1
}

# find_package KERNEL: sets package_version and package_place.
find_package() {
	local place
	package_version='' package_place=''
	for place in $(places_of "$1"); do
		package_version=$(candidate_of "$place" "linux-source-$1") || true
		if [[ -n $package_version ]]; then
			package_place=$place
			return
		fi
	done
	die 1 "no linux-source-$1 in this machine's Debian archive: name a tree" \
		"with --source, or another --kernel ('$prog sources' lists them)"
}

package_file() {
	echo "$package_dir/linux-source-$1_$2_all.deb"
}

cached_as() {
	if [[ -d $cache_dir/build/$1/source-$2 ]]; then
		echo unpacked
	elif [[ -f $(package_file "$1" "$2") ]]; then
		echo downloaded
	else
		echo -
	fi
}

command_sources() {
	local place name kernel version series count=0 seen=" "
	lock_cache
	update_lists
	printf '%-18s %-22s %-9s %-7s %s\n' PACKAGE VERSION RELEASE SERIES CACHED
	for place in "$apt_dir"/*/; do
		place=${place%/}
		while read -r name; do
			kernel=${name#linux-source-}
			version=$(candidate_of "$place" "$name")
			[[ -n $version && $seen != *" $kernel=$version "* ]] || continue
			seen+="$kernel=$version "
			series=-
			[[ ! -f $patches_dir/$kernel/series ]] || series=$kernel
			name=$(basename "$place")
			[[ $name != host ]] || name=$(host_suite)
			printf '%-18s %-22s %-9s %-7s %s\n' "linux-source-$kernel" \
				"$version" "$name" "$series" "$(cached_as "$kernel" "$version")"
			count=$((count + 1))
		done < <(apt_at "$place" apt-cache pkgnames linux-source- |
			grep -E '^linux-source-[0-9.]+$' | sort -V)
	done
	printf '\n%d packages listed.\n' "$count"
}

# download_package KERNEL: sets package_deb, a file that stays in the cache.
download_package() {
	local new
	lock_cache
	update_lists
	find_package "$1"
	package_deb=$(package_file "$1" "$package_version")
	if [[ ! -f $package_deb ]]; then
		mkdir -p "$package_dir"
		need_space "$package_dir" 200 "the package linux-source-$1"
		note "downloading linux-source-$1 $package_version"
		rm -rf "$package_dir"/.new.*
		new=$(mktemp -d "$package_dir/.new.XXXXXX")
		run_child download_into "$new" "linux-source-$1=$package_version" ||
			die 1 "linux-source-$1 $package_version cannot be downloaded:" \
				"see $new.log"
		mv "$new"/*.deb "$package_deb"
		rm -rf "$new" "$new.log"
	fi
	unlock_cache
}

download_into() {
	cd "$1" && run_logged "$1.log" apt_at "$package_place" \
		apt-get download "$2"
}

# What unpacking takes, in MiB, package and tar included (measured: 7.2).
readonly SOURCE_MIB=2000

# claim_work: what is built of one kernel must not be taken for another's.
claim_work() {
	local other
	other=$(cat "$work/kernel" 2>/dev/null) || other=$kernel
	[[ $other == "$kernel" ]] ||
		die 1 "$other is built there, choose another directory for $kernel with" \
			"--work: $work"
	[[ -e $work/kernel ]] || echo "$kernel" >"$work/kernel"
}

# fetch_source: Debian's newest source into the work directory.
fetch_source() {
	local new xz size tree
	tree=$(newest_source)
	if [[ -n $tree && $command != refresh ]] && ((!update)); then
		find_newer "${tree#source-}"
		return
	fi
	download_package "$kernel"
	tree=$work/source-$package_version
	if [[ -d $tree ]]; then
		note "linux-source-$kernel $package_version is unpacked in $tree"
		return
	fi
	need_space "$work" "$SOURCE_MIB" "the source of $kernel"
	claim_work
	new=$(mktemp -d "$work/.source.XXXXXX")
	cleanup_dirs+=("$new")
	xz=$new/linux-source-$kernel.tar.xz
	dpkg-deb --fsys-tarfile "$package_deb" |
		tar -xf - -C "$new" --strip-components=3 \
			"./usr/src/linux-source-$kernel.tar.xz"
	dpkg-deb --fsys-tarfile "$package_deb" | tar -xOf - \
		"./usr/share/doc/linux-source-$kernel/changelog.Debian.gz" |
		gzip -dc | awk '/^ -- / && !found++ { sub(/.*>  /, ""); print }' >"$new/date"
	date -u -d "$(<"$new/date")" +%s >"$new/epoch"
	size=$(xz -l --robot "$xz" | awk '/^totals/ { print $5 }')
	mkdir "$new/tree"
	run_child unpack "$xz" "$new/tree" "$size" ||
		die 1 "linux-source-$kernel $package_version cannot be unpacked: $xz"
	mv "$new/epoch" "$tree.epoch"
	mv "$new/tree" "$tree"
	rm -rf "$new"
	for new in "$work/source-$kernel".*/; do
		[[ ${new%/} == "$tree" ]] ||
			note "an older source is still there: rm -r ${new%/}"
	done
}

# newest_source: the name of the newest that is unpacked, or nothing.
newest_source() {
	find "$work" -maxdepth 1 -type d -name "source-$kernel.*" -printf '%f\n' 2>/dev/null |
		sort -V | tail -n 1
}

# find_newer VERSION: one that is unpacked stays until --update asks for another,
# so that what is built of it is not built anew all of a sudden.
find_newer() {
	note "linux-source-$kernel $1 is unpacked in $work/source-$1"
	lock_cache
	update_lists
	find_package "$kernel"
	unlock_cache
	[[ $package_version == "$1" ]] ||
		note "the archive has $package_version, --update takes it"
}

# unpack XZ TREE SIZE: tar reports each mebibyte, which is 103 of its records. What
# else it says is for people.
unpack() {
	xz -T0 -dc "$1" | tar -x -C "$2" --strip-components=1 --checkpoint=103 \
		--checkpoint-action=echo=%u \
		2> >(sed -un 's/^tar: \([0-9]*\)$/\1/p; t; w /dev/stderr' |
			while read -r records; do echo $((records * 10 / 1024)); done |
			show_progress unpacking $(($3 / 1048576)) MiB)
}

# find_tree: sets tree, tree_version, tree_release, source_version and source_epoch, for the
# tree named with --source or the newest one that fetch has unpacked.
find_tree() {
	local newest
	if [[ -n $source_dir ]]; then
		tree=$source_dir
		check_tree
		source_version=$tree_version
		source_epoch=${SOURCE_DATE_EPOCH:-$(stat -c %Y "$tree/Makefile")}
		return
	fi
	newest=$(newest_source)
	[[ -n $newest ]] || die 1 "no source of $kernel in $work:" \
		"run '$prog fetch --kernel $kernel' first"
	tree=$work/$newest
	check_tree
	source_version=${newest#source-}
	source_epoch=$(<"$work/$newest.epoch")
}

# check_tree: is tree a kernel of a version there is a series for?
check_tree() {
	local known
	[[ -d $tree ]] || die 2 "--source: there is no directory $tree"
	[[ -f $tree/Makefile && -f $tree/Kbuild && -f $tree/net/ipv4/af_inet.c ]] ||
		die 1 "not a kernel's source tree: $tree"
	tree_version=$(sed -n 's/^VERSION = //p;s/^PATCHLEVEL = /./p;s/^SUBLEVEL = /./p' \
		"$tree/Makefile" | tr -d '\n')
	[[ $tree_version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] ||
		die 1 "not a kernel's source tree, its Makefile has no version: $tree"
	# As scripts/setlocalversion puts it together.
	tree_release=$tree_version$(sed -n 's/^EXTRAVERSION =[[:space:]]*//p' \
		"$tree/Makefile")$(find "$tree" -maxdepth 1 -name 'localversion*' \
		! -name '*~' | LC_ALL=C sort | xargs -r cat | tr -d '[:space:]')
	known=$(known_kernels | paste -sd ' ')
	[[ -f $patches_dir/${tree_version%.*}/series ]] ||
		die 1 "no series for Linux $tree_version, only for ${known// /, }: $tree"
	if [[ -z $kernel ]]; then
		kernel=${tree_version%.*}
	elif [[ $kernel != "${tree_version%.*}" ]]; then
		die 1 "wrong version, --kernel $kernel but the tree is Linux" \
			"$tree_version: $tree"
	fi
}

# check_clean: Kbuild refuses a build elsewhere from a tree that was configured.
check_clean() {
	if [[ -e $tree/.config || -d $tree/include/config ]]; then
		die 1 "a kernel was configured in the source tree itself: save its" \
			".config, then run 'make mrproper' there: $tree"
	fi
}
