# shellcheck shell=bash disable=SC2154 # cache and here are run's
# SPDX-License-Identifier: Apache-2.0
# A guest of another machine: Debian for arm64, whose kernel and root are not this machine's.
# Sourced by run.

arm64_packages=base-passwd,bash,dash,coreutils,mawk,grep,sed,tar,gzip,findutils,diffutils,hostname
arm64_packages+=,util-linux,mount,login,libyajl-dev,libmnl-dev,libseccomp-dev,libarchive-dev,libssl-dev,libisal-dev
arm64_packages+=,libzstd-dev,zlib1g-dev,libyaml-dev,libpcre2-dev,libcriterion-dev,libc6-dev
arm64_packages+=,meson,busybox-static,procps,iproute2,uidmap,e2fsprogs,kmod,linux-image-arm64

# Leaves root/, cross.ini (for Meson), emulate, initrd.gz and vmlinux in $cache/arm64-SUITE.
fetch_arm64() (
	set -e
	directory=$cache/arm64-$1
	[ ! -f "$directory/initrd.gz" ] || exit 0
	rm -rf "$directory"
	mkdir -p "$directory"
	cd "$directory"
	# Unpacked alone: to configure packages would take the emulation of their scripts.
	mmdebstrap --quiet --arch=arm64 --variant=extract \
		--hook-directory=/usr/share/mmdebstrap/hooks/merged-usr \
		--include="$arm64_packages" "$1" root "deb $(mirror) $1 main"
	arm64_settle root
	arm64_emulate
	arm64_cross >cross.ini
	release=$(basename root/usr/lib/modules/*)
	cp "root/boot/vmlinuz-$release" vmlinux
	mkdir modules
	ln -s "../root/usr/lib/modules/$release" modules/
	make_initrd "$release" root/bin/busybox
	say "arm64 $1: $release"
)

# What the packages' scripts would have done, as far as tests need it.
arm64_settle() {
	cp "$1/usr/share/base-passwd/passwd.master" "$1/etc/passwd"
	cp "$1/usr/share/base-passwd/group.master" "$1/etc/group"
	mkdir -p "$1/mnt" "$1/var/tmp" "$1/root"
	ln -sf mawk "$1/usr/bin/awk"
	[ -e "$1/bin/sh" ] || ln -s dash "$1/bin/sh"
}

# Meson starts what it built by this, here and in the guest.
arm64_emulate() {
	cat >emulate <<-end
		#!/bin/sh
		[ "\$(uname -m)" != aarch64 ] || exec "\$@"
		exec qemu-aarch64-static -L $directory/root "\$@"
	end
	chmod 755 emulate
	mkdir -p "root/$directory"
	cp emulate "root/$directory/"
}

arm64_cross() {
	local tool

	echo '[binaries]'
	for tool in ar strip objcopy; do echo "$tool = 'aarch64-linux-gnu-$tool'"; done
	cat <<-end
		c = 'aarch64-linux-gnu-gcc'
		pkgconfig = 'pkg-config'
		exe_wrapper = '$directory/emulate'
		[built-in options]
		c_args = ['--sysroot=$directory/root']
		c_link_args = ['--sysroot=$directory/root']
		[properties]
		sys_root = '$directory/root'
		pkg_config_libdir = '$directory/root/usr/lib/aarch64-linux-gnu/pkgconfig'
		[host_machine]
		system = 'linux'
		cpu_family = 'aarch64'
		cpu = 'aarch64'
		endian = 'little'
	end
}

# This machine's working directory is at its place in the guest, below an overlay, as the root is.
start_arm64() {
	local args=()

	share_start "$kernel/root"
	share source "$PWD" ,readonly=on
	timeout -k 5 "$seconds" qemu-system-aarch64 -M virt,gic-version=3 -cpu max,pauth-impdef=on \
		-accel tcg,thread=multi -smp "$cpus" -m "$memory" -nodefaults -no-user-config \
		-display none -no-reboot -serial stdio -kernel "$kernel/vmlinux" \
		-initrd "$kernel/initrd.gz" "${args[@]}" \
		-append "console=ttyAMA0 panic=-1 GUEST_SOURCE=$PWD ${common[*]}"
}
