# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # sourced by tests/vm/lib/ways.sh
#
# The kernel's own users of ports, with every port closed to programs: what it
# binds for those who may administer the network, or with a thread of its own,
# is left to it.

readonly users_stranger=61009

# plain_and_closed STAGE_FUNCTION: calls it with "plain" first, to show that
# what it tries works here, and then with "closed": everything reserved and
# strict on, in every network namespace.
plain_and_closed() {
	"$1" plain
	add 'reserve 1-65535'
	echo 1 >"$portacl/strict"
	echo all >"$portacl/scope"
	"$1" closed
}

# in_force STAGE: that programs meet the policy just when the kernel does not.
in_force() {
	local stranger='EACCES bound' root='bound bound'
	[[ $1 == plain ]] ||
		stranger='EACCES EACCES' root='EACCES EACCES'
	is "$1: binds of a stranger" "$(bind_here --as $users_stranger \
		tcp 127.0.0.1 600 udp :: 50000)" "$stranger"
	is "$1: binds of root" "$(bind_here \
		tcp :: 601 udp 127.0.0.1 50001)" "$root"
}

# disconnected PORT: nothing of this machine is connected to it any more.
disconnected() {
	local far port
	printf -v port ':%04X' "$1"
	while read -r _ _ far _; do
		[[ $far != *"$port" ]] || return 1
	done < <(cat /proc/net/tcp /proc/net/tcp6)
}

# is_privileged_client WHAT PORT: that something is connected to this port, and
# from ports below 1024 only.
is_privileged_client() {
	local near far state port answer=none
	printf -v port ':%04X' "$2"
	while read -r _ near far state _; do
		[[ $far == *"$port" && $state == 01 ]] || continue
		[[ $answer != none ]] || answer=privileged
		((16#${near##*:} < 1024)) || answer=$((16#${near##*:}))
	done < <(cat /proc/net/tcp /proc/net/tcp6)
	is "$1: ports of the client" "$answer" privileged
}

# NFS on this machine, with both versions. rpcbind and rpc.mountd bind ports of
# their own, as root's programs, and are there before those are closed.
readonly nfsd=/proc/fs/nfsd nlm_tcp=32803 nlm_udp=32769 mountd_port=20048
nfs_dir=

# nfs_mount WHAT SOURCE OPTIONS: without the help of mount.nfs, which may bind
# privileged ports of its own and is refused them as any program.
nfs_mount() {
	local file=$nfs_dir/mount/file
	gives "$1: mount" 0 timeout "$await_seconds" mount -i -t nfs \
		-o "addr=127.0.0.1,proto=tcp,port=2049,sec=sys,$3" \
		"127.0.0.1:$2" "$nfs_dir/mount"
	mountpoint -q "$nfs_dir/mount" || return 0
	gives "$1: write" 0 timeout "$await_seconds" busybox tee "$file" \
		<<<"by $1"
	is "$1: read" "$(<"$file")" "by $1"
	is "$1: at the server" "$(<"$nfs_dir/export/file")" "by $1"
	is_privileged_client "$1" 2049
	gives "$1: umount" 0 umount "$nfs_dir/mount"
	gives "$1: end of connection" 0 await disconnected 2049
}

nfs_stage() {
	gives "$1: a port for nfsd" 0 put $nfsd/portlist 'tcp 2049'
	gives "$1: a thread for nfsd" 0 put $nfsd/threads 1
	gives "$1: nfsd listens" 0 listens tcp 2049
	gives "$1: lockd listens" 0 listens tcp $nlm_tcp
	gives "$1: lockd receives" 0 listens udp $nlm_udp
	nfs_mount "$1, 4.2" / vers=4.2,clientaddr=127.0.0.1
	nfs_mount "$1, 3" "$nfs_dir/export" \
		"vers=3,mountproto=tcp,mountaddr=127.0.0.1,mountport=$mountd_port"
	in_force "$1"
	gives "$1: no threads for nfsd" 0 put $nfsd/threads 0
	gives "$1: nfsd has gone" 1 listens tcp 2049
	gives "$1: lockd has gone" 1 listens tcp $nlm_tcp
}

users_nfs() {
	local settings was pids i
	need_kernel nfsd nfs nfsv3 nfsv4 || return 0
	need_tools rpcbind rpc.mountd exportfs nfsdcld || return 0
	nfs_dir=$(mktemp -d /tmp/nfs.XXXXXX)
	mkdir "$nfs_dir"/{export,mount,pipefs,clients}
	mount -t tmpfs export "$nfs_dir/export"
	mount -t rpc_pipefs pipefs "$nfs_dir/pipefs"
	mount -t nfsd nfsd $nfsd
	settings=(/proc/sys/fs/nfs/nlm_{tcp,udp}port)
	mapfile -t was < <(cat "${settings[@]}")
	echo $nlm_tcp >"${settings[0]}"
	echo $nlm_udp >"${settings[1]}"
	rpcbind -f 2>"$nfs_dir/rpcbind.log" &
	pids=($!)
	# Knows that no client has been here before, which saves the first one
	# 90 seconds of grace.
	nfsdcld -F -p "$nfs_dir/pipefs" -s "$nfs_dir/clients" \
		2>"$nfs_dir/nfsdcld.log" &
	pids+=($!)
	exportfs -o rw,insecure,no_root_squash,fsid=0,no_subtree_check \
		"127.0.0.1:$nfs_dir/export"
	await listens tcp 111 || fail "rpcbind does not start"
	rpc.mountd -F -p $mountd_port 2>"$nfs_dir/mountd.log" &
	pids+=($!)
	await listens tcp $mountd_port || fail "rpc.mountd does not start"
	plain_and_closed nfs_stage
	exportfs -u "127.0.0.1:$nfs_dir/export"
	end_process "${pids[@]}"
	for i in "${!settings[@]}"; do
		echo "${was[i]}" >"${settings[i]}"
	done
	umount $nfsd "$nfs_dir/export" "$nfs_dir/pipefs"
	rm -r "$nfs_dir"
}

way users/nfs users_nfs \
	"NFS 3 and 4: server, lock manager, mounts from reserved ports"

# 9P over TCP, from a port below 1024 that the mounting process binds.
readonly p9_port=5640
p9_dir=

p9_stage() {
	local options=trans=tcp,port=$p9_port,privport,version=9p2000.L
	gives "$1: mount" 0 timeout "$await_seconds" mount -i -t 9p \
		-o "$options,uname=root,access=user,aname=$p9_dir/export" \
		127.0.0.1 "$p9_dir/mount"
	mountpoint -q "$p9_dir/mount" || return 0
	is "$1: files" "$(cd "$p9_dir/mount" && echo *)" served
	is_privileged_client "$1" $p9_port
	in_force "$1"
	gives "$1: umount" 0 umount "$p9_dir/mount"
	gives "$1: end of connection" 0 await disconnected $p9_port
}

users_9p() {
	local pid
	need_tools diod || return 0
	p9_dir=$(mktemp -d /tmp/9p.XXXXXX)
	mkdir "$p9_dir/export" "$p9_dir/mount"
	: >"$p9_dir/export/served"
	diod -f -n -N -c /dev/null -l 127.0.0.1:$p9_port -e "$p9_dir/export" \
		-L "$p9_dir/log" &
	pid=$!
	await listens tcp $p9_port || fail "diod does not start"
	plain_and_closed p9_stage
	end_process "$pid"
	rm -r --one-file-system "$p9_dir"
}

way users/9p users_9p "9P mounts with privport"

# Tunnels between this network namespace and another one.
readonly tunnel_ns=portacl-far

# answers_through WHAT ADDRESS
answers_through() {
	gives "$1: traffic" 0 busybox ping -c 1 -W "$await_seconds" "$2"
}

# Keys of no secrecy.
readonly near_key=ANTFiADIOWfWGwpBO1gvPIQiunCrgCcCBTEGL1ZuMVk=
readonly near_public=oQ/LqgTC/8fgZ0QWyI87we734dF2p4P+Hh4uAIzJJD0=
readonly far_key=QPWHlJNnzLLwidf3fOOO01C/n2e2tu6jVIf5tNtw7lQ=
readonly far_public=ESRS4SJkd7sqnFPjw0LHkVfMqfP0XIrPnohal8HTYCA=

# tunnel_end FAR N: the commands for one end, whose addresses end in N; those
# of the other one end in FAR.
tunnel_end() {
	cat <<-EOT
		link add wg0 type wireguard
		addr add 198.51.100.$2/26 dev wg0
		link add vxlan0 type vxlan id 42 remote 192.0.2.$1 dstport 4789
		addr add 198.51.100.$((64 + $2))/26 dev vxlan0
		link set vxlan0 up
		link add geneve0 type geneve id 42 remote 192.0.2.$1 dstport 6081
		addr add 198.51.100.$((128 + $2))/26 dev geneve0
		link set geneve0 up
		fou add port 5555 ipproto 4
		l2tp add tunnel tunnel_id 1 peer_tunnel_id 1 encap udp local 192.0.2.$2 remote 192.0.2.$1 udp_sport 1701 udp_dport 1701
	EOT
}

tunnel_end_gone() {
	cat <<-EOT
		link del wg0
		link del vxlan0
		link del geneve0
		fou del port 5555
		l2tp del tunnel tunnel_id 1
	EOT
}

tunnels_stage() {
	local pair
	gives "$1: near" 0 ip -batch - < <(tunnel_end 2 1)
	gives "$1: far" 0 ip -n $tunnel_ns -batch - < <(tunnel_end 1 2)
	# One takes its port when it is set up, and one when it is told to.
	gives "$1: near wireguard" 0 wg set wg0 listen-port 51820 \
		private-key <(echo $near_key) peer $far_public \
		allowed-ips 198.51.100.2/32 endpoint 192.0.2.2:51821
	gives "$1: near wireguard up" 0 ip link set wg0 up
	gives "$1: far wireguard up" 0 ip -n $tunnel_ns link set wg0 up
	gives "$1: far wireguard" 0 ip netns exec $tunnel_ns \
		wg set wg0 listen-port 51821 \
		private-key <(echo $far_key) peer $near_public \
		allowed-ips 198.51.100.1/32
	gives "$1: tipc" 0 tipc bearer enable media udp name test \
		localip 192.0.2.1
	for pair in wireguard=51820 vxlan=4789 geneve=6081 fou=5555 l2tp=1701 \
		tipc=6118; do
		gives "$1: port of ${pair%=*}" 0 listens udp "${pair#*=}"
	done
	answers_through "$1, wireguard" 198.51.100.2
	answers_through "$1, vxlan" 198.51.100.66
	answers_through "$1, geneve" 198.51.100.130
	in_force "$1"
	# Not all of it is there when a check has failed.
	{
		tipc bearer disable media udp name test
		ip -force -batch - < <(tunnel_end_gone)
		ip -n $tunnel_ns -force -batch - < <(tunnel_end_gone)
	} 2>/dev/null || true
}

users_tunnels() {
	need_kernel wireguard vxlan geneve fou l2tp_netlink tipc || return 0
	need_tools ip tipc wg || return 0
	ip netns add $tunnel_ns
	ip -batch - <<-EOT
		link add near0 type veth peer name far0 netns $tunnel_ns
		addr add 192.0.2.1/24 dev near0
		link set near0 up
	EOT
	ip -n $tunnel_ns -batch - <<-EOT
		addr add 192.0.2.2/24 dev far0
		link set far0 up
	EOT
	plain_and_closed tunnels_stage
	ip link del near0
	ip netns del $tunnel_ns
}

way users/tunnels users_tunnels \
	"WireGuard, VXLAN, GENEVE, FOU, L2TP and TIPC"

# RDS and AFS bind while a network namespace is made: a refusal of theirs would
# be that of the whole namespace. And whoever rules one may have the kernel bind
# there what it likes, while programs may not.
namespaces_stage() {
	local low=bound both='bound bound'
	[[ $1 == plain ]] || low=EACCES both='EACCES EACCES'
	is "$1: root makes one" "$(bind_here --unshare tcp :: 602)" $low
	# shellcheck disable=SC2016 # for the shell in there
	is "$1: a user makes one" "$(setpriv \
		--reuid $users_stranger --regid $users_stranger --clear-groups \
		unshare --user --map-root-user --net bash -euc '
			ip -batch - <<-EOT
				link set lo up
				link add wg0 type wireguard
				link add vxlan0 type vxlan id 1 remote 127.0.0.2 dstport 4789
				link set vxlan0 up
				link add geneve0 type geneve id 1 remote 127.0.0.2 dstport 6081
				link set geneve0 up
				l2tp add tunnel tunnel_id 1 peer_tunnel_id 1 encap udp local 127.0.0.1 remote 127.0.0.2 udp_sport 1701 udp_dport 1701
			EOT
			wg set wg0 listen-port 51820
			ip link set wg0 up
			ss -Htuan | sed -E "s/.*:([0-9]+) .*:.*/\1/" |
				sort -nu | paste -sd " "
			"$1" tcp 127.0.0.1 600 udp 127.0.0.1 50000
		' bash "$programs/bind_here" 2>&1)" \
		$'1701 4789 6081 7001 16385 51820\n'"$both"
	in_force "$1"
}

users_namespaces() {
	need_kernel rds_tcp kafs wireguard vxlan geneve l2tp_netlink || return 0
	need_tools ip ss wg || return 0
	plain_and_closed namespaces_stage
	rmmod kafs rds_tcp || fail "rmmod fails"
}

way users/namespaces users_namespaces \
	"namespaces are made with RDS and AFS, and have tunnels"

# A target of NVMe over TCP: its socket is made as for a program, but has no
# file and is bound for whoever writes to configfs.
nvmet_stage() {
	local dir=/sys/kernel/config/nvmet
	mkdir $dir/subsystems/test $dir/ports/1
	echo 1 >$dir/subsystems/test/attr_allow_any_host
	echo tcp >$dir/ports/1/addr_trtype
	echo ipv4 >$dir/ports/1/addr_adrfam
	echo 127.0.0.1 >$dir/ports/1/addr_traddr
	echo 4420 >$dir/ports/1/addr_trsvcid
	gives "$1: the port opens" 0 \
		ln -s $dir/subsystems/test $dir/ports/1/subsystems/
	gives "$1: it listens" 0 listens tcp 4420
	in_force "$1"
	rm -f $dir/ports/1/subsystems/test
	gives "$1: it has closed" 1 listens tcp 4420
	rmdir $dir/ports/1 $dir/subsystems/test
}

users_nvmet() {
	local mounted=0
	need_kernel configfs nvmet_tcp || return 0
	mountpoint -q /sys/kernel/config || {
		mount -t configfs configfs /sys/kernel/config
		mounted=1
	}
	plain_and_closed nvmet_stage
	((mounted == 0)) || umount /sys/kernel/config
}

way users/nvmet users_nvmet "a target of NVMe over TCP opens its port"
