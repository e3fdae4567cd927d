//! Keeping watch, as a whole process: rounds, notices by every way, signals, reload, blindness.
//!
//! The practice network runs in the test; the watcher is the program itself, and its store a file that the
//! test reads. Nothing is mocked: alerts go to Debian's Alertmanager, mails to an SMTP server, messages to a
//! session.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "../support/mod.rs"]
mod support;

mod listener;
mod post;
mod postgres;
mod relay;
mod sites;

mod rounds;
mod settings;
mod notices;
mod signals;
mod shared;
mod elsewhere;
mod clocks;
mod scripts;
mod accounts;
mod soak;
mod blind;
