//! How a test says that it was skipped; also that of a module of the library.

use std::io::Write;

/// Says that the test of this thread is skipped, and why: past the harness, which shows nothing of a test that
/// passes, and in the file that `tests/run` names. In CI nothing passes by not running.
///
/// # Panics
/// With `CI` in the environment.
pub fn skip(reason: &str) {
    assert!(std::env::var_os("CI").is_none(), "a skip is a failure in CI: {reason}");
    let thread = std::thread::current();
    let program = std::env::current_exe().unwrap();
    let program = program.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let program = program.rsplit_once('-').map_or(program.as_str(), |(name, _)| name);
    let line = format!("SKIP {program}::{}: {reason}\n", thread.name().unwrap_or("main"));
    std::io::stderr().write_all(line.as_bytes()).unwrap();
    if let Some(file) = std::env::var_os("IMSH_TEST_SKIPS") {
        let mut file = std::fs::File::options().append(true).create(true).open(file).unwrap();
        file.write_all(line.as_bytes()).unwrap();
    }
}
