//! Findings: every row of the servers' words, every fault in words, and what hostile words become.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "../support/golden.rs"]
mod golden;
mod scene;
mod bounces;
mod examples;
mod looks;
mod catalogue;
mod hostile;
mod practice;
