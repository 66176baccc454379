// SPDX-License-Identifier: GPL-2.0-only
/*
 * Transports that take their ports by way of sockets that the kernel makes, and
 * sockets whose address has something else where others have a port.
 */
#define _GNU_SOURCE
#include "ways.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/capability.h>
#include <linux/if_packet.h>
#include <linux/l2tp.h>
#include <linux/netlink.h>
#include <linux/rxrpc.h>
#include <linux/vm_sockets.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "control.h"
#include "harness.h"
#include "model.h"
#include "mptcp_pm.h"
#include "sockets.h"
#include "ways_sockets.h"

#ifndef AF_SMC
#define AF_SMC 43
#endif
#ifndef IPPROTO_SMC
#define IPPROTO_SMC 256
#endif
#ifndef IPPROTO_L2TP
#define IPPROTO_L2TP 115
#endif
#ifndef SOL_MPTCP
#define SOL_MPTCP 284
#endif

enum { OWNER = UID_GRANTED, STRANGER = UID_OTHER };

/* Who binds: the last is root with strict on. */
enum actor { AN_OWNER, A_STRANGER, ROOT, STRICT_ROOT, ACTORS };

static const struct {
	const char *name;
	uid_t uid;
} actors[ACTORS] = {
	[AN_OWNER] = { "the owner", OWNER },
	[A_STRANGER] = { "a stranger", STRANGER },
	[ROOT] = { "root", 0 },
	[STRICT_ROOT] = { "root under strict", 0 },
};

/* What a rule may say of the transport. */
enum { EVERY, ONLY_TCP, ONLY_UDP, ONLY_SCTP };

#define POLICY \
	"allow user 61001 443,8444\n" \
	"allow user 61001 444,8445/tcp\n" \
	"allow user 61001 445,8446/udp\n" \
	"allow user 61001 446,8447/sctp\n" \
	"reserve 8444\n" \
	"reserve 8445/tcp\n" \
	"reserve 8446/udp\n" \
	"reserve 8447/sctp\n" \
	"deny user 61009 8448\n"

#define NOTHING_LOW { EACCES, EACCES, 0, EACCES }
#define FOR_OWNER { 0, EACCES, 0, EACCES }

static const struct {
	uint16_t port;
	int rules;		/* whom the rules on this port are for */
	int want[ACTORS];
} ports[] = {
	{ 0, EVERY, { 0, 0, 0, 0 } },
	{ 80, EVERY, NOTHING_LOW },
	{ 443, EVERY, FOR_OWNER },
	{ 444, ONLY_TCP, FOR_OWNER },
	{ 445, ONLY_UDP, FOR_OWNER },
	{ 446, ONLY_SCTP, FOR_OWNER },
	{ 8443, EVERY, { 0, 0, 0, 0 } },
	{ 8444, EVERY, FOR_OWNER },
	{ 8445, ONLY_TCP, FOR_OWNER },
	{ 8446, ONLY_UDP, FOR_OWNER },
	{ 8447, ONLY_SCTP, FOR_OWNER },
	{ 8448, EVERY, { 0, EACCES, 0, 0 } },
};

/* A transport, and how to make and name a socket of it. */
struct inner {
	const char *name;
	int family, type, protocol;
	int rules;		/* that say its name, or EVERY */
	const char *address;
	/* Where the port is then taken: what else cannot have it. */
	enum transport holds;
	bool is_rxrpc;
};

static socklen_t inner_address(const struct inner *inner, uint16_t port,
			       struct sockaddr_rxrpc *rxrpc,
			       union sockaddr_any *any,
			       const struct sockaddr **address)
{
	socklen_t length = make_address(any, inner->address, port);

	*address = &any->sa;
	if (!inner->is_rxrpc)
		return length;
	memset(rxrpc, 0, sizeof(*rxrpc));
	rxrpc->srx_family = AF_RXRPC;
	rxrpc->transport_type = SOCK_DGRAM;
	rxrpc->transport_len = length;
	memcpy(&rxrpc->transport, any, length);
	*address = (struct sockaddr *)rxrpc;
	return sizeof(*rxrpc);
}

/* How many binds there were, each of which counts. */
static unsigned int binds_made;

static int inner_bind(const struct inner *inner, uint16_t port, int *fd)
{
	const struct sockaddr *address;
	struct sockaddr_rxrpc rxrpc;
	union sockaddr_any any;
	socklen_t length = inner_address(inner, port, &rxrpc, &any, &address);

	*fd = socket(inner->family, inner->type | SOCK_CLOEXEC,
		     inner->protocol);
	if (*fd < 0)
		die("a socket of %s: %m", inner->name);
	binds_made++;
	return bind(*fd, address, length) ? errno : 0;
}

/* RXRPC gives its port back some time after its last socket was closed. */
static int inner_bind_free(const struct inner *inner, uint16_t port, int *fd)
{
	long long deadline = now_ms() + DEADLINE_MS;
	int error;

	for (;;) {
		error = inner_bind(inner, port, fd);
		if (!inner->is_rxrpc || error != EADDRINUSE ||
		    now_ms() > deadline)
			return error;
		close(*fd);
	}
}

static bool is_held(const struct inner *inner, uint16_t port)
{
	union sockaddr_any any;
	socklen_t length = make_address(&any, inner->address, port);
	int fd = need_socket(inner->holds, any.sa.sa_family == AF_INET ?
						   FAMILY_V4 : FAMILY_V6);
	int error = bind_errno(fd, &any, length);

	binds_made++;
	close(fd);
	return error == EADDRINUSE;
}

static bool covers(int rules, const struct inner *inner)
{
	return rules == EVERY || rules == inner->rules;
}

static void inner_ports(const struct inner *inner)
{
	for (int a = 0; a < ACTORS; a++) {
		must_write("strict", a == STRICT_ROOT ? "1" : "0");
		for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
			static const int low[] = NOTHING_LOW;
			uint16_t port = ports[i].port;
			int want = ports[i].want[a], error, fd;

			if (!covers(ports[i].rules, inner))
				want = port < PRIVILEGED_PORTS ? low[a] : 0;
			act_as(actors[a].uid);
			error = inner_bind_free(inner, port, &fd);
			act_as(0);
			check_errno(error, want, "%s, %s, port %u",
				    inner->name, actors[a].name, port);
			/* Root, to whom nothing is refused, finds it taken. */
			if (!error && port && a != STRICT_ROOT)
				check(is_held(inner, port),
				      "%s, %s, port %u is not taken",
				      inner->name, actors[a].name, port);
			close(fd);
		}
	}
}

/* Every actor, every port; each bind counts once. */
static void inner_table(const struct inner *inners, size_t count)
{
	unsigned long long before;

	must_upload(POLICY);
	for (size_t i = 0; i < count; i++) {
		int fd = socket(inners[i].family,
				inners[i].type | SOCK_CLOEXEC,
				inners[i].protocol);

		if (fd < 0) {
			skip("%s is not in this kernel", inners[i].name);
			continue;
		}
		close(fd);
		binds_made = 0;
		before = binds_judged();
		inner_ports(&inners[i]);
		check(binds_judged() - before == binds_made,
		      "%s: %llu of %u binds were counted", inners[i].name,
		      binds_judged() - before, binds_made);
	}
}

#define INNER(n, f, t, p, r, a, h, ...) \
	{ .name = n, .family = f, .type = t, .protocol = p, .rules = r, \
	  .address = a, .holds = TRANSPORT_##h, __VA_ARGS__ }

static void inner_smc(void)
{
	static const struct inner inners[] = {
		INNER("AF_SMC v4", AF_SMC, SOCK_STREAM, 0, ONLY_TCP,
		      "127.0.0.1", TCP),
		INNER("AF_SMC v4 wildcard", AF_SMC, SOCK_STREAM, 0, ONLY_TCP,
		      "0.0.0.0", TCP),
		INNER("AF_SMC v6", AF_SMC, SOCK_STREAM, 1, ONLY_TCP, "::1",
		      TCP),
		INNER("AF_SMC v6, mapped", AF_SMC, SOCK_STREAM, 1, ONLY_TCP,
		      "::ffff:127.0.0.1", TCP),
		INNER("IPPROTO_SMC v4", AF_INET, SOCK_STREAM, IPPROTO_SMC,
		      ONLY_TCP, "127.0.0.1", TCP),
		INNER("IPPROTO_SMC v6", AF_INET6, SOCK_STREAM, IPPROTO_SMC,
		      ONLY_TCP, "::", TCP),
	};

	load_module("smc");
	inner_table(inners, ARRAY_SIZE(inners));
}

static void inner_rxrpc(void)
{
	static const struct inner inners[] = {
		INNER("RXRPC v4", AF_RXRPC, SOCK_DGRAM, AF_INET, ONLY_UDP,
		      "127.0.0.1", UDP, .is_rxrpc = true),
		INNER("RXRPC v4 on v6", AF_RXRPC, SOCK_DGRAM, AF_INET6,
		      ONLY_UDP, "127.0.0.1", UDP, .is_rxrpc = true),
		INNER("RXRPC v6", AF_RXRPC, SOCK_DGRAM, AF_INET6, ONLY_UDP,
		      "::1", UDP, .is_rxrpc = true),
	};

	load_module("rxrpc");
	inner_table(inners, ARRAY_SIZE(inners));
}

/*
 * RXRPC binds once for all its client sockets of one address: those that come
 * later find it bound, and only the socket call itself shows them.
 */
static void inner_rxrpc_shared(void)
{
	static const struct inner inner =
		INNER("RXRPC", AF_RXRPC, SOCK_DGRAM, AF_INET, ONLY_UDP,
		      "127.0.0.1", UDP, .is_rxrpc = true);
	static const struct {
		uint16_t port;
		int want;
	} rows[] = { { 8443, 0 }, { 8444, EACCES }, { 8446, EACCES } };
	int first, second;

	load_module("rxrpc");
	first = socket(AF_RXRPC, SOCK_DGRAM | SOCK_CLOEXEC, AF_INET);
	if (first < 0) {
		skip("RXRPC is not in this kernel");
		return;
	}
	close(first);
	must_upload(POLICY);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint16_t port = rows[i].port;

		act_as(OWNER);
		check_errno(inner_bind_free(&inner, port, &first), 0,
			    "the owner, port %u", port);
		check_errno(inner_bind(&inner, port, &second), 0,
			    "the owner again, port %u", port);
		close(second);
		act_as(STRANGER);
		check_errno(inner_bind(&inner, port, &second), rows[i].want,
			    "a stranger, port %u", port);
		act_as(0);
		close(second);
		close(first);
	}
}

static void inner_others(void)
{
	static const struct inner inners[] = {
		INNER("UDP-Lite v4", AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE,
		      ONLY_UDP, "127.0.0.1", UDPLITE),
		INNER("UDP-Lite v6", AF_INET6, SOCK_DGRAM, IPPROTO_UDPLITE,
		      ONLY_UDP, "::", UDPLITE),
		INNER("DCCP v4", AF_INET, SOCK_DCCP, IPPROTO_DCCP, EVERY,
		      "127.0.0.1", DCCP),
		INNER("DCCP v6", AF_INET6, SOCK_DCCP, IPPROTO_DCCP, EVERY,
		      "::1", DCCP),
	};

	load_module("dccp_ipv4");
	load_module("dccp_ipv6");
	inner_table(inners, ARRAY_SIZE(inners));
}

static void inner_mptcp(void)
{
	static const struct inner inners[] = {
		INNER("MPTCP v4", AF_INET, SOCK_STREAM, IPPROTO_MPTCP,
		      ONLY_TCP, "127.0.0.1", TCP),
		INNER("MPTCP v4 wildcard", AF_INET, SOCK_STREAM,
		      IPPROTO_MPTCP, ONLY_TCP, "0.0.0.0", TCP),
		INNER("MPTCP v6", AF_INET6, SOCK_STREAM, IPPROTO_MPTCP,
		      ONLY_TCP, "::1", TCP),
		INNER("MPTCP v6 mapped", AF_INET6, SOCK_STREAM, IPPROTO_MPTCP,
		      ONLY_TCP, "::ffff:127.0.0.1", TCP),
	};

	inner_table(inners, ARRAY_SIZE(inners));
}

/* The ids of the endpoints that the cases make. */
enum { ENDPOINT = 201 };

/* Subflows of a connection beside its first, -1 if it is no MPTCP. */
static int extra_subflows(int fd)
{
	unsigned char info[256];
	socklen_t size = sizeof(info);

	/* The first byte of struct mptcp_info. */
	if (getsockopt(fd, SOL_MPTCP, 1, info, &size))
		return -1;
	return info[0];
}

/*
 * A connection from a granted port to a granted port, which gets one more
 * subflow from another address, with all else refused: the kernel's workers
 * take the port for that.
 */
static void inner_mptcp_connection(void)
{
	long long deadline = now_ms() + DEADLINE_MS;
	socklen_t length, size;
	union sockaddr_any from, to, seen;
	int listener, client, server, error, subflows;
	struct counters before, now;
	char byte = 0;

	must_write("strict", "1");
	must_upload("reserve 1-65535\nallow user 61001 443,8444/tcp\n");
	if (!have_mptcp_pm()) {
		skip("this kernel has no MPTCP path manager");
		return;
	}
	error = mptcp_pm_add("127.0.0.2", 0, PM_SUBFLOW, ENDPOINT);
	if (error)
		die("a subflow endpoint: %s", errno_name(error));
	counters_take(&before);
	length = make_address(&to, "127.0.0.1", 8444);
	make_address(&from, "127.0.0.1", 443);
	act_as(OWNER);
	listener = need_socket(TRANSPORT_MPTCP, FAMILY_V4);
	client = need_socket(TRANSPORT_MPTCP, FAMILY_V4);
	check_errno(bind_errno(listener, &to, length), 0, "bind the listener");
	check_errno(listen_errno(listener), 0, "listen");
	check_errno(bind_errno(client, &from, length), 0, "bind the client");
	check_errno(connect_errno(client, &to, length), 0, "connect");
	size = sizeof(seen);
	server = accept4(listener, &seen.sa, &size, SOCK_CLOEXEC);
	if (server < 0)
		die("accept: %m");
	check(ntohs(seen.in.sin_port) == 443, "the client's port is %u",
	      ntohs(seen.in.sin_port));
	/* Others are made only when data has gone both ways. */
	do {
		if (write(client, &byte, 1) != 1 ||
		    read(server, &byte, 1) != 1 ||
		    write(server, &byte, 1) != 1 ||
		    read(client, &byte, 1) != 1)
			die("a byte through the connection: %m");
		subflows = extra_subflows(client);
	} while (!subflows && now_ms() < deadline);
	check(subflows == 1, "there are %d more subflows", subflows);
	close_at_once(client);
	close(server);
	close(listener);
	act_as(0);
	error = mptcp_pm_remove(ENDPOINT);
	check_errno(error, 0, "the endpoint is removed");
	/*
	 * The workers' are of port 0. The server's side tries one, too, which
	 * may come before or after it is closed.
	 */
	counters_take(&now);
	for (int i = 0; i < COUNTERS; i++) {
		unsigned long long more = now.value[i] - before.value[i];

		if (i == PASSED)
			check(more == 1 || more == 2, "%llu binds of port 0",
			      more);
		else
			check(more == (i == GRANTED ? 2 : 0),
			      "%s: %llu more", counter_names[i], more);
	}
}

struct endpoint {
	const char *name;
	uid_t uid;
	bool strict;
	const char *address;
	uint16_t port;
	int want;
};

/*
 * The kernel listens for the port of an endpoint itself, in the name of who
 * made it, who need not be root but must manage the network.
 */
/* No security hook is passed on the way, so that root is refused by the family. */
static const struct endpoint endpoints[] = {
	{ "root, reserved", 0, false, "127.0.0.1", 8444, 0 },
	{ "root, low", 0, false, "127.0.0.1", 80, 0 },
	{ "root, v6", 0, false, "::1", 8444, 0 },
	{ "strict root, reserved", 0, true, "127.0.0.1", 8444, EAFNOSUPPORT },
	{ "strict root, reserved, v6", 0, true, "::1", 8444, EAFNOSUPPORT },
	{ "strict root, low", 0, true, "127.0.0.1", 80, EAFNOSUPPORT },
	{ "strict root, high", 0, true, "127.0.0.1", 8443, 0 },
	{ "owner, reserved", OWNER, false, "127.0.0.1", 8444, 0 },
	{ "owner, reserved, v6", OWNER, true, "::1", 8444, 0 },
	{ "owner, low", OWNER, false, "127.0.0.1", 443, 0 },
	{ "owner, other low", OWNER, false, "127.0.0.1", 80, EACCES },
	{ "owner, low for udp", OWNER, false, "127.0.0.1", 445, EACCES },
	{ "stranger, reserved", STRANGER, false, "127.0.0.1", 8444, EACCES },
	{ "stranger, reserved, v6", STRANGER, false, "::1", 8445, EACCES },
	{ "stranger, reserved for udp", STRANGER, false, "127.0.0.1", 8446,
	  0 },
	{ "stranger, denied", STRANGER, false, "127.0.0.1", 8448, EACCES },
	{ "stranger, low", STRANGER, false, "127.0.0.1", 443, EACCES },
	{ "stranger, high", STRANGER, false, "127.0.0.1", 8443, 0 },
};

static int add_endpoint(void *arg)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = {
		{ .effective = 1U << CAP_NET_ADMIN,
		  .permitted = 1U << CAP_NET_ADMIN },
	};
	const struct endpoint *row = arg;
	struct subject subject = subject_user(row->name, row->uid);

	if (row->uid) {
		if (prctl(PR_SET_KEEPCAPS, 1))
			die("PR_SET_KEEPCAPS: %m");
		subject_become(&subject);
		if (syscall(SYS_capset, &head, data))
			die("capset: %m");
	}
	return mptcp_pm_add(row->address, row->port, PM_SIGNAL, ENDPOINT);
}

/* Root may bind there unless it is taken; to connect, MPTCP asks for more. */
static bool is_taken(const struct endpoint *row)
{
	union sockaddr_any any;
	socklen_t length = make_address(&any, row->address, row->port);
	int fd = need_socket(TRANSPORT_TCP, any.sa.sa_family == AF_INET ?
						    FAMILY_V4 : FAMILY_V6);
	int error;

	must_write("strict", "0");
	error = bind_errno(fd, &any, length);
	close(fd);
	if (error && error != EADDRINUSE)
		die("%s: bind by root: %s", row->name, errno_name(error));
	return error;
}

static void inner_mptcp_endpoint(void)
{
	if (!have_mptcp_pm()) {
		skip("this kernel has no MPTCP path manager");
		return;
	}
	must_upload(POLICY);
	for (size_t i = 0; i < ARRAY_SIZE(endpoints); i++) {
		const struct endpoint *row = &endpoints[i];
		unsigned long long before;
		int error;

		must_write("strict", row->strict ? "1" : "0");
		before = binds_judged();
		error = from_child(add_endpoint, (void *)row);
		check_errno(error, row->want, "%s", row->name);
		check(binds_judged() - before == 1, "%s: %llu binds counted",
		      row->name, binds_judged() - before);
		check(is_taken(row) == !row->want, "%s: %s has the port",
		      row->name, row->want ? "somebody" : "nobody");
		if (error)
			continue;
		error = mptcp_pm_remove(ENDPOINT);
		check_errno(error, 0, "%s: the endpoint is removed",
			    row->name);
		check(!is_taken(row), "%s: the kernel still has the port",
		      row->name);
	}
}

/* A socket that has no port, with a port's number where others have theirs. */
union any_address {
	struct sockaddr sa;
	union sockaddr_any inet;
	struct sockaddr_l2tpip l2tp;
	struct sockaddr_l2tpip6 l2tp6;
	struct sockaddr_ll packet;
	struct sockaddr_nl netlink;
	struct sockaddr_vm vsock;
	struct sockaddr_un un;
};

struct other {
	const char *name;
	int family, type, protocol;
	socklen_t (*address)(union any_address *out, uint16_t port);
	const char *module;
	bool root_only;
	/* vsock has privileged ports of its own. */
	bool own_check;
};

static socklen_t address_v4(union any_address *out, uint16_t port)
{
	return make_address(&out->inet, "127.0.0.1", port);
}

static socklen_t address_v6(union any_address *out, uint16_t port)
{
	return make_address(&out->inet, "::1", port);
}

static socklen_t address_l2tp(union any_address *out, uint16_t port)
{
	out->l2tp = (struct sockaddr_l2tpip){
		.l2tp_family = AF_INET,
		.l2tp_unused = htons(port),
		.l2tp_addr.s_addr = htonl(INADDR_LOOPBACK),
		.l2tp_conn_id = port,
	};
	return sizeof(out->l2tp);
}

static socklen_t address_l2tp6(union any_address *out, uint16_t port)
{
	out->l2tp6 = (struct sockaddr_l2tpip6){
		.l2tp_family = AF_INET6,
		.l2tp_unused = htons(port),
		.l2tp_addr = in6addr_loopback,
		.l2tp_conn_id = port,
	};
	return sizeof(out->l2tp6);
}

static socklen_t address_packet(union any_address *out, uint16_t port)
{
	out->packet = (struct sockaddr_ll){
		.sll_family = AF_PACKET,
		.sll_protocol = htons(port),
		.sll_ifindex = if_nametoindex("lo"),
	};
	return sizeof(out->packet);
}

static socklen_t address_netlink(union any_address *out, uint16_t port)
{
	out->netlink = (struct sockaddr_nl){
		.nl_family = AF_NETLINK,
		.nl_pad = htons(port),
		.nl_pid = port,
	};
	return sizeof(out->netlink);
}

static socklen_t address_vsock(union any_address *out, uint16_t port)
{
	out->vsock = (struct sockaddr_vm){
		.svm_family = AF_VSOCK,
		.svm_cid = VMADDR_CID_ANY,
		.svm_port = port,
	};
	return sizeof(out->vsock);
}

/* A name without a file, which begins with a byte of 0. */
static socklen_t address_unix(union any_address *out, uint16_t port)
{
	memset(&out->un, 0, sizeof(out->un));
	out->un.sun_family = AF_UNIX;
	out->un.sun_path[1] = port;
	return offsetof(struct sockaddr_un, sun_path) + 14;
}

#define OTHER(n, f, t, p, a, ...) \
	{ .name = n, .family = f, .type = t, .protocol = p, .address = a, \
	  __VA_ARGS__ }

static const struct other others[] = {
	OTHER("ping", AF_INET, SOCK_DGRAM, IPPROTO_ICMP, address_v4),
	OTHER("ping6", AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6, address_v6),
	OTHER("raw ICMP", AF_INET, SOCK_RAW, IPPROTO_ICMP, address_v4,
	      .root_only = true),
	OTHER("raw TCP", AF_INET, SOCK_RAW, IPPROTO_TCP, address_v4,
	      .root_only = true),
	OTHER("raw UDP", AF_INET, SOCK_RAW, IPPROTO_UDP, address_v4,
	      .root_only = true),
	OTHER("raw SCTP", AF_INET, SOCK_RAW, IPPROTO_SCTP, address_v4,
	      .root_only = true),
	OTHER("raw RAW", AF_INET, SOCK_RAW, IPPROTO_RAW, address_v4,
	      .root_only = true),
	OTHER("raw6 TCP", AF_INET6, SOCK_RAW, IPPROTO_TCP, address_v6,
	      .root_only = true),
	OTHER("raw6 UDP", AF_INET6, SOCK_RAW, IPPROTO_UDP, address_v6,
	      .root_only = true),
	OTHER("raw6 RAW", AF_INET6, SOCK_RAW, IPPROTO_RAW, address_v6,
	      .root_only = true),
	OTHER("l2tp", AF_INET, SOCK_DGRAM, IPPROTO_L2TP, address_l2tp,
	      .module = "l2tp_ip"),
	OTHER("l2tp6", AF_INET6, SOCK_DGRAM, IPPROTO_L2TP, address_l2tp6,
	      .module = "l2tp_ip6"),
	OTHER("packet", AF_PACKET, SOCK_RAW, 0, address_packet,
	      .root_only = true),
	OTHER("netlink", AF_NETLINK, SOCK_RAW, NETLINK_ROUTE,
	      address_netlink),
	OTHER("vsock stream", AF_VSOCK, SOCK_STREAM, 0, address_vsock,
	      .module = "vsock", .own_check = true),
	OTHER("unix", AF_UNIX, SOCK_STREAM, 0, address_unix),
	OTHER("unix datagram", AF_UNIX, SOCK_DGRAM, 0, address_unix),
};

static void other_socket(const struct other *other, uid_t uid)
{
	static const uint16_t numbers[] = { 443, 8444 };

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		union any_address address;
		socklen_t length = other->address(&address, numbers[i]);
		int fd = socket(other->family, other->type | SOCK_CLOEXEC,
				other->protocol);
		int want = 0;

		if (uid && other->own_check && numbers[i] < PRIVILEGED_PORTS)
			want = EACCES;
		if (fd < 0)
			die("a socket of %s: %m", other->name);
		check_errno(bind(fd, &address.sa, length) ? errno : 0, want,
			    "%s, number %u, user %u", other->name, numbers[i],
			    uid);
		close(fd);
	}
}

static void inner_no_ports(void)
{
	static const uid_t uids[] = { STRANGER, 0 };
	struct counters before;

	sysctl_set("net/ipv4/ping_group_range", "0 2147483647");
	must_write("strict", "1");
	must_upload("reserve 1-65535\ndeny any 1-65535\n");
	for (size_t u = 0; u < ARRAY_SIZE(uids); u++) {
		act_as(uids[u]);
		check_errno(try_bind(TRANSPORT_UDP, FAMILY_V4,
				     ADDRESS_LOOPBACK, 8444),
			    EACCES, "a port, user %u", uids[u]);
	}
	counters_take(&before);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		const struct other *other = &others[i];
		int fd;

		if (other->module)
			load_module(other->module);
		fd = socket(other->family, other->type | SOCK_CLOEXEC,
			    other->protocol);
		if (fd < 0) {
			skip("%s is not in this kernel", other->name);
			continue;
		}
		close(fd);
		for (size_t u = 0; u < ARRAY_SIZE(uids); u++) {
			if (uids[u] && other->root_only)
				continue;
			act_as(uids[u]);
			other_socket(other, uids[u]);
		}
		act_as(0);
	}
	counters_check(&before, &(struct counters){ 0 },
		       "none of them is judged");
	sysctls_restore();
}

const struct way inner_ways[] = {
	{ "inner/smc", "SMC by its TCP socket", inner_smc },
	{ "inner/rxrpc", "RXRPC by its UDP socket", inner_rxrpc },
	{ "inner/rxrpc-shared", "an RXRPC port that its owner has bound",
	  inner_rxrpc_shared },
	{ "inner/udplite-dccp",
	  "UDP-Lite, as a kind of UDP, and DCCP, which no rule can name",
	  inner_others },
	{ "inner/mptcp", "MPTCP by its first subflow", inner_mptcp },
	{ "inner/mptcp-connection",
	  "bind, connect and accept of MPTCP, and one more subflow",
	  inner_mptcp_connection },
	{ "inner/mptcp-endpoint",
	  "the kernel's listener for an endpoint's port",
	  inner_mptcp_endpoint },
	{ "inner/no-ports",
	  "sockets without ports, with every port reserved, denied, strict",
	  inner_no_ports },
	{ 0 },
};
