//! The cmdlets, one file each, in a folder for each family.
//!
//! A file states the cmdlet's description as data and then `run`. A cmdlet reads its call, emits
//! records, and asks the context for everything else. It never imports another cmdlet, prints,
//! exits, or reads the environment. The gate has allowed the call before it runs.

pub mod verify;
pub mod topology;
pub mod credentials;
pub mod access;
pub mod results;
pub mod shell;
pub mod objects;

use crate::call::Cmdlet;
use crate::cmdlet::Catalogue;

/// The descriptions of all cmdlets.
pub fn catalogue() -> Catalogue {
    Catalogue::new(ALL.iter().map(|cmdlet| &cmdlet.description))
}

/// Every cmdlet, in the order of help.
pub static ALL: &[&Cmdlet] = &[
    &verify::test_xmpp_im::CMDLET,
    &verify::test_registration::CMDLET,
    &verify::test_topology::CMDLET,
    &verify::test_federated_partner::CMDLET,
    &verify::test_xmpp_ping::CMDLET,
    &topology::get_pool::CMDLET,
    &topology::get_xmpp_allowed_partner::CMDLET,
    &topology::get_xmpp_gateway_configuration::CMDLET,
    &topology::get_health_monitoring_configuration::CMDLET,
    &topology::get_watcher_node_configuration::CMDLET,
    &topology::get_watcher_notification::CMDLET,
    &topology::get_topology_setting::CMDLET,
    &credentials::get_credential::CMDLET,
    &credentials::set_test_user_credential::CMDLET,
    &credentials::get_test_user_credential::CMDLET,
    &credentials::remove_test_user_credential::CMDLET,
    &shell::get_help::CMDLET,
    &shell::get_command::CMDLET,
    &shell::get_history::CMDLET,
    &shell::get_alias::CMDLET,
    &shell::set_alias::CMDLET,
    &shell::remove_alias::CMDLET,
    &shell::start_transcript::CMDLET,
    &shell::stop_transcript::CMDLET,
    &shell::start_sleep::CMDLET,
    &shell::get_date::CMDLET,
    &shell::read_host::CMDLET,
    &topology::new_pool::CMDLET,
    &topology::set_pool::CMDLET,
    &topology::remove_pool::CMDLET,
    &topology::new_xmpp_allowed_partner::CMDLET,
    &topology::set_xmpp_allowed_partner::CMDLET,
    &topology::remove_xmpp_allowed_partner::CMDLET,
    &topology::set_xmpp_gateway_configuration::CMDLET,
    &topology::new_health_monitoring_configuration::CMDLET,
    &topology::set_health_monitoring_configuration::CMDLET,
    &topology::remove_health_monitoring_configuration::CMDLET,
    &topology::new_watcher_node_configuration::CMDLET,
    &topology::set_watcher_node_configuration::CMDLET,
    &topology::remove_watcher_node_configuration::CMDLET,
    &topology::new_watcher_notification::CMDLET,
    &topology::set_watcher_notification::CMDLET,
    &topology::remove_watcher_notification::CMDLET,
    &access::get_admin_role::CMDLET,
    &access::new_admin_role::CMDLET,
    &access::set_admin_role::CMDLET,
    &access::remove_admin_role::CMDLET,
    &access::get_admin_role_assignment::CMDLET,
    &access::grant_admin_role::CMDLET,
    &access::revoke_admin_role::CMDLET,
    &access::get_admin_principal::CMDLET,
    &access::new_admin_principal::CMDLET,
    &access::set_admin_principal::CMDLET,
    &access::remove_admin_principal::CMDLET,
    &access::lock_admin_principal::CMDLET,
    &access::unlock_admin_principal::CMDLET,
    &access::get_admin_session::CMDLET,
    &access::stop_admin_session::CMDLET,
    &access::get_audit_log::CMDLET,
    &access::test_audit_log::CMDLET,
    &results::get_test_result::CMDLET,
    &results::get_test_run::CMDLET,
    &results::get_test_state::CMDLET,
    &results::get_test_trend::CMDLET,
    &results::compare_test_result::CMDLET,
    &results::export_test_report::CMDLET,
    &objects::write_output::CMDLET,
    &objects::where_object::CMDLET,
    &objects::for_each_object::CMDLET,
    &objects::select_object::CMDLET,
    &objects::sort_object::CMDLET,
    &objects::group_object::CMDLET,
    &objects::measure_object::CMDLET,
    &objects::compare_object::CMDLET,
    &objects::tee_object::CMDLET,
    &shell::get_member::CMDLET,
    &shell::measure_command::CMDLET,
    &objects::format_list::CMDLET,
    &objects::format_table::CMDLET,
    &objects::convert_to_json::CMDLET,
    &objects::convert_from_json::CMDLET,
    &objects::convert_to_csv::CMDLET,
    &objects::convert_from_csv::CMDLET,
    &objects::export_csv::CMDLET,
    &objects::import_csv::CMDLET,
    &objects::get_content::CMDLET,
    &objects::convert_to_html::CMDLET,
    &objects::out_file::CMDLET,
    &objects::out_host::CMDLET,
    &objects::get_drive_item::CMDLET,
    &objects::remove_drive_item::CMDLET,
    &objects::out_string::CMDLET,
    &objects::out_null::CMDLET,
    &objects::write_host::CMDLET,
    &objects::write_warning::CMDLET,
    &objects::write_error::CMDLET,
    &objects::write_verbose::CMDLET,
    &objects::write_progress::CMDLET,
];
