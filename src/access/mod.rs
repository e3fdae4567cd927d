//! Principals, roles and scopes.
