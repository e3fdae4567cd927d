//! The cmdlets that filter, shape, sort, convert and print what a pipe carries.

pub mod properties;
pub mod text_file;
mod encoding;
mod csv_table;
pub mod drive;

pub mod write_output;
pub mod where_object;
pub mod for_each_object;
pub mod select_object;
pub mod sort_object;
pub mod group_object;
pub mod measure_object;
pub mod compare_object;
pub mod tee_object;
pub mod format_list;
pub mod format_table;
pub mod convert_to_json;
pub mod convert_from_json;
pub mod convert_to_csv;
pub mod convert_from_csv;
pub mod export_csv;
pub mod import_csv;
pub mod get_content;
pub mod convert_to_html;
pub mod out_file;
pub mod out_host;
pub mod get_drive_item;
pub mod remove_drive_item;
pub mod out_string;
pub mod out_null;
pub mod write_host;
pub mod write_warning;
pub mod write_error;
pub mod write_verbose;
pub mod write_progress;
