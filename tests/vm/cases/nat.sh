# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # sourced by tests/vm/suite
#
# From a redirect of port 80 to a rule: the commands that import prints are run
# as they are, and a client in another network namespace is served before and
# after. What the module counts, as Prometheus reads it.

# shellcheck source=tests/vm/lib/await.sh
. tests/vm/lib/await.sh

begin "nat"

# The machine's own files are only the guest's here.
rm -rf /etc/portacl.d /run/portacl.d /usr/lib/portacl.d
grep -q '^web:' /etc/passwd || useradd -K UID_MAX=99999 -K GID_MAX=99999 --uid 61001 --user-group web

# serve PORT: as user web; the pid is left in $served.
serve() {
	local file=/run/served-port
	: >"$file"
	chmod 666 "$file"
	setpriv --reuid=web --regid=web --clear-groups \
		tests/vm/programs/hold_ports "$file" stubborn "tcp,0.0.0.0,$1" &
	served=$!
	await test -s "$file" || fail "nobody listens on $1"
	rm -f "$file"
}

# reached WHAT yes|no: whether the client gets to port 80.
reached() {
	local got=no
	# shellcheck disable=SC2016 # for the inner shell
	! ip netns exec client timeout 5 \
		bash -c 'exec 3<>/dev/tcp/192.0.2.1/80' 2>/dev/null || got=yes
	is "$1" "$got" "$2"
}

# The commands among the comments of the last output.
steps() {
	sed -n 's/^#     //p' <<<"$output"
}

# switch WHAT: what the administrator does with the last output.
switch() {
	steps >/run/nat-steps
	has "$1: its command" "$(</run/nat-steps)" '^(iptables|nft) '
	mkdir -p /etc/portacl.d
	printf '%s\n' "$output" >/etc/portacl.d/60-nat.conf
	gives "$1: check" 0 portaclctl check
	gives "$1: apply" 0 portaclctl apply
	end_process "$served"
	serve 80
	gives "$1: the steps" 0 sh -e /run/nat-steps
	reached "$1: after" yes
	gives "$1: nothing is left" 0 portaclctl -q import nat
	is "$1: nothing is left" "$output" ""
	end_process "$served"
	rm /etc/portacl.d/60-nat.conf
	gives "$1: apply nothing" 0 portaclctl apply
}

run_nat() {
	ip netns add client
	ip link add portacl0 type veth peer name portacl1 netns client
	ip addr add 192.0.2.1/24 dev portacl0
	ip link set portacl0 up
	ip -n client addr add 192.0.2.2/24 dev portacl1
	ip -n client link set portacl1 up
	need_loaded
	gives "nothing yet" 0 portaclctl doctor nat
	has "nothing yet" "$output" '^pass  nat'

	serve 8080
	reached "without a redirect" no
	iptables -t nat -A PREROUTING -p tcp --dport 80 -m comment \
		--comment "it's \$(reboot)" -j REDIRECT --to-ports 8080
	reached "iptables" yes
	gives "doctor" 0 portaclctl doctor nat
	has "doctor" "$output" '^warn  nat +80/tcp is redirected to port 8080'
	gives "iptables: import" 0 portaclctl -q import nat
	has "iptables: import" "$output" '^allow user web 80/tcp$'
	switch "iptables"

	serve 8080
	nft -f - <<-'EOT'
	table inet portacl_test {
		map ports { type inet_service : inet_service; elements = { 80 : 8080, 25 : 2525 } }
		chain first {
			type nat hook prerouting priority dstnat
			jump second
		}
		chain second {
			meta l4proto tcp redirect to :tcp dport map @ports
		}
	}
	EOT
	reached "nft" yes
	gives "nft: import" 0 portaclctl -q import nat
	has "nft: import" "$output" '^allow user web 80/tcp$'
	has "nft: import" "$output" '^#allow user NAME 25/tcp$'
	switch "nft"
	nft delete table inet portacl_test

	gives "allow" 0 portaclctl allow web 80/tcp
	iptables -A INPUT -p tcp --dport 80 -j DROP
	gives "doctor, dropped" 0 portaclctl doctor nat
	has "doctor, dropped" "$output" 'portacl allows it, but packets of IPv4 to 80/tcp are dropped by iptables'
	serve 80
	reached "dropped" no
	sed -n 's/^ \+\(iptables .* ACCEPT\)$/\1/p' <<<"$output" >/run/nat-fix
	gives "the fix of doctor" 0 sh -e /run/nat-fix
	reached "the fix of doctor" yes
	iptables -F INPUT
	end_process "$served"

	gives "unprivileged" 5 setpriv --reuid=web --regid=web --clear-groups \
		portaclctl -q import nat
	gives "unprivileged doctor" 0 setpriv --reuid=web --regid=web \
		--clear-groups portaclctl doctor nat
	has "unprivileged doctor" "$output" '^warn  nat'
}

metrics_parse() {
	python3 - "$1" <<-'EOT'
	import sys
	from prometheus_client.parser import text_string_to_metric_families as parse

	with open(sys.argv[1]) as file:
	    families = {family.name: family for family in parse(file.read())}
	for name, family in sorted(families.items()):
	    assert family.documentation and family.type in ("gauge", "counter"), name
	    for sample in family.samples:
	        print(sample.name, *sample.labels.values(), int(sample.value))
	EOT
}

run_metrics() {
	local file=/run/portacl-metrics
	mkdir -p "$file"
	file+=/portacl.prom
	need_loaded
	gives "metrics" 0 portaclctl stats "--prometheus=$file"
	is "its mode" "$(stat -c %a "$file")" 644
	gives "metrics are read" 0 metrics_parse "$file"
	has "loaded" "$output" '^portacl_loaded 1$'
	has "enforced" "$output" '^portacl_mode enforce 1$'
	has "hooked" "$output" '^portacl_hook_attached [_a-z0-9]+ 1$'
	has "counted" "$output" '^portacl_binds_total granted [1-9]'
	has "one rule" "$output" '^portacl_rules 1$'
	has "no drift" "$output" '^portacl_drift missing 0$'
	rmmod portacl
	gives "metrics without the module" 0 portaclctl stats "--prometheus=$file"
	gives "metrics are read" 0 metrics_parse "$file"
	is "not loaded" "$output" "portacl_loaded 0"
	rm -r "${file%/*}"
}

run_nat
run_metrics
ip netns del client
rm -rf /etc/portacl.d
end
