# shellcheck shell=bash disable=SC2154 # cache and here are run's
# SPDX-License-Identifier: Apache-2.0
# Gets and unpacks a guest's kernel, once, into $cache/BACKEND-SUITE.  Sourced by run.
# Packages of other suites come from the mirror that this machine's apt uses.

codename() { (. /etc/os-release && echo "${VERSION_CODENAME:-}"); }

mirror() {
	apt-get indextargets --format '$(SITE) $(RELEASE)' 'Created-By: Packages' |
		awk -v suite="$(codename)" '$2 == suite { print $1; exit }'
}

# apt's options for a suite, one a line; its lists are fetched once a day.
suite_options() {
	local lists=$cache/apt/$1 options

	[ "$1" != "$(codename)" ] || return 0
	options=(-o Dir::Etc::sourceparts=- -o "Dir::Etc::sourcelist=$lists.list"
		-o "Dir::State::Lists=$lists")
	if [ -z "$(find "$lists" -name '*Packages*' -mtime -1 2>/dev/null | head -n 1)" ]; then
		mkdir -p "$lists/partial"
		echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
			"$(mirror) $1 main" >"$lists.list"
		apt-get -qq "${options[@]}" -o APT::Sandbox::User=root update >&2 ||
			say "no package lists for $1"
	fi
	printf '%s\n' "${options[@]}"
}

# download SUITE PACKAGE...: the .deb files into the working directory
download() {
	local options
	mapfile -t options < <(suite_options "$1")
	apt-get -qq -o APT::Sandbox::User=root "${options[@]}" download "${@:2}"
}

depends() {
	local options
	mapfile -t options < <(suite_options "$1")
	apt-cache "${options[@]}" depends "$2" | awk -v name="$3" '$1 == "Depends:" && $2 ~ name { print $2 }'
}

fetch_uml() (
	set -e
	directory=$cache/uml-$1
	[ ! -x "$directory/linux" ] || exit 0
	mkdir -p "$directory"
	cd "$directory"
	download "$1" user-mode-linux
	rm -rf unpacked modules
	dpkg -x user-mode-linux_*.deb unpacked
	rm user-mode-linux_*.deb
	mv unpacked/usr/lib/uml/modules modules
	cp unpacked/usr/bin/linux.uml linux.new
	rm -r unpacked
	if ldd ./linux.new 2>&1 | grep -q 'not found'; then
		# Built against a newer libc: unpack that one beside it, and name its loader
		# in the program, where there is room for no longer path.
		download "$1" libc6
		dpkg -x libc6_*.deb libc
		rm libc6_*.deb
		ln -sfn ld-linux-x86-64.so.2 libc/usr/lib/x86_64-linux-gnu/l
		python3 "$here/set-interpreter.py" linux.new "/tmp/.uml-$1/l"
	fi
	# Kernels before 6.16 know no seccomp mode, and need a hand with wide registers.
	grep -qa 'seccomp=<' linux.new ||
		gcc -O2 -shared -fPIC -o xstate.so "$here/xstate.c"
	mv linux.new linux
	say "uml $1: $(ls modules)"
)

fetch_qemu() (
	set -e
	directory=$cache/qemu-$1
	[ ! -f "$directory/vmlinux" ] || exit 0
	mkdir -p "$directory"
	cd "$directory"
	rm -rf unpacked modules
	image=$(depends "$1" linux-image-amd64 '^linux-image-[0-9]' | head -n 1)
	# shellcheck disable=SC2046 # a list of names
	download "$1" "$image" $(depends "$1" "$image" '^linux-(binary|modules)-')
	for package in *.deb; do
		dpkg -x "$package" unpacked
		rm "$package"
	done
	modules=$(find unpacked -path '*/lib/modules/*' -prune -type d | head -n 1)
	release=$(basename "$modules")
	# Booting the ELF file inside, over PVH, spares an emulated CPU the unpacking.
	python3 "$here/extract-vmlinux.py" \
		"$(find unpacked -name 'vmlinuz*' -type f | head -n 1)" vmlinux.new
	mkdir modules
	mv "$modules" modules/
	rm -r unpacked
	make_initrd "$release"
	mv vmlinux.new vmlinux
	say "qemu $1: $release"
)

# make_initrd RELEASE [BUSYBOX]: busybox, the modules that reach the share, init-qemu.
make_initrd() {
	local number=100 module file name

	mkdir -p lib tree/bin tree/m tree/proc tree/sys tree/dev tree/l
	ln -sfn ../modules lib/modules
	[ -f "modules/$1/modules.dep" ] || depmod -b . "$1"
	cp "${2:-$(command -v busybox)}" tree/bin/busybox
	ln -s busybox tree/bin/sh
	cp "$here/init-qemu" tree/init
	for module in virtio_pci virtio_blk 9pnet_virtio 9p overlay ext4 tun fuse loop veth bridge; do
		for file in $(modprobe -d . -S "$1" --show-depends "$module" 2>/dev/null |
			awk '$1 == "insmod" { print $2 }'); do
			name=$(basename "${file%.xz}")
			[ -z "$(find tree/m -name "???-$name")" ] || continue
			number=$((number + 1))
			case $file in
			*.xz) xz -dc "$file" >"tree/m/$number-$name" ;;
			*) cp "$file" "tree/m/$number-$name" ;;
			esac
		done
	done
	(cd tree && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1) >initrd.gz
	rm -r tree lib
}
