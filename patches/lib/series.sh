# SPDX-License-Identifier: GPL-2.0-only
# Putting a series onto a source tree, and moving a series to a newer source;
# sourced by patches/bin/portacl-kernel, never run.
#
# Patches are applied to copies of the files that they touch, and only a whole
# series gets into the tree, file by file and only what differs: a series that
# does not apply never touches the tree, and what is compiled of files that are
# as before stays up to date. In the tree .portacl keeps the original files; .pc
# and patches are quilt's, for people who go on with it there.
# shellcheck shell=bash

# series_patches DIR: the patches that DIR/series lists.
series_patches() {
	sed -e 's/#.*//' "$1/series" | awk 'NF { print $1 }'
}

# touched_files PATCH...: every file that they change, add or remove.
touched_files() {
	awk '
		/^\+\+\+ / && old != "" {
			new = $2
			if (new == "/dev/null")
				new = old
			sub(/^[^\/]*\//, "", new)
			print new
		}
		{ old = /^--- [ab\/]/ ? $2 : "" }' "$@" | LC_ALL=C sort -u
}

# check_series DIR: the files that it names are there, and what is generated is
# what module/ has now.
check_series() {
	local patch
	for patch in $(series_patches "$1"); do
		[[ -f $1/$patch ]] ||
			die 1 "there is no $patch, which the series names: $1/series"
	done
	if [[ -d $top_dir/module && $patches_dir == "$top_dir/patches" &&
		-x $top_dir/patches/bin/generate-sources ]]; then
		"$top_dir/patches/bin/generate-sources" --check >&2 ||
			die 1 "the patch with portacl's sources is older than module/:" \
				"run patches/bin/generate-sources"
	fi
}

# copy_series FROM TO [COUNT]: the patches, no links, and the list of the first
# COUNT of them.
copy_series() {
	local patch left=${3:-1000}
	mkdir -p "$2"
	: >"$2/series"
	for patch in $(series_patches "$1"); do
		((left-- > 0)) || break
		cp -L "$1/$patch" "$2/$patch"
		chmod u+w "$2/$patch"
		echo "$patch" >>"$2/series"
	done
}

# series_files DIR: touched_files of all its patches.
series_files() {
	local -a list
	mapfile -t list < <(series_patches "$1")
	((${#list[@]} == 0)) || touched_files "${list[@]/#/$1/}"
}

series_stamp() {
	local -a list
	mapfile -t list < <(series_patches "$1")
	cat "$1/series" "${list[@]/#/$1/}" | sha256sum | cut -d ' ' -f 1
}

quilt_here() {
	LC_ALL=C QUILT_PATCHES=patches QUILT_SERIES=series QUILT_PC=.pc \
		quilt --quiltrc=- "$@"
}

# push_patch FUZZ LOG: the next patch of the current directory's series.
push_patch() {
	quilt_here push --fuzz="$1" --color=never >"$2" 2>&1 </dev/null
}

# where_refused LOG FILE_OF_PATCH: "FILE: hunk #N at line L" of the first hunk that
# failed, or that is somewhere else than the patch says.
where_refused() {
	local file hunk line
	read -r file hunk line < <(awk '
		/^patching file / { file = $3; next }
		/^(The next patch would (create|delete)|File ).*(already|does not)/ {
			for (i = 1; i <= NF; i++)
				if ($i == "file") { print $(i + 1), 0, 0; exit }
		}
		/^can.t find file to patch/ { missing = 1 }
		missing && /^\|\+\+\+ / {
			sub(/^[^\/]*\//, "", $2); print $2, -1, 0; exit
		}
		/^Hunk #[0-9]+ (FAILED|succeeded) at [0-9]+.*(FAILED|offset|fuzz)|^Hunk #[0-9]+ FAILED/ {
			sub(/^#/, "", $2)
			line = $5; sub(/[^0-9].*/, "", line)
			print file, $2, line
			exit
		}' "$1")
	file=${file%,}
	# A new file that is old news.
	if [[ -n ${hunk:-} ]] && grep -A 1 '^--- /dev/null' "$2" |
		grep -qxF "+++ b/$file"; then
		hunk=0
	fi
	case ${hunk:-} in
	'') tail -n 1 "$1" ;;
	0) echo "$file is there already" ;;
	-1) echo "there is no $file" ;;
	*) echo "$file: hunk #$hunk at line $line" ;;
	esac
}

moved_hunks() {
	grep -qE '^Hunk #[0-9]+ succeeded at .*(offset|fuzz)' "$1"
}

# read_record: sets recorded to the files of which .portacl keeps the state before.
declare -A recorded
read_record() {
	local file
	recorded=()
	[[ -f $tree/.portacl/files ]] || return 0
	[[ -d $tree/.portacl/original ]] ||
		die 1 "the files as they were before the series are gone, unpack the" \
			"source anew: $tree/.portacl/original"
	while read -r file; do
		recorded[$file]=1
	done <"$tree/.portacl/files"
}

# original_to FILE TARGET: the file as it was before any series; fails when there
# was none.
original_to() {
	local from=$tree/$1
	[[ -z ${recorded[$1]:-} ]] || from=$tree/.portacl/original/$1
	[[ -f $from ]] || return 1
	if ! mkdir -p "${2%/*}" || ! cp -p "$from" "$2"; then
		die 1 "cannot copy $from to $2"
	fi
}

# put_file FROM FILE: into the tree, unless it is that already.
put_file() {
	local target=$tree/$2
	if [[ ! -f $1 ]]; then
		[[ -d ${target%/*} ]] || return 0
		rm -f "$target" &&
			rmdir -p --ignore-fail-on-non-empty "${target%/*}"
	elif ! cmp -s "$1" "$target"; then
		mkdir -p "${target%/*}" && cp "$1" "$tree/.portacl-stage.new" &&
			mv "$tree/.portacl-stage.new" "$target"
	fi
}

# sums DIR FILE...: "CHECKSUM FILE" lines, with "none" for what is not there.
sums() {
	local dir=$1 file sum
	shift
	for file; do
		sum=none
		[[ ! -f $dir/$file ]] || sum=$(sha256sum <"$dir/$file")
		echo "${sum%% *} $file"
	done
}

# taken_off: somebody else has put all files back, as git reset --hard does.
taken_off() {
	cmp -s <(sums "$tree" "${!recorded[@]}") \
		<(sums "$tree/.portacl/original" "${!recorded[@]}")
}

# forget_record: the original files are in the tree. Without its name a part of
# the record must not be left.
forget_record() {
	rm -f "$tree/.portacl/stamp"
	rm -rf "$tree/.pc" "$tree/patches"
	mv "$tree/.portacl" "$tree/.portacl-stage.old"
	rm -rf "$tree/.portacl-stage.old"
	recorded=()
}

# check_quilt: no patches but ours are in the tree's patches.
check_quilt() {
	local name
	[[ -e $tree/patches || -e $tree/.pc ]] || return 0
	if ! cmp -s <(series_stamp "$tree/patches" 2>/dev/null) "$tree/.portacl/stamp"; then
		name=$(tail -n 1 "$tree/.pc/applied-patches" 2>/dev/null) || true
		if [[ -n $name && ! -f $patches_dir/$kernel/$name ]]; then
			die 1 "$name is applied on top: 'quilt pop' it and move it away" \
				"first: $tree"
		fi
		die 1 "the series is not as it was applied: move what is yours away and" \
			"put the rest back: $tree/patches"
	fi
	name=$(find "$tree/patches" -type f ! -name series -printf '%P\n' |
		grep -vxF -f <(series_patches "$tree/patches") | head -n 1) || true
	[[ -z $name ]] || die 1 "$name is none of the series: move it away first: $tree/patches"
}

# check_foreign: nothing but us may have changed what we are to change.
check_foreign() {
	local changed
	read_record
	if [[ -f $tree/.portacl/stamp ]]; then
		check_quilt
		changed=$(cd "$tree" && sha256sum --check --quiet .portacl/installed \
			2>/dev/null | sed -n 's/: FAILED.*//p' | head -n 1) || true
		if [[ -n $changed ]] && taken_off; then
			note "all files are as before the series, it counts as taken off: $tree"
			forget_record
		elif [[ -n $changed ]]; then
			die 1 "$changed was changed after the series was applied: undo" \
				"that, or keep it as a patch of your own: $tree"
		elif ! cmp -s <(series_patches "$tree/patches") \
			<(cat "$tree/.pc/applied-patches" 2>/dev/null); then
			die 1 "quilt has not applied all of the series: run" \
				"'quilt push -a' first: $tree"
		fi
	elif [[ -d $tree/.portacl ]]; then
		changed=$(sums "$tree" "${!recorded[@]}" |
			grep -vxF -f <(cat "$tree/.portacl/known" 2>/dev/null) |
			head -n 1) || true
		[[ -z $changed ]] || taken_off ||
			die 1 "${changed#* } was changed after a run that did not finish: put it" \
				"back, or remove .portacl, .pc and patches to keep it all: $tree"
	elif [[ -d $tree/debian/patches ]]; then
		die 1 "Debian's source package linux has patches of its own, applied by" \
			"quilt: take linux-source-$kernel, as '$prog fetch' does: $tree"
	elif [[ -s $tree/.pc/applied-patches ]]; then
		die 1 "$(tail -n 1 "$tree/.pc/applied-patches") of another series is" \
			"applied there: run 'quilt pop -a' first: $tree"
	elif [[ -e $tree/patches || -e $tree/.pc ]]; then
		die 1 "quilt's patches or .pc of another series are there: move" \
			"them away first: $tree"
	fi
	[[ -w $tree && -w $tree/net/ipv4 ]] || die 1 "not writable for you: $tree"
}

# write_record NAME: its text is complete or not there.
write_record() {
	cat >"$tree/.portacl/$1.new"
	mv "$tree/.portacl/$1.new" "$tree/.portacl/$1"
}

# install_stage STAGE STAMP FILE...: the patched files into the tree. Until the
# stamp is there, .portacl says what they were, so that the next run can start anew.
# It says, too, what they may be meanwhile.
install_stage() {
	local stage=$1 stamp=$2 file
	shift 2
	mkdir -p "$tree/.portacl/original"
	for file; do
		[[ -z ${recorded[$file]:-} ]] || continue
		original_to "$file" "$tree/.portacl/original/$file" || true
	done
	{
		sums "$tree" "${!recorded[@]}" "$@"
		sums "$tree/.portacl/original" "${!recorded[@]}" "$@"
		sums "$stage" "$@"
	} | write_record known
	printf '%s\n' "${!recorded[@]}" "$@" | awk 'NF' | sort -u | write_record files
	installing=1
	rm -f "$tree/.portacl/stamp"
	for file in "${!recorded[@]}"; do
		[[ " $* " == *" $file "* ]] ||
			put_file "$tree/.portacl/original/$file" "$file"
	done
	for file; do
		put_file "$stage/$file" "$file"
	done
	rm -rf "$tree/.pc" "$tree/patches"
	mv "$stage/.pc" "$stage/patches" "$tree/"
	(cd "$tree" && for file; do
		[[ ! -f $file ]] || printf '%s\0' "$file"
	done | xargs -r0 sha256sum) | write_record installed
	echo "$stamp" | write_record stamp
	rm -f "$tree/.portacl/known"
	installing=0
}

# put_back: the original files into the tree.
put_back() {
	local file
	for file in "${!recorded[@]}"; do
		put_file "$tree/.portacl/original/$file" "$file" || return
	done
}

# roll_back: a half-installed series out of the tree, when a run ends.
installing=0
roll_back() {
	((installing)) && [[ ! -f $tree/.portacl/stamp ]] || return 0
	read_record
	if put_back && forget_record; then
		note "ended before the series was applied whole, the tree is as it was" \
			"without one: $tree"
	else
		note "a part of the series is applied: run '$prog apply' once more, with" \
			"--undo to take it off: $tree"
	fi
}

# undo_series: the tree as it was.
undo_series() {
	check_foreign
	if [[ ! -d $tree/.portacl ]]; then
		note "no series is applied: $tree"
		return
	fi
	{
		sums "$tree" "${!recorded[@]}"
		sums "$tree/.portacl/original" "${!recorded[@]}"
	} | write_record known
	rm -f "$tree/.portacl/stamp"
	put_back
	forget_record
	note "the series is taken off again: $tree"
}

# lock_dir DIR: against another work directory's run.
lock_dir() {
	local fd
	exec {fd}<"$1"
	flock --nonblock "$fd" || {
		note "waiting for another run that uses $1"
		flock "$fd"
	}
}

lock_tree() {
	lock_dir "$tree"
	rm -rf "$tree"/.portacl-stage.*
}

# apply_series: onto tree; of the series only the first $number, if that is set.
apply_series() {
	local from=$patches_dir/$kernel stage stamp patch file status=0
	local -a files
	check_series "$from"
	lock_tree
	check_foreign
	need_space "$tree" 16 "the patched files"
	stage=$(mktemp -d "$tree/.portacl-stage.XXXXXX")
	cleanup_dirs+=("$stage")
	copy_series "$from" "$stage/patches" ${number:+"$number"}
	stamp=$(series_stamp "$stage/patches")
	if [[ $(cat "$tree/.portacl/stamp" 2>/dev/null) == "$stamp" ]]; then
		rm -rf "$stage" "$tree/.portacl/known"
		note "the series of $kernel is applied already: $tree"
		return
	fi
	mapfile -t files < <(series_files "$stage/patches")
	for file in "${files[@]}"; do
		original_to "$file" "$stage/$file" || true
	done
	cd "$stage"
	for patch in $(series_patches patches); do
		push_patch 0 "$stage/log" || status=$?
		if ((status)); then
			die 1 "$patch does not apply to $source_version:" \
				"$(where_refused "$stage/log" "patches/$patch"): the tree was not touched," \
				"'$prog refresh --kernel $kernel' moves the series: $tree"
		elif moved_hunks "$stage/log"; then
			die 1 "$patch applies to $source_version at another place only:" \
				"$(where_refused "$stage/log" "patches/$patch"): the tree was not touched," \
				"'$prog refresh --kernel $kernel' moves the series: $tree"
		fi
	done
	cd "$start_dir"
	# Without a patch quilt has made no .pc.
	mkdir -p "$stage/.pc"
	install_stage "$stage" "$stamp" "${files[@]}"
	rm -rf "$stage"
	note "$(wc -l <"$tree/patches/series") patches applied: $tree"
}

# refresh_series: the series made anew for the source in tree, where that is
# possible with some fuzz. Only what has moved is written.
refresh_series() {
	local target=$patches_dir/$kernel stage patch file status=0 moved=0
	local -a files
	check_series "$target"
	lock_tree
	lock_dir "$target"
	rm -f "$target"/.*.new
	check_foreign
	stage=$(mktemp -d "$work/.refresh.XXXXXX")
	cleanup_dirs+=("$stage")
	copy_series "$target" "$stage/patches"
	mapfile -t files < <(series_files "$stage/patches")
	for file in "${files[@]}"; do
		original_to "$file" "$stage/$file" || true
	done
	cd "$stage"
	for patch in $(series_patches patches); do
		push_patch 2 log || status=$?
		((status == 0)) ||
			die 1 "$patch needs a hand, it does not apply to" \
				"$source_version even with fuzz: $(where_refused log "patches/$patch"):" \
				"nothing was changed: $target/$patch"
		moved_hunks log || continue
		if [[ -L $target/$patch ]]; then
			die 1 "$patch is shared by all series and would change:" \
				"$(where_refused log "patches/$patch"): nothing was changed: $target/$patch"
		fi
		quilt_here refresh -p ab --no-timestamps --no-index >log 2>&1 ||
			die 1 "quilt cannot refresh $patch: $(tail -n 1 log)"
		sed -i "1,/^---/s/^Last-Update: .*/Last-Update: $(date -u +%F)/" \
			"patches/$patch"
		note "$patch has moved with the source, look at the difference"
		moved=$((moved + 1))
	done
	{
		echo "# refreshed on linux-source-$kernel $source_version"
		sed '1{/^# refreshed on /d}' "$target/series"
	} >series.new
	cd "$start_dir"
	for patch in $(series_patches "$target"); do
		cmp -s "$stage/patches/$patch" "$target/$patch" ||
			cp "$stage/patches/$patch" "$target/.$patch.new"
	done
	for patch in $(series_patches "$target"); do
		[[ ! -f $target/.$patch.new ]] || mv "$target/.$patch.new" "$target/$patch"
	done
	if ! cmp -s "$stage/series.new" "$target/series"; then
		cp "$stage/series.new" "$target/.series.new"
		mv "$target/.series.new" "$target/series"
	fi
	rm -rf "$stage"
	note "the series of $kernel fits $source_version, $moved of" \
		"$(series_patches "$target" | wc -l) patches have changed"
}
