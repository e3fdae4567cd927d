//! What is done with one input of each kind, and what must hold of it. The fuzzers call it with inputs that
//! they make up, `tests/corpora.rs` with those that were kept.
//!
//! None of it may panic, hang or grow without bounds; each file says what else must hold.

#![allow(dead_code, reason = "a fuzzer uses one of them")]
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a finding")]

pub mod reader;
pub mod features;
pub mod challenge;
pub mod stanza;
pub mod certificate;
pub mod records;
pub mod topology;
pub mod language;

use imsh::internals::xmpp::Fault;
use imsh::internals::xmpp::sasl::{Authentication, KeyCache, Login, PlainPassword, authenticate};
use imsh::internals::xmpp::secure::{ChannelBindings, VerifiedTls};
use imsh::internals::xmpp::stream::{Authenticated, Secured, Stream};
use imsh::internals::xmpp::trace::Trace;
use tokio::io::DuplexStream;

/// A runtime for one thread of tests.
fn block_on<F: Future>(future: F) -> F::Output {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    }
    RUNTIME.with(|runtime| runtime.block_on(future))
}

/// What is printed must not move a cursor.
fn assert_harmless(text: &str) {
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
}

/// The start of an answer to a stream header.
const HEADER: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' \
    xmlns:stream='http://etherx.jabber.org/streams' from='litwareinc.com' id='s1' version='1.0'>";

/// Logs on as `kenmyer@litwareinc.com` over a connection that counts as encrypted.
async fn log_on(io: DuplexStream) -> Result<Stream<VerifiedTls<DuplexStream>, Authenticated>, Fault> {
    let account = jid::BareJid::new("kenmyer@litwareinc.com").unwrap();
    let mut trace = Trace::new();
    let io = VerifiedTls::in_memory(io, ChannelBindings { tls_exporter: None, tls_server_end_point: None });
    let stream = Stream::<_, Secured>::open(io, &account, &mut trace).await?;
    let login = Login {
        logon_name: "kenmyer".to_owned(),
        account,
        password: Some(imsh::internals::secret::Secret::new("correct horse".to_owned())),
        has_certificate: false,
        authentication: Authentication::Negotiate,
        plain: PlainPassword::Forbidden,
    };
    let result = authenticate(stream, &login, &KeyCache::default(), &mut trace).await;
    for (_, fact) in trace.facts() {
        assert_harmless(&fact.to_string());
    }
    result
}
