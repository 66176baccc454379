# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # sourced by tests/vm/suite
#
# What the rules mean: the vectors that the engine is tested with, by real binds.

need_unloaded
insmod "$PORTACL_KO"
program vectors "$programs/vectors_test" tests/vectors/*.vec
rmmod portacl
