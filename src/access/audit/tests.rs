//! The log against crashes, other writers and those who would change it.

use proptest::prelude::*;

use std::os::unix::net::UnixDatagram;

use super::verify::LogPlace;
use super::*;
use crate::durable::faults::{at_every_place, confirm, in_child, told_to_die};
use crate::topology::{AuditTable, SyslogCopies};

fn event(cmdlet: &str) -> AuditEvent {
    AuditEvent {
        principal: "principal:pilar".into(),
        way: "session".into(),
        roles: vec!["RedmondHelpDesk".into()],
        cmdlet: cmdlet.into(),
        parameters: BTreeMap::from([("Receiver".into(), vec!["adelany@contoso.com".into()])]),
        call: "1".into(),
        outcome: AuditOutcome::Started,
        errors: Vec::new(),
        duration_ms: None,
        shortened: false,
    }
}

/// The files that were set aside, oldest first.
fn full_files(log: &AuditLog) -> std::io::Result<Vec<PathBuf>> {
    let files = log.files()?;
    Ok(files.full()?.into_iter().map(|name| files.directory.path().join(name)).collect())
}

fn settings(max_file_bytes: u64) -> AuditSettings {
    AuditSettings { max_file_bytes, keep_files: None, must_reach_disk: false, syslog: Syslog::OFF }
}

/// A log of some lines, in a directory of its own.
fn written(n_lines: usize, max_file_bytes: u64) -> (tempfile::TempDir, AuditLog) {
    let directory = tempfile::tempdir().unwrap();
    let log = AuditLog::new(directory.path().join("audit.jsonl"), settings(max_file_bytes));
    for n in 0..n_lines {
        let receipt = log.write(event("Test-XmppIM")).unwrap();
        assert_eq!(receipt.n, n as u64 + 1);
    }
    (directory, log)
}

#[test]
fn a_line_tells_the_call_and_carries_the_one_before() {
    let (_directory, log) = written(2, 1 << 20);
    let text = std::fs::read_to_string(log.path()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let first: serde_json::Value = serde_json::from_str(lines[0]).unwrap();
    assert_eq!(first["n"], 1);
    assert_eq!(first["previous"], FIRST);
    assert_eq!(first["parameters"]["Receiver"][0], "adelany@contoso.com");
    assert_eq!(first["outcome"]["what"], "started");
    let second: serde_json::Value = serde_json::from_str(lines[1]).unwrap();
    assert_eq!(second["previous"], hex(&Sha256::digest(lines[0])));
    let verified = verify(&log).unwrap();
    assert_eq!((verified.n_lines, verified.first, verified.last), (2, 1, 2));
    assert_eq!(verified.hash, hex(&Sha256::digest(lines[1])));
}

#[test]
fn an_empty_log_is_whole() {
    let directory = tempfile::tempdir().unwrap();
    let log = AuditLog::new(directory.path().join("none/audit.jsonl"), settings(1));
    assert_eq!(verify(&log).unwrap().n_lines, 0);
}

#[test]
fn every_change_shows_at_its_place() {
    let (_directory, log) = written(5, 1 << 20);
    let whole = std::fs::read_to_string(log.path()).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let told = |lines: &[&str]| {
        std::fs::write(log.path(), lines.join("\n") + "\n").unwrap();
        verify(&log)
            .map(|_| ())
            .map_err(|broken| broken.to_string().replace(&log.path().display().to_string(), "LOG"))
    };
    assert_eq!(told(&lines), Ok(()));
    let changed = lines[1].replace("adelany", "someone");
    for (lines, wanted) in [
        (vec![lines[0], lines[2], lines[3]], "LOG:2: this is line 3, and line 2 should be here"),
        (vec![lines[0], &changed, lines[2]], "LOG:3: what stands before this line was changed or removed"),
        (vec![lines[0], lines[2], lines[1]], "LOG:2: this is line 3, and line 2 should be here"),
        (vec![lines[0], "{}", lines[1]], "LOG:2 is no line of an audit log"),
        (vec![lines[0], "", lines[1]], "LOG:2 is no line of an audit log"),
        (vec![lines[0], lines[1], lines[1]], "LOG:3: this is line 2, and line 3 should be here"),
    ] {
        assert_eq!(told(&lines), Err(wanted.to_owned()));
    }
    for n_gone in 1..5 {
        let wanted = format!("LOG:1: this is line {}, and line 1 should be here", n_gone + 1);
        assert_eq!(told(&lines[n_gone..]), Err(wanted));
    }
    // What the chain alone cannot show: the end is missing.
    assert_eq!(told(&lines[..2]), Ok(()));
}

/// Sets the current file aside by hand, as a crash leaves it before the next one has a line.
fn set_aside(log: &AuditLog) {
    let text = std::fs::read(log.path()).unwrap();
    let first = text.split(|byte| *byte == b'\n').find_map(parse).unwrap().n;
    std::fs::rename(log.path(), log.path().with_file_name(format!("audit-{first:012}.jsonl"))).unwrap();
}

#[test]
fn the_first_files_go_only_where_the_chain_or_the_caller_says_so() {
    let (_directory, log) = written(20, 1000);
    let full = full_files(&log).unwrap();
    let first_of = |n: usize| first_line(&mut File::open(&full[n]).unwrap()).unwrap();
    let whole = std::fs::read_to_string(&full[0]).unwrap();
    // The first line of the first file, the whole of it, and the whole of the next one.
    std::fs::write(&full[0], whole.split_once('\n').unwrap().1).unwrap();
    assert!(matches!(verify(&log), Err(Broken::Number { wanted: 1, found: 2, .. })));
    std::fs::remove_file(&full[0]).unwrap();
    std::fs::remove_file(&full[1]).unwrap();
    let first = first_of(2);
    let broken = verify(&log).unwrap_err();
    assert!(matches!(&broken, Broken::Beginning { found, .. } if *found == first), "{broken}");
    assert!(broken.to_string().contains(&format!("say so with -FirstLine {first}")), "{broken}");
    assert_eq!(verify_from(&log, first).unwrap().first, first);
    assert!(verify_from(&log, first - 1).is_err());
    // The number is no leave to remove more, or to remove a part of a file.
    let whole = std::fs::read_to_string(&full[2]).unwrap();
    std::fs::write(&full[2], whole.split_once('\n').unwrap().1).unwrap();
    assert!(matches!(verify_from(&log, first), Err(Broken::Number { .. })));
    assert!(matches!(verify_from(&log, first + 1), Err(Broken::Number { .. })));
}

#[test]
fn old_files_are_dropped_as_the_settings_say_and_the_chain_tells() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.jsonl");
    let keeping = |keep_files| AuditLog::new(&path, AuditSettings { keep_files, ..settings(1000) });
    for _ in 0..20 {
        let _ = keeping(Some(3)).write(event("Test-XmppIM")).unwrap();
        let full = full_files(&keeping(None)).unwrap();
        assert!(full.len() <= 3, "{full:?}");
        let verified = verify(&keeping(None)).unwrap();
        let oldest = full.first().map_or(1, |file| first_line(&mut File::open(file).unwrap()).unwrap());
        assert_eq!((verified.first, verified.n_lines), (oldest, verified.last - oldest + 1));
    }
    // What the log begins with now it keeps: one file or one line less shows.
    let full = full_files(&keeping(None)).unwrap();
    let whole = std::fs::read_to_string(&full[0]).unwrap();
    std::fs::write(&full[0], whole.split_once('\n').unwrap().1).unwrap();
    assert!(matches!(verify(&keeping(None)), Err(Broken::Number { .. })));
    std::fs::remove_file(&full[0]).unwrap();
    assert!(matches!(verify(&keeping(None)), Err(Broken::Beginning { .. })));
    // And a removal is not covered up by the files that are full later, as long as it would not have been
    // made anyway.
    for _ in 0..4 {
        let _ = keeping(None).write(event("Test-XmppIM")).unwrap();
    }
    assert!(matches!(verify(&keeping(None)), Err(Broken::Beginning { .. })));
}

#[test]
fn a_log_behind_a_link_is_one_log() {
    let (directory, log) = written(3, 1000);
    let link = directory.path().join("link.jsonl");
    std::os::unix::fs::symlink(log.path(), &link).unwrap();
    let linked = AuditLog::new(&link, settings(1000));
    for n in 0..6 {
        let receipt = [&log, &linked][n % 2].write(event("Get-Pool")).unwrap();
        assert_eq!(receipt.n, n as u64 + 4);
    }
    assert_eq!((verify(&log).unwrap().n_lines, verify(&linked).unwrap().n_lines), (9, 9));
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink(), "the link is not set aside");
}

#[test]
fn a_line_that_was_torn_anywhere_loses_nothing_that_was_confirmed() {
    let (_directory, log) = written(3, 1 << 20);
    let whole = std::fs::read(log.path()).unwrap();
    let third = whole[..whole.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    for cut in third..=whole.len() {
        std::fs::write(log.path(), &whole[..cut]).unwrap();
        let torn = verify(&log).unwrap();
        let is_whole = cut >= whole.len() - 1;
        assert_eq!(torn.last, if is_whole { 3 } else { 2 });
        assert_eq!(torn.torn.len(), usize::from(!is_whole && cut > third), "at {cut}");
        let n = log.write(event("Get-Pool")).unwrap().n;
        assert_eq!(n, torn.last + 1);
        // And torn once more, in the middle of the line that mends it.
        let mended = std::fs::read(log.path()).unwrap();
        std::fs::write(log.path(), &mended[..mended.len() - 40]).unwrap();
        assert_eq!(log.write(event("Get-Pool")).unwrap().n, n);
        let verified = verify(&log).unwrap();
        assert_eq!((verified.last, verified.torn.len()), (n, 1), "at {cut}");
        assert_eq!(verified.torn[0].line, if is_whole { 4 } else { 3 });
    }
}

#[test]
fn what_a_power_cut_leaves_is_no_line() {
    let (_directory, log) = written(2, 1 << 20);
    let mut bytes = std::fs::read(log.path()).unwrap();
    bytes.extend([0; 5000]);
    std::fs::write(log.path(), &bytes).unwrap();
    assert_eq!(log.write(event("Get-Pool")).unwrap().n, 3);
    assert_eq!(verify(&log).unwrap().torn.len(), 1);
}

#[test]
fn a_full_file_is_set_aside_and_the_chain_goes_on() {
    let (directory, log) = written(20, 1000);
    let n_files = || std::fs::read_dir(directory.path()).unwrap().count();
    assert!(n_files() > 5, "{}", n_files());
    let verified = verify(&log).unwrap();
    assert_eq!((verified.n_lines, verified.last), (20, 20));
    let full = full_files(&log).unwrap();
    // A crash between setting aside and the first line of the new file.
    set_aside(&log);
    assert_eq!(log.write(event("Get-Pool")).unwrap().n, 21);
    assert_eq!(verify(&log).unwrap().last, 21);
    let mut numbers = Vec::new();
    verify::read(&log, |line| {
        numbers.push(line.n);
        line.n < 5
    })
    .unwrap();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    let second = std::fs::read(&full[1]).unwrap();
    std::fs::remove_file(&full[1]).unwrap();
    assert!(matches!(verify(&log), Err(Broken::Number { .. })));
    // The oldest may go, whole files and nothing less.
    std::fs::write(&full[1], &second).unwrap();
    std::fs::remove_file(&full[0]).unwrap();
    assert!(verify(&log).is_err());
    assert!(verify_from(&log, 10).unwrap().first > 1);
    std::fs::write(&full[1], &second[second.iter().position(|byte| *byte == b'\n').unwrap() + 1..]).unwrap();
    assert!(matches!(verify_from(&log, 10), Err(Broken::Number { place: LogPlace { line: 1, .. }, .. })));
    full_files(&log).unwrap().iter().for_each(|file| std::fs::remove_file(file).unwrap());
    assert_eq!(verify_from(&log, 21).unwrap().first, 21);
}

#[test]
fn a_torn_line_at_the_start_of_a_new_file_is_vouched_for() {
    let (_directory, log) = written(20, 1000);
    let _ = log.write(event("Get-Pool")).unwrap();
    let last = verify(&log).unwrap().last;
    // The current file is set aside, and a new one begins with a torn line.
    set_aside(&log);
    std::fs::write(log.path(), "{\"n\":").unwrap();
    assert_eq!(log.write(event("Get-Pool")).unwrap().n, last + 1);
    let verified = verify(&log).unwrap();
    assert_eq!((verified.last, verified.torn.len()), (last + 1, 1));
}

#[test]
fn no_audit_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("file"), "").unwrap();
    let log = AuditLog::new(directory.path().join("file/audit.jsonl"), settings(1000));
    let fault = log.write(event("Get-Pool")).unwrap_err();
    assert!(fault.to_string().contains("cannot open it"), "{fault}");
    let (_directory, log) = written(1, 1000);
    let before = std::fs::read(log.path()).unwrap();
    for at in [AuditStep::Open, AuditStep::Append] {
        let mut failing = |step| if step == at { Err(io::Error::other("made to fail")) } else { Ok(()) };
        assert_eq!(log.write_watched(event("Get-Pool"), &mut failing).unwrap_err().step, at);
        assert_eq!(std::fs::read(log.path()).unwrap(), before);
    }
}

#[test]
fn a_line_is_synced_where_it_must_reach_the_disk() {
    let directory = tempfile::tempdir().unwrap();
    for must_reach_disk in [true, false] {
        let kept = AuditTable { must_reach_disk, syslog: SyslogCopies::Off, ..AuditTable::new() };
        let log = AuditLog::new(directory.path().join("audit.jsonl"), kept.settings());
        let mut is_synced = false;
        let mut watch = |step| {
            is_synced |= step == AuditStep::Sync;
            Ok(())
        };
        let _ = log.write_watched(event("Get-Pool"), &mut watch).unwrap();
        assert_eq!(is_synced, must_reach_disk);
    }
}

#[test]
fn several_processes_write_one_chain_and_some_of_them_die() {
    const TEST: &str = "access::audit::tests::several_processes_write_one_chain_and_some_of_them_die";
    if let Ok(path) = std::env::var("IMSH_TEST_DIE") {
        let (n, path) = path.split_once(' ').unwrap();
        let log = AuditLog::new(path, settings(5_000));
        for _ in 0..40 {
            let _ = log.write(event("Test-XmppIM")).unwrap();
        }
        let steps = [AuditStep::Open, AuditStep::Rotate, AuditStep::Append, AuditStep::Sync, AuditStep::Copy];
        let at = steps[n.parse::<usize>().unwrap()];
        let syncing = AuditLog::new(path, AuditSettings { must_reach_disk: true, ..settings(100) });
        let _ = syncing.write_watched(event("Get-Pool"), &mut |step| {
            if step == at {
                nix::sys::signal::raise(nix::sys::signal::Signal::SIGKILL)?;
            }
            Ok(())
        });
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.jsonl");
    std::thread::scope(|scope| {
        for n in 0..5 {
            let path = &path;
            scope.spawn(move || {
                let child = in_child(TEST, "IMSH_TEST_DIE", &format!("{n} {}", path.display()));
                assert_eq!(
                    std::os::unix::process::ExitStatusExt::signal(&child.status),
                    Some(9),
                    "{child:?}"
                );
            });
        }
    });
    let log = AuditLog::new(path, settings(5_000));
    let last = log.write(event("Get-Pool")).unwrap().n;
    assert_eq!(verify(&log).unwrap().n_lines, last);
    // Who died at the last two steps had written the line.
    assert_eq!(last, 5 * 40 + 2 + 1);
}

#[test]
fn a_writer_that_dies_anywhere_loses_no_line_that_it_confirmed() {
    const TEST: &str = "access::audit::tests::a_writer_that_dies_anywhere_loses_no_line_that_it_confirmed";
    // Small files, so that full ones are set aside; nothing is there at first, not even the directory.
    let log_at = |path: &Path| {
        AuditLog::new(path, AuditSettings { must_reach_disk: true, keep_files: Some(1), ..settings(600) })
    };
    if let Some(path) = told_to_die() {
        for n in 1..=6 {
            assert_eq!(log_at(Path::new(&path)).write(event("Get-Pool")).unwrap().n, n);
            confirm(n);
        }
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = std::cell::RefCell::new(PathBuf::new());
    let mut n_children = 0;
    let n_places = at_every_place(
        TEST,
        || {
            n_children += 1;
            *path.borrow_mut() = directory.path().join(format!("{n_children}/audit.jsonl"));
            path.borrow().display().to_string()
        },
        |n, confirmed| {
            let log = log_at(&path.borrow());
            let n_confirmed = confirmed.len() as u64;
            let verified = verify(&log).unwrap_or_else(|broken| panic!("place {n}: {broken}"));
            // A line may have been written that nobody was told of.
            assert!((n_confirmed..=n_confirmed + 1).contains(&verified.last), "place {n}: {verified:?}");
            assert_eq!(verified.n_lines, verified.last + 1 - verified.first.max(1), "place {n}");
            assert_eq!(log.write(event("Get-Pool")).unwrap().n, verified.last + 1, "place {n}");
            assert_eq!(verify(&log).unwrap().last, verified.last + 1, "place {n}");
        },
    );
    assert!(n_places >= 6 * 5, "{n_places}");
}

/// A log whose copies go to these sockets.
fn copied_to(sockets: &[&Path], is_required: bool) -> (tempfile::TempDir, AuditLog) {
    let directory = tempfile::tempdir().unwrap();
    let syslog = Syslog { sockets: sockets.iter().map(|socket| (*socket).to_owned()).collect(), is_required };
    let log =
        AuditLog::new(directory.path().join("audit.jsonl"), AuditSettings { syslog, ..settings(1 << 20) });
    (directory, log)
}

fn received(socket: &UnixDatagram) -> String {
    let mut buffer = vec![0; 1 << 18];
    let n_bytes = socket.recv(&mut buffer).unwrap();
    String::from_utf8_lossy(&buffer[..n_bytes]).into_owned()
}

#[test]
fn syslog_gets_a_copy_and_is_not_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let (nobody, socket) = (directory.path().join("nobody"), directory.path().join("log"));
    let (_kept, log) = copied_to(&[&nobody, &socket], false);
    assert!(!log.write(event("Get-Pool")).unwrap().is_copied, "nobody listens, and that is no error");
    let syslog = UnixDatagram::bind(&socket).unwrap();
    let receipt = log.write(event("Get-Pool")).unwrap();
    assert!(receipt.is_copied);
    let told = received(&syslog);
    assert!(told.starts_with("<85>imsh[") && told.ends_with(&format!("sha256={}", receipt.hash)), "{told}");
    let n_copied = (0..10_000).take_while(|_| log.write(event("Get-Pool")).unwrap().is_copied).count();
    assert!(n_copied < 10_000, "a syslog that does not read must not hold us up");
}

#[test]
fn journald_gets_fields_that_can_be_searched() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("socket");
    let journal = UnixDatagram::bind(&socket).unwrap();
    let (_kept, log) = copied_to(&[&socket], false);
    let mut told = event("Get-Pool");
    told.principal = "os-user:kim\nIMSH_OUTCOME=forged".into();
    told.outcome = AuditOutcome::Refused("no role has the cmdlet".into());
    let hash = log.write(told).unwrap().hash;
    let fields = received(&journal);
    for field in [
        &format!("IMSH_SHA256={hash}\n"),
        "IMSH_LINE=1\n",
        "IMSH_OUTCOME=refused\n",
        "SYSLOG_IDENTIFIER=imsh\n",
    ] {
        assert!(fields.contains(field), "{fields}");
    }
    assert!(
        fields.contains("IMSH_PRINCIPAL\n\u{1f}\0\0\0\0\0\0\0os-user:kim\nIMSH_OUTCOME=forged\n"),
        "{fields:?}"
    );
    assert!(fields.starts_with("MESSAGE={\"n\":1,"), "{fields}");
}

#[test]
fn a_copy_that_is_required_and_that_nobody_takes_stops_the_call() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("log");
    let (_kept, log) = copied_to(&[&socket], true);
    let fault = log.write(event("Get-Pool")).unwrap_err();
    assert_eq!(fault.step, AuditStep::Copy);
    assert!(fault.to_string().contains("give a copy to syslog, which is required"), "{fault}");
    assert_eq!(log.without_copies().write(event("Get-Pool")).unwrap().n, 2, "the file has both lines");
    let _syslog = UnixDatagram::bind(&socket).unwrap();
    assert!(log.write(event("Get-Pool")).unwrap().is_copied);
}

#[test]
fn what_a_caller_writes_forges_no_line_and_hides_nothing() {
    let (_directory, log) = written(1, 1 << 20);
    let hostile = "a\r\n{\"n\":2}\u{1b}[2K\u{9b}1A\u{202e}gnp.exe\u{2028}\u{feff}\u{200b}\0\u{7f}";
    let mut told = event("Get-Pool");
    told.parameters.insert("Filter".into(), vec![hostile.into()]);
    told.principal = hostile.into();
    let _ = log.write(told).unwrap();
    let text = std::fs::read_to_string(log.path()).unwrap();
    assert_eq!(text.lines().count(), 2);
    assert!(!text.replace('\n', "").contains(|letter: char| letter.is_control()), "{text:?}");
    assert!(!text.contains(['\u{202e}', '\u{2028}', '\u{feff}', '\u{200b}']), "{text:?}");
    let mut lines = Vec::new();
    verify::read(&log, |line| {
        lines.push(line);
        true
    })
    .unwrap();
    assert_eq!(lines[1].event.parameters["Filter"], [hostile], "and it reads back as it was");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_told_is_one_line_and_reads_back(
        cmdlet in any::<String>(),
        values in prop::collection::vec("(?s).{0,3000}", 0..20),
    ) {
        let (_directory, log) = written(1, 1 << 20);
        let mut told = event(&cmdlet);
        told.parameters.insert("Body".into(), values.clone());
        let n = log.write(told).unwrap().n;
        prop_assert_eq!(verify(&log).unwrap().last, n);
        let mut lines = Vec::new();
        verify::read(&log, |line| { lines.push(line); true }).unwrap();
        let line = lines.pop().unwrap();
        prop_assert!(serde_json::to_string(&line).unwrap().len() < MAX_LINE_BYTES);
        if !line.event.shortened {
            prop_assert_eq!(&line.event.parameters["Body"], &values);
            prop_assert_eq!(line.event.cmdlet, cmdlet);
        }
    }
}
