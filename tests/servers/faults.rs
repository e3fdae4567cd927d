//! The table of faults (`faults.table`), read.

use std::time::Duration;

use crate::golden;

/// Who shows a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Prosody,
    Ejabberd,
    /// A program that plays what no server does.
    Peer,
}

impl By {
    const ALL: [By; 3] = [By::Prosody, By::Ejabberd, By::Peer];

    /// The name in the golden file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Prosody => "Prosody",
            Self::Ejabberd => "ejabberd",
            Self::Peer => "a peer",
        }
    }
}

/// How a test ends that meets a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    Fails { code: &'static str, owner: &'static str, after: Option<Duration> },
    Succeeds { evidence: &'static str },
    NotShown { reason: &'static str },
}

/// The cell of a fault, for servers of this release of Debian.
pub fn cell(fault: &str, by: By, debian: u32) -> Cell {
    let found = lines().filter(|line| line.fault == fault);
    let line = found.filter(|line| line.release.is_none_or(|release| release == debian)).last();
    let line = line.unwrap_or_else(|| panic!("the table has no line of this name: {fault}"));
    line.cells[by as usize]
}

/// Every fault with who shows it, in the order of the table, for servers of this release of Debian.
pub fn shown(debian: u32) -> impl Iterator<Item = (&'static str, By)> {
    let faults = lines().filter(|line| line.release.is_none()).map(|line| line.fault);
    faults.flat_map(move |fault| {
        By::ALL.into_iter().filter_map(move |by| {
            matches!(cell(fault, by, debian), Cell::Fails { .. }).then_some((fault, by))
        })
    })
}

struct Line {
    /// The release of Debian that this line is about, if it is about one only.
    release: Option<u32>,
    fault: &'static str,
    cells: [Cell; 3],
}

fn lines() -> impl Iterator<Item = Line> {
    let lines = include_str!("faults.table").lines();
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(|line| {
        let columns: Vec<&str> = line.split(" | ").map(str::trim).collect();
        let [place, fault, rest @ ..] = &columns[..] else { panic!("no columns: {line}") };
        let cell = |n: usize| read(rest.get(n).copied().unwrap_or("-"), line);
        Line { release: place.parse().ok(), fault, cells: [cell(0), cell(1), cell(2)] }
    })
}

fn read(cell: &'static str, line: &str) -> Cell {
    if let Some(reason) = cell.strip_prefix('-') {
        return Cell::NotShown { reason: reason.trim() };
    }
    let words: Vec<&str> = cell.split(", ").collect();
    match words[..] {
        ["success", evidence] => Cell::Succeeds { evidence },
        [code, owner] => Cell::Fails { code, owner, after: None },
        [code, owner, seconds] => {
            Cell::Fails { code, owner, after: Some(Duration::from_secs(seconds.parse().unwrap())) }
        }
        _ => panic!("no cell: {cell} in {line}"),
    }
}

#[test]
fn every_line_of_the_table_is_tried_or_says_why_not() {
    let sources = [
        include_str!("partners.rs"),
        include_str!("logon.rs"),
        include_str!("delivery.rs"),
        include_str!("limits.rs"),
        include_str!("here.rs"),
    ];
    for line in lines() {
        // Another release may show what this one does not.
        let of_fault = lines().filter(|other| other.fault == line.fault);
        let is_shown =
            of_fault.flat_map(|other| other.cells).any(|cell| !matches!(cell, Cell::NotShown { .. }));
        let quoted = format!("\"{}\"", line.fault);
        let is_tried = sources.iter().any(|source| source.contains(&quoted));
        assert!(is_shown == is_tried, "{}: shown {is_shown}, tried {is_tried}", line.fault);
        for by in [By::Prosody, By::Ejabberd] {
            let is_empty = matches!(line.cells[by as usize], Cell::NotShown { reason: "" });
            assert!(!is_empty, "{}: {} neither shows it nor says why not", line.fault, by.name());
        }
    }
}

#[test]
fn the_same_fault_has_the_same_code_on_both_servers() {
    let differing: Vec<_> = lines()
        .filter(|line| line.release.is_none())
        .filter_map(|line| match line.cells {
            [Cell::Fails { code: one, .. }, Cell::Fails { code: other, .. }, _] if one != other => {
                Some((line.fault, one, other))
            }
            _ => None,
        })
        .collect();
    let known = [
        // ejabberd says nothing of TLS, only that the connection was closed.
        (
            "the partner answers the TLS handshake with what is no TLS",
            "FEDERATION-TLS-FAILED",
            "FEDERATION-CLOSED",
        ),
        // ejabberd says the same of a domain that it may not reach and of all of them.
        ("the pool does not federate", "FEDERATION-DISABLED", "FEDERATION-FORBIDDEN"),
    ];
    assert_eq!(differing, known);
}

#[test]
fn the_golden_file_has_the_words_of_every_fault_and_no_others() {
    let wanted: Vec<String> = shown(0).map(|(fault, by)| golden::key(fault, by)).collect();
    let mut known: Vec<String> = golden::entries().into_iter().map(|(key, _)| key).collect();
    known.sort();
    let mut sorted = wanted.clone();
    sorted.sort();
    assert_eq!(known, sorted);
}
