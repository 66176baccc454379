# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # sourced by tests/vm/suite
#
# Refusals and changes, from the kernel to the command that helps.

begin "log"

# shellcheck source=tests/vm/lib/await.sh
. tests/vm/lib/await.sh

rm -rf /etc/portacl.d /run/portacl.d /usr/lib/portacl.d
grep -q '^web:' /etc/passwd || useradd -K UID_MAX=99999 -K GID_MAX=99999 --uid 61001 --user-group web
grep -q '^eve:' /etc/passwd || useradd -K UID_MAX=99999 -K GID_MAX=99999 --uid 61009 --user-group eve
log_dir=$(mktemp -d)

# bind_as NAME TRANSPORT ADDRESS PORT
bind_as() {
	"$programs/bind_as" "$(id -u "$1")" "$(id -g "$1")" "$2" "$3" "$4" || true
}

as_eve() {
	setpriv --reuid=61009 --regid=61009 --clear-groups "$@"
}

log_has() {
	output=$(portaclctl log -n "$1" 2>&1) && grep -Eq -- "$2" <<<"$output"
}

# shows WHAT N PATTERN: whether it is in the last N events, in a moment: the
# journal gets them later than the kernel log. Leaves them in $output.
shows() {
	if await log_has "$2" "$3"; then
		pass
	else
		fail "$1: no '$3' in '$output'"
	fi
}

# helps WHAT NAME TRANSPORT ADDRESS PORT: the bind is refused, and the commands
# that log then shows make it succeed.
helps() {
	local what=$1 command
	shift
	is "$what, before" "$(bind_as "$@")" EACCES
	shows "$what" 1 "refused: user $1 \(uid [0-9]+\) $4/$2 on $3, bind_as \(pid [0-9]+\): "
	while read -r command; do
		gives "$what, $command" 0 sh -c "$command"
	done < <(sed -n 's/^  portaclctl/portaclctl/p' <<<"$output")
	is "$what, after" "$(bind_as "$@")" bound
}

# No rules, and the limit of how many refusals are recorded begins anew.
begin_anew() {
	rm -rf /etc/portacl.d /run/portacl.d
	need_unloaded
	need_loaded
}

# Whatever the records come from.
some_refusals() {
	begin_anew
	helps "no rule" web udp 127.0.0.1 443
	portaclctl -q deny any 444
	helps "denied and privileged" eve tcp 0.0.0.0 444
	portaclctl -q scope all
	shows "a setting" 1 'changed: generation [0-9]+: scope all, by root \(portaclctl\)$'
	portaclctl -q scope init
}

# Every reason there is.
refusals() {
	begin_anew
	helps "no rule" web tcp 0.0.0.0 443
	helps "no rule, udp" web udp :: 443
	helps "one address" web tcp 127.0.0.1 80
	is "another address" "$(bind_as web tcp 127.0.0.2 80)" EACCES
	portaclctl -q reserve 8080
	helps "reserved" eve tcp :: 8080
	portaclctl -q deny any 8443
	portaclctl -q deny --force user eve 8000-9000/tcp
	helps "denied" eve tcp 0.0.0.0 8443
	portaclctl -q deny any 444
	helps "denied and privileged" eve tcp 0.0.0.0 444

	shows "changes" 20 'changed: generation [0-9]+: 1 added, 0 removed, [0-9]+ rules? in force, by root \(portaclctl\)$'
	has "changes" "$output" 'denied by: deny any 444$'
	gives "as JSON" 0 portaclctl log --json=short -n 3
	has "as JSON" "$output" '"event":"(refused|rules_changed)".*"event"'

	portaclctl -q mode permissive
	shows "a setting" 1 'changed: generation [0-9]+: mode permissive, by root'
	portaclctl -q deny any 8444
	is "permissive" "$(bind_as eve udp :: 8444)" bound
	shows "permissive" 1 'would be refused: user eve .* 8444/udp .*: denied by: deny any 8444'
	portaclctl -q remove deny any 8444
	portaclctl -q mode enforce
	portaclctl -q strict on --force
	helps "strict" web tcp :: 81
	portaclctl -q strict off
}

# How many are shown, and how they are followed.
follow() {
	local port pid status=0
	begin_anew
	for port in 601 602 603; do
		is "a refusal" "$(bind_as eve tcp :: "$port")" EACCES
	done
	shows "the last one" 1 ' 603/tcp'
	is "the last two" "$(portaclctl log -n 2 | grep -Eo ' 60[0-9]/tcp$' | tr -d '\n')" " 602/tcp 603/tcp"
	is "the last none" "$(portaclctl log -n 0)" ""

	portaclctl log -f -n 1 >"$log_dir/follow" &
	pid=$!
	await grep -q ' 603/tcp' "$log_dir/follow" || fail "log -f shows nothing"
	bind_as eve tcp :: 604 >/dev/null
	bind_as eve tcp :: 605 >/dev/null
	await grep -q '  portaclctl allow user eve 605/tcp' "$log_dir/follow" ||
		fail "log -f shows no new refusal"
	is "nothing before" "$(grep -c ' 602/tcp' "$log_dir/follow")" 0
	is "nothing twice" "$(grep -c ' 604/tcp on' "$log_dir/follow")" 1
	kill -TERM "$pid"
	wait "$pid" || status=$?
	is "log -f after SIGTERM" "$status" 0

	# Who reads no more ends it, although nothing comes.
	gives "log -f to a reader that ends" 0 timeout 60 bash -o pipefail -c \
		'portaclctl log -f -n 1 | head -n 1'
	has "log -f to a reader that ends" "$output" ' 605/tcp'
}

# What it prints is put into a file, as somebody would who has reviewed it.
suggestions() {
	begin_anew
	bind_as web tcp :: 70 >/dev/null
	bind_as web udp :: 70 >/dev/null
	bind_as web tcp 127.0.0.1 71 >/dev/null
	bind_as eve tcp :: 600 >/dev/null
	shows "the last refusal" 1 ' 600/tcp'
	gives "suggest" 0 portaclctl suggest
	has "suggest" "$output" '^allow user web .*70'
	has "suggest" "$output" '^allow user web .*71.*/tcp on 127.0.0.1$'
	has "suggest" "$output" '^# refused [0-9]+ times?, last .*, by bind_as$'
	is "suggest changes nothing" "$(cat /sys/kernel/portacl/rule_count)" 0
	is "suggest changes nothing" "$(bind_as web tcp :: 70)" EACCES
	mkdir -p /etc/portacl.d
	portaclctl suggest >/etc/portacl.d/60-suggested.conf
	gives "its rules" 0 portaclctl load
	is "suggested" "$(bind_as web tcp :: 70)" bound
	is "suggested" "$(bind_as web udp :: 70)" bound
	is "suggested" "$(bind_as web tcp 127.0.0.1 71)" bound
	is "suggested" "$(bind_as web tcp 127.0.0.2 71)" EACCES
	is "suggested" "$(bind_as eve tcp :: 600)" bound
	is "not suggested" "$(bind_as eve tcp :: 70)" EACCES
	gives "suggest again" 0 portaclctl suggest
	is "allowed by now" "$(grep -c '^allow user web.*70' <<<"$output")" 0
	rm -rf /etc/portacl.d
	portaclctl -q load
}

counters() {
	gives "stats" 0 portaclctl stats
	has "stats" "$output" "^granted +$(cat /sys/kernel/portacl/stats/granted)  "
	has "stats" "$output" "^no_rule +$(cat /sys/kernel/portacl/stats/no_rule)  "
	gives "stats for everybody" 0 as_eve portaclctl stats
}

# Programs write into the kernel log, too.
forged() {
	echo '<5>portacl: refused: op=bind verdict=no_rule permissive=0 rule="" proto=tcp laddr=:: lport=666 uid=0 gid=0 auid=0 pid=1 comm="forged"' >/dev/kmsg
	bind_as eve tcp :: 607 >/dev/null
	shows "what comes after a forged record" 1 ' 607/tcp'
	is "a forged record" "$(portaclctl log | grep -c forged)" 0
}

unprivileged() {
	local restrict
	restrict=$(cat /proc/sys/kernel/dmesg_restrict)
	echo 1 >/proc/sys/kernel/dmesg_restrict
	gives "log of an ordinary user" 5 as_eve portaclctl log
	has "log of an ordinary user" "$output" '^hint: run it as root'
	gives "suggest of an ordinary user" 5 as_eve portaclctl suggest
	echo 0 >/proc/sys/kernel/dmesg_restrict
	gives "log where everybody may read it" 0 as_eve portaclctl log
	echo "$restrict" >/proc/sys/kernel/dmesg_restrict
}

# with_audit COMMAND...: with records in place of kernel messages. Without a
# daemon the kernel prints them, no more than the limit for all lets it.
with_audit() {
	local limit
	if ! "$programs/audit_switch" 1; then
		skip "audit cannot be enabled"
		return
	fi
	limit=$(cat /proc/sys/kernel/printk_ratelimit)
	echo 0 >/proc/sys/kernel/printk_ratelimit
	"$@"
	echo "$limit" >/proc/sys/kernel/printk_ratelimit
	"$programs/audit_switch" 0
}

# What auditd would have written.
audit_file() {
	mkdir -p /var/log/audit
	cat >/var/log/audit/audit.log <<-EOT
		type=AVC msg=audit($(date +%s).999:77): lsm=portacl action=refused op=bind verdict=no_rule permissive=0 rule="" proto=sctp laddr=:: lport=999 uid=61009 gid=61009 auid=4294967295 pid=7 comm="x"
	EOT
	gives "the file of auditd" 0 portaclctl log -v
	has "the file of auditd" "$output" '^reading /var/log/audit/audit.log$'
	has "the file of auditd" "$output" '^  portaclctl allow user eve 999/sctp$'
	rm -r /var/log/audit
}

# The real journald, which needs no systemd.
journal() {
	local pid restrict
	mkdir -p /run/systemd/journal /run/log/journal
	/lib/systemd/systemd-journald >/dev/null 2>&1 &
	pid=$!
	if ! await journal_read; then
		end_process "$pid"
		rm -rf /run/log/journal
		fail "journald does not run"
		return
	fi
	some_refusals
	forged
	# From the kernel log and from audit, and shown once.
	with_audit follow

	chgrp -R systemd-journal /run/log/journal
	chmod -R g+rX,o-rwx /run/log/journal
	restrict=$(cat /proc/sys/kernel/dmesg_restrict)
	echo 1 >/proc/sys/kernel/dmesg_restrict
	gives "the journal of an ordinary user" 5 as_eve portaclctl log
	gives "the journal of its group" 0 setpriv --reuid=61009 --regid=61009 \
		--groups "$(getent group systemd-journal | cut -d: -f3)" \
		portaclctl log -v
	has "the journal of its group" "$output" '^reading the systemd journal$'
	echo "$restrict" >/proc/sys/kernel/dmesg_restrict
	end_process "$pid"
	rm -rf /run/log/journal
}

journal_read() {
	grep -q 'systemd journal' <<<"$(portaclctl log -v -n 1 2>&1)"
}

run_log() {
	need_unloaded
	gives "stats without the module" 3 portaclctl stats
	need_loaded
	shows "the module" 1 'changed: module loaded, no rules yet'
	has "the source" "$(portaclctl log -v 2>&1)" '^reading the kernel log$'
	refusals
	follow
	forged
	suggestions
	counters
	unprivileged
	with_audit some_refusals
	audit_file
	journal
	need_unloaded
	gives "log without the module" 0 portaclctl log -n 1
	has "log without the module" "$output" 'changed: module unloaded, every rule has ended'
	rm -rf /etc/portacl.d /run/portacl.d
}

run_log
rm -r "$log_dir"
end
