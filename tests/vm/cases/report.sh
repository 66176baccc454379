# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # sourced by tests/vm/suite
#
# What is told of binds and of changes, and to whom.

need_unloaded
insmod "$PORTACL_KO"
program report "$programs/report_test"
rmmod portacl
