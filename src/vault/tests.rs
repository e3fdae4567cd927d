//! The vault against its users, its enemies and its file system.

use std::os::unix::fs::PermissionsExt;

use proptest::prelude::*;

use std::os::unix::fs::MetadataExt;

use super::*;
use crate::durable::faults::{at_every_place, confirm, told_to_die};
use crate::skip::skip;

fn address(written: &str) -> Address {
    written.parse().unwrap()
}

fn stored(password: &str) -> StoredCredential {
    Credential::new(r"litwareinc\kenmyer", Secret::new(password.into())).into()
}

fn password(vault: &Vault, account: &str) -> Option<String> {
    let stored = vault.get(&address(account)).unwrap()?;
    Some(stored.credential().unwrap().password.expose().to_owned())
}

/// A directory with a vault that holds one password.
fn filled() -> (tempfile::TempDir, Vault) {
    let directory = tempfile::tempdir().unwrap();
    let vault = Vault::open(directory.path()).unwrap();
    vault.set(&address("kenmyer@litwareinc.com"), stored("hunter2")).unwrap();
    (directory, vault)
}

fn reopened(directory: &tempfile::TempDir) -> String {
    Vault::open(directory.path()).map(|vault| format!("{vault:?}")).unwrap_err().to_string()
}

#[test]
fn a_password_comes_back_and_goes() {
    let (directory, vault) = filled();
    assert_eq!(password(&vault, "sip:KENMYER@litwareinc.com").as_deref(), Some("hunter2"));
    assert_eq!(password(&vault, "pilar@litwareinc.com"), None);
    let other = Vault::open(directory.path()).unwrap();
    other.set(&address("kenmyer@litwareinc.com"), stored("changed")).unwrap();
    assert_eq!(
        password(&vault, "kenmyer@litwareinc.com").as_deref(),
        Some("changed"),
        "what was kept is stale"
    );
    assert!(vault.remove(&address("kenmyer@litwareinc.com")).unwrap());
    assert!(!vault.remove(&address("kenmyer@litwareinc.com")).unwrap());
    assert_eq!(other.accounts().unwrap(), []);
}

#[test]
fn a_certificate_comes_back() {
    let (_directory, vault) = filled();
    let certificate = StoredCertificate { chain_pem: "chain\n".into(), key_pem: Secret::new("key\n".into()) };
    let account = address("pilar@litwareinc.com");
    let credential =
        StoredCredential { user_name: "pilar".into(), password: None, certificate: Some(certificate) };
    vault.set(&account, credential).unwrap();
    let found = vault.get(&account).unwrap().unwrap();
    assert!(found.credential().is_none());
    let certificate = found.certificate.unwrap();
    assert_eq!((certificate.chain_pem.as_str(), certificate.key_pem.expose()), ("chain\n", "key\n"));
    assert_eq!(vault.accounts().unwrap().len(), 2);
}

#[test]
fn nothing_is_made_by_looking() {
    let directory = tempfile::tempdir().unwrap();
    let below = directory.path().join("not/yet");
    let vault = Vault::open(&below).unwrap();
    assert_eq!(vault.accounts().unwrap(), []);
    assert!(!vault.remove(&address("kenmyer@litwareinc.com")).unwrap());
    assert!(!below.exists());
    vault.set(&address("kenmyer@litwareinc.com"), stored("x")).unwrap();
    for (path, mode) in
        [(below.clone(), 0o700), (below.join(FILE_NAME), 0o600), (below.join(KEY_NAME), 0o600)]
    {
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o7777, mode, "{}", path.display());
    }
}

#[test]
fn no_file_shows_a_password_and_no_print_does() {
    let (directory, vault) = filled();
    for file in std::fs::read_dir(directory.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("hunter2"));
    }
    let found = vault.get(&address("kenmyer@litwareinc.com")).unwrap();
    assert!(!format!("{vault:?} {found:?}").contains("hunter2"));
}

#[test]
fn a_key_that_others_can_read_is_refused_with_the_command_that_mends_it() {
    let (directory, _vault) = filled();
    let key = directory.path().join(KEY_NAME);
    for mode in [0o644, 0o640, 0o601, 0o660] {
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();
        let wanted = format!(
            "the vault's key {key} has mode {mode:04o}, so others can use it: run chmod 600 {key}",
            key = key.display()
        );
        assert_eq!(reopened(&directory), wanted);
    }
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o400)).unwrap();
    assert!(Vault::open(directory.path()).is_ok());
}

#[test]
fn a_key_of_somebody_else_is_refused() {
    let (directory, _vault) = filled();
    let key = directory.path().join(KEY_NAME);
    let other = nix::unistd::getuid().as_raw() + 1;
    if std::os::unix::fs::chown(&key, Some(other), None).is_err() {
        skip("only root can give a file away");
        return;
    }
    assert!(reopened(&directory).contains(&format!("belongs to user {other}")));
}

#[test]
fn a_missing_key_is_never_replaced() {
    let (directory, vault) = filled();
    let key = directory.path().join(KEY_NAME);
    std::fs::remove_file(&key).unwrap();
    assert!(reopened(&directory).starts_with(&format!("the vault's key {} is missing", key.display())));
    let _ = vault.set(&address("pilar@litwareinc.com"), stored("x")).unwrap_err();
    assert!(!key.exists());
}

#[test]
fn another_key_a_damaged_file_and_a_later_version_are_told_apart() {
    let (directory, _vault) = filled();
    let (file, key) = (directory.path().join(FILE_NAME), directory.path().join(KEY_NAME));
    let whole = std::fs::read(&file).unwrap();
    let told = |bytes: &[u8]| {
        std::fs::write(&file, bytes).unwrap();
        reopened(&directory)
    };
    assert!(told(b"").ends_with("is damaged: it is empty"));
    assert!(told(b"hello").contains("is damaged: "));
    assert!(told(&whole[..whole.len() - 1]).ends_with("its contents were changed or cut off"));
    let mut changed = whole.clone();
    *changed.last_mut().unwrap() ^= 1;
    assert!(told(&changed).ends_with("its contents were changed or cut off"));
    let identity = VaultKey::File(key.clone()).read().unwrap();
    let sealed = |plain: &str| age::encrypt(&identity.to_public(), plain.as_bytes()).unwrap();
    assert!(told(&sealed("imsh-vault 2\n")).ends_with("has version 2, and this imsh reads version 1"));
    assert!(told(&sealed("imsh-vault 1\na@b.c x")).ends_with("line 2 of its contents is no entry"));
    for end in 0..whole.len() {
        assert!(!told(&whole[..end]).contains("hunter2"));
    }
    std::fs::remove_file(&key).unwrap();
    VaultKey::File(key.clone()).read_or_create().unwrap();
    assert!(told(&whole).contains("is locked with another key than"));
    for no_key in ["", "hunter2", "AGE-SECRET-KEY-1QQQQ", "# a comment\n"] {
        std::fs::write(&key, no_key).unwrap();
        let told = reopened(&directory);
        // Words stand in front of a path, which must not begin with a capital that it has not.
        let is_told = told.starts_with("the vault's key ") && told.contains("is no key to a vault");
        assert!(is_told && !told.contains("hunter2"), "{told}");
    }
}

#[test]
fn a_systemd_credential_is_taken_as_it_is_and_never_made() {
    let (directory, _vault) = filled();
    let passed_in = directory.path().join(SYSTEMD_NAME);
    std::fs::rename(directory.path().join(KEY_NAME), &passed_in).unwrap();
    std::fs::set_permissions(&passed_in, std::fs::Permissions::from_mode(0o440)).unwrap();
    let vault = Vault::with_key(directory.path(), VaultKey::Systemd(passed_in.clone())).unwrap();
    assert_eq!(password(&vault, "kenmyer@litwareinc.com").as_deref(), Some("hunter2"));
    let empty = tempfile::tempdir().unwrap();
    let vault = Vault::with_key(empty.path(), VaultKey::Systemd(empty.path().join(SYSTEMD_NAME))).unwrap();
    let fault = vault.set(&address("pilar@litwareinc.com"), stored("x")).unwrap_err();
    assert!(matches!(fault, Fault::Key(KeyFault::Missing { .. })));
}

#[test]
fn writers_at_once_lose_nothing() {
    let directory = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let path = directory.path();
            scope.spawn(move || {
                let vault = Vault::open(path).unwrap();
                for n in 0..10 {
                    vault.set(&address(&format!("u{writer}-{n}@litwareinc.com")), stored("x")).unwrap();
                }
            });
        }
    });
    assert_eq!(Vault::open(directory.path()).unwrap().accounts().unwrap().len(), 40);
}

#[test]
fn a_writer_that_dies_anywhere_loses_nothing_that_it_confirmed() {
    const TEST: &str = "vault::tests::a_writer_that_dies_anywhere_loses_nothing_that_it_confirmed";
    // The first one makes directory, key and vault; the third one is taken out again.
    let accounts = ["one@b.c", "two@b.c", "three@b.c"];
    if let Some(path) = told_to_die() {
        let vault = Vault::open(Path::new(&path)).unwrap();
        for account in accounts {
            vault.set(&address(account), stored(account)).unwrap();
            confirm(account);
        }
        assert!(vault.remove(&address("three@b.c")).unwrap());
        confirm("removed");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = std::cell::RefCell::new(PathBuf::new());
    let mut n_children = 0;
    let n_places = at_every_place(
        TEST,
        || {
            n_children += 1;
            *path.borrow_mut() = directory.path().join(format!("{n_children}/vault"));
            path.borrow().display().to_string()
        },
        |n, confirmed| {
            let vault = Vault::open(&path.borrow()).unwrap_or_else(|fault| panic!("place {n}: {fault}"));
            let is_there = |account: &&str| password(&vault, account).as_deref() == Some(account);
            let n_there = accounts.iter().take_while(|account| is_there(account)).count();
            let states = [0, 1, 2, 3, 2];
            let n_confirmed = confirmed.len();
            let last_one_or_next = &states[n_confirmed..(n_confirmed + 2).min(states.len())];
            assert!(last_one_or_next.contains(&n_there), "place {n}: {n_there} after {confirmed:?}");
            assert_eq!(vault.accounts().unwrap().len(), n_there, "place {n}");
            vault.set(&address("next@b.c"), stored("next")).unwrap();
            assert_eq!(password(&vault, "next@b.c").as_deref(), Some("next"), "place {n}");
        },
    );
    assert!(n_places >= 5 * 6, "{n_places}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_printed_parses_back(secrets in prop::collection::vec(any::<String>(), 0..6)) {
        let entries: Entries = secrets
            .iter()
            .enumerate()
            .map(|(n, secret)| (address(&format!("u{n}@b.c")), stored(secret)))
            .collect();
        let Ok(read) = entries::parse(&entries::print(&entries)) else { panic!("it does not parse") };
        for (n, secret) in secrets.iter().enumerate() {
            let found = read[&address(&format!("u{n}@b.c"))].credential().unwrap();
            prop_assert_eq!(found.password.expose(), secret);
        }
    }

    #[test]
    fn no_contents_make_the_vault_panic(plain in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = entries::parse(&plain);
        let _ = entries::parse(&[b"imsh-vault 1\n", plain.as_slice()].concat());
    }
}
