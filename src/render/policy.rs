//! The parts that the pages of this program share: one style, one script, and the policy that lets a browser load
//! and run nothing else.
//!
//! The log, the exported report and the watcher's pages are made of these. A page names no source at all:
//! its style and its script stand in it, and the policy knows them by their hashes. No element has a style
//! or a handler of its own, so that what a server said could not be either, were it ever markup.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// The style of every page.
pub const STYLE: &str = include_str!("policy.css");

/// The script of pages that can be filtered and sorted. Without it they say the same.
pub const SCRIPT: &str = include_str!("policy.js");

/// The behaviour of a page beside being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageKind {
    /// Nothing: it has no script.
    Still,
    /// It can be filtered and sorted.
    Scripted,
    /// It asks the server that it came from for what is new.
    Live,
}

/// The Content-Security-Policy of a page.
pub fn policy(kind: PageKind) -> &'static str {
    static POLICIES: LazyLock<[String; 3]> = LazyLock::new(|| {
        let (style, script) = (hash(STYLE), hash(SCRIPT));
        let still = format!("default-src 'none'; style-src '{style}'; base-uri 'none'; ");
        [
            format!("{still}form-action 'none'"),
            format!("{still}form-action 'none'; script-src '{script}'"),
            format!("{still}form-action 'self'; script-src '{script}'; connect-src 'self'"),
        ]
    });
    let [still, scripted, live] = &*POLICIES;
    match kind {
        PageKind::Still => still,
        PageKind::Scripted => scripted,
        PageKind::Live => live,
    }
}

fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text.as_bytes())))
}
