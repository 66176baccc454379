# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # sourced by tests/vm/suite
#
# Who has which port, and the end of those who have lost their grant.

# shellcheck source=tests/vm/lib/await.sh
. tests/vm/lib/await.sh

begin "ports"

# The machine's own files are only the guest's here.
rm -rf /etc/portacl.d /run/portacl.d /usr/lib/portacl.d
grep -q '^web:' /etc/passwd || useradd -K UID_MAX=99999 -K GID_MAX=99999 --uid 61001 --user-group web
grep -q '^eve:' /etc/passwd || useradd -K UID_MAX=99999 -K GID_MAX=99999 --uid 61009 --user-group eve
grep -q '^couriers:' /etc/group || groupadd --gid 62001 couriers

ports_pids=()

# ready_or_gone FILE PID
ready_or_gone() {
	[[ -s $1 ]] || gone "$2"
}

# hold UID GID meek|stubborn SOCKET...: its pid is left in $held.
hold() {
	local file=/run/held-ports.${#ports_pids[@]} uid=$1 gid=$2
	shift 2
	: >"$file"
	chmod 666 "$file"
	"${hold_in[@]}" setpriv --reuid="$uid" --regid="$gid" --clear-groups \
		tests/vm/programs/hold_ports "$file" "$@" &
	held=$!
	ports_pids+=("$held")
	await ready_or_gone "$file" "$held"
	[[ -s $file ]] || fail "$uid does not hold $*"
	rm -f "$file"
}
hold_in=()

# connects ADDRESS PORT [COMMAND...]: whether somebody listens.
connects() {
	local address=$1 port=$2
	shift 2
	# shellcheck disable=SC2016 # for the inner shell
	"$@" bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$address" "$port" 2>/dev/null
}

# reaches WHAT connected|refused ADDRESS PORT [COMMAND...]
reaches() {
	local what=$1 want=$2 got=refused
	shift 2
	! connects "$@" || got=connected
	is "$what" "$got" "$want"
}

# row PORT ADDRESS: the line of the last output that shows it.
row() {
	grep -F " $2 " <<<"$output" | grep "^$1 "
}

run_ports() {
	local sctp=() web root_pid eve_pid courier web2 stubborn
	need_unloaded
	insmod "$PORTACL_KO"
	gives "scope" 0 portaclctl scope all
	gives "a rule" 0 portaclctl allow web 443,444
	gives "a rule for another" 0 portaclctl allow eve 443
	gives "a group's rule" 0 portaclctl allow group couriers 446
	gives "its user's rule" 0 portaclctl allow group web 446
	grep -q '^SCTP ' /proc/net/protocols && sctp=('sctp,127.0.0.1,443')

	ip netns add blue
	ip -n blue link set lo up
	hold 61001 61001 stubborn shared,127.0.0.1,443 tcp,::1,443 \
		bound,127.0.0.1,444 "${sctp[@]}"
	web=$held
	hold 61001 61001 stubborn shared,127.0.0.1,443
	web2=$held
	hold 61001 61001 meek udp,127.0.0.1,443
	hold 61001 61001 stubborn udp,127.0.0.1,444
	stubborn=$held
	hold 0 0 stubborn tcp,127.0.0.2,443
	root_pid=$held
	hold 61009 61009 stubborn tcp,127.0.0.3,443
	eve_pid=$held
	hold 61001 62001 stubborn shared,127.0.0.1,446
	courier=$held
	hold 61001 61001 stubborn shared,127.0.0.1,446
	hold_in=(ip netns exec blue)
	hold 61001 61001 stubborn tcp,127.0.0.1,443
	hold_in=()

	gives "ports" 0 portaclctl ports
	has "a granted listener" "$(row 443/tcp 127.0.0.1)" \
		"hold_ports +$web +web +allow user web 443-444 +# /etc/portacl.d/50-local.conf:"
	has "the other of the two" "$(row 443/tcp 127.0.0.1)" " $web2 "
	has "over IPv6" "$(row 443/tcp ::1)" "$web +web +allow user web"
	has "UDP" "$(row 443/udp 127.0.0.1)" 'web +allow user web'
	has "root's" "$(row 443/tcp 127.0.0.2)" "$root_pid +root +capability"
	has "eve's" "$(row 443/tcp 127.0.0.3)" "$eve_pid +eve +allow user eve 443"
	has "by its group" "$(row 446/tcp 127.0.0.1)" "$courier +web +allow group couriers 446"
	has "another namespace" "$output" ' blue .* web +allow user web 443'
	has "how many lack a grant" "$output" ', 0 without a grant'
	if [[ ${#sctp[@]} -gt 0 ]]; then
		has "SCTP" "$(row 443/sctp 127.0.0.1)" "$web +web +allow user web"
	fi
	gives "JSON" 0 portaclctl ports --json
	is "JSON" "$(jq -r '.ports.sockets[] | select(.pid == '"$eve_pid"') |
		"\(.port) \(.state) \(.user) \(.granted)"' <<<"$output")" \
		"443 listening eve true"

	gives "an ordinary user's ports" 0 setpriv --reuid=61009 --regid=61009 \
		--clear-groups portaclctl ports
	has "his own" "$(row 443/tcp 127.0.0.3)" "hold_ports +$eve_pid +eve"
	has "another's" "$(row 443/tcp ::1)" ' - +- +web +allow user web'
	has "what he is told" "$output" 'run this as root'
	gives "an ordinary user's close" 5 setpriv --reuid=61009 \
		--regid=61009 --clear-groups portaclctl remove allow web 443,444 --close

	gives "a dry run" 0 portaclctl remove allow web 443,444 --close --dry-run
	has "a dry run" "$output" "would close: 443/tcp on ::1 of hold_ports \\(pid $web, user web\\)"
	has "a dry run" "$output" 'would interrupt: 443/udp'
	reaches "after the dry run" connected 127.0.0.1 443
	reaches "after the dry run, IPv6" connected ::1 443

	# Two of one user share the port, and one of them has lost its grant.
	gives "a group's close" 0 portaclctl remove allow group couriers 446 --close
	has "a group's close" "$output" "closed: 446/tcp on 127.0.0.1 of hold_ports \\(pid $courier,"
	is "how many are closed" "$(grep -c '^closed: ' <<<"$output")" 1
	reaches "the one that shared the port" connected 127.0.0.1 446

	gives "remove and close" 7 portaclctl remove allow web 443,444 --close
	is "how many are closed" "$(grep -c '^closed: ' <<<"$output")" 5
	has "closed by its program" "$output" '^closed: 443/udp on 127.0.0.1'
	has "not closed by its program" "$output" \
		"still open: 444/udp on 127.0.0.1 of hold_ports \\(pid $stubborn, user web\\): its program was interrupted"
	has "what to do" "$output" "stop its program: kill .*$stubborn"
	if [[ ${#sctp[@]} -gt 0 ]]; then
		has "SCTP is not closed" "$output" 'still open: 443/sctp .* the kernel cannot close'
	fi
	reaches "what was closed" refused 127.0.0.1 443
	reaches "what was closed, IPv6" refused ::1 443
	reaches "what was closed in the namespace" refused 127.0.0.1 443 \
		ip netns exec blue
	reaches "root's" connected 127.0.0.2 443
	reaches "eve's" connected 127.0.0.3 443
	is "the number while its program runs" \
		"$("$programs/bind_as" 0 0 tcp 127.0.0.1 443 || true)" EADDRINUSE

	gives "ports afterwards" 0 portaclctl ports
	has "who stays without a grant" "$(row 444/udp 127.0.0.1)" 'NO GRANT'
	has "what to do" "$output" 'stop its program'
	gives "nothing to close" 0 portaclctl allow web 445
	gives "nothing to close" 0 portaclctl remove allow web 445 --close
	has "nothing to close" "$output" 'no socket loses its grant'

	end_process "${ports_pids[@]}"
	ports_pids=()
	rmmod portacl
	gives "close without the module" 3 portaclctl remove allow eve 443 --close
	ip netns del blue
	rm -rf /etc/portacl.d /run/portacl.d
}

run_ports
end
