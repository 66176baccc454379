# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # sourced by tests/vm/suite
#
# The policy that holds until the next boot: nothing can come after this.

need_loaded
program locked "$programs/locked_test"

begin "locked"
gives "rmmod" 1 rmmod portacl
is "the module after rmmod" "$(loaded && echo loaded)" loaded
gives "a rule as root" 1 bash -c 'echo "allow any 80" >/sys/kernel/portacl/add'
has "a rule as root" "$output" 'Read-only file system'
# The kernel's own lock, of which nothing gets out, either; the machine of dead
# must still load modules.
if ((${#dead[@]} == 0)) && [[ -w /sys/kernel/security/lockdown ]]; then
	gives "doctor before lockdown" 0 portaclctl doctor lockdown signature
	echo integrity >/sys/kernel/security/lockdown
	gives "doctor under lockdown" 0 portaclctl doctor lockdown signature
	has "doctor under lockdown" "$output" \
		'^pass  lockdown +lockdown=integrity, .*must be signed'
	has "doctor under lockdown" "$output" '^warn  signature .*integrity asks'
fi
end
