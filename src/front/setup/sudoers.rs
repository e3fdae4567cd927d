//! The rules of sudo by which somebody becomes the account, as `cvtsudoers` reads them with all files that they
//! include.
//!
//! A rule whose caller may set variables (`SETENV`, which `ALL` commands imply) hands them the account: the loader of
//! programs heeds some, and who called sudo is told by others. Never changes anything.

use std::process::Command;

use nix::unistd::geteuid;
use serde_json::Value;

use super::{FindingKind, SetupFinding};

const SUDOERS: &str = "/etc/sudoers";

/// The rules that give more of the account than one program. Nothing where sudo is not installed, and where
/// another one than root asks, who may not read the rules.
pub(super) fn findings(account: &str, owner: u32) -> Vec<SetupFinding> {
    let program = ["/usr/bin/cvtsudoers", "/usr/local/bin/cvtsudoers"]
        .into_iter()
        .find(|program| std::fs::metadata(program).is_ok());
    let Some(program) = program.filter(|_| geteuid().is_root() && std::fs::metadata(SUDOERS).is_ok()) else {
        return Vec::new();
    };
    let asked = Command::new(program).args(["-e", "-f", "json", SUDOERS]).env_clear().output();
    let rules = asked.ok().filter(|output| output.status.success());
    match rules.and_then(|output| serde_json::from_slice(&output.stdout).ok()) {
        Some(rules) => of_rules(&rules, account, owner),
        None => vec![SetupFinding {
            kind: FindingKind::Wrong,
            what: "sudo does not say what it makes of its files".to_owned(),
            command: Some("visudo -c".to_owned()),
        }],
    }
}

fn of_rules(rules: &Value, account: &str, owner: u32) -> Vec<SetupFinding> {
    let is_account = |named: &Value| named["username"] == account || named["userid"] == owner;
    let is_for_account = |binding: &Value| binding.is_null() || list(binding).any(is_account);
    let tag = |options: &Value| list(options).find_map(|option| option["setenv"].as_bool());
    let by_default = list(&rules["Defaults"])
        .filter(|defaults| is_for_account(&defaults["Binding"]))
        .any(|defaults| tag(&defaults["Options"]) == Some(true));
    let found = |what: String| SetupFinding {
        kind: FindingKind::Wrong,
        what,
        command: Some("grep -rniE 'setenv|imsh' /etc/sudoers /etc/sudoers.d".to_owned()),
    };
    let of_rule = |users: &str, rule: &Value| {
        let is_everything = list(&rule["Commands"]).any(|command| command["command"] == "ALL");
        let may_set = tag(&rule["Options"]).unwrap_or(by_default);
        match (is_everything, may_set) {
            (true, _) => Some(format!("sudo lets {users} run everything as {account}")),
            (false, true) => {
                Some(format!("sudo lets {users} set variables as {account}: SETENV or setenv says so"))
            }
            (false, false) => None,
        }
    };
    let of_specification = |specification: &Value| {
        let users = list(&specification["User_List"]).map(name).collect::<Vec<_>>().join(",");
        // A rule for anybody is one for root.
        let of_account =
            list(&specification["Cmnd_Specs"]).filter(|rule| list(&rule["runasusers"]).any(is_account));
        of_account.filter_map(|rule| of_rule(&users, rule)).map(found).collect::<Vec<_>>()
    };
    list(&rules["User_Specs"]).flat_map(of_specification).collect()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// A user or a group as sudoers writes it.
fn name(named: &Value) -> String {
    let text = |key: &str| named[key].as_str().map(str::to_owned);
    let group = text("usergroup").map(|group| format!("%{group}"));
    text("username").or(group).unwrap_or_else(|| named.to_string())
}
