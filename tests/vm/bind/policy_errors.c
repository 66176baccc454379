// SPDX-License-Identifier: GPL-2.0-only
/*
 * An address that the kernel would refuse itself gets the kernel's answer also
 * where the policy refuses the port; and nothing is read behind its end.
 */
#define _GNU_SOURCE
#include "policy_test.h"

#include <errno.h>
#include <linux/vm_sockets.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "control.h"
#include "harness.h"
#include "model.h"
#include "sockets.h"

struct row {
	const char *name;
	enum transport transport;
	enum family family;	/* of the socket */
	const char *address;
	int sa_family;		/* -1: the address' own */
	int length;		/* -1: the address' own */
	bool bound;		/* to another port before */
	/* Unprivileged on a low port, a high port; refused by the policy. */
	struct {
		int low, high, refused;
	} want;
};

#define ROW(t, f, a, s, l, b, ...) \
	{ #t " " #f " " a " family " #s " length " #l, TRANSPORT_##t, \
	  FAMILY_##f, a, s, l, b, .want = __VA_ARGS__ }
/* Line 1 of the decision: nothing of the policy is asked. */
#define KERNEL(error) { (error), (error), (error) }
/* Past line 1, so that the policy comes before what the kernel finds later. */
#define LATER(low, high) { (low), (high), EACCES }
#define VALID LATER(EACCES, 0)

static const struct row rows[] = {
	ROW(TCP, V4, "0.0.0.0", -1, -1, false, VALID),
	ROW(TCP, V4, "0.0.0.0", -1, 0, false, KERNEL(EINVAL)),
	ROW(TCP, V4, "0.0.0.0", -1, 1, false, KERNEL(EINVAL)),
	ROW(TCP, V4, "0.0.0.0", -1, 2, false, KERNEL(EINVAL)),
	ROW(TCP, V4, "0.0.0.0", -1, 4, false, KERNEL(EINVAL)),
	ROW(TCP, V4, "127.0.0.1", -1, 15, false, KERNEL(EINVAL)),
	ROW(TCP, V4, "127.0.0.1", -1, 16, false, VALID),
	ROW(TCP, V4, "127.0.0.1", -1, 23, false, VALID),
	ROW(TCP, V4, "127.0.0.1", -1, 24, false, VALID),
	ROW(TCP, V4, "127.0.0.1", -1, 28, false, VALID),
	ROW(TCP, V4, "127.0.0.1", -1, 128, false, VALID),
	ROW(TCP, V4, "127.0.0.1", -1, 129, false, KERNEL(EINVAL)),
	ROW(UDP, V4, "0.0.0.0", -1, 0, false, KERNEL(EINVAL)),
	ROW(UDP, V4, "0.0.0.0", -1, 1, false, KERNEL(EINVAL)),
	ROW(UDP, V4, "0.0.0.0", -1, 2, false, KERNEL(EINVAL)),
	ROW(UDP, V4, "0.0.0.0", -1, 15, false, KERNEL(EINVAL)),
	ROW(UDP, V4, "0.0.0.0", -1, 16, false, VALID),
	ROW(UDP, V4, "0.0.0.0", -1, 128, false, VALID),
	ROW(MPTCP, V4, "0.0.0.0", -1, 0, false, KERNEL(EINVAL)),
	ROW(MPTCP, V4, "0.0.0.0", -1, 2, false, KERNEL(EINVAL)),
	ROW(MPTCP, V4, "0.0.0.0", -1, 15, false, KERNEL(EINVAL)),
	ROW(MPTCP, V4, "0.0.0.0", -1, 16, false, VALID),
	ROW(TCP, V6, "::", -1, -1, false, VALID),
	ROW(TCP, V6, "::", -1, 0, false, KERNEL(EINVAL)),
	ROW(TCP, V6, "::", -1, 1, false, KERNEL(EINVAL)),
	ROW(TCP, V6, "::", -1, 2, false, KERNEL(EINVAL)),
	ROW(TCP, V6, "::1", -1, 15, false, KERNEL(EINVAL)),
	ROW(TCP, V6, "::1", -1, 16, false, KERNEL(EINVAL)),
	ROW(TCP, V6, "::1", -1, 23, false, KERNEL(EINVAL)),
	ROW(TCP, V6, "::1", -1, 24, false, VALID),
	ROW(TCP, V6, "::1", -1, 27, false, VALID),
	ROW(TCP, V6, "::1", -1, 28, false, VALID),
	ROW(TCP, V6, "::1", -1, 128, false, VALID),
	ROW(TCP, V6, "::1", -1, 129, false, KERNEL(EINVAL)),
	ROW(TCP, V6, "ff02::1", -1, -1, false, KERNEL(EINVAL)),
	ROW(UDP, V6, "::", -1, 0, false, KERNEL(EINVAL)),
	ROW(UDP, V6, "::", -1, 1, false, KERNEL(EINVAL)),
	ROW(UDP, V6, "::", -1, 2, false, KERNEL(EINVAL)),
	ROW(UDP, V6, "::1", -1, 23, false, KERNEL(EINVAL)),
	ROW(UDP, V6, "::1", -1, 24, false, VALID),
	ROW(UDP, V6, "::1", -1, 128, false, VALID),
	ROW(MPTCP, V6, "::1", -1, 2, false, KERNEL(EINVAL)),
	ROW(MPTCP, V6, "::1", -1, 23, false, KERNEL(EINVAL)),
	ROW(MPTCP, V6, "::1", -1, 24, false, VALID),
	ROW(TCP, V6, "::ffff:127.0.0.1", -1, 23, false, KERNEL(EINVAL)),
	ROW(TCP, V6, "::ffff:127.0.0.1", -1, 24, false, VALID),
	ROW(UDP, V6, "::ffff:127.0.0.1", -1, -1, false, VALID),
	/* AF_UNSPEC is IPv4 where it names the wildcard. */
	ROW(TCP, V4, "0.0.0.0", AF_UNSPEC, -1, false, VALID),
	ROW(UDP, V4, "0.0.0.0", AF_UNSPEC, -1, false, VALID),
	ROW(MPTCP, V4, "0.0.0.0", AF_UNSPEC, -1, false, VALID),
	ROW(TCP, V4, "0.0.0.0", AF_UNSPEC, 128, false, VALID),
	ROW(TCP, V4, "0.0.0.0", AF_UNSPEC, 0, false, KERNEL(EINVAL)),
	ROW(TCP, V4, "0.0.0.0", AF_UNSPEC, 2, false, KERNEL(EINVAL)),
	ROW(UDP, V4, "0.0.0.0", AF_UNSPEC, 15, false, KERNEL(EINVAL)),
	ROW(TCP, V4, "127.0.0.1", AF_UNSPEC, -1, false, KERNEL(EAFNOSUPPORT)),
	ROW(UDP, V4, "127.0.0.1", AF_UNSPEC, -1, false, KERNEL(EAFNOSUPPORT)),
	ROW(TCP, V6, "::", AF_UNSPEC, -1, false, KERNEL(EAFNOSUPPORT)),
	ROW(TCP, V6, "::", AF_UNSPEC, 24, false, KERNEL(EAFNOSUPPORT)),
	ROW(UDP, V6, "::1", AF_UNSPEC, -1, false, KERNEL(EAFNOSUPPORT)),
	ROW(MPTCP, V6, "::", AF_UNSPEC, -1, false, KERNEL(EAFNOSUPPORT)),
	/* Families crossed, and others. */
	ROW(TCP, V6, "127.0.0.1", -1, -1, false, KERNEL(EINVAL)),
	ROW(TCP, V6, "127.0.0.1", -1, 28, false, KERNEL(EAFNOSUPPORT)),
	ROW(UDP, V6, "0.0.0.0", -1, 28, false, KERNEL(EAFNOSUPPORT)),
	ROW(TCP, V4, "::1", -1, -1, false, KERNEL(EAFNOSUPPORT)),
	ROW(UDP, V4, "::", -1, -1, false, KERNEL(EAFNOSUPPORT)),
	ROW(UDP, V4, "::", -1, 15, false, KERNEL(EINVAL)),
	ROW(TCP, V4, "0.0.0.0", AF_UNIX, -1, false, KERNEL(EAFNOSUPPORT)),
	ROW(TCP, V6, "::", AF_UNIX, -1, false, KERNEL(EAFNOSUPPORT)),
	ROW(TCP, V4, "0.0.0.0", 99, -1, false, KERNEL(EAFNOSUPPORT)),
	ROW(UDP, V6, "::1", 99, -1, false, KERNEL(EAFNOSUPPORT)),
	/* What the policy does not look at: locality, and an earlier bind. */
	ROW(TCP, V4, "192.0.2.1", -1, -1, false,
	    LATER(EADDRNOTAVAIL, EADDRNOTAVAIL)),
	ROW(UDP, V4, "192.0.2.1", -1, -1, false,
	    LATER(EADDRNOTAVAIL, EADDRNOTAVAIL)),
	ROW(TCP, V6, "2001:db8::1", -1, -1, false,
	    LATER(EACCES, EADDRNOTAVAIL)),
	ROW(UDP, V6, "::ffff:192.0.2.1", -1, -1, false,
	    LATER(EACCES, EADDRNOTAVAIL)),
	ROW(TCP, V4, "127.0.0.1", -1, -1, true, LATER(EACCES, EINVAL)),
	ROW(UDP, V6, "::1", -1, -1, true, LATER(EACCES, EINVAL)),
	ROW(MPTCP, V4, "127.0.0.1", -1, -1, true, LATER(EACCES, EINVAL)),
};

#define ELSEWHERE 9311

/* The last bytes before memory that cannot be read. */
static char *page_end;

static void make_page(void)
{
	long size = sysconf(_SC_PAGESIZE);
	char *pages = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (pages == MAP_FAILED || mprotect(pages + size, size, PROT_NONE))
		die("mmap: %m");
	page_end = pages + size;
}

/*
 * A whole address first, on a socket of its own: what is left of it in the
 * kernel must not stand in for what a short one lacks.
 */
static void leave_residue(const struct row *row, uint16_t port)
{
	union sockaddr_any any;
	socklen_t length;
	int fd = need_socket(row->transport, row->family);

	length = make_plain_address(&any, row->family, ADDRESS_WILDCARD, port);
	bind_errno(fd, &any, length);
	close(fd);
}

static int row_bind(const struct row *row, uint16_t port)
{
	char room[256] = { 0 };
	union sockaddr_any any;
	socklen_t length = make_address(&any, row->address, port);
	int fd, error;

	if (row->sa_family >= 0)
		any.sa.sa_family = row->sa_family;
	memcpy(room, &any, sizeof(any));
	if (row->length >= 0)
		length = row->length;
	memcpy(page_end - length, room, length);
	leave_residue(row, port);
	fd = need_socket(row->transport, row->family);
	if (row->bound) {
		union sockaddr_any first;
		socklen_t size = make_plain_address(&first, row->family,
						    ADDRESS_LOOPBACK,
						    ELSEWHERE);

		error = bind_errno(fd, &first, size);
		if (error)
			die("%s: the first bind: %s", row->name,
			    errno_name(error));
	}
	error = bind(fd, (void *)(page_end - length), length) ? errno : 0;
	close(fd);
	return error;
}

struct scene {
	const char *name;
	const char *policy;
	const char *strict;
	const char *mode;
	uid_t uid;
	bool low_refused, high_refused;
	/* The privilege check is lifted. */
	bool granted;
};

#define SCENE(n, p, s, m, u, ...) { n, p, s, m, u, __VA_ARGS__ }

static const struct scene scenes[] = {
	SCENE("other ports governed",
	      "deny any 81,8444\nreserve 82,8445\nallow user 61001 443\n", "0",
	      "enforce", UID_OTHER, false, false, false),
	SCENE("others denied", "deny user 61001 80,8443\nallow any 1\n", "0",
	      "enforce", UID_OTHER, false, false, false),
	SCENE("reserved", "reserve 80,8443\n", "0", "enforce", UID_OTHER, true,
	      true, false),
	SCENE("denied", "deny any 80,8443\nallow any 80,8443\n", "0", "enforce",
	      UID_OTHER, true, true, false),
	SCENE("denied and strict", "deny any 80,8443\n", "1", "enforce",
	      UID_OTHER, true, true, false),
	SCENE("strict", "", "1", "enforce", UID_OTHER, true, false, false),
	SCENE("everything reserved but for the owner",
	      "reserve 1-65535\nallow any 9311\nallow user 61001 80,8443\n",
	      "1", "enforce", UID_GRANTED, false, false, true),
	SCENE("denied, permissive", "deny any 80,8443\nreserve 80,8443\n", "1",
	      "permissive", UID_OTHER, false, false, false),
	SCENE("denied, off", "deny any 80,8443\nreserve 80,8443\n", "1", "off",
	      UID_OTHER, false, false, false),
};

static void port_zero(const char *scene)
{
	for (int t = TRANSPORT_TCP; t <= TRANSPORT_MPTCP; t++)
		for (int f = 0; f < FAMILIES; f++)
			for (int a = 0; a < ADDRESSES; a++)
				check_errno(try_bind(t, f, a, 0), 0,
					    "%s: port 0, %s %s %s", scene,
					    transport_names[t], family_names[f],
					    address_names[a]);
}

/* Numbers in the same place that are no ports of ours. */
static void no_ports(const char *scene)
{
	struct sockaddr_vm vm = { .svm_family = AF_VSOCK,
				  .svm_cid = VMADDR_CID_ANY,
				  .svm_port = PORT_HIGH };
	union sockaddr_any any;
	socklen_t length = make_address(&any, "127.0.0.1", PORT_LOW);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_ICMP);

	if (fd < 0)
		die("a ping socket: %m");
	check_errno(bind_errno(fd, &any, length), 0,
		    "%s: ping socket, identifier %u", scene, PORT_LOW);
	close(fd);
	fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		skip("vsock is not in this kernel");
		return;
	}
	check_errno(bind(fd, (void *)&vm, sizeof(vm)) ? errno : 0, 0,
		    "%s: vsock, port %u", scene, PORT_HIGH);
	close(fd);
}

static void scene_rows(void *arg)
{
	const struct scene *scene = arg;
	struct subject subject = subject_user(scene->name, scene->uid);

	make_page();
	subject_become(&subject);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		int low = scene->granted ? row->want.high : row->want.low;

		check_errno(row_bind(row, PORT_LOW),
			    scene->low_refused ? row->want.refused : low,
			    "%s: %s port %u", scene->name, row->name, PORT_LOW);
		check_errno(row_bind(row, PORT_HIGH),
			    scene->high_refused ? row->want.refused : row->want.high,
			    "%s: %s port %u", scene->name, row->name,
			    PORT_HIGH);
	}
	port_zero(scene->name);
	no_ports(scene->name);
}

void errors_run(void)
{
	static const char range[] = "0 2147483647";
	int error = file_write("/proc/sys/net/ipv4/ping_group_range", range,
			       strlen(range));

	group_begin("errors");
	if (error)
		die("ping_group_range: %s", errno_name(error));
	for (size_t i = 0; i < ARRAY_SIZE(scenes); i++) {
		must_upload(scenes[i].policy);
		must_write("strict", scenes[i].strict);
		must_write("mode", scenes[i].mode);
		in_child(scene_rows, (void *)&scenes[i]);
		reset();
	}
	group_end();
}
