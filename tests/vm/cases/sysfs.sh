# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # sourced by tests/vm/suite
#
# The files of the module: their text, permissions, and reading while writing.

need_unloaded
insmod "$PORTACL_KO"
program sysfs "$programs/sysfs_test"
rmmod portacl
