# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # sourced by tests/vm/lib/ways.sh
#
# Reserved ports that the kernel would choose by itself, and the tool that keeps
# them out of its choice.

ipv4=/proc/sys/net/ipv4
kept_record=/run/portacl/local-reserved-ports

reserved_files=(/etc/portacl.d /run/portacl.d /usr/lib/portacl.d /run/portacl)

reserved_begin() {
	local dir
	reserved_range=$(cat $ipv4/ip_local_port_range)
	reserved_listed=$(cat $ipv4/ip_local_reserved_ports)
	reserved_saved=$(mktemp -d /run/reserved.XXXXXX)
	for dir in "${reserved_files[@]}"; do
		[[ -e $dir ]] || continue
		mkdir -p "$reserved_saved${dir%/*}"
		cp -a "$dir" "$reserved_saved${dir%/*}"
	done
	rm -rf "${reserved_files[@]}"
	echo >$ipv4/ip_local_reserved_ports
	echo 32768 60999 >$ipv4/ip_local_port_range
}

reserved_end() {
	local dir
	rm -rf "${reserved_files[@]}"
	for dir in "${reserved_files[@]}"; do
		[[ ! -e $reserved_saved$dir ]] ||
			cp -a "$reserved_saved$dir" "${dir%/*}"
	done
	rm -r "$reserved_saved"
	echo "$reserved_listed" >$ipv4/ip_local_reserved_ports
	echo "$reserved_range" >$ipv4/ip_local_port_range
}

listed() {
	cat $ipv4/ip_local_reserved_ports
}

uncovered="in ip_local_port_range and not in ip_local_reserved_ports"

reserved_list() {
	reserved_begin
	echo 39000,40001 >$ipv4/ip_local_reserved_ports
	is "the module on a reservation by the tool" \
		"$(messages portaclctl reserve 5432,40000-40002/tcp |
			grep -c "$uncovered")" 0
	has "the reservation" "$(rules)" '^reserve 5432,40000-40002/tcp$'
	is "listed" "$(listed)" 39000,40000-40002
	is "recorded" "$(cat $kept_record)" 40000,40002
	is "the module on a reservation without the tool" \
		"$(messages add "reserve 40010" | grep -c "$uncovered")" 1
	gives "another" 0 portaclctl reserve 40020/sctp
	has "another" "$output" '^kept out of automatic choice: 40010,40020 '
	is "listed with what came without the tool" "$(listed)" \
		39000,40000-40002,40010,40020

	# Somebody else's, from then on.
	echo "$(listed),50000" >$ipv4/ip_local_reserved_ports
	is "the module on a removal" \
		"$(messages portaclctl remove reserve 5432,40000-40002/tcp |
			grep -c "$uncovered")" 0
	is "listed after a removal" "$(listed)" 39000,40001,40010,40020,50000
	rm /etc/portacl.d/50-local.conf
	gives "load without a rule" 0 portaclctl load
	is "listed in the end" "$(listed)" 39000,40001,50000
	gives "the record in the end" 1 test -e $kept_record
	reserved_end
}

reserved_load() {
	reserved_begin
	echo 39000 >$ipv4/ip_local_reserved_ports
	need_unloaded
	gives "reserve without the module" 7 \
		portaclctl reserve 2000,40000-40002
	is "listed without the module" "$(listed)" 39000
	is "the module on a load" \
		"$(messages portaclctl load "$PORTACL_KO" |
			grep -c "$uncovered")" 0
	is "listed after load" "$(listed)" 39000,40000-40002
	echo 1024 32767 >$ipv4/ip_local_port_range
	gives "load with another range" 0 portaclctl load
	is "listed with another range" "$(listed)" 2000,39000
	gives "unload" 0 portaclctl unload --yes
	is "listed after unload" "$(listed)" 39000
	need_loaded
	reserved_end
}

# Lists that one write() cannot bring, of the reserved ports and of others; sums
# of them, as nobody reads a thousand ports.
reserved_long() {
	local IFS=, i
	local -a ours=({40001..41599..2}) others=({50001..51599..2})
	reserved_begin
	for i in 0 400; do
		echo "${others[*]:i:400}" |
			dd of=$ipv4/ip_local_reserved_ports bs=4095 \
				oflag=seek_bytes seek=1 conv=notrunc status=none
	done
	is "the list to begin with" "$(listed | cksum)" \
		"$(echo "${others[*]}" | cksum)"
	mkdir -p /etc/portacl.d
	for ((i = 0; i < 800; i += 50)); do
		echo "reserve ${ours[*]:i:50}"
	done >/etc/portacl.d/40-long.conf
	is "the module on a long list" \
		"$(messages portaclctl load | grep -c "$uncovered")" 0
	is "a long list" "$(listed | cksum)" \
		"$(echo "${ours[*]},${others[*]}" | cksum)"
	sed -i 1d /etc/portacl.d/40-long.conf
	gives "load with a rule less" 0 portaclctl load
	is "the list with a rule less" "$(listed | cksum)" \
		"$(echo "${ours[*]:50},${others[*]}" | cksum)"
	reserved_end
}

# Takes ports without naming one until there are no more: TCP by listen(), UDP
# by bind() of port 0, and listen() with IP_LOCAL_PORT_RANGE of one port.
reserved_take_all() {
	setpriv --reuid=61001 --regid=61001 --clear-groups \
		/usr/bin/python3 -c '
import socket, struct

def take(kind, get):
    ports = []
    sockets = []
    while len(ports) < 20:
        s = socket.socket(socket.AF_INET, kind)
        try:
            get(s)
        except OSError:
            break
        sockets.append(s)
        ports.append(s.getsockname()[1])
    return ",".join(str(port) for port in sorted(ports))

def only(port):
    s = socket.socket()
    try:
        s.setsockopt(socket.IPPROTO_IP, 51, struct.pack("I", port << 16 | port))
        s.listen()
    except OSError as error:
        return "refused" if error.errno == 98 else error.strerror
    return "got %d" % s.getsockname()[1]

print("listen", take(socket.SOCK_STREAM, lambda s: s.listen()))
print("bind", take(socket.SOCK_DGRAM, lambda s: s.bind(("", 0))))
print("range reserved:", only(40001))
print("range free:", only(40007))
'
}

reserved_chosen() {
	local text
	if [[ ! -x /usr/bin/python3 ]]; then
		skip "there is no python3"
		return
	fi
	reserved_begin
	echo 40000 40009 >$ipv4/ip_local_port_range
	text=$(reserved_take_all)
	has "chosen without a reservation" "$text" \
		'^listen 40000,40001,40002,40003,40004,40005,'
	has "chosen without a reservation" "$text" \
		'^bind 40000,40001,40002,40003,40004,40005,'
	gives "reserve" 0 portaclctl reserve 40000-40004
	add "allow user 61001 40001"
	text=$(reserved_take_all)
	has "listen() without bind()" "$text" \
		'^listen 40005,40006,40007,40008,40009$'
	has "bind() of port 0" "$text" '^bind 40005,40006,40007,40008,40009$'
	if grep -q 'Protocol not available' <<<"$text"; then
		skip "no IP_LOCAL_PORT_RANGE"
	else
		is "IP_LOCAL_PORT_RANGE, reserved" \
			"$(sed -n 's/^range reserved: //p' <<<"$text")" refused
		is "IP_LOCAL_PORT_RANGE, free" \
			"$(sed -n 's/^range free: //p' <<<"$text")" "got 40007"
	fi
	is "the owner by bind()" "$(bind_as 61001 61001 tcp 0.0.0.0 40001)" bound
	is "another by bind()" "$(bind_as 61009 61009 tcp 0.0.0.0 40001)" EACCES
	reserved_end
}

reserved_half() {
	reserved_begin
	gives "half" 0 portaclctl reserve 32768-46883
	gives "more than half" 4 portaclctl reserve 46884/udp
	has "more than half" "$output" '14117 of the 28232 ports .*more than half'
	is "rules" "$(rules)" "reserve 32768-46883"
	is "listed" "$(listed)" 32768-46883
	reserved_end
}

# Where it cannot be helped the rule is in force all the same.
reserved_elsewhere() {
	reserved_begin
	gives "a sysctl that is read-only" 0 unshare -m bash -c "
		mount --bind /proc/sys /proc/sys &&
		mount -o remount,ro,bind /proc/sys &&
		portaclctl reserve 40000"
	has "a sysctl that is read-only" "$output" '^warning: .*Read-only'
	gives "another network namespace" 0 unshare -n bash -c "
		portaclctl reserve 40001 &&
		echo its list: \$(cat $ipv4/ip_local_reserved_ports)"
	has "another network namespace" "$output" \
		'^warning: .*another network namespace'
	has "another network namespace" "$output" '^its list: *$'
	is "rules" "$(rules)" $'reserve 40000\nreserve 40001'
	is "listed" "$(listed)" ""
	reserved_end
}

way reserved/list reserved_list reserved ports in ip_local_reserved_ports
way reserved/load reserved_load load, unload, rmmod and another range
way reserved/long reserved_long lists longer than a page
way reserved/chosen reserved_chosen what listen and port 0 choose
way reserved/half reserved_half more than half of the range
way reserved/elsewhere reserved_elsewhere read-only sysctls, other namespaces
