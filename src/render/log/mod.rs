//! The log of a test, shown: a page for a browser, XML for a program, a waterfall for a terminal.
//!
//! Reads the records that `-OutLoggerVariable` gives, or a test's result; nothing else. Each of the
//! three is whole in itself: the page loads nothing and runs nothing, the XML is well formed whatever
//! a server sent.

mod model;
mod waterfall;

use std::fmt::Write;

use askama::Template;

use super::Colour;
use super::html::escape;
use super::policy::{PageKind, STYLE, policy};
use crate::result::Report;
use crate::value::Value;
pub use model::LoggedTest;
use model::{TestLog, WaterfallLane};

/// The page.
#[derive(Template)]
#[template(path = "log.html")]
struct LogPage<'a> {
    log: &'a TestLog,
    style: &'static str,
    policy: &'static str,
}

/// The log in a value as one HTML file; none where there is no log in it.
pub fn html(value: &Value) -> Option<String> {
    // Writing into memory does not fail, and the template calls nothing that could.
    LogPage { log: &TestLog::of(value)?, style: STYLE, policy: policy(PageKind::Still) }.render().ok()
}

/// The log of one test, for a page that shows it among others.
pub fn test(report: &Report) -> LoggedTest {
    LoggedTest::of(report)
}

/// The log in a value as an XML document; none where there is no log in it.
pub fn xml(value: &Value) -> Option<String> {
    let log = TestLog::of(value)?;
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<log xmlns=\"urn:imsh:log:1\"");
    attribute(&mut xml, "cmdlet", &log.title);
    attribute(&mut xml, "command", &log.command);
    attribute(&mut xml, "when", &log.when);
    xml.push_str(">\n");
    for (kind, text) in &log.remarks {
        element(&mut xml, "  ", &kind.to_lowercase(), &[], text);
    }
    log.tests.iter().for_each(|test| test_xml(&mut xml, test));
    xml.push_str("</log>\n");
    Some(xml)
}

/// The log in a value as a waterfall of its phases; none where there is no log in it.
pub fn text(value: &Value, width: Option<usize>, colour: Colour) -> Option<String> {
    Some(waterfall::text(&TestLog::of(value)?, width, colour))
}

fn test_xml(xml: &mut String, test: &LoggedTest) {
    xml.push_str("  <test");
    attribute(xml, "title", &test.title);
    attribute(xml, "result", test.result);
    xml.push_str(">\n");
    for (name, value) in &test.properties {
        element(xml, "    ", "property", &[("name", name)], value);
    }
    for proof in &test.proofs {
        element(
            xml,
            "    ",
            "proof",
            &[("evidence", &proof.evidence), ("after", &proof.after)],
            &proof.proof,
        );
    }
    test.lanes.iter().for_each(|lane| lane_xml(xml, lane));
    xml.push_str("  </test>\n");
}

fn lane_xml(xml: &mut String, lane: &WaterfallLane) {
    xml.push_str("    <lane");
    attribute(xml, "title", &lane.title);
    xml.push_str(">\n");
    for step in &lane.steps {
        xml.push_str("      <phase");
        attribute(xml, "name", &step.phase);
        attribute(xml, "start", &step.start_text);
        attribute(xml, "duration", &step.duration_text);
        xml.push_str(">\n");
        for entry in &step.entries {
            element(xml, "        ", entry.kind.name(), &[("at", &entry.at_text)], &entry.text);
        }
        xml.push_str("      </phase>\n");
    }
    for certificate in &lane.certificates {
        xml.push_str("      <certificate>\n");
        for (name, value) in &certificate.properties {
            element(xml, "        ", "property", &[("name", name)], value);
        }
        xml.push_str("      </certificate>\n");
    }
    xml.push_str("    </lane>\n");
}

fn element(xml: &mut String, indent: &str, name: &str, attributes: &[(&str, &str)], text: &str) {
    let _ = write!(xml, "{indent}<{name}");
    attributes.iter().for_each(|(name, value)| attribute(xml, name, value));
    let _ = writeln!(xml, ">{}</{name}>", legal(text));
}

fn attribute(xml: &mut String, name: &str, value: &str) {
    if !value.is_empty() {
        let _ = write!(xml, " {name}=\"{}\"", legal(value));
    }
}

/// Text as XML text. What HTML's escaping leaves and XML forbids are the two that are no characters.
fn legal(text: &str) -> String {
    escape(text).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}
