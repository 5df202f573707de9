// SPDX-License-Identifier: GPL-2.0-only
/* Segments as the VMM knows them and as the VMCB has them. */
#include <check.h>
#include <linux/kernel.h>
#include <linux/kvm.h>
#include <linux/string.h>
#include <stdlib.h>

/*
 * A segment's attributes lie in the VMCB as in a descriptor, with the limit's
 * four bits left out. AMD64 Architecture Programmer's Manual, vol. 2, 15.5.1.
 */
struct vmcb_seg {
	u16 selector, attrib;
	u32 limit;
	u64 base;
};

struct vmcb_save_area {
	struct vmcb_seg es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
	u8 cpl;
};

#define SVM_SELECTOR_S_SHIFT 4
#define SVM_SELECTOR_DPL_SHIFT 5
#define SVM_SELECTOR_P_SHIFT 7
#define SVM_SELECTOR_AVL_SHIFT 8
#define SVM_SELECTOR_L_SHIFT 9
#define SVM_SELECTOR_DB_SHIFT 10
#define SVM_SELECTOR_G_SHIFT 11
#define SVM_SELECTOR_TYPE_MASK 0xf
#include "segments.h"	/* that chunk of the book */

static void check_segment(int attrib)
{
	struct kvm_segment to = {}, from = {
		.base = 0x123456789abc, .limit = 0xfffff, .selector = 0x2b,
		.type = attrib & 15, .s = attrib >> 4 & 1,
		.dpl = attrib >> 5 & 3, .present = attrib >> 7 & 1,
		.avl = attrib >> 8 & 1, .l = attrib >> 9 & 1,
		.db = attrib >> 10 & 1, .g = attrib >> 11 & 1,
	};
	struct vmcb_seg seg = {};

	set_segment(&seg, &from);
	ck_assert_int_eq(seg.attrib, attrib);
	ck_assert_uint_eq(seg.base, from.base);
	ck_assert_uint_eq(seg.limit, from.limit);
	ck_assert_uint_eq(seg.selector, from.selector);
	from.unusable = !from.present;
	get_segment(&seg, &to);
	ck_assert_mem_eq(&to, &from, sizeof(to));
	from.unusable = 1;
	set_segment(&seg, &from);
	ck_assert_int_eq(seg.attrib, attrib & ~0x80);
}

START_TEST(segments)
{
	int attrib;

	for (attrib = 0; attrib < 1 << 12; attrib++)
		check_segment(attrib);
}
END_TEST

/* Eight segments, two orders of them; no two may be the same. */
START_TEST(segments_keep_their_places)
{
	struct kvm_sregs sregs = {}, back = {};
	struct kvm_segment *s = &sregs.cs;
	struct vmcb_save_area save = {};
	int i;

	for (i = 0; i < 8; i++)
		s[i].selector = i + 1;
	sregs.tr.type = 3;
	set_segments(&save, &sregs);
	ck_assert_int_eq(save.cs.selector, sregs.cs.selector);
	ck_assert_int_eq(save.ds.selector, sregs.ds.selector);
	ck_assert_int_eq(save.es.selector, sregs.es.selector);
	ck_assert_int_eq(save.fs.selector, sregs.fs.selector);
	ck_assert_int_eq(save.gs.selector, sregs.gs.selector);
	ck_assert_int_eq(save.ss.selector, sregs.ss.selector);
	ck_assert_int_eq(save.tr.selector, sregs.tr.selector);
	ck_assert_int_eq(save.ldtr.selector, sregs.ldt.selector);
	/* The task is busy, and only the VMM sees it. */
	ck_assert_int_eq(save.tr.attrib, 1);
	get_segments(&save, &back);
	ck_assert_int_eq(back.tr.type, 3);
	for (i = 0; i < 8; i++)
		ck_assert_int_eq((&back.cs)[i].selector, i + 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("Segments");
	TCase *t = tcase_create("segments");
	SRunner *r;
	int failed;

	tcase_add_test(t, segments_keep_their_places);
	tcase_add_test(t, segments);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
