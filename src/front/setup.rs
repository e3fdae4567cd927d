//! `imsh setup`: the files of the service account, and whether everything about it is as it should be.
//!
//! The files are those of `examples/deploy`, as they stand there. Writes what is missing, changes nothing that
//! is there. `--check` writes nothing and says what is missing or too open, each with the command that mends it;
//! on the machine itself it starts two programs, sshd and sudo's cvtsudoers, to say what they make of their files.
//! Works on the files of its own caller: behind sudo it is refused like everything else.

use std::collections::{BTreeSet, VecDeque};
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use clap::Args;

use super::cli::{SessionOptions, print};
use super::exit::ExitStatus;
use crate::access::{Access, BuiltIn, Member, usage};
use crate::call::drive;
use crate::topology::{Topology, places};
use sshd::SshdSettings;

mod sshd;
mod sudoers;

/// The arguments of `imsh setup`.
#[derive(Args, Debug)]
pub struct SetupArguments {
    /// Write nothing; say what is missing or too open
    #[arg(long)]
    check: bool,

    /// The directory that is taken for the root of the machine
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
}

/// The text of `imsh setup --help`.
pub const ABOUT: &str = "\
Lays out the files of the service account that delegated administrators come in by: the account (sysusers), its \
directories (tmpfiles), the drop-in of sshd and the line of sudoers. Writes what is missing, leaves what is there as \
it is, and then says what is still to do.

With --check it writes nothing, and says what is missing or too open, each with the command that mends it. \
The exit status is 0 where nothing is, 1 where something is, 2 where it could not be looked at or written.";

/// The end of `imsh setup --help`.
pub const EXAMPLES: &str = "\
Examples:
  imsh setup                       as root; then the commands that it prints
  imsh setup --check               what is missing or too open
  imsh setup --root /tmp/stage     into another directory, for a package
  sudo env -i /usr/bin/imsh setup  from sudo, whose variables imsh takes as a delegate's";

/// A file of the service account's.
struct DeployedFile {
    path: &'static str,
    mode: u32,
    text: &'static str,
}

const SYSUSERS: &str = include_str!("../../examples/deploy/sysusers-imsh.conf");
const TMPFILES: &str = include_str!("../../examples/deploy/tmpfiles-imsh.conf");

const SSHD: &str = include_str!("../../examples/deploy/sshd-imsh.conf");

const FILES: [DeployedFile; 5] = [
    DeployedFile { path: "/usr/lib/sysusers.d/imsh.conf", mode: 0o644, text: SYSUSERS },
    DeployedFile { path: "/usr/lib/tmpfiles.d/imsh.conf", mode: 0o644, text: TMPFILES },
    DeployedFile { path: "/etc/ssh/sshd_config.d/imsh.conf", mode: 0o644, text: SSHD },
    DeployedFile {
        path: "/etc/sudoers.d/imsh",
        mode: 0o440,
        text: include_str!("../../examples/deploy/sudoers-imsh"),
    },
    DeployedFile {
        path: "/usr/lib/systemd/system/imsh-watch.service",
        mode: 0o644,
        text: include_str!("../../examples/deploy/imsh-watch.service"),
    },
];

/// The program as the files name it.
const PROGRAM: &str = "/usr/bin/imsh";

/// Lays the files out, or checks them.
pub fn setup(options: &SessionOptions, arguments: &SetupArguments) -> ExitStatus {
    let SessionOptions { topology, vault, store, lab, .. } = options;
    if topology.is_some() || vault.is_some() || store.is_some() || *lab {
        return failed("the files of the service account have their places; only --root moves them");
    }
    let root = Root(&arguments.root);
    let mut told = String::new();
    if !arguments.check {
        for file in &FILES {
            match root.lay_out(file) {
                Ok(Some(word)) => _ = writeln!(told, "{word}: {}", root.at(file.path).display()),
                Ok(None) => {}
                Err(fault) => {
                    let path = root.at(file.path);
                    print(told.as_bytes());
                    return failed(&format!("{} cannot be written: {fault}", path.display()));
                }
            }
        }
    }
    let mut findings = Vec::new();
    let looked = Check { root, findings: &mut findings }.everything();
    for SetupFinding { kind, what, command } in &findings {
        _ = writeln!(told, "{}: {what}", kind.word());
        if let Some(command) = command {
            _ = writeln!(told, "    {command}");
        }
    }
    let is_well = findings.iter().all(|finding| finding.kind == FindingKind::Note);
    if is_well && looked.is_ok() {
        told.push_str("Everything is as it should be.\n");
    }
    let printed = print(told.as_bytes());
    match looked {
        Err(fault) => failed(&fault),
        Ok(()) if printed != ExitStatus::Success => printed,
        Ok(()) if is_well || !arguments.check => ExitStatus::Success,
        Ok(()) => ExitStatus::TestFailed,
    }
}

fn failed(why: &str) -> ExitStatus {
    // When standard error is gone there is nowhere left to say so.
    let _ = writeln!(io::stderr(), "imsh setup: {why}");
    ExitStatus::Wrong
}

/// The directory that is taken for the root of the machine.
#[derive(Clone, Copy)]
struct Root<'a>(&'a Path);

impl Root<'_> {
    fn at(self, path: &str) -> PathBuf {
        self.0.join(path.trim_start_matches('/'))
    }

    fn is_machine(self) -> bool {
        self.0 == Path::new("/")
    }

    /// The same path as a word of a shell's command.
    fn word(self, path: &str) -> String {
        quoted(&self.at(path))
    }

    /// The option by which systemd's tools work on another root.
    fn option(self) -> String {
        if self.is_machine() { String::new() } else { format!("--root={} ", quoted(self.0)) }
    }

    /// Writes a file that is missing; gives the word for what was done.
    fn lay_out(self, file: &DeployedFile) -> io::Result<Option<&'static str>> {
        let path = self.at(file.path);
        if let Some(above) = path.parent() {
            std::fs::DirBuilder::new().recursive(true).mode(0o755).create(above)?;
        }
        let mut options = std::fs::OpenOptions::new();
        match options.write(true).create_new(true).mode(file.mode).open(&path) {
            Ok(mut written) => {
                written.write_all(file.text.as_bytes())?;
                // Whatever the umask is.
                written.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(file.mode))?;
                Ok(Some("written"))
            }
            Err(fault) if fault.kind() == io::ErrorKind::AlreadyExists => Ok(None),
            Err(fault) => Err(fault),
        }
    }
}

/// A path as a word of a shell's command.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-+@:,=".contains(letter);
    if text.chars().all(is_plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// The kind of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FindingKind {
    Missing,
    TooOpen,
    Wrong,
    /// Worth knowing, and as it should be nevertheless.
    Note,
}

impl FindingKind {
    fn word(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::TooOpen => "too open",
            Self::Wrong => "wrong",
            Self::Note => "note",
        }
    }
}

/// A finding, and the command that mends it.
struct SetupFinding {
    kind: FindingKind,
    what: String,
    command: Option<String>,
}

/// The account, as `sysusers` describes it.
struct ServiceAccount {
    name: &'static str,
    home: &'static str,
    shell: &'static str,
}

impl ServiceAccount {
    fn described() -> Option<Self> {
        let line = SYSUSERS.lines().find_map(|line| line.strip_prefix("u "))?;
        let mut words = line.split_whitespace();
        let name = words.next()?;
        let shell = words.next_back()?;
        Some(Self { name, home: words.next_back()?, shell })
    }
}

/// The directories, as `tmpfiles` describes them: path and mode.
fn directories() -> impl Iterator<Item = (&'static str, u32)> {
    TMPFILES.lines().filter_map(|line| {
        let mut words = line.strip_prefix("d ")?.split_whitespace();
        Some((words.next()?, u32::from_str_radix(words.next()?, 8).ok()?))
    })
}

/// A look at everything that the door rests on.
struct Check<'a> {
    root: Root<'a>,
    findings: &'a mut Vec<SetupFinding>,
}

impl Check<'_> {
    fn everything(&mut self) -> Result<(), String> {
        let Some(account) = ServiceAccount::described() else {
            return Err("sysusers names no account".to_owned());
        };
        self.files()?;
        self.program(PROGRAM)?;
        let owner = self.account(&account)?;
        if let Some(owner) = owner {
            self.directories(owner)?;
            self.topology(&account, owner)?;
        }
        self.includes()?;
        if let Some(owner) = owner.filter(|_| self.root.is_machine()) {
            self.findings.extend(sudoers::findings(account.name, owner));
            return self.sshd(&account);
        }
        Ok(())
    }

    fn tell(&mut self, kind: FindingKind, what: impl Into<String>, command: impl Into<Option<String>>) {
        self.findings.push(SetupFinding { kind, what: what.into(), command: command.into() });
    }

    /// The metadata of a path, without following a link at its end.
    fn look(&self, path: &str) -> Result<Option<std::fs::Metadata>, String> {
        match self.root.at(path).symlink_metadata() {
            Ok(found) => Ok(Some(found)),
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(fault) => Err(format!("{} cannot be looked at: {fault}", self.root.at(path).display())),
        }
    }

    /// The text of a file; empty where there is none.
    fn text(&self, path: &str) -> Result<String, String> {
        match std::fs::read_to_string(self.root.at(path)) {
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            read => read.map_err(|fault| format!("{} cannot be read: {fault}", self.root.at(path).display())),
        }
    }

    fn files(&mut self) -> Result<(), String> {
        let root = self.root;
        let setup = if root.is_machine() {
            "imsh setup".to_owned()
        } else {
            format!("imsh setup --root {}", quoted(root.0))
        };
        for file in &FILES {
            let shown = root.at(file.path).display().to_string();
            let Some(found) = self.look(file.path)? else {
                self.tell(FindingKind::Missing, shown, setup.clone());
                continue;
            };
            self.is_roots(file.path, &found, 0o022);
            // sudo reads nothing that others may write, and hides what it reads.
            if file.mode & 0o004 == 0 && found.mode() & 0o007 != 0 {
                let command = format!("chmod {:04o} {}", file.mode, root.word(file.path));
                self.tell(FindingKind::TooOpen, format!("{shown} can be read by everybody"), command);
            }
            if self.text(file.path)? != file.text {
                let what = format!("{shown} is not what this version of imsh writes, and is left as it is");
                let command = format!(
                    "imsh setup --root /tmp/imsh-setup >/tmp/imsh-setup.txt; diff {} /tmp/imsh-setup{}",
                    root.word(file.path),
                    file.path
                );
                self.tell(FindingKind::Note, what, command);
            }
        }
        Ok(())
    }

    /// Tells where somebody beside root may change a file, or what leads to it.
    fn is_roots(&mut self, path: &str, found: &std::fs::Metadata, closed: u32) {
        let shown = self.root.at(path).display().to_string();
        if !found.is_file() {
            self.tell(FindingKind::Wrong, format!("{shown} is no regular file"), None);
            return;
        }
        self.belongs(path, found, 0, closed);
    }

    /// Tells where another account owns something, or where these bits of its mode are set.
    fn belongs(&mut self, path: &str, found: &std::fs::Metadata, owner: u32, closed: u32) {
        let (shown, word) = (self.root.at(path).display().to_string(), self.root.word(path));
        if ![owner, 0].contains(&found.uid()) {
            let what = format!("{shown} belongs to user {}", found.uid());
            self.tell(FindingKind::TooOpen, what, format!("chown {owner} {word}"));
        }
        let mode = found.mode() & 0o7777;
        let is_shared = found.is_dir() && mode & 0o1000 != 0 && found.uid() == 0;
        if mode & closed != 0 && !is_shared {
            let others = if closed & 0o055 == 0 { "changed" } else { "read or changed" };
            let what = format!("{shown} can be {others} by others (mode {mode:04o})");
            self.tell(FindingKind::TooOpen, what, format!("chmod {:04o} {word}", mode & !closed));
        }
    }

    /// The program: sshd runs nothing that others could replace.
    fn program(&mut self, program: &str) -> Result<(), String> {
        let shown = self.root.at(program).display().to_string();
        // Many systems have /bin and /usr/bin behind a link.
        let Ok(found) = std::fs::metadata(self.root.at(program)) else {
            let command = format!("install -m 755 imsh {}", self.root.word(program));
            self.tell(FindingKind::Missing, format!("{shown}, which sshd and sudo start"), command);
            return Ok(());
        };
        self.is_roots(program, &found, 0o6022);
        self.way_to(program, 0)
    }

    /// The directories that lead to a path: whoever may write to one may put another in its place.
    fn way_to(&mut self, path: &str, owner: u32) -> Result<(), String> {
        let above: Vec<&Path> = Path::new(path).ancestors().skip(1).collect();
        for directory in above.into_iter().rev() {
            let directory = directory.display().to_string();
            let is_known = self
                .findings
                .iter()
                .any(|finding| finding.what.starts_with(&format!("{} ", self.root.at(&directory).display())));
            if let Some(found) = self.look(&directory)?.filter(|_| !is_known) {
                self.belongs(&directory, &found, owner, 0o022);
            }
        }
        Ok(())
    }

    /// The account: gives its number, where there is one.
    fn account(&mut self, account: &ServiceAccount) -> Result<Option<u32>, String> {
        let ServiceAccount { name, home, shell } = account;
        let passwd = self.text("/etc/passwd")?;
        let fields = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
        let Some(own) = fields.filter(|fields| fields.len() == 7).find(|fields| fields[0] == *name) else {
            let command = format!("systemd-sysusers {}imsh.conf", self.root.option());
            self.tell(FindingKind::Missing, format!("the account {name}"), command);
            return Ok(None);
        };
        let number = own[2].parse::<u32>().map_err(|_| format!("/etc/passwd has no number for {name}"))?;
        if number == 0 {
            self.tell(FindingKind::TooOpen, format!("the account {name} is root"), None);
        }
        if own[6] != *shell {
            let what = format!("sshd starts the session by the account's shell, and {name} has {}", own[6]);
            self.tell(FindingKind::Wrong, what, format!("usermod -s {shell} {name}"));
        }
        if own[5] != *home {
            let what = format!("the home of {name} is {}", own[5]);
            self.tell(FindingKind::Wrong, what, format!("usermod -d {home} {name}"));
        }
        if self.password(name)?.is_some_and(|password| !password.starts_with(['!', '*'])) {
            let what = format!("{name} has a password");
            self.tell(FindingKind::TooOpen, what, format!("passwd -l {name}"));
        }
        let groups = self.text("/etc/group")?;
        let members =
            groups.lines().find_map(|line| line.strip_prefix(&format!("{name}:"))?.rsplit(':').next());
        for member in members.unwrap_or_default().split(',').filter(|member| !["", *name].contains(member)) {
            let what = format!("{member} is in the group {name}, and reads its files");
            self.tell(FindingKind::TooOpen, what, format!("gpasswd -d {} {name}", quoted(Path::new(member))));
        }
        for file in ["/.ssh/authorized_keys", "/.ssh/rc"] {
            let file = format!("{home}{file}");
            if self.look(&file)?.is_some() {
                let what = format!("{} is a way in beside imsh", self.root.at(&file).display());
                self.tell(FindingKind::TooOpen, what, format!("rm {}", self.root.word(&file)));
            }
        }
        Ok(Some(number))
    }

    /// The password of an account, as `/etc/shadow` has it.
    fn password(&self, name: &str) -> Result<Option<String>, String> {
        let shadow = self.text("/etc/shadow")?;
        let rest = shadow.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        Ok(rest.and_then(|rest| rest.split(':').next()).map(str::to_owned))
    }

    /// What sshd makes of its files where somebody connects as the account.
    fn sshd(&mut self, account: &ServiceAccount) -> Result<(), String> {
        let has_locked_password =
            self.password(account.name)?.is_some_and(|password| password.starts_with('!'));
        let settings = match SshdSettings::ask(account.name) {
            None => return Ok(()),
            Some(Err(finding)) => {
                self.findings.push(finding);
                return Ok(());
            }
            Some(Ok(settings)) => settings,
        };
        self.findings.extend(settings.findings(SSHD, account.name, has_locked_password));
        let programs: BTreeSet<_> = settings.programs().filter(|program| *program != PROGRAM).collect();
        programs.into_iter().try_for_each(|program| self.program(program))
    }

    fn directories(&mut self, owner: u32) -> Result<(), String> {
        for (directory, mode) in directories() {
            let Some(found) = self.look(directory)? else {
                let command = format!("systemd-tmpfiles {}--create imsh.conf", self.root.option());
                self.tell(FindingKind::Missing, self.root.at(directory).display().to_string(), command);
                continue;
            };
            if !found.is_dir() {
                let what = format!("{} is no directory", self.root.at(directory).display());
                self.tell(FindingKind::Wrong, what, None);
                continue;
            }
            if found.uid() != owner {
                let what = format!("{} belongs to user {}", self.root.at(directory).display(), found.uid());
                let command = format!("chown {owner} {}", self.root.word(directory));
                self.tell(FindingKind::TooOpen, what, command);
            }
            self.belongs(directory, &found, found.uid(), 0o777 & !mode);
            self.way_to(directory, owner)?;
            self.contents(directory, owner)?;
        }
        Ok(())
    }

    /// Everything below a directory: the account's own, nobody else's to write, and no link or pipe.
    fn contents(&mut self, directory: &str, owner: u32) -> Result<(), String> {
        let mut waiting = VecDeque::from([directory.to_owned()]);
        let mut n_looked_at = 0;
        while let Some(directory) = waiting.pop_front() {
            let listed = std::fs::read_dir(self.root.at(&directory));
            let listed = listed.map_err(|fault| format!("{directory} cannot be read: {fault}"))?;
            for entry in listed {
                let entry = entry.map_err(|fault| format!("{directory} cannot be read: {fault}"))?;
                let path = format!("{directory}/{}", entry.file_name().to_string_lossy());
                n_looked_at += 1;
                if n_looked_at > MOST_FILES || directories().any(|(other, _)| other == path) {
                    continue;
                }
                let Some(found) = self.look(&path)? else { continue };
                let kind = found.file_type();
                if kind.is_symlink() || kind.is_fifo() || kind.is_char_device() || kind.is_block_device() {
                    let what =
                        format!("{} is no regular file, and not trusted", self.root.at(&path).display());
                    self.tell(FindingKind::Wrong, what, None);
                    continue;
                }
                let is_secret =
                    path.contains("/vault/") || path.ends_with("/vault") || path.ends_with("/.pgpass");
                self.belongs(&path, &found, owner, if is_secret { 0o077 } else { 0o022 });
                if kind.is_dir() {
                    waiting.push_back(path);
                }
            }
        }
        if n_looked_at > MOST_FILES {
            let what = format!("of {directory} only {MOST_FILES} files were looked at");
            self.tell(FindingKind::Note, what, None);
        }
        Ok(())
    }

    /// The topology, without which nobody comes in.
    fn topology(&mut self, account: &ServiceAccount, owner: u32) -> Result<(), String> {
        let path = places::SYSTEM;
        let shown = self.root.at(path).display().to_string();
        let first = format!(
            "env -i PATH=\"$PATH\" runuser -u {0} -- imsh --topology {1} -c 'Grant-AdminRole Administrator os-user:{0}; \
             Grant-AdminRole Administrator os-user:NAME'",
            account.name,
            places::SYSTEM
        );
        let Some(found) = self.look(path)? else {
            let make =
                format!("install -o {0} -g {0} -m 640 /dev/null {1}", account.name, self.root.word(path));
            let what = format!("{shown}; it begins with who administers it");
            self.tell(FindingKind::Missing, what, format!("{make} && {first}"));
            return Ok(());
        };
        if !found.is_file() {
            return Ok(());
        }
        if found.uid() != owner {
            let what = format!("{shown} belongs to user {}, and not to {}", found.uid(), account.name);
            self.tell(FindingKind::Wrong, what, format!("chown {owner} {}", self.root.word(path)));
        }
        if found.nlink() != 1 {
            self.tell(FindingKind::Wrong, format!("{shown} has {} names", found.nlink()), None);
        }
        let access = match Topology::load(&self.root.at(path)) {
            Ok(topology) => topology.access,
            Err(mistakes) => {
                let mistake = mistakes.first().map(ToString::to_string).unwrap_or_default();
                self.tell(FindingKind::Wrong, mistake, None);
                return Ok(());
            }
        };
        let administrator = BuiltIn::Administrator.name();
        let has_one = access.as_ref().is_some_and(|access| {
            access.assignments.iter().any(|one| one.is_of(administrator) && !one.members.is_empty())
        });
        if !has_one {
            let what = format!("a member of the role {administrator} in {shown}");
            self.tell(FindingKind::Missing, what, first);
        }
        self.left_drives(&access.unwrap_or_default())
    }

    /// Drives of principals who are gone. An operating-system user may come by a group, and is let be.
    fn left_drives(&mut self, access: &Access) -> Result<(), String> {
        let members = access.assignments.iter().flat_map(|one| &one.members).map(ToString::to_string);
        let listed = access.principals.iter().map(|one| Member::Principal(one.name.clone()).to_string());
        let known: BTreeSet<String> = members.chain(listed).map(|name| usage::file_name(&name)).collect();
        let drives = format!("{}/{}", places::STATE, drive::DIRECTORY);
        let entries = match std::fs::read_dir(self.root.at(&drives)) {
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(()),
            listed => listed.map_err(|fault| format!("{drives} cannot be read: {fault}"))?,
        };
        for entry in entries {
            let entry = entry.map_err(|fault| format!("{drives} cannot be read: {fault}"))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !name.starts_with(&usage::file_name("principal:")) || known.contains(&name) {
                continue;
            }
            let path = format!("{drives}/{name}");
            let what = format!(
                "{} is the drive of a principal who is gone; another one of that name would have it",
                self.root.at(&path).display()
            );
            self.tell(FindingKind::Note, what, format!("rm -r {}", self.root.word(&path)));
        }
        Ok(())
    }

    /// The files that include the drop-ins.
    fn includes(&mut self) -> Result<(), String> {
        let sshd = "/etc/ssh/sshd_config";
        let text = self.text(sshd)?;
        let words = |line: &str| line.split_whitespace().map(str::to_ascii_lowercase).collect::<Vec<_>>();
        let reads_them = text.lines().map(words).any(|words| {
            words.first().is_some_and(|first| first == "include")
                && words.iter().any(|word| word.contains("sshd_config.d/"))
        });
        if text.is_empty() {
            let what = format!("{} is not there: nobody comes in by ssh", self.root.at(sshd).display());
            self.tell(FindingKind::Note, what, "apt install openssh-server".to_owned());
        } else if !reads_them {
            let command = format!(
                "sed -i '1i Include /etc/ssh/sshd_config.d/*.conf' {0} && sshd -t && systemctl reload ssh",
                self.root.word(sshd)
            );
            let what = format!("{} does not read its drop-ins", self.root.at(sshd).display());
            self.tell(FindingKind::Missing, what, command);
        }
        let sudoers = "/etc/sudoers";
        let text = self.text(sudoers)?;
        let reads_them = text.lines().map(str::trim_start).any(|line| {
            ["@includedir", "#includedir"].iter().any(|word| line.starts_with(word))
                && line.contains("sudoers.d")
        });
        if !text.is_empty() && !reads_them {
            let what = format!("{} does not read its drop-ins", self.root.at(sudoers).display());
            let command = "echo '@includedir /etc/sudoers.d' | EDITOR='tee -a' visudo".to_owned();
            self.tell(FindingKind::Missing, what, command);
        }
        Ok(())
    }
}

/// A state directory may hold very many transcripts.
const MOST_FILES: usize = 100_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_and_directories_are_those_of_the_deployed_files() {
        let account = ServiceAccount::described().unwrap();
        assert_eq!((account.name, account.home, account.shell), ("imsh", places::STATE, "/bin/sh"));
        let listed: Vec<_> = directories().collect();
        assert_eq!(listed, [("/etc/imsh", 0o750), ("/etc/imsh/scripts", 0o750), (places::STATE, 0o700)]);
    }

    #[test]
    fn the_programs_that_the_files_name_are_the_one_that_is_checked() {
        for file in &FILES {
            for word in
                file.text.lines().filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace)
            {
                let program = word.rsplit_once('=').map_or(word, |(_, program)| program);
                assert!(!program.ends_with("bin/imsh") || program == PROGRAM, "{word}");
            }
        }
    }

    #[test]
    fn a_path_is_one_word_of_a_command() {
        for (path, word) in
            [("/a/b", "/a/b"), ("/a b", "'/a b'"), ("/$(x)", "'/$(x)'"), ("/it's", r"'/it'\''s'")]
        {
            assert_eq!(quoted(Path::new(path)), word);
        }
    }
}
