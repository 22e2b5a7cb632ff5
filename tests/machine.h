/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <elf.h>
#include <linux/audit.h>

/* The machine that the tests run on: in an ELF header, for seccomp, in kist's words, of Debian. */
#if defined(__x86_64__)
#define MACHINE_ELF		EM_X86_64
#define MACHINE_AUDIT		AUDIT_ARCH_X86_64
#define MACHINE_NAME		"x86_64"
#define MACHINE_INTERPRETER	"/lib64/ld-linux-x86-64.so.2"
#elif defined(__aarch64__)
#define MACHINE_ELF		EM_AARCH64
#define MACHINE_AUDIT		AUDIT_ARCH_AARCH64
#define MACHINE_NAME		"AArch64"
#define MACHINE_INTERPRETER	"/lib/ld-linux-aarch64.so.1"
#elif defined(__riscv)
#define MACHINE_ELF		EM_RISCV
#define MACHINE_AUDIT		AUDIT_ARCH_RISCV64
#define MACHINE_NAME		"RISC-V"
#define MACHINE_INTERPRETER	"/lib/ld-linux-riscv64-lp64d.so.1"
#else
#error "add this machine"
#endif
