# SPDX-License-Identifier: GPL-2.0-only

BUILD ?= build
KERNELS ?= 6.1 6.12 7.2
# What check-kernel and kernel-deb build.
KERNEL ?= 6.12
FLAVOUR ?= prot-sock-24
CONFIG ?= vm
KERNELDIR ?= /lib/modules/$(shell uname -r)/build
PREFIX ?= /usr/local
CMAKE ?= cmake
# Many sources at once compile in a third of the time.
CMAKE_OPTIONS ?= -DCMAKE_UNITY_BUILD=ON -DCMAKE_UNITY_BUILD_BATCH_SIZE=14

.DELETE_ON_ERROR:
.PHONY: all tool module demo check check-kernel kernel-deb unit cli lint vm fuzz \
	install install-module clean help

all: tool module ## build the tool and, where its headers are, the module for the running kernel

tool: ## build build/userspace/portaclctl
	@{ test -f $(BUILD)/userspace/build.ninja && grep -qxF \
			'CMAKE_INSTALL_PREFIX:PATH=$(PREFIX)' \
			$(BUILD)/userspace/CMakeCache.txt; } || \
		$(CMAKE) -S userspace -B $(BUILD)/userspace -G Ninja \
			-DCMAKE_BUILD_TYPE=RelWithDebInfo \
			-DCMAKE_INSTALL_PREFIX=$(PREFIX) $(CMAKE_OPTIONS)
	@$(CMAKE) --build $(BUILD)/userspace

module: ## build module/portacl.ko for the running kernel, or that of KERNELDIR
	@if test -d $(KERNELDIR); then \
		$(MAKE) -C module KERNELDIR=$(KERNELDIR) modules; \
	else \
		echo "module: not built, no headers in $(KERNELDIR);" \
			"install linux-headers-$$(uname -r) or set KERNELDIR"; \
	fi

demo: ## show the whole story with real programs in a virtual machine
	@tests/install-packages build vm demo
	@tests/demo/run

check: ## run everything: lint, unit and command line tests, three kernels, patches
	@tests/install-packages build vm check demo
	@tests/check

check-kernel: ## build KERNEL with the patches, boot it and prove its FLAVOUR
	@tests/install-packages build vm check kernel
	@tests/kernel/check $(KERNEL) $(FLAVOUR)

kernel-deb: ## make packages of a patched KERNEL, FLAVOUR and CONFIG, and try them
	@tests/install-packages build vm check kernel
	@tests/kernel/deb $(KERNEL) $(FLAVOUR) $(CONFIG)

install: tool ## install the tool, its units and pages; DESTDIR and PREFIX are honoured
	DESTDIR=$(DESTDIR) $(CMAKE) --install $(BUILD)/userspace

# Without System.map, which Debian's headers lack, kbuild leaves depmod out.
install-module: module ## install the module for that kernel, where modprobe and the next boot find it
	@test -d $(KERNELDIR) || \
		{ echo "install-module: no module to install" >&2; exit 1; }
	$(MAKE) -C module KERNELDIR=$(KERNELDIR) \
		INSTALL_MOD_PATH=$(abspath $(DESTDIR)) modules_install
	$(if $(DESTDIR),,depmod -a $$(cat $(KERNELDIR)/include/config/kernel.release))

clean: ## remove everything that was built, but not the cache of kernels
	rm -rf $(BUILD)
	@if test -d $(KERNELDIR); then \
		$(MAKE) -C module KERNELDIR=$(KERNELDIR) clean; fi

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.* ## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16
