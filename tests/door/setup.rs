//! What lies where: `imsh setup`, its check, and the Debian package, installed as an administrator would.

use std::path::Path;
use std::process::Command;

use crate::machine::{Machine, Said};
use crate::support::{IMSH, bare, skip};
use crate::topology;

fn setup(arguments: &[&str]) -> Said {
    Said::of(bare(IMSH).arg("setup").args(arguments).output().unwrap())
}

/// A root directory in which everything is as it should be, made by the commands that the check prints.
fn whole() -> Option<tempfile::TempDir> {
    if !nix::unistd::getuid().is_root() {
        skip("files of other accounts can be made by root alone");
        return None;
    }
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    std::fs::set_permissions(root, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    for there in ["etc/ssh", "usr/bin", "var/lib"] {
        std::fs::create_dir_all(root.join(there)).unwrap();
    }
    std::fs::write(root.join("etc/ssh/sshd_config"), "Include /etc/ssh/sshd_config.d/*.conf\n").unwrap();
    std::fs::write(root.join("etc/sudoers"), "@includedir /etc/sudoers.d\n").unwrap();
    std::fs::write(
        root.join("etc/passwd"),
        "root:x:0:0::/root:/bin/sh\nimsh:x:990:990::/var/lib/imsh:/bin/sh\n",
    )
    .unwrap();
    std::fs::write(root.join("etc/group"), "root:x:0:\nimsh:x:990:\n").unwrap();
    std::fs::write(root.join("etc/shadow"), "imsh:!*:19000::::::\n").unwrap();
    let said = setup(&["--root", root.to_str().unwrap()]);
    assert_eq!(said.status, Some(0), "{}", said.text);
    shell(
        root,
        "install -m 755 /dev/null usr/bin/imsh; install -d -o 990 -g 990 -m 750 etc/imsh etc/imsh/scripts; \
         install -d -o 990 -g 990 -m 700 var/lib/imsh etc/imsh/vault; \
         printf '[access]\\n[[access.assignment]]\\nrole = \"Administrator\"\\nmembers = [\"os-user:ada\"]\\n' \
         >etc/imsh/topology.toml; chown 990:990 etc/imsh/topology.toml; chmod 640 etc/imsh/topology.toml; \
         install -o 990 -g 990 -m 600 /dev/null etc/imsh/vault/vault.key",
    );
    Some(directory)
}

fn shell(root: &Path, script: &str) {
    let done = bare("sh").args(["-ec", script]).current_dir(root).output().unwrap();
    assert!(done.status.success(), "{script}\n{done:?}");
}

#[test]
fn setup_writes_what_is_missing_and_changes_nothing_that_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().to_str().unwrap();
    let first = setup(&["--root", root]);
    assert_eq!(first.status, Some(0), "{}", first.text);
    assert_eq!(first.text.matches("written: ").count(), 5, "{}", first.text);
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/deploy");
    for (path, example) in [
        ("usr/lib/sysusers.d/imsh.conf", "sysusers-imsh.conf"),
        ("usr/lib/tmpfiles.d/imsh.conf", "tmpfiles-imsh.conf"),
        ("etc/ssh/sshd_config.d/imsh.conf", "sshd-imsh.conf"),
        ("etc/sudoers.d/imsh", "sudoers-imsh"),
        ("usr/lib/systemd/system/imsh-watch.service", "imsh-watch.service"),
    ] {
        let written = std::fs::read(directory.path().join(path)).unwrap();
        assert_eq!(written, std::fs::read(deploy.join(example)).unwrap(), "{path}");
    }
    let sudoers = directory.path().join("etc/sudoers.d/imsh");
    std::fs::remove_file(&sudoers).unwrap();
    std::fs::write(&sudoers, "# ours\n").unwrap();
    let second = setup(&["--root", root]);
    assert!(!second.text.contains("written: "), "{}", second.text);
    assert!(second.text.contains("note: ") && second.text.contains("left as it is"), "{}", second.text);
    assert_eq!(std::fs::read_to_string(&sudoers).unwrap(), "# ours\n");
    std::fs::write(directory.path().join("file"), "").unwrap();
    let nowhere = setup(&["--root", &format!("{root}/file")]);
    assert_eq!(nowhere.status, Some(2), "{}", nowhere.text);
    for arguments in [&["--check", "--lab"][..], &["nonsense"]] {
        assert_eq!(setup(arguments).status, Some(2), "{arguments:?}");
    }
}

/// Each of these is told, with the command that mends it, which does.
#[test]
fn the_check_says_what_is_missing_or_too_open_and_how_to_mend_it() {
    let Some(directory) = whole() else { return };
    let root = directory.path();
    let name = root.to_str().unwrap();
    let check = || setup(&["--check", "--root", name]);
    let said = check();
    assert_eq!((said.text.as_str(), said.status), ("Everything is as it should be.\n", Some(0)));
    for (spoil, told) in [
        ("rm etc/sudoers.d/imsh", "missing: ROOT/etc/sudoers.d/imsh"),
        ("chmod 666 etc/ssh/sshd_config.d/imsh.conf", "imsh.conf can be changed by others (mode 0666)"),
        ("chmod 444 etc/sudoers.d/imsh", "can be read by everybody"),
        ("chown 990 etc/sudoers.d/imsh; chown 991 etc/sudoers.d/imsh", "belongs to user 991"),
        ("chmod 4755 usr/bin/imsh", "usr/bin/imsh can be changed by others (mode 4755)"),
        ("chmod 777 usr/bin", "usr/bin can be changed by others"),
        ("chmod 777 etc", "etc can be changed by others"),
        ("chmod 777 var/lib", "var/lib can be changed by others"),
        ("chmod 755 etc/imsh", "etc/imsh can be read or changed by others"),
        ("chmod 777 etc/imsh/scripts", "etc/imsh/scripts can be read or changed by others"),
        ("chmod 750 var/lib/imsh", "var/lib/imsh can be read or changed by others"),
        ("chmod 660 etc/imsh/topology.toml", "topology.toml can be changed by others"),
        ("chown 991 etc/imsh/topology.toml", "topology.toml belongs to user 991"),
        ("chmod 640 etc/imsh/vault/vault.key", "vault.key can be read or changed by others"),
        ("install -m 666 -o 990 /dev/null var/lib/imsh/x", "var/lib/imsh/x can be changed by others"),
        ("install -D -o 990 /dev/null var/lib/imsh/.ssh/authorized_keys", "is a way in beside imsh"),
    ] {
        shell(root, spoil);
        let said = check();
        assert_eq!(said.status, Some(1), "{spoil}\n{}", said.text);
        assert!(said.text.replace(name, "ROOT").contains(told), "{spoil}\n{}", said.text);
        for command in said.text.lines().filter_map(|line| line.strip_prefix("    ")) {
            shell(root, &command.replace("imsh setup", &format!("{IMSH} setup")));
        }
        // Where the mode was put right, a wanted one is left.
        let said = check();
        assert_eq!(
            (said.text.as_str(), said.status),
            ("Everything is as it should be.\n", Some(0)),
            "{spoil}"
        );
    }
    for (spoil, told, mend) in [
        (
            "mv etc/imsh/topology.toml etc/t; ln -s ../t etc/imsh/topology.toml",
            "is no regular file",
            "mv etc/t etc/imsh/topology.toml",
        ),
        (
            "sed -i 's/^imsh/other/' etc/passwd",
            "missing: the account imsh",
            "sed -i 's/^other/imsh/' etc/passwd",
        ),
        (
            "sed -i 's|/bin/sh$|/bin/false|' etc/passwd",
            "has /bin/false",
            "sed -i 's|/bin/false|/bin/sh|' etc/passwd",
        ),
        ("sed -i 's/!\\*/x/' etc/shadow", "imsh has a password", "sed -i 's/:x/:!*/' etc/shadow"),
        (
            "sed -i 's/990:$/990:kim,pilar/' etc/group",
            "pilar is in the group imsh",
            "sed -i 's/kim,pilar//' etc/group",
        ),
        (
            "sed -i 's/Administrator/HelpDesk/' etc/imsh/topology.toml",
            "missing: a member of the role Administrator",
            "sed -i 's/HelpDesk/Administrator/' etc/imsh/topology.toml",
        ),
        (
            "echo '[nonsense' >>etc/imsh/topology.toml",
            "wrong: ",
            "sed -i '/nonsense/d' etc/imsh/topology.toml",
        ),
        (
            ": >etc/sudoers; echo root >etc/sudoers",
            "does not read its drop-ins",
            "echo '@includedir /etc/sudoers.d' >etc/sudoers",
        ),
        ("rm -r etc/imsh/scripts", "systemd-tmpfiles --root=", "install -d -o 990 -m 750 etc/imsh/scripts"),
    ] {
        shell(root, spoil);
        let said = check();
        assert_eq!(said.status, Some(1), "{spoil}\n{}", said.text);
        assert!(said.text.contains(told), "{spoil}\n{}", said.text);
        shell(root, mend);
        let said = check();
        assert_eq!(said.status, Some(0), "{mend}\n{}", said.text);
    }
}

/// A drive outlives its principal, and waits for the next one of the name.
#[test]
fn the_drive_of_a_principal_who_is_gone_is_told() {
    let Some(directory) = whole() else { return };
    let root = directory.path();
    shell(
        root,
        "for n in principal+desk principal+gone os-user+kim; do \
         install -d -o 990 -g 990 -m 700 var/lib/imsh/drives/$n; done; chown -R 990:990 var/lib/imsh; \
         chmod 700 var/lib/imsh/drives; \
         printf '[[access.principal]]\\nname = \"desk\"\\n' >>etc/imsh/topology.toml",
    );
    let check = || setup(&["--check", "--root", root.to_str().unwrap()]);
    let said = check();
    let [finding, command] = said.text.lines().take(2).collect::<Vec<_>>()[..] else {
        panic!("{}", said.text)
    };
    assert!(finding.starts_with("note: ") && finding.contains("principal+gone is the drive of"), "{finding}");
    assert_eq!((said.text.lines().count(), said.status), (3, Some(0)), "{}", said.text);
    shell(root, command);
    assert_eq!(check().text, "Everything is as it should be.\n");
}

/// A client that may choose the variables of sudo is told of, where sshd does not empty them.
#[test]
fn a_sshd_that_takes_the_variables_of_sudo_from_a_client_is_told() {
    let Some(machine) = Machine::with(&topology(&[])) else { return };
    let drop_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/deploy/sshd-imsh.conf");
    machine.root(&format!(
        "mkdir -p /etc/ssh/sshd_config.d; cp {} /etc/ssh/sshd_config.d/imsh.conf; \
         printf '%s\\n' 'HostKey /etc/ssh/own_host' 'Include /etc/ssh/sshd_config.d/*.conf' >/etc/ssh/sshd_config; \
         ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/own_host",
        drop_in.display()
    ));
    let takes = |name: &str| {
        let check = machine.shell("root", "imsh setup --check");
        assert!(!check.text.contains("has setenv") && !check.text.contains("does not say"), "{}", check.text);
        check
            .text
            .contains(&format!("wrong: sshd takes {name} for imsh from a client: its AcceptEnv says so"))
    };
    machine.root("sed -i '1i AcceptEnv LANG SUDO_*' /etc/ssh/sshd_config");
    assert!(!takes("SUDO_USER"));
    machine.root("sed -i 's/ SUDO_USER=//' /etc/ssh/sshd_config.d/imsh.conf");
    assert!(takes("SUDO_USER"));
    machine.root(
        "sed -i '/SetEnv/d' /etc/ssh/sshd_config.d/imsh.conf; sed -i '1i AcceptEnv *' /etc/ssh/sshd_config",
    );
    assert!(takes("SUDO_USER"));
}

/// A rule that lets its caller set variables gives the account away, and so does one for every command.
#[test]
fn a_rule_of_sudo_that_gives_the_account_away_is_told() {
    let Some(machine) = Machine::with(&topology(&[])) else { return };
    let said = |rule: &str| {
        machine.root(&format!("echo '{rule}' >/etc/sudoers.d/imsh; chmod 440 /etc/sudoers.d/imsh"));
        let check = machine.shell("root", "imsh setup --check").text;
        let lines = check.lines().filter(|line| line.starts_with("wrong: sudo "));
        lines.map(str::to_owned).collect::<Vec<_>>().join("\n")
    };
    machine.root("sed -i '/^%kim/d' /etc/sudoers; echo '@includedir /etc/sudoers.d' >>/etc/sudoers");
    let program = "/usr/bin/imsh session, /usr/bin/imsh session *";
    for rule in [
        format!("%desk ALL=(imsh) NOPASSWD: {program}"),
        "%wheel ALL=(ALL) ALL".to_owned(),
        format!("Defaults setenv\n%desk ALL=(imsh) NOSETENV: {program}"),
    ] {
        assert_eq!(said(&rule), "", "{rule}");
    }
    for (rule, told) in [
        (format!("%desk,kim ALL=(imsh) SETENV: {program}"), "%desk,kim set variables as imsh"),
        (format!("User_Alias D = %desk\nD ALL=(#990) SETENV: {program}"), "%desk set variables as imsh"),
        ("%desk ALL=(imsh) NOSETENV: ALL".to_owned(), "%desk run everything as imsh"),
        (format!("Defaults>imsh setenv\n%desk ALL=(imsh) {program}"), "%desk set variables as imsh"),
        ("%desk ALL=(imsh".to_owned(), "does not say what it makes of its files"),
    ] {
        let said = said(&rule);
        assert!(said.contains(told) && said.lines().count() == 1, "{rule}\n{said}");
    }
}

/// Built, installed by dpkg, set up as it says, used over ssh and behind sudo as it was installed, and removed.
#[test]
fn the_package_installs_what_a_delegate_comes_in_by() {
    let Some(machine) = Machine::with(&topology(&[])) else { return };
    for program in ["dpkg-shlibdeps", "systemd-sysusers", "systemd-tmpfiles", "runuser", "strip"] {
        if !["/usr/bin", "/usr/sbin"].iter().any(|place| Path::new(place).join(program).exists()) {
            skip(&format!("{program} is not installed (apt install dpkg-dev systemd util-linux binutils)"));
            return;
        }
    }
    let own = Path::new(IMSH).ancestors().nth(2).unwrap().join("tools/bin");
    let path = std::env::var_os("PATH").unwrap();
    if !std::env::split_paths(&path).chain([own]).any(|place| place.join("cargo-deb").exists()) {
        skip("cargo-deb is not installed (cargo install --locked cargo-deb)");
        return;
    }
    let mut build = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/package"));
    let built = build.args(["--binary", IMSH, "--out"]).arg(machine.ground.path()).output().unwrap();
    let built = Said::of(built);
    assert_eq!(built.status, Some(0), "{}", built.text);
    let package = built.text.trim();
    // Its own /usr and no account yet.
    machine.root(
        "umount /usr/local/bin/imsh; rm /usr/local/bin/imsh; rm -rf /etc/imsh /var/lib/imsh; \
         sed -i '/^imsh:/d' /etc/passwd /etc/group /etc/shadow; \
         mkdir -p /run/own && mount -t tmpfs none /run/own && mkdir /run/own/upper /run/own/work && \
         mount -t overlay overlay -o lowerdir=/usr,upperdir=/run/own/upper,workdir=/run/own/work /usr; \
         mkdir -p /var/lib/dpkg/info /var/lib/dpkg/updates && touch /var/lib/dpkg/status",
    );
    let install = format!("dpkg --log=/run/dpkg.log --force-depends -i {package} 2>&1");
    let installed = machine.root(&install);
    assert!(installed.contains("imsh setup --check says what is still to do"), "{installed}");
    let lists = machine.root("dpkg -L imsh");
    for wanted in
        ["/usr/bin/imsh", "man1/imsh.1.gz", "man1/imsh-session.1.gz", "completions/imsh", "copyright"]
    {
        assert!(lists.contains(wanted), "{wanted}\n{lists}");
    }
    assert_eq!(machine.root("dpkg -V imsh 2>&1").trim(), "");
    assert!(machine.root("zcat /usr/share/man/man1/imsh-session.1.gz").contains(".TH"));
    // Only what nobody but the administrator can know is still to do.
    machine.root("echo '@includedir /etc/sudoers.d' >>/etc/sudoers; sed -i '/^%kim/d' /etc/sudoers");
    machine.root(
        "printf '%s\\n' 'UsePAM yes' 'HostKey /etc/ssh/own_host' 'Include /etc/ssh/sshd_config.d/*.conf' \
         >/etc/ssh/sshd_config; ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/own_host",
    );
    let check = machine.shell("root", "imsh setup --check");
    assert_eq!(check.status, Some(1), "{}", check.text);
    let [finding, command] = check.text.lines().collect::<Vec<_>>()[..] else { panic!("{}", check.text) };
    assert!(finding.starts_with("missing: /etc/imsh/topology.toml"), "{finding}");
    machine.root(&command.replace("NAME", "ada"));
    let check = machine.shell("root", "imsh setup --check");
    assert_eq!((check.text.as_str(), check.status), ("Everything is as it should be.\n", Some(0)));
    // Behind sudo, by the line that was installed.
    machine.root("echo 'im-helpdesk:x:4321:ada' >>/etc/group");
    let sudo = |code: &str| {
        let mut command = machine.command("ada", "sudo");
        Said::of(command.args(["-n", "-u", "imsh", "/usr/bin/imsh", "session", "-c", code]).output().unwrap())
    };
    let key = machine.key("desk");
    let said = sudo(&format!("New-AdminPrincipal desk -Keys \"{key}\" -Role HelpDesk"));
    assert_eq!(said.status, Some(0), "{}", said.text);
    let other = machine.shell(
        "ada",
        "sudo -n -u imsh /usr/bin/imsh -c 1; sudo -n -u imsh /bin/sh -c id; sudo -n imsh session",
    );
    assert!(!other.text.contains("uid=") && other.status != Some(0), "{}", other.text);
    // Over ssh, by the drop-in that was installed.
    // A sshd that asks no PAM takes an account whose password is locked for one that is locked.
    machine.root("sed -i 's/^UsePAM yes/UsePAM no/' /etc/ssh/sshd_config");
    let check = machine.shell("root", "imsh setup --check");
    let [finding, command] = check.text.lines().collect::<Vec<_>>()[..] else { panic!("{}", check.text) };
    assert!(finding.starts_with("wrong: ") && finding.contains("UsePAM no"), "{finding}");
    machine.root(command);
    let check = machine.shell("root", "imsh setup --check");
    assert_eq!((check.text.as_str(), check.status), ("Everything is as it should be.\n", Some(0)));
    the_check_asks_sshd(&machine);
    machine.start_sshd_with("/etc/ssh/sshd_config.d/imsh.conf");
    let one = Said::of(machine.ssh("desk", &[], &["1 + 1"]).output().unwrap());
    assert_eq!((one.text.trim(), one.status), ("2", Some(0)));
    // It goes without taking other accounts' certificates with it, and comes back.
    machine.root("dpkg --log=/run/dpkg.log -r imsh 2>&1");
    assert_eq!(machine.root("ls /etc/ssh/sshd_config.d").trim(), "imsh.conf.removed");
    machine.root("test -s /etc/imsh/topology.toml");
    machine.root(&install);
    assert_eq!(machine.root("ls /etc/ssh/sshd_config.d").trim(), "imsh.conf");
    let one = Said::of(machine.ssh("desk", &[], &["1 + 1"]).output().unwrap());
    assert_eq!((one.text.trim(), one.status), ("2", Some(0)));
}

/// What another file of sshd's says first is told, and so is a sshd that says nothing.
fn the_check_asks_sshd(machine: &Machine) {
    machine.root("cp /etc/ssh/sshd_config /etc/ssh/good; install -m 775 -o ada /bin/true /etc/ssh/mine");
    let say_first = |line: &str| {
        machine.root(&format!(
            "printf '%s\\n' 'Match User imsh' '{line}' 'Match all' | cat - /etc/ssh/good >/etc/ssh/sshd_config"
        ));
    };
    for (line, told) in [
        ("PermitTTY no", "sshd has permittty no for imsh, and not yes"),
        ("ForceCommand /bin/sh", "sshd has forcecommand /bin/sh for imsh, and not /usr/bin/imsh session"),
        ("AllowTcpForwarding yes", "sshd has allowtcpforwarding yes for imsh, and not no"),
        ("AuthorizedKeysCommand /etc/ssh/mine", "/etc/ssh/mine belongs to user 993"),
        ("AuthorizedKeysCommandUser nobody", "sshd has authorizedkeyscommanduser nobody for imsh"),
        ("PubkeyAuthentication no", "sshd has pubkeyauthentication no for imsh, and not yes"),
        ("ChrootDirectory /var/empty", "sshd has chrootdirectory /var/empty for imsh"),
        ("AllowUsers root ada", "sshd lets nobody in as imsh: its AllowUsers says so"),
        ("AcceptEnv *", "sshd takes LD_PRELOAD for imsh from a client: its AcceptEnv says so"),
        ("DenyUsers im*", "sshd lets nobody in as imsh: its DenyUsers says so"),
        ("Nonsense yes", "sshd does not say what it makes of its files: "),
    ] {
        say_first(line);
        let check = machine.shell("root", "imsh setup --check");
        assert_eq!(check.status, Some(1), "{line}\n{}", check.text);
        assert!(check.text.contains(told), "{line}\n{}", check.text);
        let found = check.text.lines().find_map(|line| line.strip_prefix("    grep "));
        if let Some(command) = found.filter(|_| !told.contains("belongs to")) {
            let shown = machine.root(&format!("grep {command}"));
            assert!(shown.contains(line), "{command}\n{shown}");
        }
    }
    // A number of sessions is the administrator's choice.
    say_first("MaxSessions 2");
    let check = machine.shell("root", "imsh setup --check");
    assert_eq!(check.status, Some(0), "{}", check.text);
    assert!(check.text.starts_with("note: sshd has maxsessions 2"), "{}", check.text);
    machine.root("mv /etc/ssh/good /etc/ssh/sshd_config; rm /etc/ssh/mine");
}
