//! The finding that it is this machine that is off line, whatever failed first because of it.

use super::{Context, Finding, catalogue};
use crate::xmpp::offline::Offline;
use crate::xmpp::trace::{Fact, Trace};

/// Returns what was found out about this machine, where it was in doubt.
pub(super) fn seen(trace: &Trace) -> Option<Offline> {
    trace.facts().find_map(|(_, fact)| if let Fact::Offline(offline) = fact { Some(*offline) } else { None })
}

/// Takes the place of `instead`, which a machine that is off line cannot know.
pub(super) fn finding(offline: Offline, instead: &Finding, context: &Context<'_>) -> Finding {
    let title = match offline {
        Offline::NoInterface | Offline::NoRoute => {
            format!("this machine is off line, so that nothing is known about {}", context.pool)
        }
        Offline::NobodyAnswers => {
            format!(
                "neither {} nor any name server answers this machine, which seems to be off line",
                context.pool
            )
        }
    };
    let finding = Finding::of(&catalogue::OFFLINE, title).evidence(offline);
    instead.evidence.iter().fold(finding.evidence(&instead.title), Finding::evidence)
}
