# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # sourced by tests/vm/suite
#
# The tool, from a saved rule to a bound port and back.

begin "tool"

# The machine's own files are only the guest's here.
rm -rf /etc/portacl.d /run/portacl.d /usr/lib/portacl.d
saved=/etc/portacl.d/50-local.conf
grep -q '^web:' /etc/passwd || useradd -K UID_MAX=99999 -K GID_MAX=99999 --uid 61001 --user-group web
grep -q '^eve:' /etc/passwd || useradd -K UID_MAX=99999 -K GID_MAX=99999 --uid 61009 --user-group eve
grep -q '^couriers:' /etc/group || groupadd --gid 62001 couriers

# bind_as NAME TRANSPORT PORT
bind_as() {
	"$programs/bind_as" "$(id -u "$1")" "$(id -g "$1")" "$2" :: "$3" || true
}

run_tool() {
	if ! command -v portaclctl >/dev/null; then
		fail "there is no portaclctl"
		return
	fi

	need_unloaded
	gives "allow without the module" 7 portaclctl allow web 443
	has "allow without the module" "$output" '[Nn]ot (yet )?in force|not loaded'
	has "the saved rule" "$(cat "$saved")" '^allow user web 443'
	is "a saved rule in force" "$(bind_as web tcp 443)" EACCES

	gives "load" 0 portaclctl load "$PORTACL_KO"
	is "a bind after load" "$(bind_as web tcp 443)" bound
	is "a bind after load" "$(bind_as web udp 443)" bound
	is "another user" "$(bind_as eve tcp 443)" EACCES
	is "another port" "$(bind_as web tcp 80)" EACCES
	gives "load when loaded" 0 portaclctl load "$PORTACL_KO"

	gives "list" 0 portaclctl list
	has "list" "$output" 'allow +user +web +443'
	gives "status" 0 portaclctl status
	has "status" "$output" 'loaded'
	gives "query, granted" 0 portaclctl query web 443
	gives "query, other port" 1 portaclctl query web 80
	gives "query, other user" 1 portaclctl query eve 443
	gives "query, transport" 0 portaclctl query web 443/udp

	gives "allow again" 0 portaclctl allow web 443
	is "rules after allow again" "$(cat /sys/kernel/portacl/rule_count)" 1
	gives "allow another" 0 portaclctl allow user web 80,8080/tcp
	is "tcp" "$(bind_as web tcp 80)" bound
	is "udp" "$(bind_as web udp 80)" EACCES
	gives "allow a group" 0 portaclctl allow group couriers 25,465,587/tcp
	is "member" "$("$programs/bind_as" 61009 62001 tcp :: 465 || true)" bound
	is "no member" "$(bind_as eve tcp 465)" EACCES
	gives "allow anybody" 0 portaclctl allow any 81
	is "anybody" "$(bind_as eve udp 81)" bound
	gives "remove for anybody" 0 portaclctl remove allow any 81
	is "nobody" "$(bind_as eve udp 81)" EACCES

	gives "allow until reboot" 0 portaclctl --runtime allow eve 82
	is "until reboot" "$(bind_as eve tcp 82)" bound
	has "saved until reboot" "$(cat /run/portacl.d/*.conf)" \
		'^allow user eve 82'
	is "saved for good" "$(grep -c 82 "$saved")" 0

	gives "unknown user" 4 portaclctl allow nosuchuser 443
	gives "port 0" 2 portaclctl allow web 0
	gives "port 65536" 2 portaclctl allow web 65536
	gives "open range" 2 portaclctl allow web 80-
	gives "no such rule" 4 portaclctl remove allow web 444
	gives "part of a rule" 4 portaclctl remove allow web 80/tcp
	is "the policy after mistakes" \
		"$(grep -vc '^#' /sys/kernel/portacl/policy)" 4
	gives "an ordinary user's allow" 5 \
		setpriv --reuid=61009 --regid=61009 --clear-groups \
		portaclctl allow eve 443
	gives "an ordinary user's list" 0 \
		setpriv --reuid=61009 --regid=61009 --clear-groups portaclctl list
	is "eve's wish" "$(bind_as eve tcp 443)" EACCES

	gives "remove" 0 portaclctl remove allow web 443
	is "after remove" "$(bind_as web tcp 443)" EACCES
	is "the file after remove" "$(grep -c '443' "$saved")" 0
	gives "query after remove" 1 portaclctl query web 443
	gives "allow once more" 0 portaclctl allow web 443
	is "after allow once more" "$(bind_as web tcp 443)" bound

	gives "unload" 0 portaclctl unload --yes
	is "the module after unload" "$(loaded && echo loaded)" ""
	is "after unload" "$(bind_as web tcp 443)" EACCES
	gives "remove without the module" 0 portaclctl remove allow web 443
	gives "allow without the module" 7 portaclctl allow web 443

	# As the next boot does, which forgets /run.
	rm -rf /run/portacl.d
	gives "load after a boot" 0 portaclctl load "$PORTACL_KO"
	is "after a boot" "$(bind_as web tcp 443)" bound
	is "after a boot, group" \
		"$("$programs/bind_as" 61009 62001 tcp :: 465 || true)" bound
	is "after a boot, runtime rule" "$(bind_as eve tcp 82)" EACCES
	gives "unload" 0 portaclctl unload --yes

	# The command that everybody will try, with a PATH that is everybody's.
	rm -rf /etc/portacl.d
	# shellcheck disable=SC2016 # for the inner shell
	gives "the short way" 0 env \
		PATH="$(dirname "$(command -v portaclctl)"):/usr/sbin:/usr/bin:/sbin:/bin" \
		sh -c 'insmod $PORTACL_KO &&
		portaclctl allow nobody 443 && portaclctl list &&
		setpriv --reuid=65534 --regid=65534 --clear-groups python3 -c "
import socket
s = socket.socket()
s.bind((\"\", 443))
print(\"bound\")"'
	has "the short way" "$output" '^bound$'
	has "the short way" "$output" 'allow +user +nobody +443'
	rmmod portacl
}

# Every command of the README up to its recipes, in its order, on an empty
# machine.
run_readme() {
	local command ran=0

	rm -rf /etc/portacl.d /run/portacl.d
	need_loaded
	while read -r command; do
		read -ra words <<<"$command"
		gives "README: $command" 0 "${words[@]}"
		ran=$((ran + 1))
	done < <(sed -n '/^## Recipes/q
		s/^    \(portaclctl [^#]*\)\(#.*\)\?$/\1/p' README.md)
	is "commands in the README" "$((ran > 15))" 1
	is "rules after the README" \
		"$(grep -c '^allow' /sys/kernel/portacl/policy)" 8
	is "a user denied by the README" \
		"$("$programs/bind_as" 61009 60 tcp :: 8081 || true)" EACCES
	gives "load after the README" 0 portaclctl load
	rm -rf /etc/portacl.d /run/portacl.d
	rmmod portacl
}

run_tool
run_readme
end
