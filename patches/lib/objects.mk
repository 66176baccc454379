# SPDX-License-Identifier: GPL-2.0-only
#
# What a kernel's configuration makes of one directory, for the progress bar: run
# in the build directory, after its include/config/auto.conf has been made, with
# srctree and obj set. Prints "object PATH" and "directory PATH" lines. Kbuild's own
# rules for these lists are in scripts/Makefile.lib and scripts/Makefile.build.

include include/config/auto.conf

srcroot := $(srctree)
src := $(obj)
objtree := .
obj-y :=
obj-m :=
lib-y :=
lib-m :=
subdir-y :=
subdir-m :=
SRCARCH := x86
BITS := $(if $(CONFIG_64BIT),64,32)

# What the kernel's Makefile and the architecture's add to the top directory.
ifeq ($(obj),.)
ARCH_LIB := lib/ arch/x86/lib/
ARCH_DRIVERS := $(if $(CONFIG_MATH_EMULATION),arch/x86/math-emu/) \
	$(if $(CONFIG_PCI),arch/x86/pci/) $(if $(CONFIG_PM),arch/x86/power/) \
	$(if $(CONFIG_VIDEO),arch/x86/video/)
endif

here := $(srctree)/$(obj)
include $(firstword $(wildcard $(here)/Kbuild $(here)/Makefile))

prefix := $(if $(filter-out .,$(obj)),$(obj)/)
parts = $(strip $(foreach s,-objs -y $(if $(2),-m),$($(1:%.o=%$(s)))))
primitive = $(foreach o,$(1),$(if $(call parts,$o,$(2)),$(call parts,$o,$(2)),$o))
modules := $(filter-out $(obj-y),$(filter-out %/,$(obj-m)))
objects := $(filter %.o,$(call primitive,$(filter-out %/,$(obj-y) $(lib-y) $(lib-m)),) \
	$(call primitive,$(modules),m))
directories := $(patsubst %/,%,$(filter %/,$(obj-y) $(obj-m)) $(subdir-y) $(subdir-m))

.PHONY: list
.DEFAULT_GOAL := list
list: ; @:$(foreach o,$(sort $(objects)),$(info object $(prefix)$o))$(foreach \
	d,$(sort $(directories)),$(info directory $(prefix)$d))
