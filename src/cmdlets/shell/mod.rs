//! Help, history, transcripts, measuring.

pub mod help;

pub mod get_help;
pub mod get_command;
pub mod get_history;
pub mod get_alias;
pub mod set_alias;
pub mod remove_alias;
pub mod start_transcript;
pub mod stop_transcript;
pub mod start_sleep;
pub mod get_date;
pub mod read_host;
pub mod get_member;
pub mod measure_command;
