# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # sourced by tests/vm/suite
#
# What the units do at boot and afterwards. In machines of their own, which
# systemd has booted: tests/vm/lib/boot-tree has made what is in them.

# shellcheck source=tests/vm/lib/await.sh
. tests/vm/lib/await.sh

boot_kernel=/sys/kernel/portacl
boot_file=/etc/portacl.d/50-local.conf

# look UNIT...: asks systemd once, as every program takes its time here.
declare -A boot_facts
look() {
	local properties=Id,ActiveState,Result,ConditionResult,ExecMainStatus
	local line
	properties+=,Before,After,ActiveEnterTimestampMonotonic
	properties+=,ExecMainStartTimestampMonotonic
	boot_facts=()
	while IFS= read -r line; do
		# The answers come in the order of the questions.
		if [[ -z $line ]]; then
			shift
		else
			boot_facts[$1.${line%%=*}]=${line#*=}
		fi
	done < <(systemctl show -p "$properties" "$@")
}

# unit UNIT PROPERTY: as it was at the last look.
unit() {
	echo "${boot_facts[$1.$2]-}"
}

# enters UNIT: when it became active, in microseconds.
enters() {
	unit "$1" ActiveEnterTimestampMonotonic
}

# comes_before WHAT TIME TIME
comes_before() {
	if (($2 > 0 && $2 <= $3)); then
		pass
	else
		fail "$1: $2 is not before $3"
	fi
}

# binds WHO PORT: the answer to a bind of that uid.
binds() {
	"$programs/bind_here" --as "$1" tcp :: "$2"
}

# said UNIT: what it has told the journal.
said() {
	journalctl --sync
	journalctl -b -q -o cat -u "$1"
}

# The rules in force, without what they have decided.
rules() {
	sed '/^#/d; s/ # .*//' "$boot_kernel/policy"
}

has_rule() {
	rules | grep -qxF "$1"
}

# all_of: what stopping a unit must not change.
all_of() {
	rules
	cat "$boot_kernel/mode" "$boot_kernel/generation" \
		/proc/sys/net/ipv4/ip_local_reserved_ports \
		/run/portacl/local-reserved-ports
}

is_failed() {
	systemctl -q is-failed "$1"
}

not_granted() {
	[[ $(binds 61009 82) == EACCES ]]
}

booted_without() {
	begin "boot with noportacl"
	loaded && fail "the module was loaded"
	look portacl portacl-users modprobe@portacl early
	is "the conditions" "$(for boot_unit in portacl portacl-users modprobe@portacl; do
		unit "$boot_unit" ConditionResult
	done | sort -u)" no
	is "the unit" "$(unit portacl ActiveState)" inactive
	is "what waits for it" "$(unit early Result)" exit-code
	is "a low port" "$(binds 61001 80)" EACCES
	is "a high port" "$(binds 61001 40000)" bound
	is "what has failed" "$(systemctl list-units --state=failed --plain \
		--no-legend | sed 's/ .*//' | sort | xargs)" \
		"early.service late.service ordinary.service"
	# By hand it is loaded all the same.
	gives "load by hand" 0 portaclctl load
	is "the port then" "$(binds 61001 80)" bound
	end
}

booted() {
	begin "boot"
	is "process 1" "$(cat /proc/1/comm)" systemd
	# That of an earlier pass may still be at work.
	systemctl start portacl-users
	has "the policy" "$(rules)" '^allow user 61001 80$'
	is "what has failed" "$(systemctl list-units --state=failed --plain \
		--no-legend)" ""
	look portacl portacl-users early ordinary late sysinit.target \
		nss-user-lookup.target
	is "result" "$(unit portacl Result) $(unit portacl ActiveState)" \
		"success active"
	# A name was left out.
	is "status" "$(unit portacl ExecMainStatus)" 7
	has "the log" "$(said portacl)" "50-local.conf:2.*lena"
	comes_before "policy and sysinit.target" "$(enters portacl)" \
		"$(enters sysinit.target)"
	comes_before "sysinit.target and a service" "$(enters sysinit.target)" \
		"$(unit early ExecMainStartTimestampMonotonic)"
	is "early" "$(unit early Result) $(unit early ActiveState)" "success active"
	is "ordinary" "$(unit ordinary ActiveState)" active
	for boot_unit in network-pre.target systemd-networkd.service \
		systemd-resolved.service rpcbind.socket; do
		has "before $boot_unit" " $(unit portacl Before) " " $boot_unit "
	done
	has "behind sysctl" "$(unit portacl After)" systemd-sysctl.service
	is "kept out" "$(cat /proc/sys/net/ipv4/ip_local_reserved_ports)" 40000,50000
	has "what allow says of a reboot" \
		"$(portaclctl allow web 80)" 'now and after a reboot'
	end

	begin "boot, second pass"
	is "before it" "$(cat /run/before-directory)" EACCES
	comes_before "users and the pass" "$(enters nss-user-lookup.target)" \
		"$(unit portacl-users ExecMainStartTimestampMonotonic)"
	is "status" "$(unit portacl-users ExecMainStatus)" 0
	is "service" "$(unit late Result) $(unit late ActiveState)" "success active"
	is "the numbers" "$(grep -c lena /var/lib/portacl/names)" 1
	end

	begin "boot, stop and reload"
	before=$(all_of)
	gives "stop" 0 systemctl stop portacl
	look portacl portacl-users
	is "stopped" "$(unit portacl ActiveState) $(unit portacl-users ActiveState)" \
		"inactive inactive"
	is "what was in force" "$(all_of)" "$before"
	is "a port" "$(binds 61002 81)" bound
	gives "start" 0 systemctl start portacl portacl-users
	is "a port when started" "$(binds 61002 81)" bound
	gives "restart" 0 systemctl restart portacl
	await has_rule 'allow user 61002 81/tcp'
	is "a port when restarted" "$(binds 61002 81)" bound
	echo 'allow user eve 83' >>"$boot_file"
	is "a port before reload" "$(binds 61009 83)" EACCES
	gives "reload" 0 systemctl reload portacl
	is "a port after reload" "$(binds 61009 83)" bound
	is "another" "$(binds 61002 81)" bound
	before=$(all_of)
	echo 'alow user eve 84' >"${boot_file%/*}/60-bad.conf"
	gives "reload with a bad file" 1 systemctl reload portacl
	rm "${boot_file%/*}/60-bad.conf"
	is "what was in force" "$(all_of)" "$before"
	gives "the unit" 0 systemctl -q is-active portacl
	# Status 7, which is a success here, too.
	: >/var/lib/extrausers/passwd
	gives "reload without a user" 0 systemctl reload portacl
	gives "the unit then" 0 systemctl -q is-active portacl
	has "the log then" "$(said portacl)" "lena.* no longer|lena.* gone|no such user.*lena|lena.*not exist"
	is "his port" "$(binds 61002 81)" EACCES
	cp /var/lib/extrausers/passwd.later /var/lib/extrausers/passwd
	end

	begin "boot, a bad file"
	systemctl stop portacl
	rmmod portacl
	mv "$boot_file" /run/good.conf
	printf 'allow user web 80\nalow user web 443\n' >"$boot_file"
	gives "start" 1 systemctl start portacl
	look portacl
	is "the unit" "$(unit portacl ActiveState) $(unit portacl ExecMainStatus)" \
		"failed 4"
	has "the log" "$(said portacl)" "50-local.conf:2:1: .*alow"
	is "a low port" "$(binds 61001 80)" EACCES
	gives "what comes after it" 0 systemctl start sysinit.target multi-user.target
	mv /run/good.conf "$boot_file"
	gives "start with a good one" 0 systemctl start portacl
	is "a low port then" "$(binds 61001 80)" bound
	end

	begin "boot, no module"
	systemctl stop portacl
	rmmod portacl
	mv "/lib/modules/$(uname -r)/updates/portacl.ko" /run/
	gives "start" 1 systemctl start portacl
	look portacl
	is "the unit" "$(unit portacl ActiveState) $(unit portacl ExecMainStatus)" \
		"failed 3"
	has "the log" "$(said portacl)" "module is not loaded"
	systemctl start portacl-users
	look portacl-users
	is "the second pass" "$(unit portacl-users ConditionResult)" no
	mv /run/portacl.ko "/lib/modules/$(uname -r)/updates/"
	gives "start with it" 0 systemctl start portacl
	end

	begin "boot, a grant of a unit"
	is "before" "$(binds 61009 82)" EACCES
	gives "start" 0 systemctl start tied
	await test -s /run/tied/ready
	gives "the unit" 0 systemctl -q is-active tied
	gives "who listens" 0 listens tcp 82
	has "the rule" "$(rules)" '^allow user 61009 82/tcp$'
	is "somebody else" "$(binds 61001 82)" EACCES
	gives "apply meanwhile" 0 portaclctl apply
	has "the rule then" "$(rules)" '^allow user 61009 82/tcp$'
	gives "stop" 0 systemctl stop tied
	is "after stop" "$(binds 61009 82)" EACCES
	gives "the unit after stop" 1 systemctl -q is-failed tied

	systemctl start tied
	await test -s /run/tied/ready
	systemctl kill --signal=KILL tied
	await is_failed tied
	is "after a kill" "$(binds 61009 82)" EACCES
	is "the rule after a kill" "$(rules | grep -c 82/tcp)" 0

	# Its port is taken, so that it fails by itself.
	tests/vm/programs/hold_ports /run/taken stubborn tcp,::,82 &
	taken=$!
	await test -s /run/taken
	systemctl reset-failed tied
	systemctl start tied
	await is_failed tied
	end_process "$taken"
	is "after a failure" "$(binds 61009 82)" EACCES
	is "what is left in the file" "$(grep -c 82 /run/portacl.d/60-runtime.conf)" 0
	end
}

if grep -qw noportacl /proc/cmdline; then
	booted_without
else
	booted
fi
