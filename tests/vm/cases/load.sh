# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # sourced by tests/vm/suite
#
# Loading, what makes it fail, and that nothing is left behind.

boundary=/proc/sys/net/ipv4/ip_unprivileged_port_start
ftrace=/proc/sys/kernel/ftrace_enabled
tracing=/sys/kernel/tracing

bind_as() {
	"$programs/bind_as" "$@" 2>&1 || true
}

# The functions that ftrace calls somebody for, of those that matter here.
hooked() {
	awk '$1 ~ /^(__inet6?_bind|security_socket_bind)$/' \
		"$tracing/enabled_functions"
}

begin "load"
need_unloaded
is "hooked before" "$(hooked)" ""

echo 0 >"$ftrace"
gives "insmod without ftrace" 1 insmod "$PORTACL_KO"
said=$(messages insmod "$PORTACL_KO")
has "the reason of the failure" "$said" 'ftrace'
is "a module after the failure" "$(loaded && echo loaded)" ""
is "files after the failure" "$(ls -d /sys/kernel/portacl 2>/dev/null)" ""
is "hooked after the failure" "$(hooked)" ""
is "a bind after the failure" "$(bind_as 61001 62009 tcp 0.0.0.0 443)" EACCES
echo 1 >"$ftrace"

said=$(messages insmod "$PORTACL_KO")
is "lines about a load" "$(grep -c . <<<"$said")" 1
has "the line about a load" "$said" 'loaded'
is "the module" "$(loaded && echo loaded)" loaded
is "how many are hooked" "$(hooked | wc -l)" 2
# The instruction pointer is nobody's but the tracers'.
is "hooked for good" "$(hooked | grep -c ' I ')" 0
has "hooks" "$(cat /sys/kernel/portacl/hooks)" '^__inet_bind attached$'
has "hooks" "$(cat /sys/kernel/portacl/hooks)" '^__inet6_bind attached$'
has "hooks" "$(cat /sys/kernel/portacl/hooks)" '^security_socket_bind detached$'

gives "a second insmod" 1 insmod "$PORTACL_KO"
has "a second insmod" "$output" 'File exists'
is "how many are hooked after a second insmod" "$(hooked | wc -l)" 2

gives "switching ftrace off" 1 bash -c "echo 0 >$ftrace"
has "switching ftrace off" "$output" 'busy'
is "ftrace" "$(cat "$ftrace")" 1

add() {
	printf '%s\n' "$1" >/sys/kernel/portacl/add
}
remove() {
	printf '%s\n' "$1" >/sys/kernel/portacl/remove
}
said=$(messages add 'allow user 61001 443,8443,1500')
is "lines about a new rule" "$(grep -c . <<<"$said")" 1
has "the line about a new rule" "$said" 'generation [0-9]+: .*uid=0'
is "a granted bind" "$(bind_as 61001 62009 tcp 0.0.0.0 443)" bound
is "the start of unprivileged ports" "$(cat "$boundary")" 1024
said=$(messages add 'allow user 61001 443,8443,1500')
is "lines about nothing new" "$said" ""
said=$(messages add 'allow user 61001 0')
is "policy lines about a bad rule" "$(grep -c 'generation' <<<"$said")" 0

# The first line is there while there is something to refuse, and only then.
add 'reserve 9999'
has "hooks with a reservation" "$(cat /sys/kernel/portacl/hooks)" \
	'^security_socket_bind attached$'
is "how many are hooked with a reservation" "$(hooked | wc -l)" 3
is "a reserved port" "$(bind_as 61001 62009 tcp 0.0.0.0 9999)" EACCES
gives "switching ftrace off" 1 bash -c "echo 0 >$ftrace"
remove 'reserve 9999'
is "how many are hooked without it" "$(hooked | wc -l)" 2
is "a port no longer reserved" "$(bind_as 61001 62009 tcp 0.0.0.0 9999)" bound

# Where the administrator has moved the boundary, it is his that holds.
echo 2000 >"$boundary"
is "a granted port below a boundary of 2000" \
	"$(bind_as 61001 62009 udp ::1 1500)" bound
is "another port below a boundary of 2000" \
	"$(bind_as 61001 62009 udp ::1 1501)" EACCES
is "a stranger below a boundary of 2000" \
	"$(bind_as 61009 62009 udp ::1 1500)" EACCES
echo 80 >"$boundary"
is "a port above a boundary of 80" "$(bind_as 61009 62009 tcp ::1 80)" bound
is "a port below a boundary of 80" "$(bind_as 61009 62009 tcp ::1 79)" EACCES

said=$(messages remove 'allow user 61001 443,8443,1500')
is "lines about a removed rule" "$(grep -c . <<<"$said")" 1
said=$(messages bash -c 'echo permissive >/sys/kernel/portacl/mode')
is "lines about a mode" "$(grep -c . <<<"$said")" 1
# It goes with its first line in place, too.
add 'deny any 9998'
echo enforce >/sys/kernel/portacl/mode
echo 1 >/sys/kernel/portacl/strict
is "root under strict" "$(bind_as 0 0 tcp 0.0.0.0 79)" EACCES
said=$(messages rmmod portacl)
is "lines about an unload" "$(grep -c . <<<"$said")" 1
has "the line about an unload" "$said" 'unloaded'
is "the boundary after the unload" "$(cat "$boundary")" 80
echo 1024 >"$boundary"
is "hooked after the unload" "$(hooked)" ""
is "files after the unload" "$(ls -d /sys/kernel/portacl 2>/dev/null)" ""
is "a bind after the unload" "$(bind_as 61001 62009 tcp 0.0.0.0 443)" EACCES
gives "switching ftrace off after the unload" 0 bash -c "echo 0 >$ftrace"
echo 1 >"$ftrace"

# A mode does not outlive the module, and neither does a rule.
insmod "$PORTACL_KO"
is "the mode after a new load" "$(cat /sys/kernel/portacl/mode)" enforce
is "strict after a new load" "$(cat /sys/kernel/portacl/strict)" 0
is "the scope after a new load" "$(cat /sys/kernel/portacl/scope)" init
is "locked after a new load" "$(cat /sys/kernel/portacl/locked)" 0
is "the rules after a new load" "$(cat /sys/kernel/portacl/rule_count)" 0
rmmod portacl
end
