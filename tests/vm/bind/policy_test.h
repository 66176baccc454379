/* SPDX-License-Identifier: GPL-2.0-only */
/* The groups of policy_test. Each leaves the module as after loading. */
#ifndef PORTACL_TEST_POLICY_TEST_H
#define PORTACL_TEST_POLICY_TEST_H

/* The kernel's answers stay as they are, whatever is refused. */
void errors_run(void);
/* Who is refused what, whatever the boundary and whoever asks. */
void refusals_run(void);
/* Binds that the kernel makes by itself, or for a process that never asked. */
void kernel_binds_run(void);
/* One bind counts once. */
void counting_run(void);
/* Which rule decided how many binds. */
void hits_run(void);
/* What has ended stays so, whatever is done with the clock and the policy. */
void ends_run(void);
/* The files strict and scope, and waiting for a change of any setting. */
void settings_run(void);
/* Nobody gets what is denied to him while the module goes. */
void unload_run(const char *file, unsigned int cycles);

#endif
