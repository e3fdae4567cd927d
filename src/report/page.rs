//! The pages: a whole report, and one pair.
//!
//! Each is one document that loads nothing. What a store holds is text here, whoever wrote it.

use askama::Template;
use jiff::tz::TimeZone;

use super::model::StatusReport;
use super::view::{Links, PairSection, Sheet};
use crate::render::policy::{PageKind, SCRIPT, STYLE, policy};

/// The frame around a report.
#[derive(Clone, Debug, PartialEq)]
pub struct PageFrame {
    /// The title.
    pub title: String,
    /// The zone that times are told in.
    pub zone: TimeZone,
    /// Whether a server keeps the page up to date; none for a file.
    pub live: Option<LivePage>,
}

/// A page that a watcher serves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LivePage {
    /// After how many seconds it asks for what is new.
    pub refresh: u32,
    /// The watcher's status, as names and values.
    pub watcher: Vec<(&'static str, String)>,
    /// The problems of the watcher itself, a sentence each.
    pub troubles: Vec<String>,
    /// The filters that the reader has asked for: the pools, the receivers, the state.
    pub asked: [String; 3],
}

impl LivePage {
    /// The problems that the page shows.
    fn first_troubles(&self) -> &[String] {
        &self.troubles[..self.troubles.len().min(MOST_TROUBLES)]
    }

    /// Returns the number of those that it leaves out.
    fn n_more_troubles(&self) -> usize {
        self.troubles.len().saturating_sub(MOST_TROUBLES)
    }
}

/// The maximum number of the watcher's problems on its page.
const MOST_TROUBLES: usize = 5;

#[derive(Template)]
#[template(path = "report.html")]
struct ReportPage<'a> {
    sheet: Sheet<'a>,
    frame: &'a PageFrame,
    policy: &'static str,
}

#[derive(Template)]
#[template(path = "pair.html")]
struct PairPage<'a> {
    sheet: Sheet<'a>,
    sections: Vec<PairSection<'a>>,
    frame: &'a PageFrame,
    policy: &'static str,
}

impl PageFrame {
    fn kind(&self) -> PageKind {
        if self.live.is_some() { PageKind::Live } else { PageKind::Scripted }
    }

    fn links(&self) -> Links {
        if self.live.is_some() { Links::Pages } else { Links::Inside }
    }

    fn refresh(&self) -> u32 {
        self.live.as_ref().map_or(0, |live| live.refresh)
    }

    fn style(&self) -> &'static str {
        STYLE
    }

    fn script(&self) -> &'static str {
        SCRIPT
    }
}

/// A report as one HTML document.
pub fn report(report: &StatusReport, frame: &PageFrame) -> String {
    let sheet = Sheet::new(report, frame.links(), frame.zone.clone());
    let page = ReportPage { sheet, frame, policy: policy(frame.kind()) };
    // Writing into memory does not fail, and the template calls nothing that could.
    page.render().unwrap_or_default()
}

/// The pairs of a report that are shown in full as one HTML document.
pub fn pair(report: &StatusReport, frame: &PageFrame) -> String {
    let sheet = Sheet::new(report, frame.links(), frame.zone.clone());
    let page = PairPage { sections: sheet.sections(), sheet, frame, policy: policy(frame.kind()) };
    page.render().unwrap_or_default()
}
