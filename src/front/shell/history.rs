//! The history of lines, on disk, without secrets.
//!
//! Each line is on disk before it runs, and the lines of several shells stand in one file. What a
//! secret may stand in is neither kept nor written: what a history holds, others read one day.

use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use reedline::{
    FileBackedHistory, History, HistoryItem, HistoryItemId, HistorySessionId, ReedlineError, SearchQuery,
};

use super::secrets::may_hold_secret;
use crate::host::Host;

/// Lines that are kept.
const CAPACITY: usize = 10_000;

/// The history in `imsh/history` below the state directory, readable by its owner alone; without such
/// a directory, or where the file cannot be used, it lasts as long as the session.
///
/// # Errors
/// There is no room for one.
pub fn history(host: Arc<Host>) -> Result<Box<dyn History>, ReedlineError> {
    let file = super::directory("XDG_STATE_HOME", ".local/state").map(|state| state.join("imsh/history"));
    // Where it cannot be made private it is not made at all.
    let file = file.filter(|file| make_private(file).is_ok());
    let on_disk =
        file.and_then(|file| Some((FileBackedHistory::with_file(CAPACITY, file.clone()).ok()?, file)));
    let (lines, file) = match on_disk {
        Some((lines, file)) => (lines, Some(file)),
        None => (FileBackedHistory::new(CAPACITY)?, None),
    };
    Ok(Box::new(WithoutSecrets { lines, file, host }))
}

fn make_private(file: &Path) -> std::io::Result<()> {
    if let Some(directory) = file.parent() {
        std::fs::create_dir_all(directory)?;
    }
    std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(file)?;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600))
}

/// The reason why a line is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Withheld {
    /// Its author began it with a blank, as in other shells.
    #[error("the line begins with a blank")]
    BeginsWithBlank,
    /// It looks as if a secret stood in it.
    #[error("the line may hold a secret")]
    MayHoldSecret,
}

/// Whether a line is kept out of the history, and why.
pub fn withheld(line: &str, host: &Host) -> Option<Withheld> {
    if may_hold_secret(line, host.everything()) {
        Some(Withheld::MayHoldSecret)
    } else if line.starts_with(' ') {
        Some(Withheld::BeginsWithBlank)
    } else {
        None
    }
}

/// A history that does not take what it must not keep, and writes at once what it takes.
struct WithoutSecrets {
    lines: FileBackedHistory,
    file: Option<PathBuf>,
    host: Arc<Host>,
}

impl History for WithoutSecrets {
    fn save(&mut self, item: HistoryItem) -> reedline::Result<HistoryItem> {
        if withheld(&item.command_line, &self.host).is_some() {
            return Ok(item);
        }
        let saved = self.lines.save(item)?;
        // A full disk ends no session: the line is written with the next one, if there is room then.
        // Somebody may have taken the file away meanwhile: it comes back as private as it was.
        if self.file.as_deref().is_some_and(|file| make_private(file).is_ok()) {
            let _ = self.lines.sync();
        }
        Ok(saved)
    }

    fn load(&self, id: HistoryItemId) -> reedline::Result<HistoryItem> {
        self.lines.load(id)
    }

    fn count(&self, query: SearchQuery) -> reedline::Result<i64> {
        self.lines.count(query)
    }

    fn search(&self, query: SearchQuery) -> reedline::Result<Vec<HistoryItem>> {
        self.lines.search(query)
    }

    fn update(
        &mut self,
        id: HistoryItemId,
        updater: &dyn Fn(HistoryItem) -> HistoryItem,
    ) -> reedline::Result<()> {
        self.lines.update(id, updater)
    }

    fn clear(&mut self) -> reedline::Result<()> {
        self.lines.clear()
    }

    fn delete(&mut self, id: HistoryItemId) -> reedline::Result<()> {
        self.lines.delete(id)
    }

    fn sync(&mut self) -> std::io::Result<()> {
        self.lines.sync()
    }

    fn session(&self) -> Option<HistorySessionId> {
        self.lines.session()
    }
}
