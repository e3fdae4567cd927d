//! The `[audit]` table: where calls are written down, and how safely.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::{Reading, Section, seen_from};
use crate::access::audit::{AuditSettings, Syslog};
use crate::topology::AuditTable;

impl Reading<'_> {
    pub(super) fn audit(&mut self, top: &mut Section<'_, '_>, path: &Path) -> Option<AuditTable> {
        let mut section = top.section(&mut self.mistakes, "audit")?;
        let mistakes = &mut self.mistakes;
        let defaults = AuditSettings::default();
        let file = section.text(mistakes, "file").map(|file| seen_from(path, file.value));
        let size = section.parsed::<Size>(mistakes, "max_file_size");
        let kept = section.number(mistakes, "keep_files", FILES);
        let keep_files = kept.and_then(|kept| usize::try_from(kept.value).ok());
        let must_reach_disk = section.flag(mistakes, "must_reach_disk").unwrap_or(defaults.must_reach_disk);
        let copies = section.choice(mistakes, "syslog", &COPIES).map(|found| found.value);
        let socket = section.text(mistakes, "syslog_socket").map(|socket| seen_from(path, socket.value));
        if let (Some(_), Some(Copies::Off)) = (&socket, copies) {
            let span = section.span_of("syslog_socket");
            self.remarks.add(span, section.key("syslog_socket"), "is not used while syslog is off", || None);
        }
        section.close(mistakes);
        let syslog = syslog(copies.unwrap_or(Copies::Auto), socket);
        let max_file_bytes = size.map_or(defaults.max_file_bytes, |size| size.value.0);
        Some(AuditTable {
            file,
            settings: AuditSettings { max_file_bytes, keep_files, must_reach_disk, syslog },
        })
    }
}

fn syslog(copies: Copies, socket: Option<PathBuf>) -> Syslog {
    let sockets = socket.map_or_else(Syslog::usual_sockets, |socket| vec![socket]);
    match copies {
        Copies::Off => Syslog::OFF,
        Copies::Auto => Syslog { sockets, is_required: false },
        Copies::Required => Syslog { sockets, is_required: true },
    }
}

/// Whether calls are copied to syslog.
#[derive(Clone, Copy)]
enum Copies {
    Off,
    Auto,
    Required,
}

const COPIES: [(&str, Copies); 3] =
    [("auto", Copies::Auto), ("off", Copies::Off), ("required", Copies::Required)];

/// A size in bytes: `64MiB`, `512KiB`, `1GiB`.
#[derive(Clone, Copy)]
struct Size(u64);

impl FromStr for Size {
    type Err = String;

    fn from_str(written: &str) -> Result<Self, String> {
        let units = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];
        let size = units.into_iter().find_map(|(unit, bytes): (&str, u64)| {
            written.trim().strip_suffix(unit)?.trim().parse::<u64>().ok()?.checked_mul(bytes)
        });
        match size {
            Some(size) if SIZES.contains(&size) => Ok(Self(size)),
            Some(_) => Err(format!("{written:?} is not between 64KiB and 64GiB")),
            None => Err(format!("{written:?} is no size: write \"64MiB\"")),
        }
    }
}

/// The one that was set aside last is always kept.
const FILES: RangeInclusive<u32> = 1..=100_000;
/// A file holds some lines at least, each up to 128 KiB in the worst case and a few hundred bytes as a rule.
const SIZES: RangeInclusive<u64> = 64 << 10..=64 << 30;
