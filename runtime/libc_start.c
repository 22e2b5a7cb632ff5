/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The start of the static program, in place of glibc's own.
 *
 * Before main, glibc 2.36 executes CPUID 68 times, to know the caches and to choose among
 * its memcpys.  In a virtual machine each of them leaves the guest: 0.34 ms together, a
 * sixth of a whole "kist run", for copies of a few kilobytes.  This is the same start
 * without the question: what the choice is made from stays zero, which is a processor that
 * has what all x86-64 have, and the sizes of caches are those that glibc takes where it
 * cannot find out.
 *
 * The linker takes this __libc_start_main in place of the archive's, which is therefore
 * called as before, by libc's own _start; and all that it calls is libc's.  meson.build
 * takes it for the releases of glibc whose start was read and tried, and where a program
 * linked so runs; tests/kernel/test_libc_start.c compares the two starts.
 *
 * Not to be had with it: dlopen(), dl_iterate_phdr(), which unwinds stacks, pthread_exit() of the
 * first thread, the vDSO, stacks of threads that may not be executed, and what GLIBC_TUNABLES
 * says of the processor (glibc.cpu.*: shadow stacks, caches).
 */
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef int program(int argc, char **argv, char **environment);
typedef void initializer(int argc, char **argv, char **environment);

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE	23
#endif

/* Bytes of a signal's frame, where the kernel does not tell: user-mode Linux. */
enum { SIGNAL_STACK = 2048 };

/* The compiler's check of the stack compares with what set_guards() has yet to write. */
#define NO_CANARY_YET	__attribute__((no_stack_protector))

/*
 * Internal to glibc (csu/libc-start.c, sysdeps/x86/cacheinfo.h), but for __environ.  Hidden, so
 * that they are reached before the program is relocated.
 */
#pragma GCC visibility push(hidden)
extern void *__libc_stack_end;
extern int __libc_enable_secure;
extern uintptr_t *_dl_random;
extern size_t _dl_minsigstacksize;
extern char **__environ;
extern initializer *__preinit_array_start[], *__preinit_array_end[];
extern initializer *__init_array_start[], *__init_array_end[];
extern void (*__fini_array_start[])(void), (*__fini_array_end[])(void);
void _dl_aux_init(Elf64_auxv_t *auxv);
void __tunables_init(char **environment);
void _dl_relocate_static_pie(void);
void __libc_setup_tls(void);
void __libc_early_init(_Bool initial);
void __libc_init_first(int argc, char **argv, char **environment);
void __init_misc(int argc, char **argv, char **environment);
void __libc_check_standard_fds(void);
int __cxa_atexit(void (*function)(void *), void *argument, void *library);
void _init(void);
void _fini(void);
/* The linker's. */
extern const Elf64_Ehdr __ehdr_start;

/* Bytes; what glibc's string functions ask, and of which only the baseline's do so. */
long __x86_data_cache_size = 32 << 10;
long __x86_data_cache_size_half = 16 << 10;
long __x86_shared_cache_size = 1 << 20;
long __x86_shared_cache_size_half = 512 << 10;
long __x86_shared_non_temporal_threshold = 768 << 10;
long __x86_memset_non_temporal_threshold = 768 << 10;
long __x86_rep_movsb_threshold = 2 << 10;
long __x86_rep_movsb_stop_threshold = 768 << 10;
long __x86_rep_stosb_threshold = 2 << 10;
int __x86_string_control;
/* For shared objects, which a static program of ours never loads. */
unsigned int _dl_x86_features_tlsdesc_state_size;

NO_CANARY_YET int __libc_start_main(program *run, int argc, char **argv, void (*init)(void),
				    void (*fini)(void), void (*rtld_fini)(void), void *stack_end);
#pragma GCC visibility pop

/* Nothing of libc can be called yet. */
NO_CANARY_YET static void system_call(long number, uintptr_t a, uintptr_t b, long c)
{
	__asm__ volatile("syscall"
			 : "+a"(number)
			 : "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
}

/* What the relocation alone writes to, up to the end of a page. */
NO_CANARY_YET static void on_relocated(long number, long argument)
{
	uintptr_t base = (uintptr_t)&__ehdr_start, page = 4096;
	const Elf64_Phdr *header = (const Elf64_Phdr *)(base + __ehdr_start.e_phoff);

	for (unsigned int i = 0; i < __ehdr_start.e_phnum; i++) {
		uintptr_t from = base + header[i].p_vaddr, to = from + header[i].p_memsz;

		from &= -page;
		if (header[i].p_type == PT_GNU_RELRO)
			system_call(number, from, (to & -page) - from, argument);
	}
}

/*
 * What __libc_init_first() does besides is for dlopen(), which reads the program's own path and
 * the environment, and for the vDSO: more than the calls of it that we make would save.  With
 * more rights than the caller's, libc removes variables there that a program started by us
 * would obey.
 */
static void init_first(int argc, char **argv)
{
	if (__libc_enable_secure) {
		__libc_init_first(argc, argv, __environ);
		return;
	}
	__init_misc(argc, argv, __environ);
	on_relocated(__NR_mprotect, PROT_READ);
}

/*
 * Whether a variable may be one of malloc's settings.  libc compares each variable with each of
 * its 35: 20,000 instructions in a usual environment.
 */
NO_CANARY_YET static bool are_tuned(char **environment)
{
	for (; *environment != NULL; environment++) {
		const char *name = *environment;

		if (name[0] == 'M' && name[1] == 'A' && name[2] == 'L' && name[3] == 'L')
			return true;
		if (name[0] == 'G' && name[1] == 'L' && name[2] == 'I' && name[3] == 'B')
			return true;
	}
	return false;
}

static void destroy_all(void *unused)
{
	size_t i = (size_t)(__fini_array_end - __fini_array_start);

	(void)unused;
	while (i-- > 0)
		__fini_array_start[i]();
	_fini();
}

static void call_each(initializer **from, initializer **to, int argc, char **argv)
{
	for (; from < to; from++)
		(*from)(argc, argv, __environ);
}

/* The words of the thread's control block that compiled code and longjmp know. */
NO_CANARY_YET static void set_guards(void)
{
	/* The lowest byte ends a string that runs over. */
	uintptr_t canary = _dl_random[0] & ~(uintptr_t)0xff;

	__asm__ volatile("mov %0, %%fs:0x28" : : "r"(canary));
	__asm__ volatile("mov %0, %%fs:0x30" : : "r"(_dl_random[1]));
}

/*
 * Called by _start; the last four arguments are of older or shared programs, but for the
 * stack's end.  Nothing of libc that comes in variants may be called before the relocation.
 */
int __libc_start_main(program *run, int argc, char **argv, void (*init)(void), void (*fini)(void),
		      void (*rtld_fini)(void), void *stack_end)
{
	char **end = argv + argc + 1;

	(void)init, (void)fini, (void)rtld_fini;
	__environ = end;
	__libc_stack_end = stack_end;
	while (*end)
		end++;
	_dl_aux_init((Elf64_auxv_t *)(end + 1));
	/* libc asks the processor, then; at 0, sysconf() would fail an assertion. */
	if (_dl_minsigstacksize == 0)
		_dl_minsigstacksize = SIGNAL_STACK;
	if (__libc_enable_secure || are_tuned(__environ))
		__tunables_init(__environ);
	/*
	 * Tables of pointers are in many pages, and each is written to when it is relocated:
	 * fetched by one call, they take a third of what a fault for each does.  Linux before
	 * 5.14 refuses.
	 */
	on_relocated(__NR_madvise, MADV_POPULATE_WRITE);
	_dl_relocate_static_pie();
	__libc_setup_tls();
	set_guards();

	__libc_early_init(true);
	init_first(argc, argv);
	__cxa_atexit(destroy_all, NULL, NULL);
	if (__libc_enable_secure)
		__libc_check_standard_fds();
	call_each(__preinit_array_start, __preinit_array_end, argc, argv);
	_init();
	call_each(__init_array_start, __init_array_end, argc, argv);
	exit(run(argc, argv, __environ));
}
