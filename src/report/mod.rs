//! Reports of what was tested over a time: one model, and the pages that are made of it.
//!
//! Stands above `store` and below `cmdlets`: `Export-TestReport` writes a [`StatusReport`] into a file, and
//! the watcher shows the same parts as pages. [`StatusReport::read`] asks the store for states and rollups,
//! and for single results only of the few pairs that are shown in full. [`page`] makes HTML of it: texts go
//! in unescaped and are escaped in one place, by the templates.

pub mod model;
mod read;
mod view;
mod chart;
pub mod page;

pub use self::model::StatusReport;
pub use self::read::ReportRequest;
