// SPDX-License-Identifier: GPL-2.0-only
/* Who is refused what: the boundary, capabilities, and the kernel's own binds. */
#define _GNU_SOURCE
#include "policy_test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/rxrpc.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control.h"
#include "harness.h"
#include "model.h"
#include "sockets.h"

#define BOUNDARY "/proc/sys/net/ipv4/ip_unprivileged_port_start"

/* Ports below and above any boundary, by what the policy says of them. */
enum port_sort { DENIED, RESERVED, UNGOVERNED, PORT_SORTS };

static const struct {
	const char *name;
	uint16_t low, high;
} sorts[PORT_SORTS] = {
	[DENIED] = { "denied", 90, 9090 },
	[RESERVED] = { "reserved", 91, 9091 },
	[UNGOVERNED] = { "ungoverned", 92, 9092 },
};

#define POLICY \
	"deny user 61009 90,9090\n" \
	"allow any 90\n" \
	"reserve 91,9091\n" \
	"allow user 61001 91,9091\n"

enum who { STRANGER, OWNER, MEMBER, CAPABLE, ROOT, WHO };

static struct subject actors[WHO];

static void make_actors(void)
{
	actors[STRANGER] = subject_user("denied user", UID_OTHER);
	actors[OWNER] = subject_user("owner", UID_GRANTED);
	actors[MEMBER] = subject_user("third user", UID_MEMBER);
	actors[CAPABLE] = subject_user("denied user with the capability",
				     UID_OTHER);
	actors[CAPABLE].capable = true;
	actors[ROOT] = (struct subject){ .name = "root", .capable = true };
}

/* Read from the documentation, line by line. */
static int expect(enum who who, enum port_sort sort, uint16_t port,
		  int boundary, bool strict)
{
	bool privileged = port < boundary;
	bool denied = sort == DENIED && (who == STRANGER || who == CAPABLE);
	bool allowed = (sort == DENIED && port == sorts[DENIED].low) ||
		       (sort == RESERVED && who == OWNER);

	if (actors[who].capable && !strict)
		return 0;
	if (denied)
		return EACCES;
	if (allowed)
		return 0;
	if (sort == RESERVED || (strict && privileged))
		return EACCES;
	return privileged && !actors[who].capable ? EACCES : 0;
}

struct turn {
	int boundary;
	bool strict;
	enum who who;
};

static void one_port(const struct turn *turn, enum port_sort sort,
		     uint16_t port)
{
	for (int t = TRANSPORT_TCP; t <= TRANSPORT_DCCP; t++) {
		if (!have_transport(t))
			continue;
		for (int f = 0; f < FAMILIES; f++)
			for (int a = 0; a < ADDRESSES; a++)
				check_errno(try_bind(t, f, a, port),
					    expect(turn->who, sort, port,
						   turn->boundary,
						   turn->strict),
					    "boundary %d%s: %s, %s port %u, %s %s %s",
					    turn->boundary,
					    turn->strict ? ", strict" : "",
					    actors[turn->who].name,
					    sorts[sort].name, port,
					    transport_names[t], family_names[f],
					    address_names[a]);
	}
}

static void take_turn(void *arg)
{
	const struct turn *turn = arg;

	actor_become(&actors[turn->who]);
	for (int sort = 0; sort < PORT_SORTS; sort++) {
		one_port(turn, sort, sorts[sort].low);
		one_port(turn, sort, sorts[sort].high);
	}
}

static void set_boundary(int boundary)
{
	char text[16];
	int error;

	snprintf(text, sizeof(text), "%d\n", boundary);
	error = file_write(BOUNDARY, text, strlen(text));
	if (error)
		die("the boundary: %s", errno_name(error));
}

static void boundaries(void)
{
	static const int values[] = { 0, 1, 80, 1024, 9200 };

	for (int strict = 0; strict <= 1; strict++) {
		must_write("strict", strict ? "1" : "0");
		for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
			set_boundary(values[i]);
			for (int who = 0; who < WHO; who++) {
				struct turn turn = { values[i], strict, who };

				in_child(take_turn, &turn);
			}
		}
	}
	set_boundary(PRIVILEGED_PORTS);
	must_write("strict", "0");
}

/* The kernel's flag of a used capability is for its own privileged ports. */
static void flag_bind(void *arg)
{
	const uint16_t *port = arg;

	if (used_privilege())
		die("a new process has used privilege");
	check_errno(try_bind(TRANSPORT_TCP, FAMILY_V4, ADDRESS_LOOPBACK, *port),
		    0, "capable user, port %u", *port);
	check(!used_privilege(), "capable user, port %u: PF_SUPERPRIV is set",
	      *port);
	check_errno(try_bind(TRANSPORT_UDP, FAMILY_V6, ADDRESS_WILDCARD, *port),
		    0, "capable user, port %u", *port);
	check(!used_privilege(), "capable user, port %u: PF_SUPERPRIV is set",
	      *port);
}

static void superpriv(void *arg)
{
	actor_become(&actors[CAPABLE]);
	in_child(flag_bind, arg);
}

void refusals_run(void)
{
	make_actors();
	/* Here, so that no child has to look. */
	for (int t = 0; t < TRANSPORTS; t++)
		have_transport(t);
	group_begin("refusals");
	must_upload(POLICY);
	boundaries();
	for (int sort = 0; sort < PORT_SORTS; sort++)
		in_child(superpriv, (void *)&sorts[sort].high);
	reset();
	group_end();
}

/* Ports that nobody named: automatic ones, of every way to get one. */
static void automatic(void *arg)
{
	struct subject subject = subject_user("stranger", UID_OTHER);
	union sockaddr_any any;
	socklen_t length;
	int fd;

	(void)arg;
	subject_become(&subject);
	for (int t = TRANSPORT_TCP; t <= TRANSPORT_MPTCP; t++) {
		for (int f = FAMILY_V4; f <= FAMILY_V6; f++) {
			check_errno(try_bind(t, f, ADDRESS_WILDCARD, 0), 0,
				    "all reserved: port 0, %s %s",
				    transport_names[t], family_names[f]);
			if (t == TRANSPORT_UDP)
				continue;
			fd = need_socket(t, f);
			check_errno(listen(fd, 1) ? errno : 0, 0,
				    "all reserved: listen without bind, %s %s",
				    transport_names[t], family_names[f]);
			close(fd);
		}
	}
	fd = need_socket(TRANSPORT_UDP, FAMILY_V4);
	length = make_address(&any, "127.0.0.1", 9);
	check_errno(sendto(fd, "", 1, 0, &any.sa, length) < 0 ? errno : 0, 0,
		    "all reserved: sendto without bind");
	close(fd);
}

/* The owner's listener, and a stranger who connects to it. */
static void mptcp_listener(void *arg)
{
	struct subject owner = subject_user("owner", UID_GRANTED);
	union sockaddr_any any;
	socklen_t length = make_address(&any, "127.0.0.1", PORT_GRANTED);
	int listener, fd;

	(void)arg;
	if (seteuid(owner.euid))
		die("seteuid: %m");
	listener = need_socket(TRANSPORT_MPTCP, FAMILY_V4);
	check_errno(bind_errno(listener, &any, length), 0,
		    "all reserved: the owner's MPTCP bind");
	check_errno(listen(listener, 1) ? errno : 0, 0,
		    "all reserved: the owner's MPTCP listen");
	if (seteuid(0) || seteuid(UID_OTHER))
		die("seteuid: %m");
	fd = need_socket(TRANSPORT_MPTCP, FAMILY_V4);
	check_errno(connect(fd, &any.sa, length) ? errno : 0, 0,
		    "all reserved: a stranger's MPTCP connect");
	close(fd);
	close(listener);
}

/* The socket below is UDP's, made and bound by the kernel. */
static int rxrpc_bind(uid_t uid, uint16_t port)
{
	struct sockaddr_rxrpc address = {
		.srx_family = AF_RXRPC,
		.transport_type = SOCK_DGRAM,
		.transport_len = sizeof(address.transport.sin),
		.transport.sin = {
			.sin_family = AF_INET,
			.sin_port = htons(port),
			.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		},
	};
	int fd, error;

	if (seteuid(uid))
		die("seteuid: %m");
	fd = socket(AF_RXRPC, SOCK_DGRAM | SOCK_CLOEXEC, PF_INET);
	if (fd < 0)
		die("an RXRPC socket: %m");
	error = bind(fd, (void *)&address, sizeof(address)) ? errno : 0;
	close(fd);
	if (seteuid(0))
		die("seteuid: %m");
	return error;
}

static void rxrpc(void *arg)
{
	(void)arg;
	check_errno(system("modprobe -q rxrpc") ? EIO : 0, 0,
		    "all reserved: modprobe rxrpc");
	check_errno(rxrpc_bind(UID_OTHER, 0), 0, "all reserved: RXRPC, port 0");
	check_errno(rxrpc_bind(UID_OTHER, 7001), EACCES,
		    "all reserved: RXRPC, a stranger");
	check_errno(rxrpc_bind(UID_GRANTED, 7003), 0,
		    "all reserved: RXRPC, the owner");
	check_errno(rxrpc_bind(UID_GRANTED, 7002), EACCES,
		    "all reserved: RXRPC, a port granted for tcp");
}

/* The kernel makes sockets of its own in each. */
static void new_network(void *arg)
{
	(void)arg;
	check_errno(unshare(CLONE_NEWNET) ? errno : 0, 0,
		    "all reserved, scope all: a new network namespace");
}

void kernel_binds_run(void)
{
	group_begin("kernel's binds");
	must_upload("reserve 1-65535\nallow user 61001 443,7003\n"
		    "allow user 61001 7002/tcp\n");
	must_write("strict", "1");
	must_write("scope", "all");
	in_child(automatic, NULL);
	in_child(mptcp_listener, NULL);
	if (system("modprobe -qn rxrpc") == 0)
		in_child(rxrpc, NULL);
	else
		skip("RXRPC is not in this kernel");
	in_child(new_network, NULL);
	reset();
	group_end();
}
