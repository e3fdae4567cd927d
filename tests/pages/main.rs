//! Reports and pages in a real browser (Debian's Chromium): what it shows, what it runs, and what it does not.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "../support/mod.rs"]
mod support;
mod browser;
mod past;
mod export;
