//! Stream management (XEP-0198), as far as it is an acknowledgement: who has counted what.
//!
//! Counts, and says what to send; the session sends it. Never resumes a stream.

use super::super::xml::{Element, ns};

/// The counts of both sides in stream management (XEP-0198).
pub(super) struct Management {
    state: ManagementState,
    n_sent: u32,
    n_received: u32,
}

#[derive(Clone, Copy, PartialEq)]
enum ManagementState {
    Offered,
    /// Asked for. What is sent from here on counts.
    Requested,
    Enabled,
    Missing,
}

/// The meaning of an element of the server's for the session.
pub(super) enum Said {
    /// Nothing.
    Nothing,
    /// It refuses to count: what waits for its count needs another proof.
    Refused,
    /// It has counted so many stanzas.
    Counted(u32),
    /// It wants this answer.
    Asked(Element),
}

impl Management {
    /// Of a stream whose features offer it, or do not.
    pub(super) fn of(features: &Element) -> Self {
        let is_offered = features.has_child("sm", ns::MANAGEMENT);
        let state = if is_offered { ManagementState::Offered } else { ManagementState::Missing };
        Self { state, n_sent: 0, n_received: 0 }
    }

    /// Returns the element that asks for stream management, the first time, where it is offered.
    pub(super) fn request(&mut self) -> Option<Element> {
        let is_due = self.state == ManagementState::Offered;
        is_due.then(|| {
            self.state = ManagementState::Requested;
            Element::new("enable", ns::MANAGEMENT)
        })
    }

    /// Returns the number of stanzas that were sent; none where nobody counts them.
    pub(super) fn place(&self) -> Option<u32> {
        (self.state != ManagementState::Missing).then_some(self.n_sent)
    }

    /// A stanza leaves.
    pub(super) fn sent(&mut self) {
        if self.state != ManagementState::Offered {
            self.n_sent = self.n_sent.wrapping_add(1);
        }
    }

    /// A stanza came.
    pub(super) fn received(&mut self) {
        self.n_received = self.n_received.wrapping_add(1);
    }

    /// Returns the number of stanzas that were sent, whoever counts.
    pub(super) fn n_sent(&self) -> u32 {
        self.n_sent
    }

    /// The server says something in the namespace of stream management.
    pub(super) fn read(&mut self, element: &Element) -> Said {
        match (&*element.name, self.state) {
            ("enabled", ManagementState::Requested) => {
                self.state = ManagementState::Enabled;
                self.n_received = 0;
                Said::Nothing
            }
            ("failed", ManagementState::Requested) => {
                self.state = ManagementState::Missing;
                Said::Refused
            }
            ("a", ManagementState::Enabled) => {
                let count = element.attribute("h").and_then(|count| count.parse().ok());
                count.map_or(Said::Nothing, Said::Counted)
            }
            ("r", ManagementState::Enabled) => {
                let count = self.n_received.to_string();
                Said::Asked(Element::new("a", ns::MANAGEMENT).with_attribute("h", count))
            }
            _ => Said::Nothing,
        }
    }
}

/// Whether a count covers a place. Counts wrap (XEP-0198, section 4).
pub(super) fn covers(count: u32, place: u32) -> bool {
    count.wrapping_sub(place) < 1 << 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_covers_what_it_has_reached_beyond_the_end_of_numbers_too() {
        for (count, place, expected) in
            [(0, 0, true), (2, 1, true), (1, 2, false), (0, u32::MAX, true), (u32::MAX, 0, false)]
        {
            assert_eq!(covers(count, place), expected, "{count} {place}");
        }
    }

    #[test]
    fn it_is_asked_for_once_and_counts_from_then_on() {
        let offer = Element::new("sm", ns::MANAGEMENT);
        let mut management = Management::of(&Element::new("features", ns::STREAMS).with_child(offer));
        management.sent();
        assert!(management.request().is_some() && management.request().is_none());
        management.sent();
        assert_eq!(management.place(), Some(1));
        // Nobody counts before it is enabled.
        let count = Element::new("a", ns::MANAGEMENT).with_attribute("h", "7");
        assert!(matches!(management.read(&count), Said::Nothing));
        management.read(&Element::new("enabled", ns::MANAGEMENT));
        assert!(matches!(management.read(&count), Said::Counted(7)));
        let asked = management.read(&Element::new("r", ns::MANAGEMENT));
        assert!(matches!(asked, Said::Asked(answer) if answer.attribute("h") == Some("0")));
        assert_eq!(Management::of(&Element::new("features", ns::STREAMS)).place(), None);
    }
}
