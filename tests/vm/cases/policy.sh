# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # sourced by tests/vm/suite
#
# Denials, reservations and settings, as far as the vectors cannot say it.

need_unloaded
insmod "$PORTACL_KO"
program policy "$programs/policy_test" rules
rmmod portacl
program unload "$programs/policy_test" unload "$PORTACL_KO" 20
