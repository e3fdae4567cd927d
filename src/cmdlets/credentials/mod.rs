//! Passwords and certificates.

pub mod get_credential;
pub mod set_test_user_credential;
pub mod get_test_user_credential;
pub mod remove_test_user_credential;
