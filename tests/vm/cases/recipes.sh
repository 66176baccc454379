# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # sourced by tests/vm/suite
#
# The recipes of the README: each is run as it stands there, and the programs
# that it is about do what it promises.

begin "recipes"

# shellcheck source=tests/vm/lib/await.sh
. tests/vm/lib/await.sh

readonly -a recipe_users=(dev:61021 alice:61022 eve:61009 smtp:61023)
recipe_dir=

# block TITLE NUMBER: the indented lines of a recipe, those that stand together.
block() {
	awk -v title="### $1" -v wanted="$2" '
		/^##/ { inside = $0 == title; next }
		!inside { next }
		/^    / { if (!code) number++; code = 1 }
		!/^    / { code = 0 }
		code && number == wanted { print substr($0, 5) }' README.md
}

# follow TITLE NUMBER COMMAND...: runs a block of a recipe in a shell.
follow() {
	local title=$1 text
	text=$(block "$title" "$2")
	shift 2
	if [[ -z $text ]]; then
		fail "no such recipe in the README: $title"
		return
	fi
	gives "recipe '$title'" 0 "$@" bash -euc "cd $recipe_dir
		$text"
}

# as USER COMMAND...
as() {
	setpriv "--reuid=$1" "--regid=$(id -g "$1")" --init-groups "${@:2}"
}

# binds USER TRANSPORT PORT: "bound" or the error.
binds() {
	"$programs/bind_as" "$(id -u "$1")" "$(id -g "$1")" "$2" :: "$3" || true
}

recipe_begin() {
	local user
	rm -rf /etc/portacl.d /run/portacl.d /usr/lib/portacl.d /etc/authbind
	for user in "${recipe_users[@]}"; do
		grep -q "^${user%:*}:" /etc/passwd || useradd -K UID_MAX=99999 \
			-K GID_MAX=99999 --uid "${user#*:}" --user-group \
			"${user%:*}"
	done
	recipe_dir=$(mktemp -d /tmp/recipes.XXXXXX)
	chmod 755 "$recipe_dir"
	# Where sudo looks for programs.
	ln -sf "$(command -v portaclctl)" /usr/local/sbin/portaclctl
	need_loaded
}

recipe_end() {
	rmmod portacl
	rm -rf /etc/portacl.d "$recipe_dir"
}

# serve USER COMMAND...: a server in the background, whose pid is $server.
server=
serve() {
	local group
	group=$(id -g "$1")
	setpriv "--reuid=$1" "--regid=$group" --init-groups "${@:2}" \
		>"$recipe_dir/server.log" 2>&1 </dev/null &
	server=$!
}

# up WHAT TRANSPORT PORT
up() {
	await listens "$2" "$3" || fail "$1: $(<"$recipe_dir/server.log")"
}

page_is() {
	[[ $(curl -s http://localhost/) == "$1" ]]
}

silent() {
	! listens "$@"
}

recipe_development() {
	echo 'dev ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/dev
	is "before" "$(binds dev tcp 80)" EACCES
	follow "My own development machine" 1 as dev env USER=dev
	serve dev python3 -m http.server --bind :: --directory "$recipe_dir" 80
	up "a server of one's own" tcp 80
	gives "a page of it" 0 curl -sS http://localhost/
	end_process "$server"
	is "HTTP/3" "$(binds dev udp 443)" bound
	is "another user" "$(binds eve tcp 80)" EACCES
	rm /etc/sudoers.d/dev
}

recipe_web() {
	follow "A web server" 1
	mkdir "$recipe_dir/web"
	sed 's/PORT/80/' tests/vm/programs/nginx.conf >"$recipe_dir/web/nginx.conf"
	chown www-data "$recipe_dir/web"
	serve www-data nginx -p "$recipe_dir/web" -c nginx.conf -e error.log \
		-g 'daemon off;'
	up nginx tcp 80
	is "a page of nginx" "$(curl -sS http://localhost/)" "served by nginx"
	end_process "$server"
	is "HTTP/3" "$(binds www-data udp 443)" bound
	is "another port" "$(binds www-data tcp 22)" EACCES
	is "another user" "$(binds eve tcp 443)" EACCES
}

recipe_mail() {
	local line=
	follow "A mail server" 1
	serve smtp python3 -m aiosmtpd -n -l 127.0.0.1:25
	up aiosmtpd tcp 25
	exec {mail}<>/dev/tcp/127.0.0.1/25
	IFS= read -r -t "$await_seconds" -u "$mail" line || true
	has "its greeting" "$line" '^220 '
	exec {mail}>&-
	end_process "$server"
	is "submission" "$(binds smtp tcp 587)" bound
	is "another transport" "$(binds smtp udp 25)" EACCES
	is "another user" "$(binds eve tcp 25)" EACCES
}

recipe_dns() {
	follow "A DNS server" 1
	serve dnsmasq dnsmasq --keep-in-foreground --conf-file=/dev/null \
		--no-resolv --no-hosts --pid-file= --listen-address=127.0.0.1 \
		--bind-interfaces --address=/example/192.0.2.7
	up dnsmasq udp 53
	up dnsmasq tcp 53
	gives "a question" 0 busybox nslookup -type=a example 127.0.0.1
	has "its answer" "$output" '192\.0\.2\.7'
	end_process "$server"
	is "another user" "$(binds eve udp 53)" EACCES
}

recipe_shared() {
	local reserved
	follow "A range of ports for each user of a shared machine" 1
	is "the first port" "$("$programs/bind_as" 10001 10001 tcp :: 20020)" bound
	is "the last port" "$("$programs/bind_as" 10001 10001 udp :: 20039)" bound
	is "a neighbour's port" \
		"$("$programs/bind_as" 10001 10001 tcp :: 20040 || true)" EACCES
	is "somebody without ports" "$(binds eve tcp 20020)" EACCES
	is "a free port" "$(binds eve tcp 40000)" bound
	reserved=$(</proc/sys/net/ipv4/ip_local_reserved_ports)
	has "kept out of automatic choice" "$reserved" '32768-39999|20000-39999'
}

recipe_podman() {
	local pid
	# What a login as alice would have set.
	local -a as_alice=(env -i "HOME=$recipe_dir/alice"
		"XDG_RUNTIME_DIR=$recipe_dir/run" "PATH=$PATH" setpriv
		--reuid=alice --regid=alice --init-groups)
	if ! command -v podman >/dev/null || ! command -v slirp4netns >/dev/null; then
		skip "no podman, or no slirp4netns"
		return
	fi
	modprobe -q tun || true
	# As udev has it.
	chmod 0666 /dev/net/tun
	mount -t tmpfs -o mode=755 recipes "$recipe_dir"
	mkdir -p "$recipe_dir"/{alice/.config/containers,run,web/bin,web/www}
	cp "$(command -v busybox)" "$recipe_dir/web/bin"
	echo "served by a container" >"$recipe_dir/web/www/index.html"
	printf '[storage]\ndriver = "vfs"\n' \
		>"$recipe_dir/alice/.config/containers/storage.conf"
	printf '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "none"\n' \
		>"$recipe_dir/alice/.config/containers/containers.conf"
	chown -R alice: "$recipe_dir"/{alice,run,web}
	grep -q '^alice:' /etc/subuid || echo 'alice:6000000:65536' >>/etc/subuid
	grep -q '^alice:' /etc/subgid || echo 'alice:6000000:65536' >>/etc/subgid
	follow "Ports of rootless podman" 1
	"${as_alice[@]}" podman run --rm --name web --cgroups disabled --log-driver none \
		--network slirp4netns -p 80:8080 --rootfs "$recipe_dir/web" \
		/bin/busybox httpd -f -p 8080 -h /www \
		>"$recipe_dir/server.log" 2>&1 </dev/null &
	server=$!
	# Its port is there before its program is.
	await page_is "served by a container" || fail "no page of the container:" \
		"$(<"$recipe_dir/server.log")"
	# Its first process hears no other signal.
	"${as_alice[@]}" podman kill --signal KILL web >/dev/null
	wait "$server" 2>/dev/null || true
	await silent tcp 80 || fail "the container's port stays open"
	pid=$(<"$recipe_dir/run/libpod/tmp/pause.pid") && end_process "$pid" &&
		await gone "$pid" || fail "podman stays"
	is "another user" "$(binds eve tcp 80)" EACCES
	umount -l "$recipe_dir"
}

recipe_database() {
	follow "A port that only the database gets" 1
	is "while it is down" "$(binds eve tcp 6379)" EACCES
	serve redis redis-server --port 6379 --bind 127.0.0.1 --save '' \
		--dir "$recipe_dir"
	up redis tcp 6379
	is "the database's answer" "$(redis-cli ping)" PONG
	end_process "$server"
	is "once it is down again" "$(binds eve tcp 6379)" EACCES
}

# step FILE WORDS: runs the command with these words that an imported file has.
step() {
	local command
	command=$(sed -n 's/^#     //p' "/etc/portacl.d/$1" | grep -F -m 1 -- "$2") ||
		command="false # no step '$2' in $1"
	gives "step '$2'" 0 bash -c "$command"
}

recipe_authbind() {
	if ! command -v authbind >/dev/null; then
		skip "no authbind"
		return
	fi
	mkdir -p /etc/authbind/byport
	touch /etc/authbind/byport/83
	chown alice /etc/authbind/byport/83
	chmod 500 /etc/authbind/byport/83
	follow "Moving from authbind" 1
	is "without authbind" "$(binds alice tcp 83)" bound
	is "another port" "$(binds alice tcp 443)" EACCES
	is "another user" "$(binds eve tcp 83)" EACCES
	rm -r /etc/authbind
}

recipe_setcap() {
	local program=/opt/recipe-server
	cp "$(readlink -f /usr/bin/python3)" "$program"
	setcap cap_net_bind_service+ep "$program"
	serve alice "$program" -m http.server --bind :: --directory "$recipe_dir" 443
	up "a program with the capability" tcp 443
	follow "Moving from setcap" 1
	end_process "$server"
	step 60-setcap.conf "$program"
	is "the capability" "$(getcap "$program")" ""
	serve alice "$program" -m http.server --bind :: --directory "$recipe_dir" 443
	up "the program without it" tcp 443
	end_process "$server"
	is "another port" "$(binds alice tcp 80)" EACCES
	is "another user" "$(binds eve tcp 443)" EACCES
	rm "$program"
}

recipe_iptables() {
	iptables -t nat -A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 8080
	serve alice python3 -m http.server --bind :: --directory "$recipe_dir" 8080
	up "a program behind the redirect" tcp 8080
	follow "Moving from iptables" 1
	end_process "$server"
	step 60-nat.conf "-D PREROUTING"
	is "the redirect" "$(iptables -t nat -S PREROUTING)" "-P PREROUTING ACCEPT"
	serve alice python3 -m http.server --bind :: --directory "$recipe_dir" 80
	up "the program itself" tcp 80
	end_process "$server"
	is "another user" "$(binds eve tcp 80)" EACCES
}

recipe_begin
for recipe in development web mail dns shared podman database authbind \
	setcap iptables; do
	"recipe_$recipe"
	portaclctl -q -y flush
	rm -rf /etc/portacl.d /run/portacl.d
done
recipe_end
end
