//! The drive of a principal: the only files that a session reads and writes, within its limit.

use crate::machine::{Machine, Said};
use crate::topology;

fn with_drive() -> Option<Machine> {
    let role = "template = \"HelpDesk\"\ndrive_mib = 1";
    Machine::with(&topology(&[]).replace("template = \"HelpDesk\"", role))
}

#[test]
fn what_one_session_keeps_on_the_drive_the_next_one_reads() {
    let Some(machine) = with_drive() else { return };
    let kim = |code: &str| Said::of(machine.session("kim", &["-c", code]).output().unwrap());
    let kept = kim(
        "Get-Pool | Select-Object Identity, Site | Export-Csv pools.csv; 'one','two' | Out-File list.txt",
    );
    assert_eq!((kept.text.as_str(), kept.status), ("", Some(0)));
    for (code, wanted) in [
        ("(Import-Csv pools.csv).Site", "Redmond"),
        ("Get-Content list.txt -Tail 1", "two"),
        ("'three' | Tee-Object -FilePath list.txt -Append | Out-Null; (Get-Content list.txt).Count", "3"),
        ("(Get-DriveItem).Identity", "list.txt\npools.csv"),
        ("(Get-DriveItem list.txt).Length", "14"),
        ("Get-Content list.txt > copy.txt; (Get-DriveItem).Count", "3"),
        (
            "[pscustomobject]@{a=1}, [pscustomobject]@{a=2; b=3} | Export-Csv wide.csv; (Import-Csv wide.csv)[1].b",
            "3",
        ),
        ("Get-DriveItem | Remove-DriveItem; @(Get-DriveItem).Count", "0"),
    ] {
        let said = kim(code);
        assert_eq!((said.text.trim(), said.status), (wanted, Some(0)), "{code}");
    }
    kim("'x' | Out-File mine");
    let ada = Said::of(machine.session("ada", &["-c", "@(Get-DriveItem).Count"]).output().unwrap());
    assert_eq!(ada.text.trim(), "0", "another principal has another drive");
    assert_eq!(machine.root("find /var/lib/imsh/drives -perm /077").trim(), "");
}

/// An administrator's session reaches no other file either.
#[test]
fn no_name_leads_off_the_drive() {
    let Some(machine) = with_drive() else { return };
    let before = machine.root("cat /etc/imsh/topology.toml");
    for user in ["kim", "ada"] {
        for name in [
            "/etc/imsh/topology.toml",
            "../../../etc/imsh/topology.toml",
            "../os-user+ada/mine",
            ".lock",
            "./x",
            "a/b",
            "~/x",
            "/proc/self/environ",
            "/dev/stdin",
            "/var/lib/imsh/counts/os-user+kim",
            "",
        ] {
            for code in [
                format!("Get-Content \"{name}\""),
                format!("Import-Csv \"{name}\""),
                format!("\"x\" | Out-File \"{name}\""),
                format!("\"x\" | Out-File \"{name}\" -Append"),
                format!("Get-Pool | Export-Csv \"{name}\""),
                format!("Get-Pool | Tee-Object -FilePath \"{name}\""),
                format!("Get-Pool > \"{name}\""),
                format!("Export-TestReport \"{name}\""),
                format!("Export-TestReport \"{name}\" -NoClobber"),
                format!("Remove-DriveItem \"{name}\""),
                format!("Get-Credential k -FromFile \"{name}\""),
            ] {
                let said = Said::of(machine.session(user, &["-c", &code]).output().unwrap());
                assert!(said.status != Some(0), "{user} {code}\n{}", said.text);
                assert!(!said.text.contains("fabrikam"), "{user} {code}\n{}", said.text);
            }
        }
        let transcript = Said::of(machine.session(user, &["-c", "Start-Transcript x"]).output().unwrap());
        assert!(transcript.status != Some(0), "{user}\n{}", transcript.text);
    }
    assert_eq!(machine.root("cat /etc/imsh/topology.toml"), before);
    assert_eq!(machine.root("find /var/lib/imsh/drives -type f ! -name .lock").trim(), "");
}

/// The drive lends no leave to name a file of the machine in a setting.
#[test]
fn a_setting_that_names_a_file_stays_an_administrators() {
    let role = "template = \"ServerAdministrator\"\nadd_cmdlets = [\"Start-Transcript\"]";
    let Some(machine) = Machine::with(&topology(&[]).replace("template = \"HelpDesk\"", role)) else {
        return;
    };
    let before = machine.root("cat /etc/imsh/topology.toml");
    for code in [
        "Set-Pool a.litwareinc.com -CaFile mine.pem",
        "Set-Pool a.litwareinc.com -CaFile /var/lib/imsh/drives/os-user+kim/mine.pem",
        "Start-Transcript mine.txt",
        "Start-Transcript -OutputDirectory /tmp",
    ] {
        let said = Said::of(machine.session("kim", &["-c", code]).output().unwrap());
        assert_eq!(said.status, Some(3), "{code}\n{}", said.text);
    }
    let said = Said::of(
        machine.session("kim", &["-c", "Set-Pool a.litwareinc.com -Description ok"]).output().unwrap(),
    );
    assert_eq!(said.status, Some(0), "{}", said.text);
    assert_eq!(machine.root("grep -v '^description' /etc/imsh/topology.toml"), before);
}

#[test]
fn a_drive_holds_as_much_as_the_role_says_over_all_sessions() {
    let Some(machine) = with_drive() else { return };
    let fill = |name: &str| {
        let code = format!(
            "let s = \"x\"; while s.len() < 100000 {{ s += s }} for n in 0..40 {{ $s | Out-File {name} -Append }}"
        );
        machine.session("kim", &["-c", &code])
    };
    let sessions: Vec<_> = ["a", "b", "c"]
        .map(|name| {
            let mut command = fill(name);
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap()
        })
        .into_iter()
        .map(|child| Said::of(child.wait_with_output().unwrap()))
        .collect();
    for said in &sessions {
        assert_eq!(said.status, Some(4), "{said:?}");
        assert!(
            said.text.contains("LimitReached") && said.text.contains("drive_mib is limited to 1"),
            "{said:?}"
        );
    }
    let used: u64 = machine
        .root("du -s --apparent-size -B1 /var/lib/imsh/drives/os-user+kim | cut -f1")
        .trim()
        .parse()
        .unwrap();
    assert!(used <= (1 << 20) + 8192, "{used}");
    let said = Said::of(
        machine
            .session("kim", &["-c", "Remove-DriveItem a; 'x' | Out-File a; Get-Content a"])
            .output()
            .unwrap(),
    );
    assert_eq!((said.text.trim(), said.status), ("x", Some(0)), "what is removed makes room");
}
