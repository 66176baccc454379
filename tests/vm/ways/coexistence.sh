# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # sourced by tests/vm/lib/ways.sh
#
# Others at work on the functions that the module hooks: there before it or
# coming later, with what is granted and what is refused each time.

way coexistence/function-tracer coexist_function \
	the function tracer on every hooked function
way coexistence/function-graph coexist_graph \
	the function_graph tracer on every hooked function
way coexistence/kprobes coexist_kprobes \
	kprobes and kretprobes on every hooked function
way coexistence/bpf-fentry coexist_fentry \
	BPF fentry programs on every hooked function
way coexistence/bpf-fexit coexist_fexit \
	BPF fexit programs on every hooked function
way coexistence/bpf-fmod-ret coexist_fmod_ret \
	a BPF fmod_ret program on the security hook
way coexistence/bpf-orders coexist_bpf_orders \
	all kinds of BPF programs at once, in every order
way coexistence/livepatch coexist_livepatch \
	a livepatch of each hooked function
way coexistence/apparmor coexist_apparmor \
	AppArmor profiles that deny what is granted, and the reverse
way coexistence/landlock coexist_landlock \
	Landlock rulesets that deny what is granted, and the reverse

coexist_tracing=/sys/kernel/tracing

# Which functions the module hooks, and the transports that it judges; found out
# once. The module is loaded and has no rule.
hooked=()
coexist_begin() {
	((${#hooked[@]} == 0)) || return 0
	hooked=(__inet_bind __inet6_bind security_socket_bind)
	transports=(tcp udp)
	if modprobe -q sctp; then
		await grep -q '^sctp_do_bind attached$' "$portacl/hooks" ||
			fail "SCTP is not judged"
		hooked+=(sctp_do_bind)
		transports+=(sctp)
	else
		skip "this kernel has no SCTP"
	fi
	# A function that is redirected by ftrace is marked, and is for one user
	# only. It is what the first line does when there is something to refuse.
	add 'reserve 9999'
	first_line_by=kretprobe
	! grep -Eq '^security_socket_bind .* I( |$)' \
		$coexist_tracing/enabled_functions || first_line_by=ftrace
	no_rules
}

# judged WHAT BY: see tests/vm/bind/judged.c.
judged() {
	gives "$1" 0 "$programs/judged" "$2" "${transports[@]}"
}

# unseen TEXT PATTERN: those of $hooked that TEXT does not speak of; FUNCTION in
# the extended regular expression stands for each.
unseen() {
	local function pattern missing=()
	for function in "${hooked[@]}"; do
		pattern=${2/FUNCTION/$function}
		[[ $1 =~ $pattern ]] || missing+=("$function")
	done
	echo "${missing[*]}"
}

# beside COME GO SAW: the other one comes to the module, which goes and comes
# again under it, until the other one goes. SAW WHAT checks that it was there for
# the binds.
beside() {
	local come=$1 go=$2 saw=$3
	$come
	judged "comes later" by-all
	$saw "comes later"
	rmmod portacl
	judged "left behind" by-kernel
	insmod "$PORTACL_KO"
	judged "there first" by-all
	$saw "there first"
	$go
	judged "gone" by-all
}

# Tracers

tracer=
tracer_comes() {
	: >$coexist_tracing/trace
	printf '%s\n' "${hooked[@]}" >$coexist_tracing/set_ftrace_filter
	echo "$tracer" >$coexist_tracing/current_tracer
}

tracer_goes() {
	echo nop >$coexist_tracing/current_tracer
	: >$coexist_tracing/set_ftrace_filter
	: >$coexist_tracing/trace
}

tracer_saw() {
	local trace
	trace=$(<$coexist_tracing/trace)
	is "$1: not in the trace" "$(unseen "$trace" '[[:blank:]]FUNCTION')" ""
}

coexist_tracer() {
	tracer=$1
	if ! grep -qw "$tracer" $coexist_tracing/available_tracers; then
		skip "this kernel has no $tracer tracer"
		return
	fi
	coexist_begin
	beside tracer_comes tracer_goes tracer_saw
}

coexist_function() {
	coexist_tracer function
}

coexist_graph() {
	coexist_tracer function_graph
}

# Probes

probes_come() {
	local function
	for function in "${hooked[@]}"; do
		printf 'p:coexist/in_%s %s\n' "$function" "$function"
		printf 'r:coexist/out_%s %s\n' "$function" "$function"
	done >$coexist_tracing/kprobe_events
	echo 1 >$coexist_tracing/events/coexist/enable
}

probes_go() {
	echo 0 >$coexist_tracing/events/coexist/enable
	: >$coexist_tracing/kprobe_events
	: >$coexist_tracing/trace
}

probes_saw() {
	local profile
	profile=$(<$coexist_tracing/kprobe_profile)
	is "$1: probes that were not hit" \
		"$(unseen "$profile" 'in_FUNCTION +[1-9]')" ""
	is "$1: return probes that were not hit" \
		"$(unseen "$profile" 'out_FUNCTION +[1-9]')" ""
}

coexist_kprobes() {
	if [[ ! -w $coexist_tracing/kprobe_events ]]; then
		skip "this kernel has no probes by name"
		return
	fi
	coexist_begin
	beside probes_come probes_go probes_saw
}

# BPF programs

bpf_kinds=()

# Sets reply to the answer of attach_bpf.
ask() {
	echo "$*" >&"${attach_bpf[1]}"
	read -r reply <&"${attach_bpf[0]}"
}

bpf_begin() {
	if [[ ! -e /sys/kernel/btf/vmlinux ]]; then
		skip "this kernel has no type information"
		return 1
	fi
	coexist_begin
	if [[ ${transports[*]} == *sctp* && ! -e /sys/kernel/btf/sctp ]]; then
		skip "this kernel has no type information of sctp"
		hooked=("${hooked[@]:0:3}")
	fi
	coproc attach_bpf { exec "$programs/attach_bpf" 2>&1; }
}

bpf_end() {
	local pid=$attach_bpf_PID status=0
	eval "exec ${attach_bpf[1]}>&-"
	wait "$pid" || status=$?
	is "the end of attach_bpf" "$status" 0
}

# bpf_each WHAT VERB PATTERN: for every kind and function; all answers must be
# of that form.
bpf_each() {
	local kind function module wrong=()
	for kind in "${bpf_kinds[@]}"; do
		for function in "${hooked[@]}"; do
			# The kernel lets only security functions be changed.
			[[ $kind != fmod_ret ||
				$function == security_* ]] || continue
			module=
			[[ $2 != attach || $function != sctp_* ]] || module=sctp
			ask "$2" "$kind" "$function" $module
			[[ $reply =~ ^$3$ ]] ||
				wrong+=("$kind of $function: $reply")
		done
	done
	is "$1" "${wrong[*]}" ""
}

bpf_comes() {
	bpf_each "attaching" attach ok
}

bpf_goes() {
	bpf_each "detaching" detach ok
}

bpf_saw() {
	bpf_each "$1: calls" calls '[1-9][0-9]*'
}

coexist_bpf() {
	bpf_begin || return 0
	bpf_kinds=("$1")
	beside bpf_comes bpf_goes bpf_saw
	bpf_end
}

coexist_fentry() {
	coexist_bpf fentry
}

coexist_fexit() {
	coexist_bpf fexit
}

coexist_fmod_ret() {
	coexist_bpf fmod_ret
}

coexist_bpf_orders() {
	local order orders=(
		"fentry fexit fmod_ret"
		"fentry fmod_ret fexit"
		"fexit fentry fmod_ret"
		"fexit fmod_ret fentry"
		"fmod_ret fentry fexit"
		"fmod_ret fexit fentry"
	)
	bpf_begin || return 0
	# What is there before the module is the same in whichever order it came.
	read -ra bpf_kinds <<<"${orders[0]}"
	beside bpf_comes bpf_goes bpf_saw
	for order in "${orders[@]:1}"; do
		read -ra bpf_kinds <<<"$order"
		bpf_comes
		judged "$order" by-all
		bpf_saw "$order"
		bpf_goes
	done
	judged "gone" by-all
	bpf_end
}

# Livepatches

livepatch=/sys/kernel/livepatch/livepatched

# Loads the livepatch of $patched, functions with a comma between them.
patch() {
	insmod "$PORTACL_TEST_MODULES/livepatched.ko" "functions=$patched"
}

is_patched() {
	[[ $(<$livepatch/transition) == 0 ]]
}

is_unpatched() {
	[[ ! -e $livepatch ]]
}

patch_comes() {
	gives "a livepatch of $patched" 0 patch
	await is_patched || fail "the livepatch of $patched stays in transition"
}

patch_goes() {
	echo 0 >$livepatch/enabled
	await is_unpatched || fail "the livepatch of $patched stays"
	rmmod livepatched
}

patch_saw() {
	local calls
	calls=$(</sys/module/livepatched/parameters/calls)
	is "$1: functions of $patched not called, in $calls" \
		"$([[ " $calls " != *" 0 "* ]] || echo some)" ""
}

coexist_livepatch() {
	local patched said
	if [[ ! -d /sys/kernel/livepatch ||
		! -e ${PORTACL_TEST_MODULES:-}/livepatched.ko ]]; then
		skip "no livepatch was built for this kernel"
		return
	fi
	coexist_begin
	patched=__inet_bind,__inet6_bind
	[[ ${transports[*]} != *sctp* ]] || patched+=,sctp:sctp_do_bind
	beside patch_comes patch_goes patch_saw

	patched=security_socket_bind
	if [[ $first_line_by == kretprobe ]]; then
		beside patch_comes patch_goes patch_saw
		return
	fi
	# Only one redirects a function. The first one does.
	judged "before the livepatch" by-all
	gives "a livepatch that comes later" 1 patch
	has "a livepatch that comes later" "$output" 'busy'
	judged "after the livepatch failed" by-all
	rmmod portacl
	patch_comes
	insmod "$PORTACL_KO"
	said=$(messages "$programs/judged" by-judgement tcp)
	has "what is said of the first line" "$said" \
		'cannot hook security_socket_bind: .*livepatch'
	judged "the livepatch was first" by-judgement
	has "hooks" "$(<"$portacl/hooks")" '^security_socket_bind detached$'
	patch_saw "first"
	rmmod portacl
	judged "left behind" by-kernel
	patch_goes
}

# Other security modules

# confined WHAT WANT ARGUMENT...: see tests/vm/bind/confined.c.
confined() {
	local what=$1 want=$2
	shift 2
	is "$what" "$("$programs/confined" "$@" || true)" "$want"
}

# granted_count WANT: how many binds were granted since the last call.
granted_before=0
granted_count() {
	local granted
	granted=$(<"$portacl/stats/granted")
	is "binds that the module has granted" $((granted - granted_before)) "$1"
	granted_before=$granted
}

coexist_apparmor() {
	local address
	if [[ ! -w /sys/kernel/security/apparmor/.load ]] ||
		! command -v apparmor_parser >/dev/null; then
		skip "no AppArmor in this kernel, or no apparmor_parser"
		return
	fi
	apparmor_parser --add --skip-cache <<-EOT
	profile portacl_test_any flags=(attach_disconnected) {
		file,
		network,
	}
	profile portacl_test_no_stream flags=(attach_disconnected) {
		file,
		network,
		deny network inet stream,
		deny network inet6 stream,
	}
	EOT
	add 'allow user 61001 443' 'reserve 8443'
	granted_before=$(<"$portacl/stats/granted")
	for address in 127.0.0.1 ::1; do
		confined "granted and permitted, $address" bound \
			apparmor portacl_test_any 61001 tcp $address 443
		confined "granted and permitted, udp $address" bound \
			apparmor portacl_test_no_stream 61001 udp $address 443
		granted_count 2
		confined "granted and denied, $address" EACCES \
			apparmor portacl_test_no_stream 61001 tcp $address 443
		granted_count 0
		confined "permitted and no rule, $address" EACCES \
			apparmor portacl_test_any 61009 tcp $address 443
		confined "permitted and reserved, $address" EACCES \
			apparmor portacl_test_any 61009 tcp $address 8443
		# The profiles give no capability.
		confined "root without the capability, $address" EACCES \
			apparmor portacl_test_any 0 tcp $address 80
		echo 1 >"$portacl/strict"
		confined "permitted and strict, $address" EACCES \
			apparmor portacl_test_any 0 udp $address 443
		echo 0 >"$portacl/strict"
	done
	printf '%s' portacl_test_any >/sys/kernel/security/apparmor/.remove
	printf '%s' portacl_test_no_stream >/sys/kernel/security/apparmor/.remove
}

coexist_landlock() {
	local address
	if [[ $("$programs/confined" landlock 443 0 tcp ::1 443 || true) == \
		unsupported ]]; then
		skip "Landlock knows no ports in this kernel"
		return
	fi
	add 'allow user 61001 443' 'reserve 8443'
	granted_before=$(<"$portacl/stats/granted")
	for address in 127.0.0.1 ::1; do
		confined "granted and permitted, $address" bound \
			landlock 443 61001 tcp $address 443
		confined "granted and no matter of Landlock, $address" bound \
			landlock 8444 61001 udp $address 443
		granted_count 2
		confined "granted and denied, $address" EACCES \
			landlock 8444 61001 tcp $address 443
		granted_count 0
		confined "permitted and no rule, $address" EACCES \
			landlock 443 61009 tcp $address 443
		confined "permitted and reserved, $address" EACCES \
			landlock 8443 61009 tcp $address 8443
		confined "permitted and free, $address" bound \
			landlock 8444 61009 tcp $address 8444
		echo 1 >"$portacl/strict"
		confined "permitted and strict, $address" EACCES \
			landlock 80 0 tcp $address 80
		echo 0 >"$portacl/strict"
	done
}
