/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_PRINTK_H
#define SHIM_PRINTK_H

#define KERN_INFO
#define KERN_ERR
#define printk(...)	((void)0)
#define pr_info(...)	((void)0)
#define pr_err(...)	((void)0)
#define pr_warn(...)	((void)0)
#define pr_warn_once(...)	((void)0)
#define pr_err_ratelimited(...)	((void)0)
#define pr_warn_ratelimited(...)	((void)0)
#define pr_debug(...)	((void)0)

#endif
