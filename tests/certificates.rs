//! Client certificates: from files into the vault, and from there into a logon (SASL EXTERNAL).

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use std::path::Path;
use std::process::Stdio;

use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};
use support::imsh_at;
use tempfile::TempDir;

const TOPOLOGY: &str = "[[pool]]\nidentity = \"pool.litwareinc.com\"\ndomains = [\"litwareinc.com\"]\n\
    test_users = [\"sip:kenmyer@litwareinc.com\"]\n";

/// An administrator's directory, with a certificate and its key in it.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        desk.write("topology.toml", TOPOLOGY);
        desk.write("password", "swordfish\n");
        let (certificate, key) = issued(2100);
        desk.write("kenmyer.pem", &certificate);
        desk.write("kenmyer.key", &key);
        desk
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.path().join(name), text).unwrap();
    }

    /// What the program says of a command, on both streams, and its exit status.
    fn run(&self, code: &str) -> (String, Option<i32>) {
        run(self.0.path(), &["--topology", "topology.toml", "-c", code])
    }
}

fn run(directory: &Path, arguments: &[&str]) -> (String, Option<i32>) {
    let mut command = imsh_at(directory);
    let output = command.args(arguments).current_dir(directory).stdin(Stdio::null()).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (String::from_utf8(said).unwrap(), output.status.code())
}

/// A certificate that is good until that year, and its key, as PEM.
fn issued(until: i32) -> (String, String) {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "kenmyer@litwareinc.com");
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    let key = KeyPair::generate().unwrap();
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

#[test]
fn a_certificate_is_stored_beside_the_password_and_its_key_never_shown() {
    let desk = Desk::new();
    let password = "Set-TestUserCredential kenmyer@litwareinc.com (Get-Credential ken -FromFile password)";
    let certificate =
        "Set-TestUserCredential kenmyer@litwareinc.com -CertificateFile kenmyer.pem -KeyFile kenmyer.key";
    for code in [password, certificate, password] {
        assert_eq!(desk.run(code), (String::new(), Some(0)), "{code}");
    }
    let kept = "let u = Get-TestUserCredential; \
        print(`${u.UserName} ${u.Password} ${u.HasCertificate} ${u.CertificateSubject}`)";
    let (said, status) = desk.run(kept);
    assert_eq!((said.as_str(), status), ("ken ******** true CN=kenmyer@litwareinc.com\n", Some(0)));
    let (said, _) = desk.run("Get-TestUserCredential | Format-List *");
    assert!(said.contains("CertificateDaysLeft"), "{said}");
    assert!(!said.contains("PRIVATE") && !said.contains("swordfish"), "{said}");
}

#[test]
fn one_file_may_hold_both() {
    let desk = Desk::new();
    let (certificate, key) = issued(2100);
    desk.write("both.pem", &format!("{key}{certificate}"));
    let said = desk.run("Set-TestUserCredential kenmyer@litwareinc.com -CertificateFile both.pem");
    assert_eq!(said, (String::new(), Some(0)));
}

#[test]
fn what_cannot_be_used_is_refused_with_the_reason() {
    let desk = Desk::new();
    desk.write("other.key", &issued(2100).1);
    let locked = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    desk.write("locked.key", locked);
    desk.write("garbage.pem", "nothing of the kind");
    for (files, says) in [
        ("-CertificateFile kenmyer.pem -KeyFile other.key", "CertificateUnusable"),
        ("-CertificateFile kenmyer.pem -KeyFile locked.key", "the key is locked with a passphrase"),
        ("-CertificateFile garbage.pem -KeyFile kenmyer.key", "no PEM certificate"),
        ("-CertificateFile kenmyer.pem", "no PEM key"),
        ("-CertificateFile missing.pem", "The file 'missing.pem' could not be read"),
        ("-KeyFile kenmyer.key", "Give -CertificateFile as well"),
        ("", "neither -Credential nor -CertificateFile is given"),
    ] {
        let (said, status) = desk.run(&format!("Set-TestUserCredential kenmyer@litwareinc.com {files}"));
        assert!(said.contains(says) && status != Some(0), "{files}: {said}");
        assert!(!said.contains("PRIVATE"), "{said}");
    }
    assert!(!desk.0.path().join("vault").exists(), "nothing was to be stored");
}

#[test]
fn a_certificate_that_has_ended_is_warned_about() {
    let desk = Desk::new();
    let (certificate, key) = issued(2024);
    desk.write("old.pem", &format!("{certificate}{key}"));
    let (said, status) = desk.run("Set-TestUserCredential kenmyer@litwareinc.com -CertificateFile old.pem");
    assert_eq!(status, Some(0), "{said}");
    assert!(
        said.contains("WARNING: The certificate of CN=kenmyer@litwareinc.com ended on 2024-01-01"),
        "{said}"
    );
}

#[test]
fn a_test_user_logs_on_with_a_certificate() {
    let directory = tempfile::tempdir().unwrap();
    for (target, wanted) in [
        ("certificate.litwareinc.com", "Success EXTERNAL"),
        ("certificate.litwareinc.com -Authentication ClientCertificate", "Success EXTERNAL"),
        ("others-certificate.litwareinc.com", "SASL-CERTIFICATE"),
        ("wrong-key.litwareinc.com", "TLS-CLIENT-CERTIFICATE"),
    ] {
        let code = format!(
            "let r = Test-Registration {target}; print(`${{r.Result}} ${{r.Mechanism}} ${{r.Code}}`)"
        );
        let (said, _) = run(directory.path(), &["--lab", "-c", &code]);
        assert!(said.contains(wanted), "{target}: {said}");
    }
}

#[test]
fn a_vault_opens_with_age_itself_and_takes_a_key_of_age_keygen() {
    let desk = Desk::new();
    let vault = desk.0.path().join("vault");
    std::fs::create_dir(&vault).unwrap();
    let age = |program: &str, arguments: &[&str]| {
        support::bare(program).args(arguments).current_dir(&vault).output()
    };
    let Ok(made) = age("age-keygen", &["-o", "vault.key"]) else {
        return support::skip("age is not installed");
    };
    assert!(made.status.success(), "{made:?}");
    let password = "Set-TestUserCredential kenmyer@litwareinc.com (Get-Credential ken -FromFile password)";
    let (said, status) =
        run(desk.0.path(), &["--topology", "topology.toml", "--vault", "vault", "-c", password]);
    assert_eq!(status, Some(0), "{said}");
    let opened = age("age", &["-d", "-i", "vault.key", "vault.age"]).unwrap();
    assert!(opened.status.success(), "{opened:?}");
    let plain = String::from_utf8(opened.stdout).unwrap();
    assert!(plain.starts_with("imsh-vault 1\n") && plain.contains("kenmyer@litwareinc.com"), "{plain}");
}
