//! The history of lines, on disk, without secrets.

use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use reedline::{
    FileBackedHistory, History, HistoryItem, HistoryItemId, HistorySessionId, ReedlineError, SearchQuery,
};

/// Lines that are kept.
const CAPACITY: usize = 10_000;

/// The history in `imsh/history` below the state directory, readable by its owner alone; without such
/// a directory it lasts as long as the session.
///
/// # Errors
/// The file cannot be used.
pub fn history() -> Result<Box<dyn History>, ReedlineError> {
    let kept = match super::directory("XDG_STATE_HOME", ".local/state") {
        Some(state) => {
            let file = state.join("imsh/history");
            // Where it cannot be made private it is not made at all.
            match make_private(&file) {
                Ok(()) => FileBackedHistory::with_file(CAPACITY, file)?,
                Err(_) => FileBackedHistory::new(CAPACITY)?,
            }
        }
        None => FileBackedHistory::new(CAPACITY)?,
    };
    Ok(Box::new(WithoutSecrets(kept)))
}

fn make_private(file: &Path) -> std::io::Result<()> {
    if let Some(directory) = file.parent() {
        std::fs::create_dir_all(directory)?;
    }
    std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(file)?;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600))
}

/// Whether a line may be kept: not one that begins with a blank, nor one that looks as if a secret
/// stood in it.
pub fn may_be_kept(line: &str) -> bool {
    let folded = line.to_lowercase();
    let names_secret = ["password", "passwd", "passphrase", "secret", "token", "private key"]
        .iter()
        .any(|word| folded.contains(word));
    let holds_text = line.contains(['"', '\'', '=']);
    !(line.starts_with(' ') || names_secret && holds_text)
}

/// A history that does not take what it must not keep.
struct WithoutSecrets(FileBackedHistory);

impl History for WithoutSecrets {
    fn save(&mut self, item: HistoryItem) -> reedline::Result<HistoryItem> {
        if may_be_kept(&item.command_line) { self.0.save(item) } else { Ok(item) }
    }

    fn load(&self, id: HistoryItemId) -> reedline::Result<HistoryItem> {
        self.0.load(id)
    }

    fn count(&self, query: SearchQuery) -> reedline::Result<i64> {
        self.0.count(query)
    }

    fn search(&self, query: SearchQuery) -> reedline::Result<Vec<HistoryItem>> {
        self.0.search(query)
    }

    fn update(
        &mut self,
        id: HistoryItemId,
        updater: &dyn Fn(HistoryItem) -> HistoryItem,
    ) -> reedline::Result<()> {
        self.0.update(id, updater)
    }

    fn clear(&mut self) -> reedline::Result<()> {
        self.0.clear()
    }

    fn delete(&mut self, id: HistoryItemId) -> reedline::Result<()> {
        self.0.delete(id)
    }

    fn sync(&mut self) -> std::io::Result<()> {
        self.0.sync()
    }

    fn session(&self) -> Option<HistorySessionId> {
        self.0.session()
    }
}

#[cfg(test)]
mod tests {
    use super::may_be_kept;

    #[test]
    fn a_line_with_a_secret_is_not_kept() {
        for (line, kept) in [
            ("Get-Pool", true),
            ("Get-Help about_Quoting", true),
            ("Get-Credential kenmyer", true),
            (" Get-Pool", false),
            ("$password = 'hunter2'", false),
            ("New-Thing -Secret \"x\"", false),
        ] {
            assert_eq!(may_be_kept(line), kept, "{line}");
        }
    }
}
