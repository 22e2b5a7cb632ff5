/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of kist-init, carried in kist: init/image.h.  The build's -Wa,-I says where it is. */
	.section .rodata
	.globl	init_image_start, init_image_end
	.balign	16
init_image_start:
	.incbin	"kist-init"
init_image_end:
	.section .note.GNU-stack, "", %progbits
