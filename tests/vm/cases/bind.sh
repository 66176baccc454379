# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # sourced by tests/vm/suite
#
# Who may bind what, from before the module is there until after it is gone.

need_unloaded
program before "$programs/bind_test" before
insmod "$PORTACL_KO"
program loaded "$programs/bind_test" loaded
program rules "$programs/bind_test" rules
program after-remove "$programs/bind_test" after-remove
rmmod portacl
program after-rmmod "$programs/bind_test" after-rmmod
