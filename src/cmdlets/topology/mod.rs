//! Pools, partners, settings.

pub mod settings;
mod named;

pub mod get_pool;
pub mod get_xmpp_allowed_partner;
pub mod get_xmpp_gateway_configuration;
pub mod get_health_monitoring_configuration;
pub mod get_topology_setting;
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
pub mod get_watcher_node_configuration;
pub mod new_watcher_node_configuration;
pub mod set_watcher_node_configuration;
pub mod remove_watcher_node_configuration;
pub mod get_watcher_notification;
pub mod new_watcher_notification;
pub mod set_watcher_notification;
pub mod remove_watcher_notification;
