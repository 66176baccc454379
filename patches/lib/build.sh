# SPDX-License-Identifier: GPL-2.0-only
# Compiling, packing and booting a configured kernel; sourced by
# patches/bin/portacl-kernel, never run.
# shellcheck shell=bash

# What a build needs, in MiB: vm.config measured; with a distribution's thousands
# of modules, without debugging information.
readonly VM_MIB=1000 DISTRIBUTION_MIB=25000

# show_progress LABEL TOTAL UNIT: reads how many are done, one number a line. A
# bar on a terminal, else a line for each tenth.
show_progress() {
	local label=$1 total=$2 unit=$3 count=0 percent tenth=0 bar
	while read -r count; do
		((count <= total)) || count=$total
		percent=$((total ? count * 100 / total : 100))
		if [[ -t 2 ]]; then
			printf -v bar '%*s' $((percent * 3 / 10)) ''
			printf '\r%s [%-30s] %3d%%  %d of %d %s ' "$label" \
				"${bar// /#}" "$percent" "$count" "$total" "$unit" >&2
		elif ((percent / 10 > tenth)); then
			tenth=$((percent / 10))
			note "$label: $percent%, $count of $total $unit"
		fi
	done
	[[ ! -t 2 ]] || printf '\n' >&2
}

need_series_applied() {
	[[ -f $tree/.portacl/stamp ]] ||
		die 1 "the series is not applied to the source:" \
			"run '$prog apply --kernel $kernel' first: $tree"
}

need_configured() {
	need_series_applied
	[[ -f $build/.config ]] ||
		die 1 "nothing is configured: run '$prog configure' with the same" \
			"--kernel, --config and --flavour first: $build"
	[[ $(options_sum) == "$(recorded_sum options)" ]] ||
		die 1 "it was configured from another base or other fragments:" \
			"run '$prog configure' first: $build"
	grep -qxF "CONFIG_LOCALVERSION=\"$(local_version)\"" "$build/.config" ||
		die 1 "another flavour than $flavour is configured:" \
			"run '$prog configure' first: $build"
}

# used_mib DIR: what is there already.
used_mib() {
	du -sm "$1" 2>/dev/null | cut -f 1 || true
}

configured() {
	grep -q "^CONFIG_$1=y" "$build/.config"
}

check_compiler() {
	local -a missing=()
	need_programs gcc=gcc make=make flex=flex bison=bison bc=bc
	echo '#include <gelf.h>' | gcc -E - >/dev/null 2>&1 || missing+=(libelf-dev)
	if configured MODULE_SIG || configured SYSTEM_TRUSTED_KEYRING; then
		echo '#include <openssl/evp.h>' | gcc -E - >/dev/null 2>&1 ||
			missing+=(libssl-dev)
		need_programs openssl=openssl
	fi
	((${#missing[@]} == 0)) ||
		die 2 "missing host packages, install them first:" \
			"apt-get install ${missing[*]}"
}

# check_compressor: of the kernel's image; kbuild calls it at the very end.
check_compressor() {
	local pair
	for pair in GZIP=gzip=gzip BZIP2=bzip2=bzip2 LZMA=xz=xz-utils XZ=xz=xz-utils \
		LZO=lzop=lzop LZ4=lz4=lz4 ZSTD=zstd=zstd; do
		! configured "KERNEL_${pair%%=*}" || need_programs "${pair#*=}"
	done
}

# list_objects: all that the configuration compiles of the kernel's directories,
# level by level. A Makefile that says something in passing must not mix with that.
list_objects() {
	local level=. output
	while [[ -n $level ]]; do
		output=$(xargs -I {} make -rRs -C "$build" --no-print-directory \
			-f "$top_dir/patches/lib/objects.mk" "srctree=$tree" obj={} \
			list 2>/dev/null <<<"$level") || true
		sed -n 's/^object //p' <<<"$output"
		level=$(sed -n 's/^directory //p' <<<"$output")
	done | sort -u
}

# count_objects FILE: of make's lines those that name an object that is in FILE,
# as the number of objects built so far. $1 has the ones still to be built.
count_objects() {
	local line object
	local -i built=$2
	local -A open=()
	while read -r object; do
		open[$object]=1
	done <"$1"
	echo "$built"
	while read -r line; do
		object=${line##* }
		[[ $object == *.o && -n ${open[$object]:-} ]] || continue
		unset "open[$object]"
		built+=1
		echo "$built"
	done
}

# run_make LOG TARGET...: with a progress display.
run_make() {
	local log=$1
	shift
	list_objects >"$scratch/objects"
	(cd "$build" && while read -r object; do
		[[ -f $object ]] || echo "$object"
	done) <"$scratch/objects" >"$scratch/missing"
	local -i total missing
	total=$(wc -l <"$scratch/objects")
	missing=$(wc -l <"$scratch/missing")
	kmake -j "$jobs" "$@" 2>&1 | tee -a "$log" |
		count_objects "$scratch/missing" $((total - missing)) |
		show_progress compiling "$total" objects
}

make_or_die() {
	local log=$1
	shift
	run_child "$@" && return
	grep -nE '(^|[^/])error:|^ERROR:|undefined reference|multiple definition|\*\*\*' "$log" |
		tail -n 15 >&2 || tail -n 15 "$log" >&2
	die 1 "the kernel does not build, all of it: $log"
}

quiet_make() {
	local log=$1
	shift
	kmake -j "$jobs" "$@" >>"$log" 2>&1
}

build_kernel() {
	local need=$DISTRIBUTION_MIB used log=$build/build.log
	local -a targets=(bzImage)
	need_configured
	check_compiler
	check_compressor
	# What is built is not what is asked for until all of it is.
	rm -f "$build/built" "$build/boot/stamp"
	[[ $config != vm ]] || need=$VM_MIB
	used=$(used_mib "$build")
	((need <= ${used:-0})) || need_space "$work" $((need - ${used:-0})) "the build"
	if configured MODULES; then
		targets+=(modules)
	fi
	: >"$log"
	scratch=$(mktemp -d "$build/.portacl.XXXXXX")
	cleanup_dirs+=("$scratch")
	make_or_die "$log" quiet_make "$log" prepare
	make_or_die "$log" run_make "$log" "${targets[@]}"
	rm -rf "$scratch"
	image=$build/arch/x86/boot/bzImage
	built_of >"$build/built"
	note "built $(image_release "$image"), $(grep -cE '^  (CC|AS) ' "$log" || true)" \
		"files compiled: $image"
}

readonly deb_programs=(dpkg-buildpackage=dpkg-dev dh=debhelper rsync=rsync cpio=cpio
	depmod=kmod fakeroot=fakeroot)

# package_kernel: bindeb-pkg. What it packs besides the kernel would replace
# Debian's own linux-libc-dev, so only the kernel is kept.
package_kernel() {
	local log=$build/deb.log release file
	local -a wanted installed=()
	need_built
	need_programs "${deb_programs[@]}"
	release=$(image_release "$image")
	: >"$log"
	scratch=$(mktemp -d "$build/.portacl.XXXXXX")
	cleanup_dirs+=("$scratch")
	mkdir "$scratch/bin"
	# The changelog takes its date from there.
	cat >"$scratch/bin/date" <<-EOT
	#!/bin/sh
	[ "\$*" != -R ] || exec $(command -v date) -u -R -d @$source_epoch
	exec $(command -v date) "\$@"
	EOT
	chmod +x "$scratch/bin/date"
	rm -f "$work"/*_"$package_version"_*.{deb,changes,buildinfo}
	make_or_die "$log" pack_all "$log"
	wanted=("$work/linux-image-${release}_${package_version}"_*.deb)
	if ((headers)) && configured MODULES; then
		wanted+=("$work/linux-headers-${release}_${package_version}"_*.deb)
	fi
	[[ -f ${wanted[0]} ]] || die 1 "bindeb-pkg made no package of $release: $log"
	mkdir -p "$deb_dir"
	for file in "${wanted[@]}"; do
		mv "$file" "$deb_dir/"
		installed+=("$deb_dir/$(basename "$file")")
		echo "${installed[-1]}"
	done
	rm -rf "$scratch" "$work"/*_"$package_version"_*.{deb,changes,buildinfo}
	note "install: sudo dpkg -i ${installed[*]@Q}"
	note "go back: boot another kernel, then sudo dpkg --purge linux-image-$release"
}

pack_all() (
	umask 022
	profiles=pkg.linux-upstream.nokerneldbg
	((headers)) || profiles+=" pkg.linux-upstream.nokernelheaders"
	export PATH=$scratch/bin:$PATH SOURCE_DATE_EPOCH=$source_epoch TZ=UTC
	export DEB_BUILD_PROFILES=$profiles DEBFULLNAME=portacl-kernel
	export DEBEMAIL=portacl-kernel@localhost KDEB_CHANGELOG_DIST=unstable
	export KDEB_PKGVERSION=$package_version KDEB_COMPRESS=xz DPKG_FLAGS=-d
	quiet_make "$1" bindeb-pkg
)

# built_of: what a build of now would be made of.
built_of() {
	cat "$tree/.portacl/stamp"
	echo "$source_version $tree"
	sha256sum <"$build/.config"
}

# need_built: sets image; it must be the flavour that is asked for, of this series
# and this configuration.
need_built() {
	local version
	need_configured
	image=$build/arch/x86/boot/bzImage
	version=$tree_release$(local_version)
	[[ -f $image && $(image_release "$image") == "$version" ]] &&
		cmp -s <(built_of) "$build/built" ||
		die 1 "no $version is built: run '$prog build' with the same options" \
			"first: $build"
}

# bootable: sets boot_image to what tests/vm/run takes, the modules with it.
bootable() {
	local dir=$build/boot release
	need_built
	boot_image=$image
	configured MODULES || return 0
	release=$(image_release "$image")
	if [[ ! $dir/stamp -nt $image ]]; then
		note "putting the modules of $release together"
		rm -rf "$dir"
		mkdir "$dir"
		: >"$build/modules.log"
		make_or_die "$build/modules.log" quiet_make "$build/modules.log" \
			INSTALL_MOD_PATH="$dir" INSTALL_MOD_STRIP=1 modules_install
		rm -f "$dir/lib/modules/$release"/{build,source}
		ln -s "$image" "$dir/vmlinuz"
		touch "$dir/stamp"
	fi
	boot_image=$dir
}

boot_kernel() {
	bootable
	unlock_work
	((${#words[@]})) || words=(bash)
	cd "$start_dir"
	exec "$top_dir/tests/vm/run" --kernel "$boot_image" -- "${words[@]}"
}

boot_logged() {
	"$top_dir/tests/vm/run" --kernel "$boot_image" --timeout 1200 "$@" 2>&1 |
		tee "$scratch/verify.log"
}

# verify_boot ARG...: a boot, adding to passed, failed and skipped.
verify_boot() {
	local status=0 line
	run_child boot_logged "$@" || status=$?
	line=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' \
		"$scratch/verify.log" | tail -n 1) || true
	if [[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+) ]]; then
		passed=$((passed + BASH_REMATCH[1]))
		failed=$((failed + BASH_REMATCH[2]))
		skipped=$((skipped + BASH_REMATCH[3]))
		((status == 0 || BASH_REMATCH[2] > 0)) || failed=$((failed + 1))
	else
		failed=$((failed + 1))
	fi
	((status <= result)) || result=$status
}

# verify_kernel: tests/kernel/verify in a guest; a second boot shows that lsm=
# without portacl leaves it off.
verify_kernel() {
	bootable
	cd "$top_dir"
	make -s -C tests/vm/bind >&2 || die 1 "the test programs do not build"
	scratch=$(mktemp -d "$build/.portacl.XXXXXX")
	cleanup_dirs+=("$scratch")
	result=0 passed=0 failed=0 skipped=0
	verify_boot -- tests/kernel/verify "$flavour"
	if has_flavour portacl-builtin; then
		verify_boot --append lsm=landlock,yama -- \
			tests/kernel/verify "$flavour" --expect-off
	fi
	echo "$passed passed, $failed failed, $skipped skipped"
	((result || failed == 0)) || result=1
	((result == 0)) || die "$result" "$flavour is not proved: $boot_image"
	((passed > 0)) || die 1 "nothing was proved: $boot_image"
}
