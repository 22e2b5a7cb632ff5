/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Functions that must not compile here; meson.build includes this header in
 * front of every file of ours.  The system's headers come first, because a
 * poisoned name may not appear in them either.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <pwd.h>
#include <grp.h>
/* As <linux/fuse.h>, which has fields with such names. */
#ifdef INCLUDE_FIRST
#include INCLUDE_FIRST
#endif

#ifndef __cplusplus
/* No bound. */
#pragma GCC poison strcat sprintf vsprintf gets
/* Silent about bad input. */
#pragma GCC poison atoi atol atoll strtok
/* Name service: it loads shared objects, and may do so inside a container (CVE-2019-14271). */
#pragma GCC poison getpwnam getpwuid getgrnam getgrgid initgroups
/* The shell and the temporary names that race. */
#pragma GCC poison system popen mktemp tmpnam tempnam
/* Not safe in threads, which libkist's callers have. */
#pragma GCC poison localtime gmtime ctime asctime
#endif
