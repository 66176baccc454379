# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # sourced by tests/vm/suite
#
# Every transport and every way to a port: the cases of tests/vm/transports.

# shellcheck source=tests/vm/lib/ways.sh
. tests/vm/lib/ways.sh
need_unloaded
begin_ways
program transports "$programs/ways_test"
# shellcheck disable=SC2119 # all of them
run_ways
end_ways
