// SPDX-License-Identifier: GPL-2.0-only
/*
 * A port that somebody owns, and sockets that may share one: whatever the
 * kernel lets strangers share, a reservation keeps, while its owner is up and
 * while it is down.
 */
#define _GNU_SOURCE
#include "ways.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "control.h"
#include "harness.h"
#include "model.h"
#include "sockets.h"
#include "ways_sockets.h"

enum { OWNER = UID_GRANTED, STRANGER = UID_OTHER, NEIGHBOUR = UID_MEMBER };

/* The port that is reserved, one that is not, and one of low number. */
enum { RESERVED = 8461, FREE = 8462, LOW = 461 };

#define RESERVATION "reserve 8461\nallow user 61001 8461,461\n"

struct form {
	const char *name;
	enum family family;
	const char *address;
	bool v6only;
};

static const struct form forms[] = {
	{ "0.0.0.0", FAMILY_V4, "0.0.0.0", false },
	{ "127.0.0.1", FAMILY_V4, "127.0.0.1", false },
	{ "::", FAMILY_V6, "::", false },
	{ ":: v6only", FAMILY_V6, "::", true },
	{ "::1", FAMILY_V6, "::1", false },
	{ "::ffff:0.0.0.0", FAMILY_MAPPED, "::ffff:0.0.0.0", false },
	{ "::ffff:127.0.0.1", FAMILY_MAPPED, "::ffff:127.0.0.1", false },
};

struct sharing {
	const char *name;
	enum transport transport;
	int option;
	/* What a stranger gets who binds the same while it is not reserved. */
	int plain;
};

static const struct sharing sharings[] = {
	{ "tcp REUSEPORT", TRANSPORT_TCP, SO_REUSEPORT, EADDRINUSE },
	/* While none listens, the kernel lets strangers share. */
	{ "tcp REUSEADDR", TRANSPORT_TCP, SO_REUSEADDR, 0 },
	{ "mptcp REUSEPORT", TRANSPORT_MPTCP, SO_REUSEPORT, EADDRINUSE },
	{ "udp REUSEPORT", TRANSPORT_UDP, SO_REUSEPORT, EADDRINUSE },
	{ "udp REUSEADDR", TRANSPORT_UDP, SO_REUSEADDR, 0 },
};

/* A bind as that user; the socket stays in *fd. */
static int bind_form(uid_t uid, const struct sharing *sharing,
		     const struct form *form, uint16_t port, int *fd)
{
	union sockaddr_any any;
	socklen_t length;
	int error;

	act_as(uid);
	*fd = need_socket(sharing->transport, form->family);
	if (sharing->option)
		must_set(*fd, SOL_SOCKET, sharing->option, 1);
	if (form->v6only)
		must_set(*fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	length = make_address(&any, form->address, port);
	error = bind_errno(*fd, &any, length);
	act_as(0);
	return error;
}

static void stranger_binds(const struct sharing *sharing, const char *owner)
{
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		int fd;

		check_errno(bind_form(STRANGER, sharing, &forms[i], RESERVED,
				      &fd),
			    EACCES, "%s, stranger on %s, owner %s",
			    sharing->name, forms[i].name, owner);
		close(fd);
	}
}

/* Up, down, and up again: one that restarts finds its port free. */
static void owner_lives(const struct sharing *sharing, const struct form *form)
{
	int first, second;

	for (int life = 1; life <= 2; life++) {
		check_errno(bind_form(OWNER, sharing, form, RESERVED, &first),
			    0, "%s, owner on %s, life %d", sharing->name,
			    form->name, life);
		/* It may still share with itself. */
		check_errno(bind_form(OWNER, sharing, form, RESERVED, &second),
			    0, "%s, owner twice on %s", sharing->name,
			    form->name);
		close(second);
		if (life == 1)
			stranger_binds(sharing, form->name);
		close(first);
	}
}

/* Without a reservation strangers do share what the kernel lets them share. */
static void nothing_reserved(const struct sharing *sharing,
			     const struct form *form)
{
	int first, second;

	check_errno(bind_form(OWNER, sharing, form, FREE, &first), 0,
		    "%s, port that is free, %s", sharing->name, form->name);
	check_errno(bind_form(STRANGER, sharing, form, FREE, &second),
		    sharing->plain, "%s, port that is free, %s, stranger",
		    sharing->name, form->name);
	close(second);
	close(first);
}

static void sharing_reserved(void)
{
	const size_t rows = ARRAY_SIZE(sharings) * ARRAY_SIZE(forms);
	struct counters before;

	must_upload(RESERVATION);
	for (size_t s = 0; s < ARRAY_SIZE(sharings); s++)
		for (size_t f = 0; f < ARRAY_SIZE(forms); f++)
			nothing_reserved(&sharings[s], &forms[f]);
	counters_take(&before);
	for (size_t s = 0; s < ARRAY_SIZE(sharings); s++) {
		stranger_binds(&sharings[s], "down");
		for (size_t f = 0; f < ARRAY_SIZE(forms); f++)
			owner_lives(&sharings[s], &forms[f]);
	}
	counters_check(&before,
		       &(struct counters){ .value = {
			       [GRANTED] = rows * 4,
			       [DENIED_RESERVED] =
				       rows * (ARRAY_SIZE(forms) + 1),
		       } },
		       "each bind counts once");
}

/* Two families of one number, and two addresses of one family. */
struct beside {
	const char *name;
	struct form form;
	uid_t uid;
	int want;
};

static const struct beside besides[] = {
	{ "v6only beside v4", { "", FAMILY_V6, "::", true }, OWNER, 0 },
	{ "v6only beside v4", { "", FAMILY_V6, "::", true }, STRANGER,
	  EACCES },
	{ "both families beside v4", { "", FAMILY_V6, "::", false }, OWNER,
	  EADDRINUSE },
	{ "::1 beside v4", { "", FAMILY_V6, "::1", false }, OWNER, 0 },
	{ "::1 beside v4", { "", FAMILY_V6, "::1", false }, STRANGER, EACCES },
	{ "mapped beside v4",
	  { "", FAMILY_MAPPED, "::ffff:127.0.0.1", false }, OWNER,
	  EADDRINUSE },
	{ "mapped beside v4",
	  { "", FAMILY_MAPPED, "::ffff:127.0.0.1", false }, STRANGER, EACCES },
	{ "127.0.0.1 beside 0.0.0.0", { "", FAMILY_V4, "127.0.0.1", false },
	  OWNER, EADDRINUSE },
	{ "127.0.0.1 beside 0.0.0.0", { "", FAMILY_V4, "127.0.0.1", false },
	  STRANGER, EACCES },
	/* Root passes; the kernel's own rules stay. */
	{ "::1 beside v4", { "", FAMILY_V6, "::1", false }, 0, 0 },
	{ "127.0.0.1 beside 0.0.0.0", { "", FAMILY_V4, "127.0.0.1", false },
	  0, EADDRINUSE },
};

static void sharing_beside(void)
{
	static const enum transport transports[] = {
		TRANSPORT_TCP, TRANSPORT_UDP, TRANSPORT_MPTCP
	};
	static const uint16_t ports[] = { RESERVED, LOW };
	static const struct form v4 = { "", FAMILY_V4, "0.0.0.0", false };

	must_upload(RESERVATION);
	for (size_t t = 0; t < ARRAY_SIZE(transports); t++)
		for (size_t p = 0; p < ARRAY_SIZE(ports); p++) {
			struct sharing sharing = {
				.transport = transports[t],
			};
			int first, second;

			if (bind_form(OWNER, &sharing, &v4, ports[p], &first))
				die("the owner cannot bind: %m");
			if (transports[t] != TRANSPORT_UDP)
				listen_errno(first);
			for (size_t i = 0; i < ARRAY_SIZE(besides); i++) {
				const struct beside *b = &besides[i];

				check_errno(bind_form(b->uid, &sharing,
						      &b->form, ports[p],
						      &second),
					    b->want, "%s, %s port %u, user %u",
					    b->name,
					    transport_names[transports[t]],
					    ports[p], b->uid);
				close(second);
			}
			close(first);
		}
}

/* Each has an address of its own, and none has the other's, nor all. */
static void sharing_addresses(void)
{
	static const struct {
		uid_t uid;
		enum family family;
		const char *address;
		int want;
	} rows[] = {
		{ OWNER, FAMILY_V4, "127.0.0.1", 0 },
		{ OWNER, FAMILY_MAPPED, "::ffff:127.0.0.1", 0 },
		{ OWNER, FAMILY_V4, "127.0.0.2", EACCES },
		{ OWNER, FAMILY_MAPPED, "::ffff:127.0.0.2", EACCES },
		{ OWNER, FAMILY_V4, "0.0.0.0", EACCES },
		{ OWNER, FAMILY_V6, "::", EACCES },
		{ OWNER, FAMILY_V6, "::1", EACCES },
		{ NEIGHBOUR, FAMILY_V4, "127.0.0.2", 0 },
		{ NEIGHBOUR, FAMILY_V4, "127.0.0.1", EACCES },
		{ NEIGHBOUR, FAMILY_V6, "::1", 0 },
		{ NEIGHBOUR, FAMILY_V6, "::", EACCES },
		{ STRANGER, FAMILY_V4, "127.0.0.1", EACCES },
		{ STRANGER, FAMILY_V4, "127.0.0.2", EACCES },
		{ STRANGER, FAMILY_V4, "127.0.0.3", EACCES },
		{ STRANGER, FAMILY_V4, "0.0.0.0", EACCES },
	};

	must_upload("reserve 8461\n"
		    "allow user 61001 8461 on 127.0.0.1\n"
		    "allow user 61010 8461 on 127.0.0.2\n"
		    "allow user 61010 8461 on ::1\n");
	for (size_t s = 0; s < ARRAY_SIZE(sharings); s++) {
		int fds[ARRAY_SIZE(rows)];

		for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
			struct form form = { "", rows[i].family,
					     rows[i].address, false };

			check_errno(bind_form(rows[i].uid, &sharings[s], &form,
					      RESERVED, &fds[i]),
				    rows[i].want, "%s, user %u on %s",
				    sharings[s].name, rows[i].uid,
				    rows[i].address);
		}
		for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
			close(fds[i]);
	}
}

static socklen_t loopback(union sockaddr_any *any, uint16_t port)
{
	return make_plain_address(any, FAMILY_V4, ADDRESS_LOOPBACK, port);
}

/* A connection to a listener: both ends. */
static void make_connection(int listener, uint16_t port, int *client,
			    int *server)
{
	union sockaddr_any any;
	socklen_t length = loopback(&any, port);
	int error;

	*client = need_socket(TRANSPORT_TCP, FAMILY_V4);
	error = connect_errno(*client, &any, length);
	if (error)
		die("connect to port %u: %s", port, errno_name(error));
	*server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (*server < 0)
		die("accept: %m");
}

/*
 * A server that was closed first leaves TIME_WAIT on its port, which anybody
 * may bind with SO_REUSEADDR.
 */
static void sharing_restart(void)
{
	static const struct sharing reuse = {
		"", TRANSPORT_TCP, SO_REUSEADDR, 0
	};
	static const struct sharing plain = {
		"", TRANSPORT_TCP, 0, 0
	};
	static const uint16_t ports[] = { FREE, RESERVED, LOW };

	must_upload(RESERVATION);
	for (size_t p = 0; p < ARRAY_SIZE(ports); p++) {
		uint16_t port = ports[p];
		int listener, client, server, fd;
		char byte;

		if (bind_form(OWNER, &reuse, &forms[0], port, &listener) ||
		    listen_errno(listener))
			die("the owner cannot listen");
		make_connection(listener, port, &client, &server);
		close(server);
		close(listener);
		/* The end, so that what is left on the port is TIME_WAIT. */
		if (read(client, &byte, 1))
			die("read: %m");
		check_errno(bind_form(STRANGER, &reuse, &forms[0], port, &fd),
			    port == FREE ? 0 : EACCES,
			    "port %u of a server that restarts, stranger",
			    port);
		close(fd);
		check_errno(bind_form(OWNER, &plain, &forms[0], port, &fd),
			    EADDRINUSE, "port %u: nothing was left on it",
			    port);
		close(fd);
		check_errno(bind_form(OWNER, &reuse, &forms[0], port, &fd), 0,
			    "port %u of a server that restarts, owner", port);
		close(fd);
		/* A reset ends TIME_WAIT. */
		close_at_once(client);
	}
}

static void send_fd(int channel, int fd)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec data = { .iov_base = "", .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	if (sendmsg(channel, &message, 0) != 1)
		die("sendmsg: %m");
}

static int receive_fd(int channel)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	char byte;
	struct iovec data = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	int fd;

	if (recvmsg(channel, &message, MSG_CMSG_CLOEXEC) != 1 ||
	    !CMSG_FIRSTHDR(&message))
		die("recvmsg: %m");
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return fd;
}

struct handing {
	int channel;
	uint16_t port;
};

/* The owner makes a listener and a socket that is not bound. */
static int hand_on(void *arg)
{
	const struct handing *handing = arg;
	struct subject owner = subject_user("owner", OWNER);
	union sockaddr_any any;
	socklen_t length = loopback(&any, handing->port);
	int fd;

	subject_become(&owner);
	fd = need_socket(TRANSPORT_TCP, FAMILY_V4);
	if (bind_errno(fd, &any, length) || listen_errno(fd))
		return errno;
	send_fd(handing->channel, fd);
	send_fd(handing->channel, need_socket(TRANSPORT_TCP, FAMILY_V4));
	return 0;
}

/* Decisions are made at bind: who has the listener serves. */
static int take_over(void *arg)
{
	const struct handing *handing = arg;
	struct subject stranger = subject_user("stranger", STRANGER);
	union sockaddr_any any;
	socklen_t length = loopback(&any, handing->port);
	int listener, unbound, client, server;

	subject_become(&stranger);
	listener = receive_fd(handing->channel);
	unbound = receive_fd(handing->channel);
	make_connection(listener, handing->port, &client, &server);
	check(bound_port(server) == handing->port,
	      "port %u: a connection of a listener handed on", handing->port);
	close_at_once(client);
	close(server);
	check_errno(listen_errno(listener), 0, "port %u: listen again",
		    handing->port);
	/* A socket has no owner: who binds it counts. */
	check_errno(bind_errno(unbound, &any, length), EACCES,
		    "port %u: stranger binds the owner's socket",
		    handing->port);
	close(listener);
	check_errno(bind_errno(unbound, &any, length), EACCES,
		    "port %u: stranger binds after the listener",
		    handing->port);
	/* Back to the owner, who may. */
	send_fd(handing->channel, need_socket(TRANSPORT_TCP, FAMILY_V4));
	return 0;
}

static void sharing_handed_on(void)
{
	static const uint16_t ports[] = { RESERVED, LOW };
	int channel[2];

	must_upload(RESERVATION);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel))
		die("socketpair: %m");
	for (size_t p = 0; p < ARRAY_SIZE(ports); p++) {
		struct handing handing = { channel[0], ports[p] };
		union sockaddr_any any;
		socklen_t length = loopback(&any, ports[p]);
		int fd;

		check_errno(from_child(hand_on, &handing), 0,
			    "port %u: the owner listens", ports[p]);
		handing.channel = channel[1];
		if (from_child(take_over, &handing))
			die("the stranger did not end well");
		fd = receive_fd(channel[0]);
		act_as(OWNER);
		check_errno(bind_errno(fd, &any, length), 0,
			    "port %u: owner binds the stranger's socket",
			    ports[p]);
		act_as(0);
		close(fd);
	}
	close(channel[0]);
	close(channel[1]);
}

/*
 * Something that another thread does to a socket, again and again, while it is
 * being bound.
 */
struct meddler {
	void (*meddle)(int fd);
	_Atomic int fd;
	atomic_ulong done;
	atomic_bool stop;
	pthread_t thread;
};

static void *meddler_loop(void *arg)
{
	struct meddler *meddler = arg;

	while (!meddler->stop) {
		int fd = meddler->fd;

		if (fd < 0) {
			sched_yield();
			continue;
		}
		meddler->meddle(fd);
		meddler->done++;
	}
	return NULL;
}

static void meddler_start(struct meddler *meddler, void (*meddle)(int fd))
{
	int error;

	memset(meddler, 0, sizeof(*meddler));
	meddler->meddle = meddle;
	meddler->fd = -1;
	error = pthread_create(&meddler->thread, NULL, meddler_loop, meddler);
	if (error)
		die("pthread_create: %s", errno_name(error));
}

/* Hands it a socket, and returns when it is at it. */
static void meddler_take(struct meddler *meddler, int fd)
{
	unsigned long done = meddler->done;

	meddler->fd = fd;
	while (meddler->done == done)
		sched_yield();
}

static void meddler_stop(struct meddler *meddler)
{
	meddler->stop = true;
	pthread_join(meddler->thread, NULL);
}

static void flip_v6only(int fd)
{
	static bool on;

	on = !on;
	/* Refused once the socket is bound. */
	set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, on);
}

struct flip {
	const char *name;
	uid_t uid;
	const char *address;
	uint16_t port;
	int want;
	/* What else the kernel may say, which depends on the flag, or 0. */
	int plain;
	/* Bound to this address, a socket has the flag whatever was set. */
	bool sets_flag;
};

#define FLIP(n, u, a, p, w, ...) \
	{ .name = n, .uid = u, .address = a, .port = p, .want = w, __VA_ARGS__ }

static const struct flip flips[] = {
	FLIP("stranger, denied on an IPv4 prefix", STRANGER, "::", 8463,
	     EACCES),
	FLIP("stranger, denied on an IPv6 prefix", STRANGER, "::", 8464,
	     EACCES),
	FLIP("stranger, other address than denied", STRANGER, "::1", 8463, 0,
	     .sets_flag = true),
	FLIP("stranger, mapped address that is denied", STRANGER,
	     "::ffff:127.0.0.1", 8463, EACCES),
	FLIP("owner, who is not denied", OWNER, "::", 8463, 0),
	FLIP("stranger, reserved", STRANGER, "::", RESERVED, EACCES),
	FLIP("owner, reserved", OWNER, "::", RESERVED, 0),
	FLIP("owner, reserved, mapped", OWNER, "::ffff:127.0.0.1", RESERVED, 0,
	     .plain = EINVAL),
	FLIP("stranger, low", STRANGER, "::", LOW, EACCES),
	FLIP("owner, low", OWNER, "::", LOW, 0),
};

/* How often each state of the flag must have been there at the end. */
#define FLIPS 8

struct flip_try {
	const struct flip *flip;
	enum transport transport;
};

static void flip_case(void *arg)
{
	const struct flip_try *try = arg;
	const struct flip *flip = try->flip;
	struct subject subject = subject_user(flip->name, flip->uid);
	long long deadline = now_ms() + DEADLINE_MS;
	unsigned int seen[2] = { 0 }, wrong = 0;
	struct meddler meddler;
	union sockaddr_any any;
	socklen_t length = make_address(&any, flip->address, flip->port);
	int first_wrong = 0;

	subject_become(&subject);
	meddler_start(&meddler, flip_v6only);
	if (flip->sets_flag)
		seen[0] = FLIPS;
	while ((seen[0] < FLIPS || seen[1] < FLIPS) && now_ms() < deadline) {
		int fd = need_socket(try->transport, FAMILY_V6);
		socklen_t size = sizeof(int);
		int error, v6only;

		meddler_take(&meddler, fd);
		error = bind_errno(fd, &any, length);
		meddler.fd = -1;
		if (getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, &size))
			die("IPV6_V6ONLY: %m");
		seen[v6only]++;
		if (error != flip->want &&
		    (!error || error != flip->plain) && !wrong++)
			first_wrong = error;
		close(fd);
	}
	meddler_stop(&meddler);
	check(!wrong, "%s, %s: %u wrong answers, the first %s", flip->name,
	      transport_names[try->transport], wrong, errno_name(first_wrong));
	check(seen[0] >= FLIPS && seen[1] >= FLIPS,
	      "%s, %s: v6only was %u times on, %u times off", flip->name,
	      transport_names[try->transport], seen[1], seen[0]);
}

static void sharing_v6only(void)
{
	static const enum transport transports[] = {
		TRANSPORT_TCP, TRANSPORT_UDP
	};

	must_upload(RESERVATION
		    "deny user 61009 8463 on 127.0.0.0/8\n"
		    "deny user 61009 8464 on 2001:db8::/32\n");
	for (size_t i = 0; i < ARRAY_SIZE(flips); i++)
		for (size_t t = 0; t < ARRAY_SIZE(transports); t++) {
			struct flip_try try = { &flips[i], transports[t] };

			in_child(flip_case, &try);
		}
}

/* An IPv6 socket becomes one of IPv4, and loses the port it got meanwhile. */
static void change_family(int fd)
{
	static const struct sockaddr unspec = { .sa_family = AF_UNSPEC };
	union sockaddr_any any;
	socklen_t length = make_address(&any, "::ffff:127.0.0.1", 9);

	connect_errno(fd, &any, length);
	set_option(fd, IPPROTO_IPV6, IPV6_ADDRFORM, AF_INET);
	connect(fd, &unspec, sizeof(unspec));
}

static int domain_of(int fd)
{
	socklen_t size = sizeof(int);
	int domain;

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size))
		die("SO_DOMAIN: %m");
	return domain;
}

#define FAMILY_CHANGES 60

static const char *const addrform_forms[] = {
	"::", "::ffff:127.0.0.1", "127.0.0.1", "0.0.0.0"
};

struct addrform_tally {
	/* By the family of the address: done as policy says, and otherwise. */
	unsigned int right[2], wrong;
	int first_wrong;
};

/*
 * Binds in every form, until the socket has changed and a while longer; late
 * is when it may have changed before.
 */
static void addrform_socket(struct meddler *meddler, bool late, uint16_t port,
			    int want, struct addrform_tally *tally)
{
	int fd = need_socket(TRANSPORT_UDP, FAMILY_V6), changed = 0;
	long long deadline = now_ms() + DEADLINE_MS;

	if (late)
		meddler_take(meddler, fd);
	else
		meddler->fd = fd;
	for (size_t i = 0; changed < 4; i++) {
		const char *form = addrform_forms[i % 4];
		union sockaddr_any any;
		socklen_t length = make_address(&any, form, port);
		int error;

		if (now_ms() > deadline)
			die("the family of a socket does not change");
		/* From now on all tries see the other family. */
		changed += domain_of(fd) == AF_INET;
		error = bind_errno(fd, &any, length);
		if (error == want) {
			tally->right[any.sa.sa_family == AF_INET]++;
		} else if (error != EINVAL && error != EAFNOSUPPORT &&
			   (want || error != EADDRINUSE)) {
			/*
			 * Those are the kernel's words for an address, a
			 * state, and a socket that the other thread still
			 * holds.
			 */
			if (!tally->wrong++)
				tally->first_wrong = error;
		}
		if (bound_port(fd) == port) {
			if (!want)
				break;
			tally->wrong++;
		}
	}
	meddler->fd = -1;
	close(fd);
}

struct addrform {
	const char *name;
	uid_t uid;
	uint16_t port;
	int want;
};

static const struct addrform addrforms[] = {
	{ "stranger, reserved", STRANGER, RESERVED, EACCES },
	{ "owner, reserved", OWNER, RESERVED, 0 },
	{ "stranger, low", STRANGER, LOW, EACCES },
	{ "owner, low", OWNER, LOW, 0 },
};

static void addrform_case(void *arg)
{
	const struct addrform *row = arg;
	struct subject subject = subject_user(row->name, row->uid);
	long long deadline = now_ms() + DEADLINE_MS;
	struct addrform_tally tally = { 0 };
	union sockaddr_any any;
	struct meddler meddler;
	socklen_t length;
	int fd;

	subject_become(&subject);
	/* One after the other first. */
	fd = need_socket(TRANSPORT_UDP, FAMILY_V6);
	change_family(fd);
	check(domain_of(fd) == AF_INET, "%s: the family does not change",
	      row->name);
	length = make_address(&any, "::", row->port);
	check_errno(bind_errno(fd, &any, length), EAFNOSUPPORT,
		    "%s: an IPv6 address after the change", row->name);
	length = make_address(&any, "0.0.0.0", row->port);
	check_errno(bind_errno(fd, &any, length), row->want,
		    "%s: an IPv4 address after the change", row->name);
	close(fd);

	meddler_start(&meddler, change_family);
	for (int i = 0; i < FAMILY_CHANGES || !tally.right[0] ||
			!tally.right[1]; i++) {
		if (now_ms() > deadline)
			break;
		addrform_socket(&meddler, i % 2, row->port, row->want, &tally);
	}
	meddler_stop(&meddler);
	fd = need_socket(TRANSPORT_UDP, FAMILY_V4);
	check_errno(bind_errno(fd, &any, length), row->want,
		    "%s: after all the changes", row->name);
	close(fd);
	check(!tally.wrong, "%s: %u wrong answers while changing, the first %s",
	      row->name, tally.wrong, errno_name(tally.first_wrong));
	check(tally.right[0] && tally.right[1],
	      "%s: %u right answers before the change, %u after it", row->name,
	      tally.right[0], tally.right[1]);
}

static void sharing_addrform(void)
{
	must_upload(RESERVATION);
	for (size_t i = 0; i < ARRAY_SIZE(addrforms); i++)
		in_child(addrform_case, (void *)&addrforms[i]);
}

const struct way sharing_ways[] = {
	{ "sharing/reserved",
	  "SO_REUSEPORT and SO_REUSEADDR on a port whose owner is up, or down",
	  sharing_reserved },
	{ "sharing/beside", "another family or address beside a wildcard",
	  sharing_beside },
	{ "sharing/addresses", "one port, an address for each of two users",
	  sharing_addresses },
	{ "sharing/restart", "SO_REUSEADDR on what a server left in TIME_WAIT",
	  sharing_restart },
	{ "sharing/handed-on", "sockets that pass from one user to another",
	  sharing_handed_on },
	{ "sharing/v6only", "IPV6_V6ONLY changed by a thread during bind",
	  sharing_v6only },
	{ "sharing/addrform", "IPV6_ADDRFORM by a thread during bind",
	  sharing_addrform },
	{ 0 },
};
