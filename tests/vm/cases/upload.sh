# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # sourced by tests/vm/suite
#
# Replacing the whole policy: all or nothing, whatever goes wrong.

need_unloaded
insmod "$PORTACL_KO"
program protocol "$programs/upload_test" protocol
program timeout "$programs/upload_test" timeout
program limits "$programs/upload_test" limits

begin "replace under load"
gives "replacing while others bind" 0 \
	tests/vm/replace_under_load 5000 20 20000
has "replacing while others bind" "$output" \
	'^[0-9]+ binds, [0-9]+ replacements, 5000 rules each, 0 wrong$'
end
rmmod portacl
