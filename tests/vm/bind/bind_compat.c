// SPDX-License-Identifier: GPL-2.0-only
/* bind by the system calls of 32-bit programs. */
#define _GNU_SOURCE
#include "bind_test.h"

#include <unistd.h>

#include "compat.h"
#include "harness.h"
#include "model.h"
#include "sockets.h"

static void compat_subject(void *arg)
{
	static const uint16_t ports[] = { PORT_GRANTED, PORT_LOW, PORT_HIGH,
					  PORT_DENIED, PORT_RESERVED, 0 };
	const struct subject *subject = arg;

	subject_become(subject);
	for (int f = 0; f < FAMILIES; f++)
		for (size_t p = 0; p < 2 * ARRAY_SIZE(ports); p++) {
			uint16_t port = ports[p / 2];
			union sockaddr_any any;
			socklen_t length = make_plain_address(
				&any, f, ADDRESS_LOOPBACK, port);
			int fd = need_socket(TRANSPORT_TCP, f);

			check_errno(i386_bind(fd, &any, length, p % 2),
				    model_expect(subject, TRANSPORT_TCP, port),
				    "%s, %s, %s port %u",
				    p % 2 ? "socketcall" : "bind",
				    subject->name, family_names[f], port);
			close(fd);
		}
}

void compat_run(void)
{
	struct subject subjects[] = {
		subject_user("granted user", UID_GRANTED),
		subject_user("other user", UID_OTHER),
		{ .name = "root", .capable = true },
	};

	group_begin("32-bit calls");
	if (!have_i386())
		return;
	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++)
		in_child(compat_subject, &subjects[i]);
	group_end();
}
