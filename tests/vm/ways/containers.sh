# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # sourced by tests/vm/lib/ways.sh
#
# Containers of ordinary users: on the host's network their root is the user,
# and in a network of their own they may do what they like.

readonly containers_user=61011
containers_dir=

# as_containers_user COMMAND...: with what a login would have set.
as_containers_user() {
	env -i "HOME=$containers_dir/home" "XDG_RUNTIME_DIR=$containers_dir/run" \
		"PATH=$PATH" "$(command -v setpriv)" --reuid $containers_user \
		--regid $containers_user --clear-groups "$@"
}

# in_podman NETWORK COMMAND...: in a container that holds nothing but the
# program that binds.
in_podman() {
	as_containers_user podman --storage-driver vfs \
		--root "$containers_dir/storage" --runroot "$containers_dir/run" \
		--cgroup-manager cgroupfs --events-backend none run --rm \
		--network "$1" --cgroups disabled --log-driver none \
		--rootfs "$containers_dir/root" "${@:2}" 2>&1 | tail -n 1
}

# in_bubblewrap NETWORK-OPTION... -- COMMAND...
in_bubblewrap() {
	as_containers_user bwrap --unshare-user --uid 0 --gid 0 --cap-add ALL \
		--unshare-pid --bind "$containers_dir/root" / "$@" 2>&1
}

containers_begin() {
	need_tools "$@" || return 1
	containers_dir=$(mktemp -d /tmp/containers.XXXXXX)
	mount -t tmpfs -o mode=755 containers "$containers_dir"
	mkdir "$containers_dir"/{root,home,run,storage}
	cp "$programs/bind_here" "$containers_dir/root"
	chown -R $containers_user:$containers_user "$containers_dir"
	add "allow user $containers_user 443/tcp" 'reserve 8443'
}

containers_end() {
	umount "$containers_dir"
	rmdir "$containers_dir"
}

readonly container_binds=(/bind_here tcp 0.0.0.0 443 tcp :: 443 udp :: 443
	tcp :: 444 tcp :: 8443 tcp :: 9443)
readonly on_host='bound bound EACCES EACCES EACCES bound'
readonly in_own='bound bound bound bound bound bound'

containers_podman() {
	local file pid
	containers_begin podman conmon crun newuidmap || return 0
	cp -p /etc/{passwd,subuid,subgid} "$containers_dir"
	echo "portacl-test:x:$containers_user:$containers_user::/:/bin/sh" \
		>>/etc/passwd
	echo "portacl-test:6000000:65536" >>/etc/subuid
	echo "portacl-test:6000000:65536" >>/etc/subgid
	is "the host's network" \
		"$(in_podman host "${container_binds[@]}")" "$on_host"
	is "a network of its own" \
		"$(in_podman none "${container_binds[@]}")" "$in_own"
	# It keeps the user's namespaces for the next container.
	pid=$(<"$containers_dir/run/libpod/tmp/pause.pid") || true
	if [[ -n $pid ]]; then
		kill "$pid"
		await gone "$pid" || fail "podman stays"
	else
		fail "podman left no pid"
	fi
	for file in passwd subuid subgid; do
		cp -p "$containers_dir/$file" /etc
	done
	containers_end
}

containers_bubblewrap() {
	containers_begin bwrap || return 0
	is "the host's network" \
		"$(in_bubblewrap "${container_binds[@]}")" "$on_host"
	is "a network of its own" \
		"$(in_bubblewrap --unshare-net "${container_binds[@]}")" "$in_own"
	containers_end
}

way containers/podman containers_podman \
	"rootless podman, on the host's network and its own"
way containers/bubblewrap containers_bubblewrap \
	"bubblewrap, on the host's network and its own"
