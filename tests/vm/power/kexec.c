// SPDX-License-Identifier: GPL-2.0-only
/* usage: kexec KERNEL INITRD: make room for another kernel */
#include <err.h>
#include <fcntl.h>
#include <linux/reboot.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	static const char line[] = "console=ttyS0 rdinit=/init quiet";
	int kernel = open(argc > 2 ? argv[1] : "", O_RDONLY);
	int initrd = open(argc > 2 ? argv[2] : "", O_RDONLY);

	if (kernel < 0 || initrd < 0)
		err(1, "kexec KERNEL INITRD");
	if (syscall(SYS_kexec_file_load, kernel, initrd, sizeof(line), line, 0))
		err(1, "kexec_file_load");
	syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2,
		LINUX_REBOOT_CMD_KEXEC, NULL);
	err(1, "reboot");
}
