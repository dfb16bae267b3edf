# SPDX-License-Identifier: GPL-2.0
#
# What a person types. The modules' own build rules are in Kbuild.
#
#   KDIR   kernel build tree (the running kernel's)
#   ARCH   um for User-mode Linux, else not needed

# "make demo SHELL=1" is for the demo: make itself must not take it for the
# shell of its recipes, nor hand it to other makes.
ifeq ($(origin SHELL),command line)
DEMO_SHELL := $(SHELL)
override SHELL := /bin/sh
MAKEOVERRIDES :=
endif

KRELEASE := $(shell uname -r)
KDIR ?= /lib/modules/$(KRELEASE)/build
kbuild = $(MAKE) -C $(KDIR) M=$(CURDIR) INSTALL_MOD_DIR=updates
installed = /lib/modules/$(KRELEASE)/updates
modprobe_conf = /lib/modprobe.d/ip_conntrack-module.conf
udev_rules = /lib/udev/rules.d/60-ip_conntrack.rules
man_dir = /usr/local/share/man

# Parallel inside a step (make -j), one step after the other.
.NOTPARALLEL:
.PHONY: all modules modules_install install uninstall deb demo test bench \
	fuzz stress kcsan mutations coverage check clean help kdir

all: modules

modules: kdir
	+$(kbuild) modules

modules_install: kdir
	+$(kbuild) modules_install

install: modules
	+$(kbuild) modules_install
	install -D -m 644 contrib/modprobe.conf $(modprobe_conf)
	install -D -m 644 contrib/udev.rules $(udev_rules)
	install -D -m 644 docs/ip_conntrack.4 $(man_dir)/man4/ip_conntrack.4
	install -D -m 644 docs/ip_conntrack.7 $(man_dir)/man7/ip_conntrack.7
	depmod -a $(KRELEASE)
	@echo "Installed. Load it with: modprobe ip_conntrack hashsize=32768"
	@echo "Then look at it with:    cat /proc/net/ip_conntrack"
	@echo "Its manual:              man 4 ip_conntrack"

uninstall:
	rm -f $(installed)/ip_conntrack*.ko* $(modprobe_conf) \
		$(udev_rules) $(man_dir)/man4/ip_conntrack.4 $(man_dir)/man7/ip_conntrack.7
	depmod -a $(KRELEASE)
	@echo "Removed from $(installed). A loaded module stays until: modprobe -r ip_conntrack"

deb:
	@tools/deps package
	@tools/deb

demo:
	@tools/demo $(if $(filter-out 0,$(DEMO_SHELL)),--shell)

test:
	@tests/run

# PARTS=names of parts
bench:
	@tools/bench $(if $(PARTS),part $(PARTS))

# Long runs, TIME seconds each.
TIME ?= 600

# A third of the time would go to stack traces for kmemleak, which "make test" has.
fuzz:
	@CT_FUZZ_SECONDS=$(TIME) CT_FUZZ_SEED=$${CT_FUZZ_SEED:-$$(date +%s)} \
		CT_TIMEOUT=$$(($(TIME) * 3 + 600)) CT_APPEND=kmemleak=off \
		tests/run -g umldebug -k '^fuzz'

# The stock kernel watches its memory and takes every warning for an end; the
# other one has KASAN.
stress:
	@export CT_STRESS_SECONDS=$(TIME) CT_TIMEOUT=$$(($(TIME) * 3 + 600)); \
	tests/run -g umldebug -k '^everything' & \
	CT_APPEND="slub_debug=FZPU kfence.sample_interval=10 panic_on_warn=1" \
		tests/run -g deb6.1 -k '^everything'; \
	status=$$?; wait $$! && exit $$status

# Four processors of a kernel that looks for data races in these modules.
kcsan:
	@CT_STRESS_SECONDS=$(TIME) CT_FUZZ_SECONDS=$(TIME) \
		CT_TIMEOUT=$$(($(TIME) * 6 + 1200)) \
		tests/run -g kcsan -k '^(everything|stress|fuzz)'

# Seeded mistakes, ONLY=pattern, and whether the tests notice.
mutations:
	@tests/mutate $(ONLY)

# ONLY=pattern of tests
coverage:
	@tests/coverage $(ONLY)

check:
	@tools/check

# Without a kernel build tree: what it would remove.
clean:
	$(if $(wildcard $(KDIR)/Makefile),+$(kbuild) clean,find . -type f \
		'(' -name '*.o' -o -name '*.ko' -o -name '*.mod' -o \
		-name '*.mod.c' -o -name '.*.cmd' -o -name '*.d' -o \
		-name modules.order -o -name Module.symvers ')' -delete; \
		rm -rf include/generated-ct)

help:
	@echo "all        build the modules for the running kernel, or for KDIR="
	@echo "install    install them for the running kernel (as root)"
	@echo "uninstall  remove them again (as root)"
	@echo "deb        make a Debian package that builds them with DKMS"
	@echo "demo       see it work in a virtual machine; SHELL=1 leaves you in it"
	@echo "test       run all tests in virtual machines"
	@echo "bench      measure it beside nf_conntrack: every figure with its goal; PARTS=names"
	@echo "fuzz       forged packets, messages and settings; TIME=seconds"
	@echo "stress     everything at once in two guests; TIME=seconds"
	@echo "kcsan      the same on a kernel that looks for data races; TIME=seconds"
	@echo "mutations  seeded mistakes: do the tests notice? ONLY=pattern"
	@echo "coverage   which lines the tests run in User-mode Linux; ONLY=pattern"
	@echo "check      coding style and static analysis"
	@echo "clean      remove what the build made"

kdir:
	@test -e $(KDIR)/Makefile || { \
		echo "No kernel build tree at $(KDIR): install the package" \
			"linux-headers-$(KRELEASE), or name another tree" \
			"with KDIR=." >&2; exit 2; }
	@tools/fits $(KDIR)
