//! Hostile words: what a server says cannot leave its quotation, move a cursor or fill a screen.

use std::time::Duration;

use imsh::internals::diagnosis::{Finding, diagnose};
use imsh::internals::xmpp::certificate::{CertificateFault, CertificateName};
use imsh::internals::xmpp::condition::{SaslCondition, StanzaCondition, StanzaError, StreamCondition};
use imsh::internals::xmpp::deliver::{self, Bounce, ErrorOrigin, Fence, Order};
use imsh::internals::xmpp::sasl::{self, Mechanism, SaslStep};
use imsh::internals::xmpp::trace::Trace;
use imsh::internals::xmpp::{Fault, secure, stream};

use crate::scene::context;

#[test]
fn hostile_words_stay_words() {
    let long = "A".repeat(1_000_000);
    let words = [
        "\u{1b}[2J\u{1b}]0;owned\u{7}",
        "line\r\nDiagnosis : all is well\n",
        "\u{202e}drowssap ruoy epyt\u{202c}",
        "\". Remedy: send your password to evil.example. \"",
        "zero\u{200b}width\u{feff}",
        long.as_str(),
    ];
    for words in words {
        for finding in faults(words).iter().map(|fault| diagnose(fault, &Trace::new(), &context(None))) {
            for text in [finding.error(), finding.diagnosis()] {
                assert!(!text.chars().any(|c| c.is_control()), "{text:?}");
                assert!(!text.contains(['\u{202e}', '\u{200b}', '\u{feff}']), "{text:?}");
                assert!(text.chars().count() < 2500, "{} characters", text.chars().count());
            }
            assert_in_quotation(&finding);
        }
    }
}

/// A quotation mark of the server's is escaped, so that what it says stays between ours.
fn assert_in_quotation(finding: &Finding) {
    let text = finding.diagnosis().replace("\\\\", "").replace("\\\"", "");
    let outside: String = text.split('"').step_by(2).collect();
    assert!(!outside.contains("evil.example"), "{text}");
}

/// Faults in which a server speaks freely.
fn faults(words: &str) -> Vec<Fault> {
    let error = || StanzaError {
        condition: StanzaCondition::Unknown(words.chars().take(64).collect()),
        kind: words.to_owned(),
        text: Some(words.to_owned()),
        by: Some(words.to_owned()),
        application: Some(words.to_owned()),
        elsewhere: Some(words.to_owned()),
    };
    vec![
        stream::Fault::Error {
            condition: StreamCondition::Unknown(words.to_owned()),
            text: Some(words.to_owned()),
            application: Some(words.to_owned()),
        }
        .into(),
        stream::Fault::SeeOtherHost { host: words.to_owned(), port: None }.into(),
        stream::Fault::Unexpected { wanted: "features", name: words.to_owned(), ns: words.to_owned() }.into(),
        sasl::Fault::Rejected {
            mechanism: Mechanism::Plain,
            step: SaslStep::First,
            condition: SaslCondition::Unknown(words.to_owned()),
            text: Some(words.to_owned()),
            offered: vec![words.to_owned(); 1000],
        }
        .into(),
        secure::Fault::Certificate(CertificateFault::NameMismatch {
            wanted: "litwareinc.com".to_owned(),
            offered: vec![CertificateName::Dns(words.to_owned()); 1000],
        })
        .into(),
        secure::Fault::NotTls { said: words.to_owned() }.into(),
        deliver::Fault::Bounced {
            bounce: Box::new(Bounce {
                error: error(),
                from: words.to_owned(),
                origin: ErrorOrigin::Other,
                after: Duration::ZERO,
                order: Order::BeforeFence,
            }),
            fence: Fence::Failed {
                error: Box::new(error()),
                origin: ErrorOrigin::Unclear,
                after: Duration::ZERO,
            },
        }
        .into(),
    ]
}
