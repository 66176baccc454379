// SPDX-License-Identifier: GPL-2.0-only
/*
 * portacl - the first line of the module, ahead of the security hook of bind(2)
 */

#include <linux/mutex.h>
#include <linux/net.h>
#include <linux/sched.h>
#include <linux/security.h>

#include "first_line.h"
#include "hook.h"
#include "ruleset.h"

/* The handler takes the arguments from registers: their types must be these. */
static_assert(__same_type(security_socket_bind,
			  int (struct socket *, struct sockaddr *, int)));

static const struct socket *arg_sock(const struct pt_regs *regs)
{
	return (const struct socket *)regs->di;
}

static __always_inline bool passes(const struct pt_regs *regs)
{
	return portacl_first_line_passes(arg_sock(regs));
}

static bool refuses(const struct pt_regs *regs)
{
	return portacl_first_line_refuses(arg_sock(regs),
					  (const void *)regs->si,
					  (int)regs->dx);
}

PORTACL_GUARD_HANDLER(handler, passes, refuses)

static struct portacl_guard first_line = {
	.symbol = "security_socket_bind",
	.handler = handler,
};

/* Attaching and detaching is one at a time. */
static DEFINE_MUTEX(first_line_lock);

void portacl_first_line_update(void)
{
	bool wanted;

	mutex_lock(&first_line_lock);
	wanted = portacl_ruleset_state().refuses;
	if (wanted && !first_line.hook)
		/* The judgement refuses also without it. */
		portacl_guard_attach(&first_line);
	else if (!wanted)
		/* One that cannot be detached has nothing to refuse. */
		portacl_guard_detach(&first_line);
	mutex_unlock(&first_line_lock);
}

void portacl_first_line_detach(void)
{
	/* What is still called must stay. */
	while (portacl_guard_detach(&first_line))
		schedule_timeout_idle(MAX_SCHEDULE_TIMEOUT);
}

ssize_t portacl_first_line_show(char *buf, ssize_t len)
{
	return portacl_hook_show(buf, len, first_line.symbol,
				 READ_ONCE(first_line.hook));
}
