# SPDX-License-Identifier: GPL-2.0-only
# How fast it is: Twill and KVM in one boot, and the explorer.

##@ Measure
.PHONY: bench
bench: build/tangled build/explore | build/stamps/need-vm ## Twill beside KVM in one boot, and the explorer: build/bench.json (QUICK=1)
	@QUICK=$(QUICK) tests/bench/bench.py
