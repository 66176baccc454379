# SPDX-License-Identifier: GPL-2.0-only
# Functions shared by the virtual machine scripts; sourced, never run.
# shellcheck shell=bash disable=SC2034

# Raised when the layout of the cache changes, so that an old one is not used.
readonly CACHE_LAYOUT=1

prog=${0##*/}
lib_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
top_dir=$(cd "$lib_dir/../../.." && pwd -P)
cache_dir=${XDG_CACHE_HOME:-${HOME:?}/.cache}/portacl
readonly prog lib_dir top_dir cache_dir

# die STATUS MESSAGE...: one specific line, then exit.
die() {
	local status=$1
	shift
	printf '%s: %s\n' "$prog" "$*" >&2
	exit "$status"
}

note() {
	printf '%s: %s\n' "$prog" "$*" >&2
}

# need_programs PROGRAM=PACKAGE...: nothing is ever installed on the host from
# here, so name all that is missing at once.
need_programs() {
	local pair
	local -a missing=()
	for pair; do
		PATH=$PATH:/usr/sbin:/sbin command -v "${pair%%=*}" >/dev/null ||
			missing+=("${pair#*=}")
	done
	((${#missing[@]} == 0)) ||
		die 2 "missing host packages, install them first:" \
			"apt-get install ${missing[*]}"
}

# suite_of KERNEL: the Debian release whose compiler and libc the kernel's
# headers need.
suite_of() {
	case $1 in
	6.1 | 6.12) echo bookworm ;;
	7.2) echo trixie ;;
	*) return 1 ;;
	esac
}

# Read in a subshell, as the file sets names like VERSION.
host_suite() {
	# shellcheck source=/dev/null
	(. /etc/os-release && echo "${VERSION_CODENAME:-unknown}")
}

# run_logged LOG COMMAND...: the command's chatter is wanted only when a person
# watches or when it fails. The lines of the log are the progress display.
run_logged() {
	local log=$1 status=0
	shift
	if [[ -t 2 ]]; then
		"$@" 2>&1 </dev/null | tee -a "$log" >&2 || status=$?
	else
		"$@" >>"$log" 2>&1 </dev/null || status=$?
		((status == 0)) || tail -n 40 "$log" >&2
	fi
	return "$status"
}

# with_lock FILE: take the lock for the rest of this process. Whoever waits is
# told why. The descriptor must not leak into long-lived children, which
# would keep the lock: they close lock_fd.
with_lock() {
	exec {lock_fd}>>"$1"
	if ! flock --nonblock "$lock_fd"; then
		note "waiting for another run that holds $1"
		# Not as a foreground command: those put off what a signal does.
		flock "$lock_fd" &
		wait $!
	fi
}

# Other sources must not replace what is built of the tree's.
module_build_root() {
	if [[ -n ${PORTACL_MODULE_DIR:-} ]]; then
		echo "${PORTACL_MODULE_DIR%/}.build"
	else
		echo "$top_dir/build/module"
	fi
}

test_module_root() {
	echo "$top_dir/build/test-modules"
}

# image_release FILE: the release string in a bzImage's header.
image_release() {
	local offset magic
	magic=$(dd if="$1" bs=1 skip=514 count=4 status=none)
	[[ $magic == HdrS ]] || return 1
	offset=$(od -An -tu2 -j526 -N2 "$1")
	dd if="$1" bs=1 skip=$((offset + 512)) count=128 status=none |
		tr '\0' '\n' | sed -n '1s/ .*//p'
}

# What a kernel that cannot be fetched makes a script exit with.
fetch_failed=1

# find_kernel KERNEL: resolves what --kernel takes to
#   kernel_name     short name for file names and the host name
#   kernel_image    bzImage
#   kernel_release
#   kernel_modules  directory that holds RELEASE/, empty when all is built in
#   kernel_headers  directory to build modules against, empty if unknown
#   kernel_suite    Debian release to build in, empty: this machine
find_kernel() {
	local dir image candidate status
	kernel_modules='' kernel_headers='' kernel_suite=''
	if suite_of "$1" >/dev/null; then
		dir=$("$lib_dir/fetch-kernel" "$1") || {
			status=$?
			((status == 2)) || status=$fetch_failed
			exit "$status"
		}
		kernel_name=$1
	elif [[ -d $1 && -e $1/vmlinuz ]]; then
		dir=$(cd "$1" && pwd -P)
		# The cache's own, by its path.
		kernel_name=
		[[ $dir != "$(readlink -m "$cache_dir/kernels")"/* ]] ||
			kernel_name=$(basename "$dir")
	elif [[ -f $1 ]]; then
		dir=$(cd "$(dirname "$1")" && pwd -P)
		image=$dir/$(basename "$1")
		kernel_name=''
	elif [[ -e $1 ]]; then
		die 2 "--kernel: $1 is neither a kernel image nor a directory with a vmlinuz"
	else
		die 2 "--kernel: '$1' is not 6.1, 6.12, 7.2 or a path that exists"
	fi
	kernel_image=$(readlink -f "${image:-$dir/vmlinuz}")
	kernel_release=$(image_release "$kernel_image") ||
		die 2 "--kernel: $kernel_image is no x86 kernel image"
	[[ -n $kernel_name ]] || kernel_name=$kernel_release
	[[ ! -f $dir/suite ]] || kernel_suite=$(cat "$dir/suite")

	# Beside the image, and where packages and installed systems have them. A
	# kernel that loads none has the directory, too, with its lists alone.
	for candidate in "$dir/lib/modules" "$dir/modules/lib/modules" "$dir/modules" \
		"$dir/../lib/modules" "$dir/../usr/lib/modules"; do
		if [[ -d $candidate/$kernel_release/kernel ]]; then
			kernel_modules=$(cd "$candidate" && pwd -P)
			break
		fi
	done
	# Packages' headers; a build tree's own; the tree an image lies in.
	for candidate in "$dir/build" "${kernel_modules:-/nonexistent}/$kernel_release/build" \
		"$dir" "$dir/../../.."; do
		if [[ -f $candidate/Makefile && -f $candidate/include/generated/autoconf.h ]]; then
			kernel_headers=$(cd "$candidate" && pwd -P)
			break
		fi
	done
}
