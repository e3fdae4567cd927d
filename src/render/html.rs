//! HTML: one table for each run of records of one shape, as PowerShell's `ConvertTo-Html`.
//!
//! A document for a mail or a wiki, not the report: no script, no style beyond a few lines.
//! Every value is escaped; the browser runs nothing of it.

use std::{fmt, mem};

use super::visible;
use crate::value::{Record, Value};

/// The frame around the tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The document's title; text.
    pub title: String,
    /// HTML in front of the tables.
    pub before: String,
    /// HTML behind the tables.
    pub behind: String,
    /// Whether there is a document around the tables at all.
    pub extent: Extent,
}

/// The extent of the HTML that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// A whole document.
    Document,
    /// The tables alone.
    Fragment,
}

impl Default for Frame {
    fn default() -> Self {
        Self {
            title: "imsh".to_owned(),
            before: String::new(),
            behind: String::new(),
            extent: Extent::Document,
        }
    }
}

/// A document that is being written.
#[derive(Debug)]
pub struct HtmlDocument {
    frame: Frame,
    is_open: bool,
    /// The columns of the open table.
    columns: Option<Vec<String>>,
}

impl HtmlDocument {
    /// A document in this frame.
    pub fn new(frame: Frame) -> Self {
        Self { frame, is_open: false, columns: None }
    }

    /// The row of one value; a value of another shape begins another table.
    pub fn row(&mut self, value: &Value) -> String {
        let mut html = self.open();
        let columns: Vec<String> = match value.as_record() {
            Some(record) => record.names().map(str::to_owned).collect(),
            None => vec!["Value".to_owned()],
        };
        if self.columns.as_ref() != Some(&columns) {
            html.push_str(self.close_table());
            html.push_str("<table>\n<thead>\n<tr>");
            html.extend(columns.iter().map(|column| format!("<th>{}</th>", escape(column))));
            html.push_str("</tr>\n</thead>\n<tbody>\n");
            self.columns = Some(columns);
        }
        html.push_str("<tr>");
        match value.as_record() {
            Some(record) => html.extend(record.iter().map(|(_, value)| cell(value))),
            None => html.push_str(&cell(value)),
        }
        html.push_str("</tr>\n");
        html
    }

    /// Returns the HTML that closes the document.
    pub fn end(&mut self) -> String {
        let mut html = self.open();
        html.push_str(self.close_table());
        html.push_str(&self.frame.behind);
        html.push_str(frame_end(&self.frame));
        html
    }

    fn open(&mut self) -> String {
        if mem::replace(&mut self.is_open, true) {
            return String::new();
        }
        let before = &self.frame.before;
        match self.frame.extent {
            Extent::Fragment => before.clone(),
            Extent::Document => frame_start(&self.frame, ""),
        }
    }

    fn close_table(&mut self) -> &'static str {
        if self.columns.take().is_some() { "</tbody>\n</table>\n" } else { "" }
    }
}

/// Returns the HTML before the first table of a document; `style` is added to that of tables.
pub(super) fn frame_start(frame: &Frame, style: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{}</title>\n<style>{STYLE}{style}</style>\n</head>\n<body>\n{}",
        escape(&frame.title),
        frame.before
    )
}

/// Returns the HTML that closes a document.
pub(super) fn frame_end(frame: &Frame) -> &'static str {
    match frame.extent {
        Extent::Document => "</body>\n</html>\n",
        Extent::Fragment => "",
    }
}

const STYLE: &str = ":root{color-scheme:light dark}table{border-collapse:collapse;margin:1em 0}\
                     th,td{border:1px solid #999;padding:.2em .5em;text-align:left;vertical-align:top;white-space:pre-wrap}";

/// A value as a table's cell.
pub(super) fn cell(value: &Value) -> String {
    format!("<td>{}</td>", inside(value))
}

/// A value in a cell: a record has a line for each property, a list one for each element, and records
/// in a list are a table of their own.
fn inside(value: &Value) -> String {
    match value {
        Value::Record(record) => lines(record),
        Value::List(items) if !items.is_empty() && items.iter().all(|item| item.as_record().is_some()) => {
            let mut table = HtmlDocument::new(Frame { extent: Extent::Fragment, ..Frame::default() });
            let mut html: String = items.iter().map(|item| table.row(item)).collect();
            html.push_str(&table.end());
            html
        }
        Value::List(items) => items.iter().map(inside).collect::<Vec<_>>().join("\n"),
        Value::Null
        | Value::Boolean(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Text(_)
        | Value::Duration(_)
        | Value::Timestamp(_)
        | Value::Credential(_)
        | Value::Block(_) => escape(&value.to_string()),
    }
}

fn lines(record: &Record) -> String {
    let line = |(name, value): (&str, &Value)| format!("{}: {}", escape(name), inside(value));
    record.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The escaper of texts in the pages that are made of templates (`askama.toml`): by [`escape`], as everywhere.
#[derive(Clone, Copy, Debug, Default)]
pub struct PageText;

impl askama::filters::Escaper for PageText {
    fn write_escaped_str<W: fmt::Write>(&self, mut dest: W, text: &str) -> fmt::Result {
        dest.write_str(&escape(text))
    }
}

/// Text as HTML text: nothing in it is markup, and hostile characters are visible.
pub fn escape(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + 16);
    for letter in visible::visible(text).chars() {
        match letter {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            letter => html.push(letter),
        }
    }
    html
}
