# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # sourced by tests/vm/suite
#
# The kernel has found a fault in ftrace and killed it: nothing is hooked and
# nothing is unhooked until the next boot, so that nothing can come after this.

portacl=/sys/kernel/portacl

# Low ports that no rule grants, whoever still judges.
strangers() {
	local transport address who got uid gid port
	for transport in tcp udp sctp; do
		for address in 127.0.0.1 ::1; do
			for who in '61009 62009 443' '61001 62009 80'; do
				read -r uid gid port <<<"$who"
				got=$("$programs/bind_as" "$uid" "$gid" \
					"$transport" $address "$port" || true)
				# What is left of SCTP's judgement knows no other.
				[[ $transport != sctp ]] || got=${got/EINVAL/EACCES}
				is "$1: $uid, $transport $address port $port" \
					"$got" EACCES
			done
		done
	done
}

states() {
	awk '{ print $2 }' "$portacl/hooks" | sort -u
}

# SCTP's own sockets hold its module, so that it goes by force only.
begin "sctp.ko by force"
if ! modprobe -q sctp; then
	skip "this kernel has no SCTP"
else
	need_loaded
	sctp_hooks() {
		sed -n 's/^sctp_[a-z_]* //p' "$portacl/hooks" | sort -u
	}
	is "hooks" "$(sctp_hooks)" attached
	rmmod -f sctp
	is "hooks when it has gone" "$(sctp_hooks)" absent
	modprobe sctp
	is "hooks when it has come again" "$(sctp_hooks)" attached
	gives "judged when it has come again" 0 "$programs/judged" by-all sctp
	rmmod -f sctp
	gives "rmmod without it" 0 rmmod portacl
	modprobe sctp
	gives "judged without the module" 0 "$programs/judged" by-kernel sctp
fi
end

begin "dead"
if [[ ! -e ${PORTACL_TEST_MODULES:-}/kill_ftrace.ko ]]; then
	skip "no module that kills ftrace was built for this kernel"
else
	need_loaded
	modprobe -q sctp
	gives "before" 0 "$programs/judged" by-all tcp udp
	is "the hooks before" "$(states)" attached

	insmod "$PORTACL_TEST_MODULES/kill_ftrace.ko"
	said=$(messages cat "$portacl/hooks")
	is "what is said" "$(grep -c 'ftrace is dead' <<<"$said")" 1
	is "the level of what is said" \
		"$(dmesg --level=emerg | grep -c 'portacl: ftrace is dead')" 1
	is "the hooks" "$(states)" dead
	is "what is said again" "$(messages cat "$portacl/hooks")" ""
	strangers "dead"
	# As nothing takes the calls out of the functions, they go on.
	is "granted" "$("$programs/bind_as" 61001 62009 tcp ::1 443 || true)" bound
	is "reserved" \
		"$("$programs/bind_as" 61009 62009 udp ::1 8443 || true)" EACCES
	is "denied" \
		"$("$programs/bind_as" 61001 62009 tcp 127.0.0.1 444 || true)" EACCES
	is "root" "$("$programs/bind_as" 0 0 tcp ::1 80 || true)" bound
	is "a free port" \
		"$("$programs/bind_as" 61009 62009 udp ::1 8444 || true)" bound

	gives "rmmod" 1 rmmod portacl
	has "rmmod" "$output" 'in use'
	is "the module after rmmod" "$(loaded && echo loaded)" loaded
	is "the hooks after rmmod" "$(states)" dead

	# The first line has nothing to refuse, and cannot be detached.
	echo off >"$portacl/mode"
	is "the hooks when off" "$(states)" dead
	strangers "off"
	echo enforce >"$portacl/mode"
	strangers "enforced again"
fi
end
