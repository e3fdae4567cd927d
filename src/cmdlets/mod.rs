//! The cmdlets, one file each, and what a call of one is.
//!
//! A file states the description as data and then `run`. A cmdlet reads its [`Call`], emits
//! records, and asks the world that the call brings; it never imports a sibling, prints, exits,
//! or reads the environment. Leave has been asked before it runs.

pub mod bound;
pub mod call;
pub mod store;
pub mod world;
pub mod filter;
pub mod properties;
pub mod files;
pub mod transcript;
pub mod change;
pub mod settings;
pub mod authority;
pub mod principal;
pub mod verifying;

pub mod help;

pub mod test_xmpp_im;
pub mod test_registration;
pub mod test_topology;
pub mod test_federated_partner;
pub mod get_pool;
pub mod get_xmpp_allowed_partner;
pub mod get_xmpp_gateway_configuration;
pub mod get_health_monitoring_configuration;
pub mod get_help;
pub mod get_command;
pub mod get_history;
pub mod start_transcript;
pub mod stop_transcript;
pub mod start_sleep;
pub mod get_date;
pub mod read_host;
pub mod get_credential;
pub mod set_test_user_credential;
pub mod get_test_user_credential;
pub mod remove_test_user_credential;

pub mod new_pool;
pub mod set_pool;
pub mod remove_pool;
pub mod new_xmpp_allowed_partner;
pub mod set_xmpp_allowed_partner;
pub mod remove_xmpp_allowed_partner;
pub mod set_xmpp_gateway_configuration;
pub mod new_health_monitoring_configuration;
pub mod set_health_monitoring_configuration;
pub mod remove_health_monitoring_configuration;
pub mod get_admin_role;
pub mod new_admin_role;
pub mod set_admin_role;
pub mod remove_admin_role;
pub mod get_admin_role_assignment;
pub mod grant_admin_role;
pub mod revoke_admin_role;
pub mod get_admin_principal;
pub mod new_admin_principal;
pub mod set_admin_principal;
pub mod remove_admin_principal;
pub mod get_audit_log;
pub mod test_audit_log;

pub mod write_output;
pub mod where_object;
pub mod for_each_object;
pub mod select_object;
pub mod sort_object;
pub mod group_object;
pub mod measure_object;
pub mod compare_object;
pub mod tee_object;
pub mod get_member;
pub mod measure_command;
pub mod format_list;
pub mod format_table;
pub mod convert_to_json;
pub mod convert_from_json;
pub mod convert_to_csv;
pub mod export_csv;
pub mod import_csv;
pub mod get_content;
pub mod convert_to_html;
pub mod out_file;
pub mod out_string;
pub mod out_null;
pub mod write_host;
pub mod write_warning;
pub mod write_error;
pub mod write_verbose;
pub mod write_progress;

use futures_util::future::BoxFuture;

pub use bound::Bound;
pub use call::{Action, Call, Halt, Input, LeaveForAll, Lenders, Outcome, Output, Streams};
pub use world::{Leave, NoAnswer, Nobody, Operator, World};

use crate::cmdlet::Description;

/// A cmdlet: what it says of itself, and what it does.
#[derive(Debug)]
pub struct Cmdlet {
    /// What it says of itself.
    pub description: Description,
    /// What it does.
    pub run: Run,
}

/// What a cmdlet does with a call.
pub type Run = fn(Call) -> BoxFuture<'static, Outcome>;

/// Every cmdlet, in the order of help.
pub static ALL: &[&Cmdlet] = &[
    &test_xmpp_im::CMDLET,
    &test_registration::CMDLET,
    &test_topology::CMDLET,
    &test_federated_partner::CMDLET,
    &get_pool::CMDLET,
    &get_xmpp_allowed_partner::CMDLET,
    &get_xmpp_gateway_configuration::CMDLET,
    &get_health_monitoring_configuration::CMDLET,
    &get_credential::CMDLET,
    &set_test_user_credential::CMDLET,
    &get_test_user_credential::CMDLET,
    &remove_test_user_credential::CMDLET,
    &get_help::CMDLET,
    &get_command::CMDLET,
    &get_history::CMDLET,
    &start_transcript::CMDLET,
    &stop_transcript::CMDLET,
    &start_sleep::CMDLET,
    &get_date::CMDLET,
    &read_host::CMDLET,
    &new_pool::CMDLET,
    &set_pool::CMDLET,
    &remove_pool::CMDLET,
    &new_xmpp_allowed_partner::CMDLET,
    &set_xmpp_allowed_partner::CMDLET,
    &remove_xmpp_allowed_partner::CMDLET,
    &set_xmpp_gateway_configuration::CMDLET,
    &new_health_monitoring_configuration::CMDLET,
    &set_health_monitoring_configuration::CMDLET,
    &remove_health_monitoring_configuration::CMDLET,
    &get_admin_role::CMDLET,
    &new_admin_role::CMDLET,
    &set_admin_role::CMDLET,
    &remove_admin_role::CMDLET,
    &get_admin_role_assignment::CMDLET,
    &grant_admin_role::CMDLET,
    &revoke_admin_role::CMDLET,
    &get_admin_principal::CMDLET,
    &new_admin_principal::CMDLET,
    &set_admin_principal::CMDLET,
    &remove_admin_principal::CMDLET,
    &get_audit_log::CMDLET,
    &test_audit_log::CMDLET,
    &write_output::CMDLET,
    &where_object::CMDLET,
    &for_each_object::CMDLET,
    &select_object::CMDLET,
    &sort_object::CMDLET,
    &group_object::CMDLET,
    &measure_object::CMDLET,
    &compare_object::CMDLET,
    &tee_object::CMDLET,
    &get_member::CMDLET,
    &measure_command::CMDLET,
    &format_list::CMDLET,
    &format_table::CMDLET,
    &convert_to_json::CMDLET,
    &convert_from_json::CMDLET,
    &convert_to_csv::CMDLET,
    &export_csv::CMDLET,
    &import_csv::CMDLET,
    &get_content::CMDLET,
    &convert_to_html::CMDLET,
    &out_file::CMDLET,
    &out_string::CMDLET,
    &out_null::CMDLET,
    &write_host::CMDLET,
    &write_warning::CMDLET,
    &write_error::CMDLET,
    &write_verbose::CMDLET,
    &write_progress::CMDLET,
];

/// A clause of a lower layer as a sentence: a capital in front, but not of an address, and a full stop
/// behind.
pub(crate) fn sentence(clause: &str) -> String {
    let is_address = clause.split_whitespace().next().is_some_and(|word| word.contains('@'));
    let mut letters = clause.chars();
    let first: String = match letters.next() {
        Some(first) if is_address => first.to_string(),
        first => first.map(|first| first.to_uppercase().collect()).unwrap_or_default(),
    };
    let stop = if clause.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{stop}", letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_has_a_capital_in_front_and_an_address_stays_as_it_is() {
        for (clause, said) in [
            ("a domain is missing", "A domain is missing."),
            (
                "kim@contoso.com is the first test user already",
                "kim@contoso.com is the first test user already.",
            ),
            ("was it?", "Was it?"),
            ("", "."),
        ] {
            assert_eq!(sentence(clause), said);
        }
    }
}
