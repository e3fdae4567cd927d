//! The records of a table whose entries have names: those that `-Identity` or `-Filter` asks for.

use crate::call::filter::{self, Filter};
use crate::call::{Call, Outcome};
use crate::cmdlet::{Category, ErrorRecord};
use crate::topology::SettingsTable;

/// A table of the topology, as its Get- cmdlet reads it.
pub(super) struct NamedEntries<'a, T> {
    /// The entries, in the order of the document.
    pub(super) entries: Vec<&'a T>,
    /// The name of an entry.
    pub(super) name: fn(&T) -> &str,
    /// The entry that goes by a name, which may be another than its own.
    pub(super) find: &'a (dyn Fn(&str) -> Option<&'a T> + Sync),
    /// An entry in words ("pool"), and several of them.
    pub(super) words: (&'static str, &'static str),
    /// The id of the error for a name that none has.
    pub(super) not_found: &'static str,
}

impl<T: SettingsTable + Sync> NamedEntries<'_, T> {
    /// Emits the records of the entries that the call names, or of all that its filter matches; reports each name
    /// that none has.
    ///
    /// # Errors
    /// The call is to end.
    pub(super) async fn emit(&self, call: &Call) -> Outcome {
        let type_name = call.description.emits;
        let wanted = call.bound.texts("Identity");
        if wanted.is_empty() {
            let filter = call.bound.text("Filter").map(|pattern| Filter::new(&pattern));
            for entry in &self.entries {
                if filter.as_ref().is_none_or(|filter| filter.matches((self.name)(entry))) {
                    call.emit(entry.record(type_name)).await?;
                }
            }
            return Ok(());
        }
        let (one, several) = self.words;
        for name in wanted {
            match (self.find)(&name) {
                Some(entry) => call.emit(entry.record(type_name)).await?,
                None => {
                    let message = format!("There is no {one} '{name}'.");
                    let place = call.topology.place();
                    let names = self.entries.iter().map(|entry| (self.name)(entry));
                    let remedy = filter::advice(call.description.name, several, &name, &place, names);
                    let error = ErrorRecord::new(Category::ObjectNotFound, self.not_found, message);
                    call.error(error.target(&name).remedy(remedy))?;
                }
            }
        }
        Ok(())
    }
}
