# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # sourced by tests/vm/lib/ways.sh
#
# SCTP's module and ours, coming and going.

way sctp/unload-held sctp_unload_held \
	the module goes while a granted call sleeps inside

way sctp/kprobes sctp_kprobes \
	kprobes disarmed and armed again, which changes who is called first

# module_is NAME STATE
module_is() {
	local name state
	while read -r name _ _ _ state _; do
		[[ $name != "$1" || $state != "$2" ]] || return 0
	done </proc/modules
	return 1
}

holds() {
	[[ $(</sys/module/hold/parameters/held) == "$1" ]]
}

# The function that is held is called behind the question for the capability, by
# whom a granted call runs as.
sctp_unload_held() {
	local answer=/run/held-bind bind unload
	need_kernel sctp || return 0
	add 'allow user 61001 443/sctp'
	insmod "$PORTACL_TEST_MODULES/hold.ko" \
		function=sctp_bind_addr_match uid=65534

	bind_here --as 61001 sctp 127.0.0.1 443 sctp 127.0.0.1 444 \
		tcp 127.0.0.1 443 >"$answer" &
	bind=$!
	await holds 1 || fail "no granted call is inside"
	rmmod portacl &
	unload=$!
	await module_is portacl Unloading || fail "the module does not go"
	is "a bind meanwhile" "$(bind_here --as 61001 sctp 127.0.0.2 443)" EACCES
	gives "the module is there as long as the call is inside" 0 \
		module_is portacl Unloading

	echo 0 >/sys/module/hold/parameters/hold
	wait "$bind" "$unload" || fail "the bind or the unload failed"
	is "what the call got, and what came after it" "$(cat "$answer")" \
		"bound EACCES EACCES"
	is "the module when the call has returned" "$(loaded && echo loaded)" ""
	rmmod hold
	rm "$answer"
}

# A granted port, one that no rule grants, a denied one, and a reserved one.
sctp_binds() {
	bind_here --as 61001 sctp 127.0.0.1 443 sctp ::1 442 \
		sctp 127.0.0.1 441 sctp ::1 8443
}

sctp_kprobes() {
	local enabled=/sys/kernel/debug/kprobes/enabled
	need_kernel sctp || return 0
	[[ -w $enabled ]] || {
		skip "kprobes cannot be disarmed here"
		return
	}
	add 'allow user 61001 1-440,443/sctp' 'deny user 61001 441' \
		'reserve 8443/sctp'
	is "armed" "$(sctp_binds)" "bound EACCES EACCES EACCES"
	echo 0 >"$enabled"
	is "disarmed" "$(sctp_binds)" "EACCES EACCES EINVAL EINVAL"
	gives "the module without them" 0 rmmod portacl
	gives "no check of its own succeeds without them" 1 \
		insmod "$PORTACL_KO"
	echo 1 >"$enabled"
	need_loaded
	add 'allow user 61001 1-440,443/sctp' 'deny user 61001 441' \
		'reserve 8443/sctp'
	echo 0 >"$enabled"
	echo 1 >"$enabled"
	is "armed again" "$(sctp_binds)" "bound EACCES EACCES EACCES"
	echo 1 >"$portacl/strict"
	is "armed again, strict" "$(sctp_binds)" "bound EACCES EACCES EACCES"
	is "armed again, root" \
		"$(bind_here sctp 127.0.0.1 441 sctp ::1 8443 sctp ::1 8444)" \
		"EACCES EACCES bound"
	rmmod portacl
}
