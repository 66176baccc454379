# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # sourced by tests/vm/suite
#
# query, explain and who, against what really happens at a bind.

begin "explain"

# The machine's own files are only the guest's here.
rm -rf /etc/portacl.d /run/portacl.d /usr/lib/portacl.d
saved=/etc/portacl.d/50-local.conf
grep -q '^web:' /etc/passwd || useradd -K UID_MAX=99999 -K GID_MAX=99999 --uid 61001 --user-group web
grep -q '^eve:' /etc/passwd || useradd -K UID_MAX=99999 -K GID_MAX=99999 --uid 61009 --user-group eve
grep -q '^couriers:' /etc/group || groupadd --gid 62001 couriers
gpasswd --add web couriers >/dev/null

# put LINE...: into the file, and into force.
put() {
	mkdir -p "${saved%/*}"
	printf '%s\n' "$@" >"$saved"
	gives "load $*" 0 portaclctl load
}

# answers PORT "USER..." "ADDRESS..." LINE...
answers() {
	local port=$1 users=$2 addresses
	read -ra addresses <<<"$3"
	shift 3
	put "mode enforce" "strict off" "$@"
	program "$*" tests/vm/lib/compare_answers "$port" "$users" \
		"${addresses[@]}"
}

as_nobody() {
	setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
}

run_answers() {
	need_unloaded
	insmod "$PORTACL_KO"
	answers 443 "web eve root" "" "allow group couriers 443/tcp" \
		"allow eve 443/udp on 127.0.0.0/8"
	answers 443 "web eve" "127.0.0.1 127.0.0.2" "allow any 443" \
		"deny group couriers 443/udp" "deny eve 443 on 127.0.0.2"
	answers 443 "web eve" "127.0.0.2" "allow web 443 on 127.0.0.0/8" \
		"deny any 443 on 127.0.0.2" "allow eve 443 until 2001-01-01"
	answers 8080 "web eve" "" "reserve 8080" "allow group couriers 8080/tcp"
	answers 8080 "web root" "127.0.0.1" "strict on" "deny any 8080/udp" \
		"deny web 8080/tcp on 127.0.0.1"
	answers 443 "eve root" "" "strict on" "allow root 443/tcp"
	answers 8080 "web root" "" "mode permissive" "strict on" "reserve 8080"
	answers 443 "web root" "" "mode off" "allow web 443"
}

run_differences() {
	put "mode enforce" "strict off" "allow web 443"
	gives "no difference" 0 portaclctl query web 443
	is "no difference" "$(grep -c differ <<<"$output")" 0
	echo "allow eve 443" >>"$saved"
	gives "a difference" 1 portaclctl query eve 443
	has "a difference" "$output" 'files differ.*would be: allowed'
	gives "a difference" 1 portaclctl explain eve 443
	has "a difference" "$output" '^  portaclctl apply$'
	gives "a difference" 0 portaclctl who 443
	has "a difference" "$output" 'files differ'
	is "who before" "$(grep -c '^user eve' <<<"$output")" 0
	gives "load" 0 portaclctl load
	gives "the difference gone" 0 portaclctl query eve 443
	has "who after" "$(portaclctl who 443)" '^user eve '

	sysctl -q net.ipv4.ip_unprivileged_port_start=443
	gives "the boundary" 0 portaclctl query nobody 443
	gives "the boundary" 1 portaclctl query nobody 442
	has "the boundary" "$(portaclctl explain nobody 442)" \
		'ports below 443 are privileged'
	sysctl -q net.ipv4.ip_unprivileged_port_start=1024

	gives "another network namespace" 0 unshare --net \
		portaclctl query web 443
	has "another network namespace" "$output" 'namespace of its own'
}

# Everybody may ask, and gets the same answer.
run_unprivileged() {
	local command
	for command in "query web 443" "explain web 443" "who 443" list status \
		"query web 443 --json" "explain web 443 --json" "who 443 --json"; do
		# shellcheck disable=SC2086 # words
		is "as nobody: $command" "$(as_nobody portaclctl $command 2>&1)" \
			"$(portaclctl $command 2>&1)"
	done
	gives "as nobody" 0 as_nobody portaclctl query web 443
	gives "as nobody" 1 as_nobody portaclctl explain nobody 443
	# Neither is there to change anything.
	is "rules" "$(cat /sys/kernel/portacl/rule_count)" 2
}

run_as_everybody_tries_it() {
	rm -rf /etc/portacl.d /run/portacl.d
	gives "load" 0 portaclctl load
	gives "allow for a while" 0 portaclctl allow nobody 443 --for 10m
	gives "explain, granted" 0 portaclctl explain nobody 443/tcp
	has "explain, granted" "$output" \
		'=> +allow +allow user nobody 443 until .*Z +# /run/portacl.d/60-runtime.conf:[0-9]+$'
	gives "explain, refused" 1 portaclctl explain games 80
	has "explain, refused" "$output" 'port 80 is privileged: refused'
	has "explain, refused" "$output" '^  portaclctl allow user games 80$'
	gives "who" 0 portaclctl who 443
	has "who" "$output" '^user nobody +443 +until '
	# What it advises is what helps.
	gives "the advice" 0 portaclctl allow user games 80
	gives "the advice" 0 portaclctl query games 80

	rmmod portacl
	gives "without the module" 0 portaclctl explain games 80
	has "without the module" "$output" 'not what is in force'
	has "without the module" "$(portaclctl who 80 2>&1)" \
		'not what is in force'
}

run_answers
run_differences
run_unprivileged
run_as_everybody_tries_it
need_unloaded
gpasswd --delete web couriers >/dev/null
rm -rf /etc/portacl.d /run/portacl.d
end
