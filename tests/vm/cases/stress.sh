# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # sourced by tests/vm/suite
#
# Binds that never stop while the policy, and then the module, comes and goes.

need_unloaded
insmod "$PORTACL_KO"
program policy "$programs/stress_test" policy 200
program writers "$programs/stress_test" writers 200
rmmod portacl
program module "$programs/stress_test" module "$PORTACL_KO" 10

begin "after the stress"
is "the start of unprivileged ports" \
	"$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)" 1024
end
