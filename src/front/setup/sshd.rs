//! What sshd makes of all its files for the account (`sshd -T`), held against the drop-in.
//!
//! Whichever file names a setting first wins in sshd, so that a drop-in may stand as it was written and hold for
//! nobody. Only what sshd itself says counts. Never changes anything.

use std::process::Command;

use nix::unistd::geteuid;

use super::{FindingKind, SetupFinding};
use crate::front::caller::CALLER_VARIABLES;
use crate::value::pattern::{Case, Pattern};

/// The account's settings as sshd itself says them.
pub(super) struct SshdSettings(String);

impl SshdSettings {
    /// Asks sshd. Gives what there is to tell where it cannot say them; nothing where it is not installed.
    pub(super) fn ask(account: &str) -> Option<Result<Self, SetupFinding>> {
        let program = ["/usr/sbin/sshd", "/usr/local/sbin/sshd"]
            .into_iter()
            .find(|program| std::fs::metadata(program).is_ok())?;
        let connection = format!("user={account},host=localhost,addr=127.0.0.1");
        let asked = Command::new(program).args(["-T", "-C", &connection]).env_clear().output();
        Some(match asked {
            Ok(output) if output.status.success() => {
                Ok(Self(String::from_utf8_lossy(&output.stdout).into_owned()))
            }
            Ok(output) => Err(refused(&String::from_utf8_lossy(&output.stderr))),
            Err(fault) => Err(refused(&fault.to_string())),
        })
    }

    /// Everything that differs from what the drop-in says, or keeps everybody out.
    pub(super) fn findings(
        &self,
        drop_in: &str,
        account: &str,
        has_locked_password: bool,
    ) -> Vec<SetupFinding> {
        let mut findings = Vec::new();
        for (key, wanted) in settings(drop_in) {
            // A build without it says nothing of it.
            let Some(said) = self.values(&key).next() else { continue };
            if said != wanted {
                findings.push(differs(&key, said, wanted, account));
            }
        }
        for (key, wanted) in OF_OTHER_FILES {
            let said = self.values(key).next();
            if let Some(said) = said.filter(|said| *said != wanted) {
                findings.push(differs(key, said, wanted, account));
            }
        }
        let asks_no_pam = self.values("usepam").next() == Some("no");
        if asks_no_pam && has_locked_password {
            findings.push(SetupFinding {
                kind: FindingKind::Wrong,
                what: format!(
                    "sshd does not ask PAM (UsePAM no), and lets nobody in as {account}, whose password is locked"
                ),
                // No password either, and not locked for sshd.
                command: Some(format!("usermod -p '*' {account}")),
            });
        }
        findings.extend(self.kept_out(account));
        findings.extend(self.accepted(account));
        findings
    }

    /// The variables that a client may set, and that say who is asking or have the account's shell run something.
    fn accepted(&self, account: &str) -> Option<SetupFinding> {
        let is_accepted = |name: &str| {
            let mut patterns = self.values("acceptenv").flat_map(str::split_whitespace);
            patterns.any(|pattern| is_match(pattern, name))
        };
        let is_cleared = |name: &str| self.values("setenv").any(|set| set.strip_prefix(name) == Some("="));
        let of_caller = CALLER_VARIABLES.into_iter().filter(|name| !is_cleared(name));
        let name = of_caller.chain(RUN_BY_SHELLS).find(|name| is_accepted(name))?;
        Some(SetupFinding {
            kind: FindingKind::Wrong,
            what: format!("sshd takes {name} for {account} from a client: its AcceptEnv says so"),
            command: Some(where_it_stands("AcceptEnv")),
        })
    }

    /// The program of a command that sshd starts to ask something.
    pub(super) fn programs(&self) -> impl Iterator<Item = &str> {
        let asked = ["authorizedkeyscommand", "authorizedprincipalscommand"];
        let commands = asked.into_iter().flat_map(|key| self.values(key));
        commands.filter_map(|command| command.split_whitespace().next()).filter(|word| *word != "none")
    }

    /// The lists of who may log on at all, where they leave the account out.
    fn kept_out(&self, account: &str) -> Option<SetupFinding> {
        let matches = |key: &str, of_account: fn(&str) -> &str| {
            let mut patterns = self.values(key).flat_map(str::split_whitespace).peekable();
            patterns.peek()?;
            Some(patterns.any(|pattern| is_match(of_account(pattern), account)))
        };
        // `USER@HOST` may let it in from somewhere, and keeps it out only from there.
        let allowed =
            matches("allowusers", |pattern| pattern.split_once('@').map_or(pattern, |(name, _)| name));
        let denied = matches("denyusers", |pattern| pattern);
        let key = match (denied, allowed) {
            (Some(true), _) => "DenyUsers",
            (_, Some(false)) => "AllowUsers",
            (Some(false) | None, Some(true) | None) => return None,
        };
        Some(SetupFinding {
            kind: FindingKind::Wrong,
            what: format!("sshd lets nobody in as {account}: its {key} says so"),
            command: Some(where_it_stands(key)),
        })
    }

    fn values(&self, key: &str) -> impl Iterator<Item = &str> {
        self.0
            .lines()
            .filter_map(|line| line.split_once(' '))
            .filter(move |(own, _)| *own == key)
            .map(|(_, value)| value.trim())
    }
}

/// Whether a pattern of sshd's matches, which has `*` and `?` (PATTERNS in ssh_config(5)).
fn is_match(pattern: &str, text: &str) -> bool {
    Pattern::new(pattern, Case::Sensitive).matches(text)
}

fn refused(said: &str) -> SetupFinding {
    let line = said.lines().find(|line| !line.trim().is_empty()).unwrap_or("it ended with an error");
    // Its host keys are root's to read.
    let kind = if geteuid().is_root() { FindingKind::Wrong } else { FindingKind::Note };
    let command = match kind {
        FindingKind::Note => "su -c 'imsh setup --check'",
        FindingKind::Missing | FindingKind::TooOpen | FindingKind::Wrong => {
            "install -d -m 755 /run/sshd && sshd -t"
        }
    };
    SetupFinding {
        kind,
        what: format!("sshd does not say what it makes of its files: {line}"),
        command: Some(command.to_owned()),
    }
}

/// The settings of the drop-in that `sshd -T` says in the same words: key in lower-case letters, and value.
fn settings(drop_in: &str) -> impl Iterator<Item = (String, &str)> {
    let lines = drop_in.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let pairs = lines.filter_map(|line| line.split_once(char::is_whitespace));
    pairs
        .map(|(key, value)| (key.to_ascii_lowercase(), value.trim()))
        .filter(|(key, _)| key != "match" && key != "setenv")
}

fn differs(key: &str, said: &str, wanted: &str, account: &str) -> SetupFinding {
    let kind = if MATTERS_OF_TASTE.contains(&key) { FindingKind::Note } else { FindingKind::Wrong };
    SetupFinding {
        kind,
        what: format!("sshd has {key} {said} for {account}, and not {wanted}: another file says so first"),
        command: Some(where_it_stands(key)),
    }
}

/// The command that shows which lines of which files set this.
fn where_it_stands(key: &str) -> String {
    format!("grep -rni {key} /etc/ssh/sshd_config /etc/ssh/sshd_config.d")
}

/// What the drop-in leaves as it is, and nobody comes in without.
const OF_OTHER_FILES: [(&str, &str); 2] = [("pubkeyauthentication", "yes"), ("chrootdirectory", "none")];

/// Variables by which the loader of programs or a shell runs what they name.
const RUN_BY_SHELLS: [&str; 7] =
    ["LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "BASH_ENV", "ENV", "SHELLOPTS", "ZDOTDIR"];

/// Another value of these is the administrator's choice.
const MATTERS_OF_TASTE: [&str; 3] = ["maxsessions", "clientaliveinterval", "clientalivecountmax"];

#[cfg(test)]
mod tests {
    use super::*;

    const DROP_IN: &str = include_str!("../../../examples/deploy/sshd-imsh.conf");

    /// What a sshd says that has read the drop-in and nothing else.
    fn as_written() -> String {
        let own = settings(DROP_IN).map(|(key, value)| format!("{key} {value}\n")).collect::<String>();
        let cleared =
            DROP_IN.lines().find_map(|line| line.trim().strip_prefix("SetEnv ")).unwrap_or_default();
        let cleared = cleared.split_whitespace().map(|set| format!("setenv {set}\n")).collect::<String>();
        format!("usepam yes\npubkeyauthentication yes\nchrootdirectory none\n{cleared}{own}")
    }

    fn told(said: &str, has_locked_password: bool) -> Vec<(FindingKind, String)> {
        let findings = SshdSettings(said.to_owned()).findings(DROP_IN, "imsh", has_locked_password);
        findings.into_iter().map(|finding| (finding.kind, finding.what)).collect()
    }

    #[test]
    fn each_setting_of_the_drop_in_that_sshd_has_otherwise_is_told() {
        assert_eq!(told(&as_written(), true), []);
        for (key, value) in settings(DROP_IN) {
            let line = format!("{key} {value}\n");
            let findings = told(&as_written().replace(&line, &format!("{key} other\n")), false);
            let [(kind, what)] = &findings[..] else { panic!("{key}: {findings:?}") };
            assert!(what.contains(&format!("{key} other")) && what.contains(value), "{what}");
            assert_eq!(*kind == FindingKind::Note, MATTERS_OF_TASTE.contains(&&*key), "{what}");
        }
    }

    #[test]
    fn variables_that_a_client_may_not_set_are_told_where_sshd_takes_them() {
        for (more, without, told_of) in [
            ("acceptenv LANG\nacceptenv LC_*\n", "", None),
            ("acceptenv SUDO_*\nacceptenv DOAS_USER\n", "", None),
            ("acceptenv SUDO_*\n", "setenv SUDO_UID=\n", Some("SUDO_UID")),
            ("acceptenv PKEXEC_UI?\n", "setenv PKEXEC_UID=\n", Some("PKEXEC_UID")),
            ("acceptenv LANG\n", "setenv DOAS_USER=\n", None),
            ("acceptenv *\n", "", Some("LD_PRELOAD")),
            ("acceptenv BASH_*\n", "", Some("BASH_ENV")),
        ] {
            let findings = told(&format!("{}{more}", as_written().replace(without, "")), false);
            assert_eq!(findings.len(), usize::from(told_of.is_some()), "{more}: {findings:?}");
            let says = |name: &str| findings.iter().any(|(_, what)| what.contains(&format!("takes {name} ")));
            assert!(told_of.is_none_or(says), "{more}: {findings:?}");
        }
    }

    #[test]
    fn whoever_is_kept_out_is_told_so() {
        for (more, is_kept_out) in [
            ("allowusers root\n", true),
            ("allowusers root\nallowusers im*\n", false),
            ("allowusers imsh@10.0.0.*\n", false),
            ("denyusers im?h\n", true),
            ("denyusers imsh@10.0.0.*\n", false),
            ("denyusers ada\n", false),
        ] {
            let findings = told(&format!("{}{more}", as_written()), false);
            assert_eq!(findings.len(), usize::from(is_kept_out), "{more}: {findings:?}");
        }
        let no_pam = as_written().replace("usepam yes", "usepam no");
        assert_eq!((told(&no_pam, true).len(), told(&no_pam, false).len()), (1, 0));
    }
}
