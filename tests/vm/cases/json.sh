# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # sourced by tests/vm/suite
#
# What every command prints with --json is as the published schema has it.

begin "json"

rm -rf /etc/portacl.d /run/portacl.d /usr/lib/portacl.d /var/lib/portacl
json_texts=$(mktemp)

# answers STATUS ARGUMENT...: runs the tool and keeps what it prints.
answers() {
	local want=$1 status=0 errors
	shift
	errors=$(mktemp)
	output=$(portaclctl --json=short "$@" 2>"$errors") || status=$?
	is "status of $*" "$status" "$want"
	has "$*" "$output" '^\{"portacl"'
	printf '%s\n' "$output" >>"$json_texts"
	cat "$errors" >>"$json_texts"
	rm "$errors"
}

run_json() {
	local listener

	need_unloaded
	answers 3 status
	answers 7 allow nobody 443
	answers 0 load "$PORTACL_KO"
	answers 0 status
	answers 0 version
	answers 0 reserve 5432/tcp
	answers 0 deny games 8080 on 192.0.2.0/24 --for 10m
	answers 0 list
	answers 0 query nobody 443
	answers 1 query games 443/tcp
	answers 0 explain nobody 443/tcp
	answers 1 explain games 443 on 192.0.2.1
	answers 0 who 443
	answers 0 who 8080/tcp

	hold_port 443 listener
	answers 0 ports
	is "the program on the port" "$(jq -r '.ports.sockets[] |
		select(.port == 443) | .program' <<<"$output")" python3
	answers 0 remove allow nobody 443 --close --dry-run
	kill "$listener"
	wait "$listener" || true

	setpriv --reuid=5 --regid=60 --clear-groups python3 -c '
import socket
try:
    socket.socket().bind(("", 443))
except PermissionError:
    pass'
	answers 0 log -n 5
	answers 0 suggest
	answers 0 stats

	echo 'allow user nobody 444' >>/etc/portacl.d/50-local.conf
	answers 0 check
	answers 1 diff
	answers 0 apply --dry-run
	answers 0 apply
	answers 0 diff
	answers 0 cat-config
	answers 0 mode permissive
	answers 0 mode
	answers 0 mode enforce
	answers 0 strict
	answers 0 scope
	answers 0 lock status
	answers 0 lock --dry-run
	answers 0 remove allow nobody 444
	answers 0 flush --yes
	answers 0 unload --yes

	is "texts that the schema does not allow" \
		"$(tests/cli/check-json "$json_texts" | grep '^FAILED')" ""
	rm -rf "$json_texts" /etc/portacl.d /run/portacl.d /var/lib/portacl
}

# hold_port PORT VARIABLE: nobody listens there, by the process that the variable
# then has.
hold_port() {
	local -n holder=$2
	local ready
	ready=$(mktemp -u)
	mkfifo "$ready"
	setpriv --reuid=65534 --regid=65534 --clear-groups python3 -c '
import signal, socket, sys
s = socket.socket()
s.bind(("", int(sys.argv[1])))
s.listen()
print(flush=True)
signal.pause()' "$1" >"$ready" &
	holder=$!
	read -r <"$ready"
	rm "$ready"
}

run_json
end
