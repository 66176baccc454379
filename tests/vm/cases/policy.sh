# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # sourced by tests/vm/suite
#
# Denials, reservations and settings, as far as the vectors cannot say it.

need_unloaded
insmod "$PORTACL_KO"
program policy "$programs/policy_test" rules
rmmod portacl
program unload "$programs/policy_test" unload "$PORTACL_KO" 10

# What is due when the module is gone would be called in freed memory.
begin "rules that end behind an unload"
ended=$((EPOCHSECONDS + 2))
for ((i = 0; i < 5; i++)); do
	insmod "$PORTACL_KO"
	for ((port = 1; port <= 60; port++)); do
		echo "allow any $port until $ended"
	done >/run/ending
	cat /run/ending >/sys/kernel/portacl/add
	is "rules that end" "$(cat /sys/kernel/portacl/rule_count)" 60
	rmmod portacl
done
while ((EPOCHSECONDS <= ended)); do
	"$programs/bind_as" 61001 62009 tcp 127.0.0.1 8080 >/dev/null
done
insmod "$PORTACL_KO"
is "rules after all that" "$(cat /sys/kernel/portacl/rule_count)" 0
rmmod portacl
end
