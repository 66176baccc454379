# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Waiting for what other programs do; sourced, never run. In the shell itself:
# to start a program takes a tenth of a second in an emulated machine.

# How long anything is waited for before it counts as a failure.
await_seconds=120

# await COMMAND...: until it succeeds; fails when the time is up.
await() {
	local until=$((SECONDS + await_seconds))
	until "$@"; do
		((SECONDS < until)) || return 1
		sleep 0.05
	done
}

# listens tcp|udp PORT: whether anything does, on either family. A datagram
# socket may be connected, too.
listens() {
	local file near state port
	printf -v port ':%04X' "$2"
	for file in "/proc/net/$1" "/proc/net/${1}6"; do
		while read -r _ near _ state _; do
			[[ $near != *"$port" ]] || [[ $1 == tcp && $state != 0A ]] ||
				return 0
		done <"$file"
	done
	return 1
}

# put FILE TEXT: for checks of what a write answers.
put() {
	printf '%s\n' "$2" >"$1"
}

gone() {
	[[ ! -d /proc/$1 ]]
}

# end_process PID...: with all that it had open.
end_process() {
	kill "$@" 2>/dev/null || true
	wait "$@" 2>/dev/null || true
}
