# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # sourced by tests/vm/suite
#
# doctor on a machine that is well, and on one that is made ill for real.

# shellcheck source=tests/vm/lib/await.sh
. tests/vm/lib/await.sh

begin "doctor"

doctor_tracing=/sys/kernel/tracing
doctor_policy=/etc/portacl.d/50-local.conf
doctor_patch=/sys/kernel/livepatch/livepatched

# finds STATUS RESULT CHECK PATTERN
finds() {
	gives "doctor $3" "$1" portaclctl doctor "$3"
	has "doctor $3" "$output" "^$2  $3 +.*${4-}"
}

# mends CHECK: runs the first command that doctor prints for it.
mends() {
	local command
	# Whose exit status is 1.
	command=$(portaclctl doctor "$1" |
		sed -n '/^\(warn\|fail\)/{n;s/^ \{24\}//p;q}') || true
	gives "$command" 0 bash -c "$command"
}

doctor_is_unpatched() {
	[[ ! -e $doctor_patch ]]
}

doctor_healthy() {
	need_loaded
	gives "doctor" 0 portaclctl doctor
	is "failures of a machine that is well" "$(grep -c '^fail' <<<"$output")" 0
	finds 0 pass kernel 'the module is loaded'
	finds 0 pass ftrace 'every function is hooked'
	finds 0 pass hooks 'nobody else'
	finds 0 pass bpf-fault
	finds 0 pass lockdown 'lockdown=none'
	gives "JSON" 0 bash -o pipefail -c \
		'portaclctl doctor --json | python3 -m json.tool >/dev/null'
	# With everything attached.
	modprobe -q sctp || true
	printf 'deny any 4\n' >/sys/kernel/portacl/add
	finds 0 pass hooks 'nobody else'
	printf 'deny any 4\n' >/sys/kernel/portacl/remove
	gives "doctor for an ordinary user" 0 \
		setpriv --reuid=61009 --regid=61009 --clear-groups \
		portaclctl doctor hooks kernel
	has "doctor for an ordinary user" "$output" '^warn  hooks .*root only'
	has "doctor for an ordinary user" "$output" '^pass  kernel '
	gives "no such check" 2 portaclctl doctor hoks
}

doctor_ftrace_off() {
	need_unloaded
	finds 0 pass ftrace 'every function is there'
	echo 0 >/proc/sys/kernel/ftrace_enabled
	finds 1 fail ftrace 'switched off'
	gives "insmod without ftrace" 1 insmod "$PORTACL_KO"
	mends ftrace
	finds 0 pass ftrace
	finds 0 warn version 'is not loaded'
}

doctor_others() {
	local state
	for state in need_unloaded need_loaded; do
		$state
		printf 'p:doctor/in __inet_bind\nr:doctor/out __inet6_bind\n' \
			>$doctor_tracing/kprobe_events
		echo 1 >$doctor_tracing/events/doctor/enable
		finds 0 pass hooks '__inet_bind is also used by 1 kprobe, which'
		has "$state: a return probe" "$output" \
			'__inet6_bind is also used by 1 kprobe, which'
		echo 0 >$doctor_tracing/events/doctor/enable
		: >$doctor_tracing/kprobe_events
		echo __inet_bind >$doctor_tracing/set_ftrace_filter
		echo function >$doctor_tracing/current_tracer
		finds 0 pass hooks '__inet_bind is also used by the function tracer,'
		echo nop >$doctor_tracing/current_tracer
		: >$doctor_tracing/set_ftrace_filter
		finds 0 pass hooks 'nobody else'
	done
	modprobe -q sctp || return 0
	await grep -q '^sctp_do_bind attached$' /sys/kernel/portacl/hooks ||
		fail "SCTP is not judged"
	echo 0 >/sys/kernel/debug/kprobes/enabled
	finds 1 fail hooks 'kprobes are switched off'
	mends hooks
	finds 0 pass hooks 'nobody else'
}

doctor_bpf() {
	local reply function
	if [[ ! -e /sys/kernel/btf/vmlinux ]]; then
		skip "this kernel has no type information"
		return
	fi
	need_loaded
	coproc doctor_bpf { exec "$programs/attach_bpf" 2>&1; }
	for function in __inet_bind security_socket_bind; do
		echo "attach fentry $function" >&"${doctor_bpf[1]}"
		read -r reply <&"${doctor_bpf[0]}"
		is "BPF on $function" "$reply" ok
	done
	finds 0 pass hooks '__inet_bind is also used by a BPF program, which'
	has "BPF" "$output" \
		'^warn  hooks +security_socket_bind .*BPF program, which may refuse'
	finds 0 pass bpf-fault
	local pid=$doctor_bpf_PID
	eval "exec ${doctor_bpf[1]}>&-"
	wait "$pid" || true
	finds 0 pass hooks 'nobody else'
}

doctor_livepatch() {
	if [[ ! -d /sys/kernel/livepatch ||
		! -e ${PORTACL_TEST_MODULES:-}/livepatched.ko ]]; then
		skip "no livepatch was built for this kernel"
		return
	fi
	need_loaded
	insmod "$PORTACL_TEST_MODULES/livepatched.ko" \
		functions=security_socket_bind,__inet_bind
	finds 0 warn hooks 'the livepatch livepatched, which redirects it'
	has "a livepatch of the judgement" "$output" \
		'^pass  hooks +__inet_bind .*the livepatch livepatched, which does no'
	if [[ $(uname -r) == 6.1.* ]]; then
		finds 0 warn bpf-fault 'redirects __inet_bind, security_socket_bind'
	else
		finds 0 pass bpf-fault
	fi
	await grep -q 0 $doctor_patch/transition || true
	echo 0 >$doctor_patch/enabled
	await doctor_is_unpatched || fail "the livepatch stays"
	rmmod livepatched
	finds 0 pass hooks 'nobody else'
}

doctor_files() {
	local listener file
	need_loaded
	rm -rf /etc/portacl.d /run/portacl.d /usr/lib/portacl.d /var/lib/portacl
	gives "a rule" 0 portaclctl allow nobody 443
	finds 0 pass files
	chmod g+w "$doctor_policy"
	finds 1 fail files 'writable for others'
	mends files
	finds 0 pass files

	useradd -K UID_MAX=99999 -K GID_MAX=99999 --uid 61090 --user-group doctored
	gives "a rule for who will go" 0 portaclctl allow doctored 444
	finds 0 pass names
	userdel doctored
	finds 0 warn names doctored
	gives "remove his rule" 0 portaclctl remove allow 61090 444
	sed -i /doctored/d "$doctor_policy"
	gives "apply" 0 portaclctl apply

	gives "reserve" 0 portaclctl reserve 40000
	finds 0 pass automatic
	echo >/proc/sys/net/ipv4/ip_local_reserved_ports
	finds 0 warn automatic '40000 reserved'
	mends automatic
	finds 0 pass automatic
	gives "remove the reservation" 0 portaclctl remove reserve 40000

	finds 0 pass strict 'strict is off'
	file=$(mktemp)
	tests/vm/programs/hold_ports "$file" meek tcp,::,22 &
	listener=$!
	await test -s "$file" || fail "no listener"
	gives "strict" 0 portaclctl strict on --force
	finds 1 fail strict '22/tcp .* would be refused'
	mends strict
	finds 0 pass strict
	gives "strict off" 0 portaclctl strict off
	kill "$listener"
	wait "$listener" || true
	rm -rf "$file" /etc/portacl.d /run/portacl.d
	gives "apply" 0 portaclctl apply
}

# A module that was upgraded and not loaded anew.
doctor_version() {
	local directory
	directory=/lib/modules/$(uname -r)
	need_loaded
	finds 0 warn dkms 'loaded from a file'
	finds 0 pass version
	mkdir -p "$directory/updates"
	cp "$PORTACL_KO" "$directory/updates/portacl.ko"
	cp "$directory/modules.dep" /run/doctor.dep
	echo 'updates/portacl.ko:' >>"$directory/modules.dep"
	finds 0 pass dkms 'updates/portacl.ko is there'
	finds 0 pass signature 'is not signed, which nothing'
	finds 0 pass version
	# As long as the version that is there.
	sed -i "s/\(version=\)[0-9]\.[0-9]\.[0-9]/\19.9.9/" \
		"$directory/updates/portacl.ko"
	finds 0 warn version 'installed is 9.9.9'
	mv /run/doctor.dep "$directory/modules.dep"
	rm "$directory/updates/portacl.ko"
}

doctor_healthy
doctor_ftrace_off
doctor_others
doctor_bpf
doctor_livepatch
doctor_files
doctor_version
need_unloaded
end
