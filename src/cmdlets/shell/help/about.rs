//! The `about_` pages.

use super::wrapped;
use crate::diagnosis::catalogue::catalogue;
use crate::topology::sample;

/// One page.
#[derive(Debug)]
pub struct Topic {
    /// Its name: `about_Quoting`.
    pub name: &'static str,
    /// What it is about, in one sentence.
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
        name: "about_Diagnosis",
        synopsis: "Every code that a failed test can have, whose fault it is, and what to do.",
        text: TopicText::Diagnosis(include_str!("about_diagnosis.txt")),
    },
    Topic {
        name: "about_Topology",
        synopsis: "The file with pools, partners and settings.",
        text: TopicText::Settings(include_str!("about_topology.txt")),
    },
    Topic {
        name: "about_Roles",
        synopsis: "Who may do what.",
        text: TopicText::Written(include_str!("about_roles.txt")),
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
            TopicText::Diagnosis(text) => format!("{}\n\n{}\n{}", self.name, wrapped(text, 0), codes()),
        }
    }
}

/// Every code with its owners, whether it passes, what it holds for, its meaning, what to do, and the command that shows it.
fn codes() -> String {
    let entries = catalogue().iter().map(|entry| {
        let owners: Vec<&str> = entry.owners.iter().map(|owner| owner.name()).collect();
        // In one line, so that it can be copied.
        let practice = entry.shown_by().map(|command| format!("    {command}\n")).unwrap_or_default();
        format!(
            "{} ({}; {}, {})\n{}{}{practice}\n",
            entry.code,
            owners.join(", "),
            entry.persistence.name(),
            entry.reach.name(),
            wrapped(entry.meaning, 4),
            wrapped(entry.remedy, 4)
        )
    });
    entries.collect()
}
