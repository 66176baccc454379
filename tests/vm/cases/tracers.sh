# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # sourced by tests/vm/suite
#
# Others trace the functions that the module hooks, before and after it.

tracing=/sys/kernel/tracing

functions='__inet_bind __inet6_bind security_socket_bind inet_bind inet6_bind'

# trace TRACER [FUNCTION...]
trace() {
	local tracer=$1
	shift
	echo nop >"$tracing/current_tracer"
	: >"$tracing/set_ftrace_filter"
	(($# == 0)) || printf '%s\n' "$@" >>"$tracing/set_ftrace_filter"
	echo "$tracer" >"$tracing/current_tracer"
}

no_trace() {
	echo nop >"$tracing/current_tracer"
	: >"$tracing/set_ftrace_filter"
	: >"$tracing/trace"
}

bind_as() {
	"$programs/bind_as" "$@" || true
}

# Refusals take ways of their own: the first line, and for whoever the kernel
# would let pass. The module is loaded and has no rule.
refusals() {
	local strict
	printf '%s\n' 'reserve 8443' 'deny any 444' 'allow any 444-445' \
		>/sys/kernel/portacl/add
	for strict in 0 1; do
		echo "$strict" >/sys/kernel/portacl/strict
		is "$1: reserved" "$(bind_as 61009 62009 tcp ::1 8443)" EACCES
		is "$1: denied" "$(bind_as 61009 62009 udp 127.0.0.1 444)" EACCES
		is "$1: granted" "$(bind_as 61009 62009 udp ::1 445)" bound
		is "$1: free" "$(bind_as 61009 62009 tcp 0.0.0.0 8444)" bound
		is "$1: privileged" "$(bind_as 61009 62009 tcp :: 80)" EACCES
	done
	is "$1: root on a granted port" "$(bind_as 0 0 tcp :: 445)" bound
	is "$1: root on a reserved port" "$(bind_as 0 0 tcp ::1 8443)" EACCES
	is "$1: root on a denied port" "$(bind_as 0 0 udp 0.0.0.0 444)" EACCES
	is "$1: root on a privileged port" "$(bind_as 0 0 mptcp :: 80)" EACCES
	echo 0 >/sys/kernel/portacl/strict
	printf '%s\n' 'reserve 8443' 'deny any 444' 'allow any 444-445' \
		>/sys/kernel/portacl/remove
	is "$1: after removal" "$(bind_as 61009 62009 tcp ::1 8443)" bound
}

need_unloaded
for tracer in function function_graph; do
	begin "$tracer tracer"
	if ! grep -qw "$tracer" "$tracing/available_tracers"; then
		skip "this kernel has no $tracer tracer"
		continue
	fi
	# There first, and still there when the module goes.
	# shellcheck disable=SC2086 # names without blanks
	trace "$tracer" $functions
	insmod "$PORTACL_KO"
	program "$tracer-first" "$programs/bind_test" quick
	refusals "tracer first"
	rmmod portacl
	is "the tracer saw binds" \
		"$(($(grep -c __inet_bind "$tracing/trace") > 0))" 1
	is "a bind after rmmod under the tracer" \
		"$("$programs/bind_as" 61001 62009 tcp ::1 443 || true)" EACCES
	no_trace

	# Comes later, and goes first.
	insmod "$PORTACL_KO"
	# shellcheck disable=SC2086 # names without blanks
	trace "$tracer" $functions
	program "$tracer-later" "$programs/bind_test" quick
	refusals "tracer later"
	no_trace
	program "$tracer-gone" "$programs/bind_test" quick
	refusals "tracer gone"
	rmmod portacl
	end
done

# Every function of the kernel, for as short as can be.
begin "everything traced"
trace function
insmod "$PORTACL_KO"
echo 'allow user 61001 443' >/sys/kernel/portacl/add
is "granted" "$("$programs/bind_as" 61001 62009 tcp 0.0.0.0 443 || true)" bound
is "granted" "$("$programs/bind_as" 61001 62009 udp ::1 443 || true)" bound
is "refused" "$("$programs/bind_as" 61001 62009 tcp ::1 80 || true)" EACCES
is "refused" "$("$programs/bind_as" 61009 62009 tcp ::1 443 || true)" EACCES
echo 'allow user 61001 443' >/sys/kernel/portacl/remove
refusals "everything traced"
rmmod portacl
is "refused" "$("$programs/bind_as" 61001 62009 tcp 0.0.0.0 443 || true)" EACCES
no_trace
end

# Probes on the very instruction that the module hooks.
begin "probes"
if [[ ! -w $tracing/kprobe_events ]]; then
	skip "this kernel has no probes by name"
else
	insmod "$PORTACL_KO"
	printf 'p:portacl_test/in4 __inet_bind\np:portacl_test/in6 __inet6_bind\n' \
		>"$tracing/kprobe_events"
	printf 'r:portacl_test/out4 __inet_bind\np:portacl_test/first security_socket_bind\n' \
		>>"$tracing/kprobe_events"
	echo 1 >"$tracing/events/portacl_test/enable"
	program probes "$programs/bind_test" quick
	refusals "probes"
	echo 0 >"$tracing/events/portacl_test/enable"
	is "the probes saw binds" "$(($(grep -c in4: "$tracing/trace") > 0))" 1
	: >"$tracing/kprobe_events"
	: >"$tracing/trace"
	rmmod portacl
fi
end
