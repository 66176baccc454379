# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # sourced by tests/kernel/verify
#
# portacl in the kernel: there from the start or left out by lsm=, and the same as
# the module to programs and to the tool.

readonly portacl=/sys/kernel/portacl lsm=/sys/kernel/security/lsm
readonly policy_file=/etc/portacl.d/50-local.conf
readonly web=61001 eve=61009 couriers=62001

# is_there PATH
is_there() {
	[[ -e $1 ]] && echo there || echo missing
}

# No rule of the machine's own: its files are only the guest's here.
builtin_empty() {
	rm -rf /etc/portacl.d /run/portacl.d /usr/lib/portacl.d
	grep -q '^web:' /etc/passwd || useradd -K UID_MAX=99999 \
		-K GID_MAX=99999 --uid $web --user-group web
	grep -q '^eve:' /etc/passwd || useradd -K UID_MAX=99999 \
		-K GID_MAX=99999 --uid $eve --user-group eve
	grep -q '^couriers:' /etc/group || groupadd --gid $couriers couriers
}

verify_on() {
	local line
	is "$lsm" "$(tr , '\n' <$lsm | grep -cx portacl)" 1
	is "its files" "$(is_there $portacl)" there
	[[ -d $portacl ]] || return 0
	is "ABI" "$(<$portacl/abi)" 1
	for line in mode=enforce strict=0 scope=init locked=0 rule_count=0; do
		is "${line%=*} at first" "$(<"$portacl/${line%=*}")" "${line#*=}"
	done
	for line in __inet_bind __inet6_bind security_socket_bind \
		"${sctp_hooks[@]}"; do
		has "hooks" "$(<$portacl/hooks)" "^$line attached$"
	done
	is "hooks, without those" "$(grep -vc ' attached$' $portacl/hooks)" 0
	gives "status" 0 portaclctl status
	has "status" "$output" 'module built in \(abi 1\), mode enforce'
}

# What this boot's lsm= does not name is as if it were not there, but it is said
# wherever one would look for it.
verify_off() {
	local command
	is "$lsm" "$(tr , '\n' <$lsm | grep -cx portacl)" 0
	is "its files" "$(is_there $portacl)" missing
	has "the kernel log" "$(dmesg | grep portacl:)" 'not switched on'
	for command in status load "list --source kernel" apply diff flush; do
		# shellcheck disable=SC2086 # words
		gives "$command" 3 portaclctl $command
		has "$command" "$output" 'not switched on'
		has "$command" "$output" 'lsm=(.*,)?portacl( |$)'
	done
	gives "version" 0 portaclctl version
	has "version" "$output" 'not switched on'
	gives "doctor" 1 portaclctl doctor kernel version
	has "doctor kernel" "$output" '^fail  kernel .*not switched on'
	has "doctor version" "$output" '^fail  version .*not switched on'
	gives "a rule" 7 portaclctl allow web 443
	has "a rule" "$output" 'not yet in force: .*not switched on'
	is "a bind of the rule's user" "$(bind_as $web $web tcp :: 443)" \
		"$(below 443)"
	gives "remove it" 0 portaclctl remove allow web 443
	gives "unload" 0 portaclctl unload
}

# below PORT: what a bind of this port says without a rule.
below() {
	if (($1 < $(<"$start"))); then
		echo EACCES
	else
		echo bound
	fi
}

# bind_as UID GID TRANSPORT ADDRESS PORT
bind_as() {
	"$programs/bind_as" "$@" || true
}

# Right after boot, before anything has touched it.
verify_presence() {
	sctp_hooks=()
	! grep -q '^SCTP ' /proc/net/protocols ||
		sctp_hooks=(sctp_do_bind sctp_connect_new_asoc)
	builtin_empty
	begin "portacl is built in"
	is "a module" "$(loaded 2>/dev/null && echo loaded)" ""
	is "its version" "$(is_there /sys/module/portacl/version)" there
	is "a module's state" "$(is_there /sys/module/portacl/initstate)" missing
	# Where there is no ftrace, nothing can be hooked at all.
	is "hooked by ftrace" "$(grep -Ec '^(__inet6?_bind|sctp_do_bind) ' \
		/sys/kernel/tracing/enabled_functions 2>/dev/null)" \
		"$([[ ! -e /sys/kernel/tracing/enabled_functions ]] || echo 0)"
	if ((expect_off)); then
		verify_off
	else
		verify_on
	fi
	end
}

# The tool as with the module, but for loading and unloading.
verify_tool() {
	local listener file command
	begin "portaclctl"
	gives "load" 0 portaclctl load
	gives "allow" 0 portaclctl allow web 443
	is "granted, tcp" "$(bind_as $web $web tcp :: 443)" bound
	is "granted, udp" "$(bind_as $web $web udp 0.0.0.0 443)" bound
	is "another user" "$(bind_as $eve $eve tcp :: 443)" "$(below 443)"
	is "another port" "$(bind_as $web $web tcp :: 80)" "$(below 80)"
	has "the saved rule" "$(<$policy_file)" '^allow user web 443'
	gives "allow a group" 0 portaclctl allow group couriers 25,465,587/tcp
	is "a member" "$(bind_as $eve $couriers tcp :: 465)" bound
	gives "deny" 0 portaclctl deny eve 8080
	is "a denied port" "$(bind_as $eve $eve tcp :: 8080)" EACCES
	is "denied to nobody else" "$(bind_as $web $web tcp :: 8080)" bound
	gives "reserve" 0 portaclctl reserve 5432/tcp
	is "a reserved port" "$(bind_as $web $web tcp 127.0.0.1 5432)" EACCES
	is "not for udp" "$(bind_as $web $web udp 127.0.0.1 5432)" bound
	is "root" "$(bind_as 0 0 tcp 127.0.0.1 5432)" bound
	gives "strict" 0 portaclctl strict on --force
	is "root under strict" "$(bind_as 0 0 tcp 127.0.0.1 5432)" EACCES
	gives "strict off" 0 portaclctl strict off
	gives "permissive" 0 portaclctl mode permissive
	is "a denied port" "$(bind_as $eve $eve tcp :: 8080)" bound
	gives "enforce" 0 portaclctl mode enforce

	gives "list" 0 portaclctl list
	has "list" "$output" 'allow +user +web +443'
	has "list" "$output" 'reserve .*5432/tcp'
	gives "query, granted" 0 portaclctl query web 443
	gives "query, denied" 1 portaclctl query eve 8080
	gives "explain" 1 portaclctl explain eve 8080
	has "explain" "$output" 'deny user eve 8080'
	gives "who" 0 portaclctl who 443
	has "who" "$output" '^user web '
	gives "stats" 0 portaclctl stats
	gives "diff" 0 portaclctl diff
	gives "check" 0 portaclctl check
	program compare tests/vm/lib/compare_answers 443 "web eve root" 127.0.0.1
	program compare tests/vm/lib/compare_answers 8080 "web eve root"
	begin "portaclctl"

	file=$(mktemp)
	chmod 666 "$file"
	setpriv --reuid=$web --regid=$web --clear-groups \
		tests/vm/programs/hold_ports "$file" meek tcp,::,443 &
	listener=$!
	await test -s "$file" || fail "nobody listens"
	gives "ports" 0 portaclctl ports
	has "ports" "$output" '^443/tcp .*web +allow user web 443'
	end_process "$listener"
	rm "$file"

	echo 'allow eve 444' >>$policy_file
	gives "apply" 0 portaclctl apply
	is "granted by the file" "$(bind_as $eve $eve tcp :: 444)" bound
	gives "load again" 0 portaclctl load
	gives "remove" 0 portaclctl remove allow web 443
	is "after remove" "$(bind_as $web $web tcp :: 443)" "$(below 443)"
	gives "doctor" 0 portaclctl doctor
	is "failures that doctor finds" "$(grep -c '^fail' <<<"$output")" 0
	has "doctor version" "$output" '^pass  version '
	for command in kernel ftrace hooks bpf-fault signature dkms; do
		has "doctor $command" "$output" "^pass  $command .*built in"
	done
	gives "unload" 6 portaclctl unload --yes
	has "unload" "$output" 'built into this kernel'
	is "its files" "$(is_there $portacl)" there
	gives "flush" 0 portaclctl flush --yes
	is "rules after flush" "$(<$portacl/rule_count)" 0
	is "after flush" "$(bind_as $eve $eve tcp :: 8080)" bound
	end
}

# The programs that test the module, as far as they need not load it. What SCTP
# asks on a connect is no hook here but code of its own.
verify_as_module() {
	local -a ways=(auto sharing)
	((${#sctp_hooks[@]} == 0)) || ways+=(sctp)
	program vectors "$programs/vectors_test" tests/vectors/*.vec
	program bind "$programs/bind_test" loaded
	program bind "$programs/bind_test" rules
	program bind "$programs/bind_test" after-remove
	program sysfs "$programs/sysfs_test"
	program policy "$programs/policy_test" rules
	program upload "$programs/upload_test" protocol
	program upload "$programs/upload_test" limits
	program report "$programs/report_test"
	program ways "$programs/ways_test" "${ways[@]}"
	program stress "$programs/stress_test" policy 50
	program stress "$programs/stress_test" writers 50
}

verify_builtin() {
	if ((fixed)); then
		skip "the vectors ask for a boundary, which this kernel has not"
	else
		echo 1024 >"$start"
		verify_as_module
	fi
	verify_tool
	# Nothing but a boot undoes it.
	if ((!fixed)); then
		program locked "$programs/locked_test"
		begin "locked"
		gives "lock status" 0 portaclctl lock status
		has "lock status" "$output" 'locked'
		gives "a rule" 6 portaclctl allow web 443
		end
	fi
}
