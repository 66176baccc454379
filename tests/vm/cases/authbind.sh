# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # sourced by tests/vm/suite
#
# What authbind lets users bind, and what the rules made of its files do.

begin "authbind"

rm -rf /etc/portacl.d /run/portacl.d /usr/lib/portacl.d
grep -q '^web:' /etc/passwd || useradd -K UID_MAX=99999 -K GID_MAX=99999 --uid 61001 --user-group web
grep -q '^eve:' /etc/passwd || useradd -K UID_MAX=99999 -K GID_MAX=99999 --uid 61009 --user-group eve
grep -q '^couriers:' /etc/group || groupadd --gid 62001 couriers
authbind_files=/etc/authbind

# grant FILE OWNER MODE
grant() {
	: >"$authbind_files/$1"
	chown "$2" "$authbind_files/$1"
	chmod "$3" "$authbind_files/$1"
}

make_authbind_files() {
	local web eve
	web=$(id -u web) eve=$(id -u eve)
	mkdir -p "$authbind_files"/{byport,byaddr,byuid}
	rm -f "$authbind_files"/by*/*
	grant byport/80 web:root 500
	grant byport/81 root:couriers 710
	grant byport/82 root:root 755
	grant byport/83 root:root 644
	grant byport/84 eve:couriers 010
	grant byport/85 root:root 600
	setfacl -m u:web:x,g:couriers:x "$authbind_files/byport/85"
	grant byport/!587 web:root 500
	grant byport/588 web:root 500
	grant byaddr/127.0.0.1,90 web:root 500
	grant byaddr/0.0.0.0,91 web:root 500
	grant byaddr/::1,92 web:root 500
	grant byaddr/::,93 web:root 500
	grant byaddr/127.0.0.1:94 root:root 600
	printf '%s\n' 0.0.0.0/0:83,83 127.0.0.0/8:94,96 ::1,95 \
		127.0.0.2-127.0.0.5,97 ::/0,98 127.0.0.1,600 \
		>"$authbind_files/byuid/$web"
	printf '%s\n' 127.0.0.1,600-601 >"$authbind_files/byuid/!$eve"
}

# What of these a user can bind, each a line "USER TRANSPORT ADDRESS PORT". By
# authbind each takes a process, and those are slow here.
binds=$(mktemp)
cat >"$binds" <<'EOF'
import socket, sys
low, any4, other, low6, any6 = "127.0.0.1", "0.0.0.0", "127.0.0.2", "::1", "::"
wanted = {port: [low, any6] for port in (80, 81, 82, 83, 84, 85, 587, 588)}
wanted.update({
    90: [low, any4], 91: [low, any4, other, any6], 92: [low6, any6],
    93: [low, any4, low6, any6], 94: [low, other], 95: [low, low6], 96: [low],
    97: [low, other], 98: [low, any4, low6, any6], 600: [low], 601: [low]})
user, *ports = sys.argv[1:]
for port in map(int, ports or wanted):
    for address in wanted[port]:
        for kind in [socket.SOCK_STREAM] + [socket.SOCK_DGRAM] * (port == 80):
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            with socket.socket(family, kind) as s:
                try:
                    s.bind((address, port))
                    print(user, kind.name, address, port)
                except OSError:
                    pass
EOF
chmod 644 "$binds"

# bound_by COMMAND...: what they can bind, run by way of a command.
bound_by() {
	local user
	for user in web eve; do
		setpriv --reuid="$user" --regid="$user" --init-groups \
			"$@" python3 "$binds" "$user"
	done
	setpriv --reuid=eve --regid=eve --groups=62001 \
		"$@" python3 "$binds" courier 81 84 85
}

run_authbind() {
	local before after

	if ! command -v authbind >/dev/null; then
		fail "authbind is not installed"
		return
	fi
	need_unloaded
	make_authbind_files
	before=$(bound_by authbind)
	is "binds by authbind" "$(($(wc -l <<<"$before") > 25))" 1
	is "binds without it" "$(bound_by)" ""
	gives "doctor" 0 portaclctl doctor authbind
	has "doctor" "$output" 'warn +authbind'

	mkdir -p /etc/portacl.d
	portaclctl import authbind >/etc/portacl.d/60-authbind.conf 2>/dev/null
	gives "check" 0 portaclctl check
	need_loaded
	gives "apply" 0 portaclctl apply
	after=$(bound_by)

	# All that authbind granted is granted, but for who is refused where his
	# group is let in.
	is "no longer allowed" "$(comm -23 <(sort <<<"$before") <(sort <<<"$after"))" ""
	# A wildcard is said for all that it serves.
	is "allowed besides" "$(comm -13 <(sort <<<"$before") <(sort <<<"$after"))" \
		"$(sort <<-EOF
		web SOCK_STREAM 127.0.0.1 91
		web SOCK_STREAM 127.0.0.2 91
		web SOCK_STREAM 127.0.0.1 93
		web SOCK_STREAM 0.0.0.0 93
		web SOCK_STREAM ::1 93
		web SOCK_STREAM 127.0.0.1 98
		web SOCK_STREAM 0.0.0.0 98
		EOF
		)"
	rmmod portacl
	rm -rf /etc/portacl.d "$authbind_files"/by*/* "$binds"
	gives "doctor without files" 0 portaclctl doctor authbind
	has "doctor without files" "$output" 'pass +authbind'
}

run_authbind
end
