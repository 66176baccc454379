// SPDX-License-Identifier: GPL-2.0-only
// The module's state in Prometheus' text format, for node_exporter's textfile
// collector.

#ifndef PORTACL_CLI_PROMETHEUS_H
#define PORTACL_CLI_PROMETHEUS_H

#include "cli/context.h"

namespace portacl {

// Of stats --prometheus. Without the module it says so and no more, as that is
// what an alert is to be about. Returns the exit status.
int write_metrics(const Context &context);

} // namespace portacl

#endif
