//! Records into bytes: list, table, JSON.
