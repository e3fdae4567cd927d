//! The second wall around a session: the kernel lets the process see what it needs and nothing else, and
//! start nothing. Landlock holds it to its files and seccomp to the system calls that it has a use for, where
//! the kernel has them; the first wall is that no cmdlet of a session opens a file that its caller names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetError, RulesetStatus, path_beneath_rules,
};
use nix::libc;
use seccompiler::{
    BackendError, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

/// The parts of the second layer of confinement that are in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confinement {
    /// The kernel holds the process to its files.
    pub of_files: bool,
    /// The kernel refuses the system calls that it has no use for.
    pub of_calls: bool,
}

/// The reason why the second layer of confinement cannot be set up although the kernel has the means.
#[derive(Debug, thiserror::Error)]
pub enum ConfineFault {
    /// Landlock does not take the rules.
    #[error("Landlock: {0}")]
    Files(#[from] RulesetError),
    /// Seccomp does not take the filter.
    #[error("seccomp: {0}")]
    Calls(#[from] seccompiler::Error),
}

/// Confines the process to these files and directories to write and what it needs to read, and to the system
/// calls that it has a use for.
///
/// Files are held from this thread and those that it starts from here on, system calls from all threads.
///
/// # Errors
/// See [`ConfineFault`].
pub fn confine(to_write: &[&Path], to_read: &[PathBuf]) -> Result<Confinement, ConfineFault> {
    Ok(Confinement { of_files: confine_files(to_write, to_read)?, of_calls: confine_calls()? })
}

/// Refuses what starts programs, looks into other processes, changes the machine, reaches files past Landlock,
/// or opens sockets of other kinds than IP, local and routing ones; says whether the kernel does so.
fn confine_calls() -> Result<bool, seccompiler::Error> {
    // Processors that the crate cannot write a filter for.
    let Ok(processor) = TargetArch::try_from(std::env::consts::ARCH) else { return Ok(false) };
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        REFUSED_CALLS.iter().map(|call| (*call, Vec::new())).collect();
    rules.insert(libc::SYS_socket, vec![of_other_families()?]);
    let refused = SeccompAction::Errno(libc::EPERM.cast_unsigned());
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refused, processor)?;
    let program: seccompiler::BpfProgram = filter.try_into()?;
    match seccompiler::apply_filter_all_threads(&program) {
        Ok(()) => Ok(true),
        // A kernel without it, and a container that does not let it through.
        Err(seccompiler::Error::Seccomp(error)) if error.raw_os_error().is_some_and(is_absent) => Ok(false),
        Err(fault) => Err(fault),
    }
}

fn is_absent(error: i32) -> bool {
    [libc::ENOSYS, libc::EINVAL].contains(&error)
}

/// Sockets of a family that is none of those.
fn of_other_families() -> Result<SeccompRule, BackendError> {
    let families = [libc::AF_INET, libc::AF_INET6, libc::AF_UNIX, libc::AF_NETLINK];
    let is_not = |family: i32| {
        let family = u64::from(family.cast_unsigned());
        SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, family)
    };
    SeccompRule::new(families.into_iter().map(is_not).collect::<Result<_, _>>()?)
}

/// System calls that no session has a use for.
const REFUSED_CALLS: [i64; 50] = [
    // Programs.
    libc::SYS_execve,
    libc::SYS_execveat,
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_kcmp,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_perf_event_open,
    // Files past the names that Landlock looks at.
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    libc::SYS_memfd_create,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_userfaultfd,
    libc::SYS_mknodat,
    libc::SYS_chroot,
    libc::SYS_pivot_root,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_quotactl,
    libc::SYS_fanotify_init,
    // Name spaces and other accounts.
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_setuid,
    libc::SYS_setresuid,
    libc::SYS_setgroups,
    libc::SYS_personality,
    // The machine.
    libc::SYS_bpf,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_clock_settime,
    libc::SYS_acct,
];

/// Leaves the process these files and directories to write, and what resolving names and checking
/// certificates needs to read; says whether the kernel holds it to that.
///
/// Holds for this thread and those that it starts from here on.
///
/// # Errors
/// The kernel has Landlock and does not take the rules.
fn confine_files(to_write: &[&Path], to_read: &[PathBuf]) -> Result<bool, RulesetError> {
    let everything = AccessFs::from_all(ABI::V3);
    let reading: BitFlags<AccessFs> = AccessFs::ReadFile | AccessFs::ReadDir;
    let writing = everything & !BitFlags::from(AccessFs::Execute);
    let ruleset = Ruleset::default().set_compatibility(CompatLevel::BestEffort).handle_access(everything)?;
    let ruleset = ruleset
        .create()?
        .add_rules(path_beneath_rules(
            READ.iter().map(Path::new).chain(to_read.iter().map(PathBuf::as_path)),
            reading,
        ))?
        .add_rules(path_beneath_rules(DEVICES, reading | AccessFs::WriteFile))?
        .add_rules(path_beneath_rules(to_write, writing))?;
    Ok(ruleset.restrict_self()?.ruleset != RulesetStatus::NotEnforced)
}

/// Names, certificates, accounts, time zones, and the libraries that look them up.
const READ: [&str; 20] = [
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/passwd",
    "/etc/group",
    "/etc/localtime",
    "/etc/ssl",
    "/etc/ca-certificates",
    "/etc/pki",
    "/etc/ld.so.cache",
    "/run/systemd/resolve",
    "/usr/share",
    "/usr/local/share/ca-certificates",
    "/usr/lib",
    "/lib",
    "/lib64",
    "/proc",
];
const DEVICES: [&str; 4] = ["/dev/null", "/dev/tty", "/dev/urandom", "/dev/pts"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::durable::faults::in_child;

    #[test]
    fn what_is_not_needed_can_neither_be_seen_nor_started() {
        const TEST: &str = "front::confine::tests::what_is_not_needed_can_neither_be_seen_nor_started";
        if let Ok(told) = std::env::var("IMSH_TEST_CONFINE") {
            let (own, other) = told.split_once(' ').unwrap();
            nix::sys::prctl::set_no_new_privs().unwrap();
            if !confine_files(&[Path::new(own)], &[]).unwrap() {
                std::process::exit(77);
            }
            let own = Path::new(own);
            std::fs::write(own.join("new"), "x").unwrap();
            std::fs::rename(own.join("new"), own.join("file")).unwrap();
            assert_eq!(std::fs::read_to_string(own.join("file")).unwrap(), "x");
            std::fs::remove_file(own.join("file")).unwrap();
            for denied in [Path::new(other), Path::new("/etc/shadow"), Path::new("/etc"), Path::new("/root")]
            {
                assert!(std::fs::read(denied).is_err() && std::fs::read_dir(denied).is_err(), "{denied:?}");
            }
            assert!(std::fs::write(Path::new(other).with_file_name("taken"), "x").is_err());
            for program in ["/bin/sh", "/usr/bin/id", "/proc/self/exe"] {
                assert!(
                    std::process::Command::new(program).arg("-c").arg("true").status().is_err(),
                    "{program}"
                );
            }
            std::process::exit(0);
        }
        let (own, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(other.path().join("secret"), "x").unwrap();
        let told = format!("{} {}", own.path().display(), other.path().join("secret").display());
        let child = in_child(TEST, "IMSH_TEST_CONFINE", &told);
        let is_without_landlock = child.status.code() == Some(77);
        assert!(is_without_landlock || child.status.success(), "{child:?}");
    }

    #[test]
    fn calls_without_a_use_are_refused_in_every_thread_and_the_network_is_left() {
        const TEST: &str =
            "front::confine::tests::calls_without_a_use_are_refused_in_every_thread_and_the_network_is_left";
        if std::env::var_os("IMSH_TEST_CONFINE").is_some() {
            let (send, receive) = std::sync::mpsc::channel::<()>();
            let before = std::thread::spawn(move || {
                receive.recv().unwrap();
                std::process::Command::new("/bin/true").status()
            });
            nix::sys::prctl::set_no_new_privs().unwrap();
            if !confine_calls().unwrap() {
                std::process::exit(77);
            }
            send.send(()).unwrap();
            assert!(before.join().unwrap().is_err(), "a thread that was there before");
            assert!(std::process::Command::new("/bin/true").status().is_err());
            let file = nix::sys::memfd::memfd_create(c"x", nix::sys::memfd::MFdFlags::empty());
            assert_eq!(file.unwrap_err(), nix::errno::Errno::EPERM);
            let raw = socket2::Socket::new(libc::AF_PACKET.into(), socket2::Type::RAW, None);
            assert_eq!(raw.unwrap_err().raw_os_error(), Some(libc::EPERM));
            let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            std::net::TcpStream::connect(server.local_addr().unwrap()).unwrap();
            std::os::unix::net::UnixDatagram::unbound().unwrap();
            std::thread::spawn(|| ()).join().unwrap();
            std::process::exit(0);
        }
        let child = in_child(TEST, "IMSH_TEST_CONFINE", "calls");
        let is_without_seccomp = child.status.code() == Some(77);
        assert!(is_without_seccomp || child.status.success(), "{child:?}");
    }
}
