# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # sourced by tests/vm/suite
#
# The files of the module: their text, permissions, and reading while writing.

need_unloaded
insmod "$PORTACL_KO"
program sysfs "$programs/sysfs_test"

# A writer that goes on after a refusal would begin the next block anywhere, as
# behind the "#" of a comment that the limit has cut.
begin "after a refusal"
exec {add}>/sys/kernel/portacl/add
is "a refused write" "$( (printf 'allow any 80-\n#' >&"$add") 2>/dev/null;
	echo $?)" 1
is "the next write" "$( (printf 'allow any 22\n' >&"$add") 2>&1 |
	sed 's/.*: //')" "Operation canceled"
exec {add}>&-
is "the policy" "$(grep -vc '^#' /sys/kernel/portacl/policy)" 0
is "opened again" "$(printf 'allow any 22\n' >/sys/kernel/portacl/add;
	grep -v '^#' /sys/kernel/portacl/policy)" "allow any 22 # hits          0"
end
rmmod portacl
