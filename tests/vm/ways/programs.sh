# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # sourced by tests/vm/lib/ways.sh
#
# Real programs of ordinary users, in whatever language.

readonly programs_user=61001 programs_other=61002
readonly as_programs_user=(setpriv "--reuid=$programs_user"
	"--regid=$programs_user" --clear-groups)
readonly refused='[Pp]ermission denied'

# page HOST PORT: what a web server there answers, the last line of it.
page() (
	exec 2>/dev/null {server}<>"/dev/tcp/$1/$2" || exit 0
	printf 'GET / HTTP/1.0\r\n\r\n' >&"$server"
	line=
	while IFS= read -r -t "$await_seconds" -u "$server" next; do
		line=$next
	done
	echo "$line"
)

# serves WHAT PORT TEXT: on both families.
serves() {
	is "$1: page by IPv4" "$(page 127.0.0.1 "$2")" "$3"
	is "$1: page by IPv6" "$(page ::1 "$2")" "$3"
}

# listen_answer WHAT ADDRESS PATTERN: how the server answers when it is told to
# listen there.
listen_answer() {
	local line='no answer'
	echo "$2" >&"$to_server"
	read -r -t "$await_seconds" line <&"$from_server" || true
	has "$1" "$line" "$3"
}

# listening_program NAME COMMAND...: one of tests/vm/programs.
to_server='' from_server=''
listening_program() {
	local name=$1 pid
	shift
	add "allow user $programs_other 443/tcp" 'reserve 8443'
	coproc server { exec "${as_programs_user[@]}" "$@" 2>&1; }
	pid=$server_PID to_server=${server[1]} from_server=${server[0]}
	listen_answer "a port of another user" :443 "$refused"
	listen_answer "a reserved port" :8443 "$refused"
	add "allow user $programs_user 443,8443/tcp"
	listen_answer "a port of its own" :443 '^listening$'
	serves "the privileged port" 443 "served by $name"
	listen_answer "a reservation of its own" :8443 '^listening$'
	serves "the reserved port" 8443 "served by $name"
	listen_answer "a port of nobody" :444 "$refused"
	end_process "$pid"
}

programs_go() {
	[[ -x $programs/programs/serve ]] || {
		skip "no Go on the machine that builds"
		return 0
	}
	listening_program go "$programs/programs/serve"
}

programs_node() {
	[[ -x /usr/bin/node ]] || {
		skip "no node on this machine"
		return 0
	}
	listening_program node /usr/bin/node tests/vm/programs/serve.js
}

programs_java() {
	[[ -x /usr/bin/java && -f $programs/programs/Serve.class ]] || {
		skip "no Java on this machine, or none to build with"
		return 0
	}
	listening_program java /usr/bin/java -XX:TieredStopAtLevel=1 \
		-XX:+UseSerialGC -cp "$programs/programs" Serve
}

# nginx_start DIRECTORY PORT
nginx_start() {
	sed "s/PORT/$2/" tests/vm/programs/nginx.conf >"$1/nginx.conf"
	"${as_programs_user[@]}" nginx -p "$1" -c nginx.conf -e error.log
}

programs_nginx() {
	local dir pid port
	[[ -x /usr/sbin/nginx ]] || {
		skip "no nginx on this machine"
		return 0
	}
	dir=$(mktemp -d /tmp/programs.XXXXXX)
	chown $programs_user "$dir"
	add "allow user $programs_other 443/tcp" 'reserve 8443'
	for port in 443 8443; do
		gives "a foreign port $port" 1 nginx_start "$dir" $port
		has "nginx's reason for $port" "$output" \
			"bind\(\).*:$port failed \(13: $refused\)"
	done
	add "allow user $programs_user 443,8443/tcp"
	for port in 443 8443; do
		gives "a port of its own, $port" 0 nginx_start "$dir" $port
		serves "port $port" $port "served by nginx"
		pid=$(<"$dir/nginx.pid") || continue
		kill "$pid"
		await gone "$pid" || fail "nginx stays"
	done
	rm -r "$dir"
}

way programs/nginx programs_nginx "nginx on a user's own ports"
way programs/go programs_go "a static program in Go on a user's own ports"
way programs/node programs_node "node on a user's own ports"
way programs/java programs_java "Java on a user's own ports"
