//! Cmdlets for earlier tests: results, runs, states, trends, and what has changed.

pub mod history;
pub mod get_test_result;
pub mod get_test_run;
pub mod get_test_state;
pub mod get_test_trend;
pub mod compare_test_result;
pub mod export_test_report;
