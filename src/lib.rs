//! imsh, a shell for the people who run instant messaging: it logs on to a pool as a test user,
//! sends a message to a user on an XMPP network, and tells the truth about what became of it.
//!
//! # The map
//!
//! A module imports only from the layers below its own (`tests/layers.rs` holds the law):
//!
//! ```text
//! main
//!   front                      the command line, -c and run, the shell; prints and exits
//!     script                   Rhai, and PowerShell's command lines inside it
//!       host ───── render      the one door to every cmdlet · records → text
//!         cmdlets              one file each, in a folder for each family
//!           call               the contract of a call: arguments, streams, context
//!             verify           plan, attempt, batch, outcome
//!               diagnosis      fault + trace → code, owner, words, remedy; pure
//!                 xmpp         resolve → connect → secure → sasl → bind → message → deliver
//!                   result · cmdlet · topology · access · vault · value · address · secret      ground
//! lab                          a network to practise on
//! ```
//!
//! Nothing below `front` prints, exits or reads the environment. Nothing below `script` knows
//! Rhai. `xmpp` knows facts and no wording; `diagnosis` has the words and no I/O. A cmdlet is
//! reached through [`host::Host::pipeline`] and in no other way.
//!
//! # Where to begin
//!
//! - The client path: [`xmpp::connect`] reads as the list of phases, then [`xmpp::deliver`].
//! - What a success rests on: [`topology::Evidence`] and [`xmpp::deliver::Proof`].
//! - A cmdlet: `cmdlets/topology/get_pool.rs` is a small one, `cmdlets/verify/test_xmpp_im.rs` the one
//!   that everything else is there for. A new one is a file beside them and a line in
//!   [`cmdlets::ALL`]; help, completion, binding and the gate read its description.
//! - A new fault: a variant beside the phase that raises it, words in `diagnosis`, and a way to
//!   see it in `lab`. The matches are complete: what is missing does not compile.
//! - Embedding: `examples/embed.rs`.

pub mod front;
pub mod script;
pub mod host;
pub mod render;
pub mod cmdlets;
pub mod call;
pub mod store;
pub mod verify;
pub mod diagnosis;
pub mod xmpp;
pub mod cmdlet;
pub mod topology;
pub mod access;
pub mod vault;
pub mod result;
pub mod value;
pub mod address;
pub mod durable;
pub mod trusted;
pub mod secret;
pub mod lab;
