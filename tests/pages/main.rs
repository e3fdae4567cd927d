//! Reports and pages in a real browser (Debian's Chromium): what it shows, what it runs, and what it does not.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "../support/mod.rs"]
mod support;
mod browser;
mod past;
#[path = "../watch/post.rs"]
#[allow(dead_code, reason = "not every test program uses all of it")]
mod post;
mod export;
mod service;
mod scraped;
mod live;
