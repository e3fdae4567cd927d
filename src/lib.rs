//! imsh, a shell for the people who run instant messaging.

pub mod front;
pub mod script;
pub mod host;
pub mod render;
pub mod cmdlets;
pub mod verify;
pub mod diagnosis;
pub mod xmpp;
pub mod cmdlet;
pub mod topology;
pub mod access;
pub mod vault;
pub mod address;
pub mod durable;
pub mod secret;
pub mod value;
pub mod lab;
