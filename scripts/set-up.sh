# Installs what is missing where that is possible: sourced by scripts/try, tests/run and .ci/run.
# Leaves nothing behind but the packages.

# What a build needs beside Rust: a linker and the C library's headers (gcc alone does not bring them).
compiler_packages=(gcc libc6-dev)

# Whether C compiles and links here.
compiles_c() {
  command -v cc >/dev/null || return 1
  printf '#include <stdlib.h>\nint main(void) { return EXIT_SUCCESS; }\n' | cc -x c - -o /dev/null 2>/dev/null
}

# Of these Debian packages, those that are not installed.
missing_of() {
  local package
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || echo "$package"
  done
}

# Whether this user may install Debian's packages.
may_install() {
  [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null
}

# Installs Debian's packages. Servers among them do not start, and nothing that keeps them from it stays:
# neither at the end nor when this is interrupted.
install_packages() (
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy"
  fi
  echo "Installing $*" >&2
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q >&2 && apt-get install -yq --no-install-recommends "$@" >&2
)

# Sees to it that Rust and a C compiler are there; says in one line what is not, and fails.
need_to_build() {
  if ! command -v cargo >/dev/null; then
    echo "Not installed: Rust. Install it from https://rustup.rs, then start this again." >&2
    return 1
  fi
  if ! compiles_c && may_install; then
    install_packages "${compiler_packages[@]}" || true
  fi
  if ! compiles_c; then
    echo "Not installed: a C compiler with the C library's headers." \
      "As root: apt-get install ${compiler_packages[*]} (or your system's equivalent), then start this again." >&2
    return 1
  fi
}

# Sees to it that cargo-deb is there: from the registry's source, once, into this project's own target directory.
need_cargo_deb() {
  local own=${CARGO_TARGET_DIR:-target}/tools
  PATH=$PATH:$(realpath -m "$own/bin")
  if command -v cargo-deb >/dev/null; then return; fi
  # What is built once and runs for a second is not worth a release build.
  cargo install --locked --debug --quiet --root "$own" cargo-deb && return
  echo "Not installed: cargo-deb. Install it with: cargo install --locked cargo-deb" >&2
  return 1
}

# imsh refuses to run behind sudo, doas and pkexec, where it would read another account's files for its caller.
# Here that is who runs this script.
forget_caller() {
  unset SUDO_USER SUDO_UID SUDO_GID SUDO_COMMAND DOAS_USER PKEXEC_UID
}
