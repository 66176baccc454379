# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034
#
# Counting and reporting for the tests that are scripts; sourced, never run.

passed=0 failed=0 skipped=0
group=suite group_failed=0 group_passed=0

begin() {
	group=$1 group_failed=0 group_passed=0
}

end() {
	if ((group_failed)); then
		echo "not ok - $group: $group_failed of" \
			"$((group_failed + group_passed)) failed"
	else
		echo "ok - $group: $group_passed cases"
	fi
}

pass() {
	passed=$((passed + 1)) group_passed=$((group_passed + 1))
}

fail() {
	failed=$((failed + 1)) group_failed=$((group_failed + 1))
	echo "not ok - $group: $*"
}

skip() {
	skipped=$((skipped + 1))
	echo "ok - $group # SKIP $*"
}

# is WHAT GOT WANT
is() {
	if [[ $2 == "$3" ]]; then
		pass
	else
		fail "$1: got '$2', want '$3'"
	fi
}

# has WHAT TEXT PATTERN: whether an extended regular expression is found.
has() {
	if grep -Eq -- "$3" <<<"$2"; then
		pass
	else
		fail "$1: no '$3' in '$2'"
	fi
}

# gives WHAT STATUS COMMAND...: its output is left in $output.
output=
gives() {
	local what=$1 want=$2 status=0
	shift 2
	output=$("$@" 2>&1) || status=$?
	if ((status == want)); then
		pass
	else
		fail "$what: exit status $status, want $want: $output"
	fi
}

# The programs count for themselves, and their last line says the sum.
program() {
	local name=$1 status=0 text p f s
	shift
	echo "# $name: $*"
	exec {copy}>&1
	text=$("$@" 2>&1 | tee "/dev/fd/$copy" | tail -n 1;
		exit "${PIPESTATUS[0]}") || status=$?
	exec {copy}>&-
	if [[ ! $text =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
		begin "$name"
		fail "no result, exit status $status"
		return
	fi
	p=${BASH_REMATCH[1]} f=${BASH_REMATCH[2]} s=${BASH_REMATCH[3]}
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	if ((status != 0 && f == 0)) || ((status == 0 && p == 0)); then
		begin "$name"
		fail "exit status $status after $text"
	fi
}

loaded() {
	grep -q '^portacl ' /proc/modules
}

# A case of its own: whatever ran before must leave the module in this state.
need_loaded() {
	loaded || insmod "$PORTACL_KO"
}

need_unloaded() {
	! loaded || rmmod portacl
}

# messages COMMAND...: what the module says in the kernel log meanwhile. The
# two lines about signatures are the kernel's, and come once a boot.
messages() {
	local mark="test mark $RANDOM$RANDOM"
	echo "$mark" >/dev/kmsg
	"$@" >/dev/null 2>&1 || true
	dmesg --notime | sed "1,/$mark/d" | grep '^portacl: ' |
		grep -Ev 'taints kernel|tainting kernel' || true
}
