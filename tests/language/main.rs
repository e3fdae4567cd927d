//! Command lines inside Rhai: the corpus, the properties that hold for every text, and the oracle.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![expect(clippy::wildcard_enum_match_arm, reason = "a walk over the tree looks at what holds commands")]

#[path = "../support/golden.rs"]
mod golden;
mod catalogue;
mod corpus;
mod completion;
mod oracle;
mod properties;
