# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # sourced by tests/kernel/verify
#
# From which ports a server of NFS takes requests: whatever the boundary is, a
# port below 1024 is what it asks of a client, unless the export says otherwise.

readonly nfsd=/proc/fs/nfsd sunrpc=/proc/sys/sunrpc
nfs_dir='' nfs_options=''

# nfs_export OPTION...: the directory, anew.
nfs_export() {
	local IFS=,
	exportfs -o "rw,no_root_squash,fsid=0,no_subtree_check${*:+,$*}" \
		"127.0.0.1:$nfs_dir/export"
}

# nfs_client_port: what the connection to the server comes from.
nfs_client_port() {
	local near far state
	while read -r _ near far state _; do
		[[ $far != *:0801 || $state != 01 ]] || echo $((16#${near##*:}))
	done < <(cat /proc/net/tcp /proc/net/tcp6)
}

disconnected() {
	[[ -z $(nfs_client_port) ]]
}

# nfs_ports_from FIRST LAST: what the client may choose of.
nfs_ports_from() {
	echo "$1" >$sunrpc/min_resvport
	echo "$2" >$sunrpc/max_resvport
}

# nfs_mount [OPTION...]: without the help of mount.nfs, which asks a server more
# than it was told to.
nfs_mount() {
	local IFS=,
	timeout "$await_seconds" mount -i -t nfs \
		-o "addr=127.0.0.1,clientaddr=127.0.0.1,port=2049,$nfs_options${*:+,$*}" \
		127.0.0.1:/ "$nfs_dir/mount"
}

nfs_umount() {
	umount "$nfs_dir/mount" && await disconnected
}

# The newest version that this kernel was built with.
nfs_find_version() {
	local version
	for version in 4.2 4.1 4.0; do
		nfs_options=proto=tcp,sec=sys,vers=$version
		! nfs_mount 2>/dev/null || return 0
	done
	return 1
}

# nfs_from PORT mounted|refused [OPTION...]: a mount whose requests come from this
# port, or with "any" from what noresvport chooses.
nfs_from() {
	local port=$1 want=$2 status=0
	local what="a client's port $1${3:+, $3 export}"
	local -a options=()
	if [[ $port == any ]]; then
		options=(noresvport)
	else
		nfs_ports_from "$port" "$port"
	fi
	output=$(nfs_mount "${options[@]}" 2>&1) || status=$?
	if [[ $want == refused ]]; then
		has "$what: a mount" "${output:-mounted}" 'permission denied'
	else
		is "$what: a mount" "${output:-mounted}" mounted
	fi
	if ((status == 0)); then
		[[ $port == any ]] ||
			is "$what: the port" "$(nfs_client_port)" "$port"
		is "$what: a file" "$(<"$nfs_dir/mount/file")" served
		gives "$what: umount" 0 nfs_umount
	else
		gives "$what: end of connection" 0 await disconnected
	fi
}

# The ports on both sides of what the server asks for, and of the boundary.
nfs_ports() {
	local port
	local -A ports=([1]=1 [23]=1 [24]=1 [665]=1 [1023]=1 [1024]=1 [2000]=1)
	for port in $((boundary - 1)) "$boundary"; do
		((port < 1)) || ports[$port]=1
	done
	printf '%s\n' "${!ports[@]}" | sort -n
}

nfs_start() {
	nfs_dir=$(mktemp -d /tmp/nfs.XXXXXX)
	mkdir "$nfs_dir"/{export,mount,pipefs,clients}
	mount -t tmpfs export "$nfs_dir/export"
	echo served >"$nfs_dir/export/file"
	mount -t rpc_pipefs pipefs "$nfs_dir/pipefs"
	mount -t nfsd nfsd $nfsd
	# Knows that no client has been here before, which saves the first one
	# 90 seconds of grace.
	nfsdcld -F -p "$nfs_dir/pipefs" -s "$nfs_dir/clients" \
		2>"$nfs_dir/nfsdcld.log" &
	nfs_pids=($!)
	# Version 4 needs no rpcbind.
	echo '-2 -3 +4' >$nfsd/versions 2>/dev/null ||
		echo '-3 +4' >$nfsd/versions
	rpc.mountd -F -N 2 -N 3 2>"$nfs_dir/mountd.log" &
	nfs_pids+=($!)
	echo 'tcp 2049' >$nfsd/portlist
	echo 1 >$nfsd/threads
	await listens tcp 2049 || fail "nfsd does not listen"
}

nfs_stop() {
	exportfs -u "127.0.0.1:$nfs_dir/export"
	echo 0 >$nfsd/threads
	end_process "${nfs_pids[@]}"
	umount $nfsd "$nfs_dir/export" "$nfs_dir/pipefs"
	rm -r "$nfs_dir"
}

verify_nfs() {
	local program port was
	begin "NFS asks for a client's port below 1024"
	if ! grep -qw nfsd /proc/filesystems || ! grep -qw nfs4 /proc/filesystems; then
		skip "this kernel has no server or no client of NFS 4"
		return
	fi
	for program in rpc.mountd exportfs nfsdcld; do
		command -v $program >/dev/null && continue
		skip "no $program on this machine (package nfs-kernel-server)"
		return
	done
	was=("$(<$sunrpc/min_resvport)" "$(<$sunrpc/max_resvport)")
	# A closed connection would keep the one port there is for a minute.
	echo 0 >/proc/sys/net/ipv4/tcp_max_tw_buckets
	nfs_start
	nfs_export insecure
	nfs_ports_from 665 1023
	nfs_find_version || fail "no version can be mounted"
	gives "umount" 0 nfs_umount
	nfs_export
	while read -r port; do
		if ((port < 1024)); then
			nfs_from "$port" mounted
		else
			nfs_from "$port" refused
		fi
	done < <(nfs_ports)
	nfs_from any refused
	# That it was the port.
	nfs_export insecure
	nfs_from 1024 mounted insecure
	nfs_from any mounted insecure
	nfs_stop
	nfs_ports_from "${was[@]}"
	end
}
