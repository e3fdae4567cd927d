//! Roles, principals, the audit log.

pub mod authority;
pub mod principal;
pub mod session;

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
pub mod lock_admin_principal;
pub mod unlock_admin_principal;
pub mod get_admin_session;
pub mod stop_admin_session;
pub mod get_audit_log;
pub mod test_audit_log;
