# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # sourced by tests/vm/suite
#
# Policy files and the kernel: check, diff, apply, flush, a change on trial, and
# names that are not what they were.

begin "apply"

policy=/sys/kernel/portacl/policy
listed_ports=/proc/sys/net/ipv4/ip_local_reserved_ports
local_file=/etc/portacl.d/50-local.conf
names_file=/var/lib/portacl/names

# A fresh machine with two users, whatever ran before.
apply_setup() {
	rm -rf /etc/portacl.d /run/portacl.d /usr/lib/portacl.d /var/lib/portacl
	grep -q '^web:' /etc/passwd || useradd -K UID_MAX=99999 -K GID_MAX=99999 --uid 61001 --user-group web
	grep -q '^eve:' /etc/passwd || useradd -K UID_MAX=99999 -K GID_MAX=99999 --uid 61009 --user-group eve
	mkdir -p /etc/portacl.d
}

# In the shell itself: to start a program takes a tenth of a second here.
in_force() {
	local line all=
	while read -r line; do
		[[ $line == '#'* ]] || all+=,${line%% #*}
	done <$policy
	echo "${all#,}"
}

generation() {
	cat /sys/kernel/portacl/generation
}

as_eve() {
	setpriv --reuid=61009 --regid=61009 --clear-groups "$@"
}

# on_trial WHAT ARGUMENTS...: apply --confirm on a terminal of its own; once it
# asks, WHAT happens: y, n, nothing, HUP, KILL, close (of the terminal), or a
# command that runs before the answer is n.
on_trial() {
	python3 - "$@" <<-'EOT'
	import os, pty, signal, subprocess, sys
	what, arguments = sys.argv[1], sys.argv[2:]
	os.environ["NO_COLOR"] = "1"
	pid, terminal = pty.fork()
	if pid == 0:
	    os.execvp("portaclctl", ["portaclctl", "apply"] + arguments)
	text = b""
	def read():
	    global text
	    try:
	        more = os.read(terminal, 4096)
	    except OSError:
	        more = b""
	    text += more
	    return more
	while b"Keep it?" not in text and read():
	    pass
	if what in ("y", "n"):
	    os.write(terminal, what.encode() + b"\n")
	elif what in ("HUP", "KILL"):
	    os.kill(pid, getattr(signal, "SIG" + what))
	elif what == "close":
	    os.close(terminal)
	elif what != "nothing":
	    subprocess.run(what, shell=True, check=True)
	    os.write(terminal, b"n\n")
	while what != "close" and read():
	    pass
	status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
	print(status, text.decode(errors="replace").replace("\r\n", " | "))
	EOT
}

# Who puts it back holds the lock.
until_decided() {
	flock /run/portacl.lock true
}

run_files() {
	apply_setup
	need_unloaded
	echo 'allow web 443' >$local_file
	gives "apply without the module" 3 portaclctl apply
	gives "diff without the module" 3 portaclctl diff
	gives "flush without the module" 3 portaclctl flush --yes
	gives "anybody's check without the module" 0 as_eve portaclctl check
	has "check" "$output" '^ok: 1 rule'
	is "the module after check" "$(loaded && echo loaded)" ""

	insmod "$PORTACL_KO"
	gives "diff of an empty kernel" 1 portaclctl diff
	is "diff" "$output" "+ allow user web 443 # $local_file:1"
	gives "apply" 0 portaclctl apply
	is "after apply" "$(in_force)" "allow user 61001 443"
	gives "anybody's diff" 0 as_eve portaclctl diff
	gives "anybody's apply" 5 as_eve portaclctl apply

	local before
	before=$(generation)
	gives "apply of the same" 0 portaclctl apply
	has "apply of the same" "$output" '^already applied'
	is "the generation after it" "$(generation)" "$before"

	printf 'allow eve 80\nreserve 40000-40009\nallow eve 40000\nstrict on\n' \
		>>$local_file
	gives "apply --dry-run" 0 portaclctl apply -n
	is "the generation after a dry run" "$(generation)" "$before"
	gives "apply more" 0 portaclctl apply
	is "strict" "$(cat /sys/kernel/portacl/strict)" 1
	is "ports kept out" "$(cat $listed_ports)" 40000-40009
	echo 'allow web 70000' >/etc/portacl.d/90-bad.conf
	gives "apply of a mistake" 4 portaclctl apply
	is "rules after a mistake" "$(cat /sys/kernel/portacl/rule_count)" 4
	rm /etc/portacl.d/90-bad.conf

	gives "flush without an answer" 2 portaclctl flush
	gives "flush --dry-run" 0 portaclctl flush -n
	is "rules before flush" "$(cat /sys/kernel/portacl/rule_count)" 4
	gives "flush" 0 portaclctl flush --yes
	is "rules after flush" "$(in_force)" ""
	is "strict after flush" "$(cat /sys/kernel/portacl/strict)" 0
	is "ports after flush" "$(cat $listed_ports)" ""
	is "lines after flush" "$(wc -l <$local_file)" 5
	gives "flush again" 0 portaclctl flush
	has "flush again" "$output" '^already empty'

	gives "apply --replace" 0 portaclctl apply --replace - <<<'allow eve 81'
	is "replaced" "$(in_force)" "allow user 61009 81"
	gives "apply --replace of a mistake" 4 \
		portaclctl apply --replace - <<<'allow eve 0'
	is "still replaced" "$(in_force)" "allow user 61009 81"
	rmmod portacl
}

run_trial() {
	local before what

	apply_setup
	need_loaded
	echo 0 >/sys/kernel/portacl/strict
	printf 'allow web 443\nreserve 40000\nallow web 40000\n' >$local_file
	gives "apply" 0 portaclctl apply
	before=$(in_force)
	printf 'allow eve 22\nreserve 41000\nallow eve 41000\nmode permissive\n' \
		>$local_file
	for what in n nothing HUP KILL close; do
		has "trial: $what" "$(on_trial "$what" --confirm=2)" \
			"$([[ $what == KILL ]] && echo '^-9 ' || echo '^1 ')"
		until_decided
		is "trial: $what, rules" "$(in_force)" "$before"
		is "trial: $what, mode" "$(cat /sys/kernel/portacl/mode)" enforce
		is "trial: $what, ports" "$(cat $listed_ports)" 40000
	done
	has "trial without a terminal" \
		"$(portaclctl apply --confirm=2 </dev/null 2>&1 || echo $?)" '^2$'

	# Nobody's change is lost, whoever was first.
	has "trial with a change" "$(on_trial \
		'portaclctl allow web 99 >/run/apply.out 2>&1 &
		until grep -q -e "-> FLOCK" /proc/locks; do :; done' \
		--confirm=60)" '^1 '
	until_decided
	wait
	await_rule "allow user 61001 99"
	is "a change that waited for a trial" \
		"$(in_force | tr , '\n' | grep -c '61001 99$')" 1
	sed -i '/allow web 99/d; /allow user web 99/d' $local_file

	has "trial: y" "$(on_trial y --confirm=60)" '^0 '
	is "trial: y, rules" "$(in_force)" \
		"allow user 61009 22,allow user 61009 41000,reserve 41000"
	is "trial: y, ports" "$(cat $listed_ports)" 41000
	gives "diff after a trial" 0 portaclctl diff
	has "a trial of the same" "$(on_trial nothing --confirm=60)" \
		'^0 already applied'
	echo lock >>$local_file
	has "a trial of a lock" "$(on_trial nothing --confirm=60)" '^4 '
	is "locked" "$(cat /sys/kernel/portacl/locked)" 0
	rm -f /run/apply.out
	rmmod portacl
}

# await_rule RULE: until it is in force, for ten seconds at most.
await_rule() {
	local end=$((SECONDS + 10))
	until grep -q "^$1 " $policy || ((SECONDS > end)); do
		read -rt 0.1 <> <(:) || true
	done
}

run_names() {
	apply_setup
	need_loaded
	useradd -K UID_MAX=99999 -K GID_MAX=99999 --uid 61020 --user-group ghost
	printf 'allow web 443\nallow ghost 80\n' >$local_file
	gives "apply" 0 portaclctl apply
	has "the record" "$(cat $names_file)" '^user ghost 61020$'
	is "its mode" "$(stat -c %a $names_file)" 644

	usermod --uid 61021 ghost
	gives "check of a new uid" 0 as_eve portaclctl check
	has "check of a new uid" "$output" 'user ghost was 61020 .* is now 61021'
	gives "diff of a new uid" 1 portaclctl diff
	gives "apply of a new uid" 0 portaclctl apply
	has "apply of a new uid" "$output" 'user ghost was 61020 .* is now 61021'
	has "the new record" "$(cat $names_file)" '^user ghost 61021$'

	userdel ghost
	gives "status without the user" 0 portaclctl status
	has "status without the user" "$output" 'ghost was 61021'
	gives "apply without the user" 7 portaclctl apply
	is "rules without the user" "$(in_force)" "allow user 61001 443"
	gives "diff without the user" 0 portaclctl diff
	gives "a name that nobody knows" 4 portaclctl apply --replace - \
		<<<'allow nosuchuser 80'
	gives "the same, skipped" 7 portaclctl apply --skip-unresolved \
		--replace - <<<$'allow nosuchuser 80\nallow eve 81'
	is "what was not skipped" "$(in_force)" "allow user 61009 81"

	# Whoever asks for a name reads nsswitch.conf first.
	gives "apply --boot" 7 strace -qq -e trace=openat,connect \
		portaclctl apply --boot
	has "apply --boot" "$output" '/etc/passwd'
	is "who else was asked" \
		"$(grep -cE 'nsswitch|libnss|nscd|userdb' <<<"$output")" 0
	is "rules after --boot" "$(in_force)" "allow user 61001 443"
	rmmod portacl
}

# Killed at each of its writes, apply leaves the old policy or the new one, and
# the next one mends the rest.
run_killed() {
	local call now=40000 killed=0

	apply_setup
	need_loaded
	echo "reserve $now" >$local_file
	gives "apply" 0 portaclctl -q apply
	# One name after the other, as strace counts each by itself.
	for call in write fsync renameat unlink; do
		killed_at "$call"
	done
	is "calls to be killed at" "$((killed > 8))" 1
	rmmod portacl
}

# Each time the policy is to be another one: of the number after $now.
killed_at() {
	local call=$1 n status rules ports

	for ((n = 1; n < 50; n++)); do
		printf 'reserve %s\nallow web 443\n' $((now + 1)) >$local_file
		status=0
		# The shell itself would say who was killed.
		{
			strace -qq -o /dev/null -e trace="$call" \
				-e inject="$call:signal=KILL:when=$n" \
				portaclctl -q apply
		} 2>/dev/null || status=$?
		now=$((now + 1))
		((status != 0)) || return 0
		killed=$((killed + 1))
		rules=$(in_force)
		[[ $rules == *"reserve $((now - 1))" || $rules == *"reserve $now" ]] ||
			fail "killed at $call $n: in force: $rules"
		gives "apply after $call $n" 0 portaclctl -q apply
		is "rules after $call $n" "$(in_force)" \
			"allow user 61001 443,reserve $now"
		ports=$(<$listed_ports)
		[[ ,$ports, =~ [,-]${now}[,-] ]] ||
			fail "killed at $call $n: ports kept out: $ports"
	done
}

run_many() {
	apply_setup
	need_loaded
	awk 'BEGIN { for (i = 0; i < 100000; i++)
		print "allow", 100000 + i, 1 + i % 500 "/tcp" }' >$local_file
	gives "apply of 100000 rules" 0 portaclctl apply
	is "rules" "$(cat /sys/kernel/portacl/rule_count)" 100000
	sed -i '$d' $local_file
	gives "diff of one of 100000" 1 portaclctl diff
	is "diff of one of 100000" "$output" \
		"- allow user 199999 500/tcp # unresolved"
	rmmod portacl
}

if command -v portaclctl >/dev/null; then
	run_files
	run_trial
	run_names
	run_killed
	run_many
	rm -rf /etc/portacl.d /run/portacl.d /var/lib/portacl
else
	fail "there is no portaclctl"
fi
end
