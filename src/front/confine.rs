//! The second wall around a session: the kernel lets the process see what it needs and nothing else, and
//! start nothing. Landlock, where the kernel has it; the first wall is that no cmdlet of a session opens a
//! file that its caller names.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetError, RulesetStatus, path_beneath_rules,
};

/// Leaves the process these files and directories to write, and what resolving names and checking
/// certificates needs to read; says whether the kernel holds it to that.
///
/// Holds for this thread and those that it starts from here on.
///
/// # Errors
/// The kernel has Landlock and does not take the rules.
pub fn confine(to_write: &[&Path], to_read: &[PathBuf]) -> Result<bool, RulesetError> {
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
            if !confine(&[Path::new(own)], &[]).unwrap() {
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
}
