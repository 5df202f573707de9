/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_PREEMPT_H
#define SHIM_PREEMPT_H

void shim_preempt(int n);
void shim_irqs(int n);
#define preempt_disable()	shim_preempt(1)
#define preempt_enable()	shim_preempt(-1)
#define local_irq_disable()	shim_irqs(1)
#define local_irq_enable()	shim_irqs(-1)
#define local_irq_save(f)	do { (f) = 0; shim_irqs(1); } while (0)
#define local_irq_restore(f)	do { (void)(f); shim_irqs(-1); } while (0)

#endif
