//! The `about_` pages.

use super::page::section;
use super::wrapped;
use crate::access::limits::SESSION_LIMITS;
use crate::diagnosis::catalogue::{CatalogueEntry, Persistence, Reach, catalogue};
use crate::result::TestKind;
use crate::result::schema::ResultProperty;
use crate::topology::sample;

/// One page.
#[derive(Debug)]
pub struct Topic {
    /// Its name: `about_Quoting`.
    pub name: &'static str,
    /// The subject of the topic, in one sentence.
    pub synopsis: &'static str,
    text: TopicText,
}

#[derive(Debug)]
enum TopicText {
    Written(&'static str),
    /// Made from the catalogue of diagnoses.
    Diagnosis(&'static str),
    /// Made from the schema of the topology.
    Settings(&'static str),
    /// Made from the schema of results.
    Results(&'static str),
    /// Made from the limits of delegated sessions.
    Limits(&'static str),
}

/// Every page, in the order of help.
pub static TOPICS: &[Topic] = &[
    Topic {
        name: "about_Language",
        synopsis: "Programs: Rhai with PowerShell's command lines in it.",
        text: TopicText::Written(include_str!("about_language.txt")),
    },
    Topic {
        name: "about_Quoting",
        synopsis: "Quotes, variables in text, backslashes: what differs between the two halves.",
        text: TopicText::Written(include_str!("about_quoting.txt")),
    },
    Topic {
        name: "about_Shell",
        synopsis: "The interactive shell: its keys, its questions and its history.",
        text: TopicText::Written(include_str!("about_shell.txt")),
    },
    Topic {
        name: "about_Evidence",
        synopsis: "What a success rests on.",
        text: TopicText::Written(include_str!("about_evidence.txt")),
    },
    Topic {
        name: "about_Batches",
        synopsis: "Many tests at once: what is under way, what is inferred, and how a run is ended and gone on with.",
        text: TopicText::Written(include_str!("about_batches.txt")),
    },
    Topic {
        name: "about_Diagnosis",
        synopsis: "Every code that a failed test can have, whose fault it is, and what to do.",
        text: TopicText::Diagnosis(include_str!("about_diagnosis.txt")),
    },
    Topic {
        name: "about_Results",
        synopsis: "Every property of what a test emits.",
        text: TopicText::Results(include_str!("about_results.txt")),
    },
    Topic {
        name: "about_Topology",
        synopsis: "The file with pools, partners and settings.",
        text: TopicText::Settings(include_str!("about_topology.txt")),
    },
    Topic {
        name: "about_Roles",
        synopsis: "Who may do what.",
        text: TopicText::Limits(include_str!("about_roles.txt")),
    },
    Topic {
        name: "about_Audit",
        synopsis: "What is written down of each call, and how it is checked.",
        text: TopicText::Written(include_str!("about_audit.txt")),
    },
    Topic {
        name: "about_ExitStatus",
        synopsis: "What a run tells the program that started it.",
        text: TopicText::Written(include_str!("about_exit_status.txt")),
    },
];

impl Topic {
    /// The page.
    pub fn page(&self) -> String {
        match self.text {
            TopicText::Written(text) => format!("{}\n\n{}", self.name, wrapped(text, 0)),
            TopicText::Settings(text) => {
                format!("{}\n\n{}\n{}", self.name, wrapped(text, 0), wrapped(&sample::list(), 0))
            }
            TopicText::Limits(text) => format!("{}\n\n{}\n{}", self.name, wrapped(text, 0), limits()),
            TopicText::Diagnosis(text) => format!("{}\n\n{}\n{}", self.name, wrapped(text, 0), codes()),
            TopicText::Results(text) => format!("{}\n\n{}\n{}", self.name, wrapped(text, 0), properties()),
        }
    }
}

/// Every limit of a delegated session with its default and its bounds.
fn limits() -> String {
    let entries = SESSION_LIMITS.iter().map(|limit| {
        let (least, most) = (limit.bounds.start(), limit.bounds.end());
        let head = format!("{} ({}; {least} to {most})", limit.key, limit.default);
        format!("{head}\n{}", wrapped(limit.help, 4))
    });
    entries.collect()
}

/// Every code with its owners, whether it passes, what it holds for, its meaning, what to do, and the command that shows it.
fn codes() -> String {
    let entries = catalogue().iter().map(|entry| {
        // In one line, so that it can be copied.
        let practice = entry.shown_by().map(|command| format!("    {command}\n")).unwrap_or_default();
        format!(
            "{} ({}; {}, {})\n{}{}{practice}\n",
            entry.code,
            owners(entry),
            entry.persistence.name(),
            entry.reach.name(),
            wrapped(entry.meaning, 4),
            wrapped(entry.remedy, 4)
        )
    });
    entries.collect()
}

/// Every property of results: what its values are, what it means, and which records have it.
fn properties() -> String {
    let mut properties: Vec<&ResultProperty> = Vec::new();
    for property in TestKind::ALL.into_iter().flat_map(|kind| kind.schema().properties) {
        if properties.iter().all(|own| own.name != property.name) {
            properties.push(property);
        }
    }
    let entry = |property: &ResultProperty| {
        let has_it = |kind: &TestKind| kind.schema().properties.iter().any(|own| own.name == property.name);
        let kinds: Vec<TestKind> = TestKind::ALL.into_iter().filter(has_it).collect();
        let records = if kinds.len() == TestKind::ALL.len() {
            "every result".to_owned()
        } else {
            kinds.iter().map(|kind| kind.schema().type_name).collect::<Vec<_>>().join(", ")
        };
        format!("{} ({})\n{}    In {records}.\n\n", property.name, property.kind, wrapped(property.about, 4))
    };
    properties.into_iter().map(entry).collect()
}

fn owners(entry: &CatalogueEntry) -> String {
    let owners: Vec<&str> = entry.owners.iter().map(|owner| owner.name()).collect();
    owners.join(", ")
}

/// The page of one code.
pub fn code_page(entry: &CatalogueEntry) -> String {
    let passes = match entry.persistence {
        Persistence::Transient => "It may pass by itself: -Retry tries again.",
        Persistence::Lasting => "It stays until somebody changes something: -Retry does not try again.",
    };
    let holds_for = match entry.reach {
        Reach::Pair => "This sender and this receiver.",
        Reach::Account => "Every test of the account that logged on.",
        Reach::Partner => "Every test from the same pool to the same partner.",
        Reach::Pool => "Every test at the pool.",
        Reach::Machine => "Every test of this machine.",
    };
    let practice = entry.shown_by().map(|command| section("TRY IT", &format!(" {command}")));
    [
        section("CODE", entry.code),
        section("MEANING", entry.meaning),
        section("OWNER", &owners(entry)),
        section("WHAT TO DO", entry.remedy),
        section("PERSISTENCE", passes),
        section("HOLDS FOR", holds_for),
        practice.unwrap_or_default(),
        section("SEE ALSO", "about_Diagnosis"),
    ]
    .concat()
}
