# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # sourced by tests/vm/suite
#
# Other ways to open ports, from their use to a rule that takes their place.

# shellcheck source=tests/vm/lib/await.sh
. tests/vm/lib/await.sh

begin "import"

# The machine's own files are only the guest's here.
rm -rf /etc/portacl.d /run/portacl.d /usr/lib/portacl.d
grep -q '^web:' /etc/passwd || useradd -K UID_MAX=99999 -K GID_MAX=99999 --uid 61001 --user-group web
grep -q '^eve:' /etc/passwd || useradd -K UID_MAX=99999 -K GID_MAX=99999 --uid 61009 --user-group eve

import_place=/opt/portacl-import
import_rules=/etc/portacl.d/60-import.conf

# import_hold UID PYTHON TRANSPORT,ADDRESS,PORT...: its pid is left in $held.
import_hold() {
	local ready=$import_place/ready uid=$1 python=$2
	shift 2
	: >"$ready"
	chmod 666 "$ready"
	setpriv --reuid="$uid" --regid="$uid" --clear-groups "$python" -IS \
		tests/vm/programs/hold_ports "$ready" stubborn "$@" \
		2>/dev/null &
	held=$!
	await import_ready "$ready" "$held"
	[[ -s $ready ]]
}

import_ready() {
	[[ -s $1 ]] || gone "$2"
}

import_end() {
	kill "$held"
	wait "$held" 2>/dev/null || true
}

# The command of a step whose line has this word.
import_command() {
	grep '^#     [^ ]' "$import_rules" | grep -m 1 -F -- "$1" | cut -c 7-
}

# Puts what was printed into force.
import_take() {
	mkdir -p /etc/portacl.d
	printf '%s\n' "$output" >"$import_rules"
	gives "check what was imported" 0 portaclctl check "$import_rules"
}

import_setcap() {
	local server=$import_place/server

	need_unloaded
	cp "$(readlink -f /usr/bin/python3)" "$server"
	if ! setcap cap_net_bind_service+ep "$server"; then
		skip "capabilities of files are not supported here"
		return
	fi
	cp "$server" "$import_place/idle"
	setcap cap_net_bind_service,cap_net_raw+ep "$import_place/idle"
	import_hold 61001 "$server" tcp,0.0.0.0,443 udp,0.0.0.0,53 ||
		fail "the capability does not work"
	gives "import setcap" 0 portaclctl -q import setcap /opt
	has "who listens" "$output" '^allow user web 443/tcp$'
	has "who listens" "$output" '^allow user web 53/udp$'
	has "nobody runs it" "$output" '^#allow any 1-1023$'
	is "no more" "$(grep -c '^allow' <<<"$output")" 2
	import_take
	gives "doctor" 0 portaclctl doctor capabilities
	has "doctor" "$output" "warn +capabilities +$server has cap_net_bind_service=ep"
	import_end

	# What it says to do, and the rules take over.
	gives "the step" 0 bash -c "$(import_command "$server")"
	is "the capability" "$(getcap "$server")" ""
	gives "the other step" 0 bash -c "$(import_command "$import_place/idle")"
	is "another capability" "$(getcap "$import_place/idle")" \
		"$import_place/idle cap_net_raw=ep"
	gives "nothing is left" 0 portaclctl -q import setcap /opt
	is "nothing is left" "$output" ""
	import_hold 61001 "$server" tcp,0.0.0.0,443 && fail "without any right"
	gives "load" 0 portaclctl load "$PORTACL_KO"
	if import_hold 61001 "$server" tcp,0.0.0.0,443 udp,0.0.0.0,53; then
		pass
		import_end
	else
		fail "the rules do not do what the capability did"
	fi
	import_hold 61001 "$server" tcp,0.0.0.0,80 && fail "a port it never had"
	import_hold 61009 "$server" tcp,0.0.0.0,443 && fail "another user"
	rmmod portacl
}

import_sysctl() {
	local boundary=/proc/sys/net/ipv4/ip_unprivileged_port_start
	local file=/etc/sysctl.d/50-import-test.conf

	mkdir -p /etc/sysctl.d
	echo net.ipv4.ip_unprivileged_port_start=80 >"$file"
	put "$boundary" 80
	import_hold 61009 /usr/bin/python3 tcp,0.0.0.0,81 || fail "a lowered boundary"
	gives "doctor" 0 portaclctl doctor boundary
	has "doctor" "$output" 'warn +boundary .* is 80: everybody'
	gives "import sysctl" 0 portaclctl -q import sysctl
	has "who listens" "$output" '^allow user eve 81/tcp$'
	has "everybody" "$output" '^#allow any 80-1023$'
	import_take
	import_end
	gives "the file" 0 bash -c "$(import_command "$file")"
	is "the file" "$(<"$file")" ""
	gives "the boundary" 0 bash -c "$(import_command 'sysctl -w')"
	is "the boundary" "$(<"$boundary")" 1024
	gives "doctor" 0 portaclctl doctor boundary
	has "doctor" "$output" 'pass +boundary'
	gives "load" 0 portaclctl load "$PORTACL_KO"
	import_hold 61009 /usr/bin/python3 tcp,0.0.0.0,81 && import_end && pass
	import_hold 61009 /usr/bin/python3 tcp,0.0.0.0,82 && fail "more than it had"
	rmmod portacl
	rm "$file"
}

# What systemd itself makes of the drop-in.
import_ambient() {
	systemd-analyze security --offline=true --no-pager --json=short \
		/etc/systemd/system/import-test.service 2>&1 |
		grep -o 'Service process [a-z ]*ambient capabilities' || true
}

import_systemd() {
	local unit=/etc/systemd/system/import-test.service

	if ! command -v systemd-analyze >/dev/null; then
		skip "no systemd-analyze"
		return
	fi
	mkdir -p "$unit.d"
	printf '%s\n' '[Service]' User=web ExecStart=/bin/true \
		'AmbientCapabilities=CAP_NET_BIND_SERVICE' \
		'CapabilityBoundingSet=CAP_NET_BIND_SERVICE CAP_CHOWN' \
		SocketBindAllow=tcp:443 >"$unit"
	is "before" "$(import_ambient)" \
		"Service process receives ambient capabilities"
	gives "import systemd" 0 portaclctl -q import systemd import-test
	has "the rule" "$output" '^allow user web 443/tcp$'
	import_take
	sed -n 's/^#         //p' "$import_rules" >"$unit.d/zz-portacl.conf"
	is "after" "$(import_ambient)" \
		"Service process does not receive ambient capabilities"
	gives "nothing is left" 0 portaclctl import systemd import-test
	has "nothing is left" "$output" 'gives no user a right'
	rm -r "$unit" "$unit.d"
}

mkdir -p "$import_place"
import_setcap
rm -f "$import_rules"
import_sysctl
rm -f "$import_rules"
import_systemd
rm -rf "$import_place" "$import_rules"
end
