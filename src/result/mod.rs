//! The result of one test: one typed [`Report`] for every kind of test, and the schema of its properties.
//!
//! Ground: imports `value` alone. Whoever tests makes a `Report`; records, views, outputs, the tally,
//! logs and the store read it. [`Report::to_record`] and [`Report::of`] are the only bridges between a
//! report and a record, and both walk the schema, so that a property's name, type, label, unit, column
//! and metric stand once, in [`schema`]. What a kind of test is (its properties, views, names) stands
//! once in [`kind`]. Never diagnoses: codes and words are made above.

// Reading order.
pub mod report;
pub mod kind;
pub mod schema;
pub mod log;
mod bridge;
mod span;

pub use kind::TestKind;
pub use report::{
    AskedTest, Report, ReportStep, ResultWarning, TestGroup, TestIdentity, TestOutcome, WarningSeverity,
};
