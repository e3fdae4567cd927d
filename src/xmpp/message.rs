//! The test message (RFC 6121, section 5): what is sent, and which of what comes back is about it.
//!
//! Values and readings only; `session` moves them and `deliver` judges them. Everything is matched by
//! the random id, the nonce and the sender together, and nothing that was stored, copied or archived
//! on its way counts (XEP-0203, XEP-0280, XEP-0313).

use jid::{BareJid, FullJid, Jid};

use super::condition::{StanzaError, quote};
use super::xml::{Element, ns};

/// One test message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestMessage {
    id: String,
    nonce: String,
    to: Jid,
    body: String,
}

/// A fault in Send, besides those of the stream itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The message would be longer than the pool takes (XEP-0478).
    #[error("a message of {n_bytes} bytes, and the pool takes {limit}")]
    TooLong {
        /// The message.
        n_bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The system has no random numbers for us.
    #[error("no random numbers: {reason}")]
    NoRandomness {
        /// The text of the system's error.
        reason: String,
    },
}

impl TestMessage {
    /// A message to `to` that says `body`, with an id and a nonce of its own.
    pub fn new(to: Jid, body: &str) -> Result<Self, Fault> {
        Ok(Self { id: random()?, nonce: random()?, to, body: body.to_owned() })
    }

    /// A message with this id and nonce: for plays that are written down.
    pub fn with_marks(to: Jid, body: &str, id: &str, nonce: &str) -> Self {
        Self { id: id.to_owned(), nonce: nonce.to_owned(), to, body: body.to_owned() }
    }

    /// The stanza's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The same to know its signs by, without the text.
    pub(super) fn without_body(self) -> Self {
        Self { body: String::new(), ..self }
    }

    /// Returns the nonce, which only those know who have seen the message.
    pub fn nonce(&self) -> &str {
        &self.nonce
    }

    /// The text.
    pub(super) fn body(&self) -> &str {
        &self.body
    }

    /// The receiver, as the caller wrote it.
    pub fn to(&self) -> &Jid {
        &self.to
    }

    /// The stanza. The nonce is in an element of our own for those who know it, and in the body, so
    /// that anybody's echo quotes it.
    pub fn stanza(&self) -> Element {
        Element::new("message", ns::CLIENT)
            .with_attribute("type", "chat")
            .with_attribute("id", &*self.id)
            .with_attribute("to", self.to.as_str())
            .with_child(
                Element::new("body", ns::CLIENT).with_text(&format!("{} [{}]", self.body, self.nonce)),
            )
            .with_child(Element::new("probe", ns::PROBE).with_attribute("nonce", &*self.nonce))
            .with_child(Element::new("request", ns::RECEIPTS))
            .with_child(Element::new("no-store", ns::HINTS))
            .with_child(Element::new("no-copy", ns::HINTS))
    }

    /// Returns what a stanza says about this message, if it is about it. `own` is the address of the session that
    /// sent it.
    pub fn sign(&self, stanza: &Element, own: &FullJid) -> Option<Sign> {
        self.sign_from(stanza, sender(stanza).as_ref(), own)
    }

    /// The same, where the sender of the stanza is known: one stanza is shown to many messages.
    pub(super) fn sign_from(&self, stanza: &Element, from: Option<&Jid>, own: &FullJid) -> Option<Sign> {
        if !stanza.is("message", ns::CLIENT) {
            return None;
        }
        if stanza.attribute("type") == Some("error") {
            return self.is_bounce(stanza, from).then(|| Sign::Bounce {
                error: StanzaError::of(stanza),
                from: stanza.attribute("from").map(quote).unwrap_or_default(),
            });
        }
        if let Some(words) = from.and_then(|from| self.is_held(stanza, from)) {
            return Some(Sign::Held { words });
        }
        let from = from.filter(|from| self.is_receiver(from) && from.as_str() != own.as_str())?;
        // What comes from a bare address is a server's own answer, and no client's.
        if from.resource().is_none() || !is_live(stanza) || self.is_itself(stanza, from, own) {
            return None;
        }
        if let Some(answer) = stanza.child("answer", ns::PROBE) {
            let is_ours = answer.attribute("nonce") == Some(&*self.nonce);
            let witness = || answer.attribute("witness").map(str::to_owned);
            return is_ours.then(|| Sign::Answer { from: from.clone(), witness: witness() });
        }
        if let Some(received) = stanza.child("received", ns::RECEIPTS) {
            let is_ours = received.attribute("id") == Some(&*self.id);
            return is_ours.then(|| Sign::Receipt { from: from.clone() });
        }
        let body = stanza.child_text("body", ns::CLIENT)?;
        body.contains(&self.nonce).then(|| Sign::Answer { from: from.clone(), witness: None })
    }

    /// Whether a message to our own account is this one, come back to us as it is or as a server writes
    /// it: what another client of ours says bears its full address.
    fn is_itself(&self, stanza: &Element, from: &Jid, own: &FullJid) -> bool {
        let is_ours = || stanza.has_child("probe", ns::PROBE) || stanza.attribute("id") == Some(&*self.id);
        self.to.node() == own.node()
            && self.to.domain() == own.domain()
            && (from.resource().is_none() || is_ours())
    }

    /// Whether an address is the receiver's, whatever its resource.
    fn is_receiver(&self, from: &Jid) -> bool {
        from.node() == self.to.node() && from.domain() == self.to.domain()
    }

    /// Returns the words of the receiver's server where it keeps messages back until their sender has shown to be a
    /// person. They name no message.
    ///
    /// COMPAT: ejabberd's `mod_block_strangers` with `captcha` does (XEP-0158).
    fn is_held(&self, stanza: &Element, from: &Jid) -> Option<String> {
        let is_from_there =
            self.is_receiver(from) || (from.node().is_none() && from.domain() == self.to.domain());
        if !is_from_there || !is_live(stanza) {
            return None;
        }
        let body = stanza.child_text("body", ns::CLIENT).unwrap_or_default();
        if body.contains(&self.nonce) {
            return None;
        }
        let said = body.to_lowercase();
        let is_challenge = stanza.elements().any(|child| child.ns == CAPTCHA);
        (is_challenge || (said.contains("block") && said.contains("to unblock"))).then(|| quote(body.trim()))
    }

    /// A bounce has our id or quotes our nonce, and no other one: whoever knows them has seen the message,
    /// whatever its name. An error of the receiver that says nothing at all of what it is about counts too.
    fn is_bounce(&self, stanza: &Element, from: Option<&Jid>) -> bool {
        if let Some(quoted) = stanza.child("probe", ns::PROBE).and_then(|probe| probe.attribute("nonce")) {
            return quoted == self.nonce;
        }
        let body = stanza.child_text("body", ns::CLIENT);
        match stanza.attribute("id") {
            Some(id) if id == self.id => true,
            None if body.is_none() => from.is_some_and(|from| self.is_receiver(from)),
            Some(_) | None => body.is_some_and(|body| body.contains(&self.nonce)),
        }
    }
}

/// A message that no user gets: to a resource of a domain that nobody has. Whoever serves the domain sends it
/// back, so that its return proves that messages pass, where a ping proves it of pings.
///
/// COMPAT: Prosody 0.12 and 13 send it back with `service-unavailable`, ejabberd 23.01 and 26.07 with
/// `item-not-found`, each from exactly the address that it was sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FenceMessage {
    id: String,
    domain: String,
    resource: String,
    body: String,
}

impl FenceMessage {
    /// A message to `domain` with this id and text, to a resource of its own.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub(super) fn new(id: String, domain: &str, body: &str) -> Result<Self, Fault> {
        let resource = format!("imsh-{}", random()?);
        Ok(Self { id, domain: domain.to_owned(), resource, body: body.to_owned() })
    }

    /// The stanza: an ordinary message, as the test message is, that asks for no receipt and bears no mark
    /// of the test message.
    pub fn stanza(&self) -> Element {
        Element::new("message", ns::CLIENT)
            .with_attribute("type", "chat")
            .with_attribute("id", &*self.id)
            .with_attribute("to", format!("{}/{}", self.domain, self.resource))
            .with_child(Element::new("body", ns::CLIENT).with_text(&self.body))
            .with_child(Element::new("no-store", ns::HINTS))
            .with_child(Element::new("no-copy", ns::HINTS))
    }

    /// Whether a stanza is this message come back: from exactly its address, with the error that it holds;
    /// without one, an answer to it.
    pub(super) fn returned(&self, stanza: &Element, from: Option<&Jid>) -> Option<Option<StanzaError>> {
        let from = from?;
        let is_from_there = stanza.is("message", ns::CLIENT)
            && from.node().is_none()
            && from.domain().as_str() == self.domain
            && from.resource().is_some_and(|resource| resource.as_str() == self.resource);
        is_from_there.then(|| (stanza.attribute("type") == Some("error")).then(|| StanzaError::of(stanza)))
    }
}

/// Whether a stanza can say of any message that it did not arrive: most say nothing of the kind, as receipts do.
pub(super) fn may_be_against(stanza: &Element) -> bool {
    stanza.attribute("type") == Some("error")
        || stanza.elements().any(|child| child.ns == CAPTCHA || child.is("body", ns::CLIENT))
}

/// The id in a receipt that says nothing else: of all messages, it can be a sign of that one only.
pub(super) fn receipt_alone(stanza: &Element) -> Option<&str> {
    if may_be_against(stanza) || stanza.has_child("answer", ns::PROBE) {
        return None;
    }
    stanza.child("received", ns::RECEIPTS)?.attribute("id")
}

/// Who a stanza says that it is from, where that is an address.
pub(super) fn sender(stanza: &Element) -> Option<Jid> {
    stanza.attribute("from").and_then(|from| Jid::new(from).ok())
}

/// A sign of what became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sign {
    /// The message itself, with an error.
    Bounce {
        /// The error.
        error: StanzaError,
        /// The sender that the stanza names, verbatim: it need not be a valid address.
        from: String,
    },
    /// The receiver's server keeps messages back, and says how to get them through.
    Held {
        /// Its words.
        words: String,
    },
    /// A receipt (XEP-0184).
    Receipt {
        /// The receiver's client.
        from: Jid,
    },
    /// A message that holds our nonce.
    Answer {
        /// The receiver's client.
        from: Jid,
        /// The token that our own second session adds, and nobody else knows.
        witness: Option<String>,
    },
}

impl Sign {
    /// Whether it says that the message did not arrive.
    pub(super) fn is_against(&self) -> bool {
        matches!(self, Self::Bounce { .. } | Self::Held { .. })
    }
}

/// Whether a message came straight, neither stored nor copied nor from an archive.
pub fn is_live(message: &Element) -> bool {
    !message.elements().any(|child| {
        matches!(&*child.ns, ns::DELAY | ns::DELAY_LEGACY | ns::CARBONS | ns::FORWARD)
            || child.ns.starts_with("urn:xmpp:mam:")
    })
}

/// The marks that distinguish a test message from what people write: an id, a nonce in an element of our own, and a
/// request for a receipt, in a message between two that came straight.
///
/// INVARIANT: an answer bears no such marks, so that it is never answered itself.
struct Marks<'a> {
    id: &'a str,
    nonce: &'a str,
}

impl<'a> Marks<'a> {
    fn of(message: &'a Element) -> Option<Self> {
        let is_one_to_one = message.is("message", ns::CLIENT)
            && matches!(message.attribute("type"), None | Some("chat" | "normal"));
        let is_answer = message.has_child("answer", ns::PROBE) || message.has_child("received", ns::RECEIPTS);
        if !is_one_to_one || is_answer || !message.has_child("request", ns::RECEIPTS) || !is_live(message) {
            return None;
        }
        let id = message.attribute("id")?;
        let nonce = message.child("probe", ns::PROBE)?.attribute("nonce")?;
        [id, nonce].iter().all(|mark| (1..=MAX_MARK).contains(&mark.len())).then_some(Self { id, nonce })
    }
}

/// A test message that somebody sent us, as far as its answer needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedTest {
    id: String,
    nonce: String,
    /// The sender of the message.
    pub from: Jid,
}

impl ReceivedTest {
    /// Reads a message, if it is a test message.
    pub fn of(message: &Element) -> Option<Self> {
        let Marks { id, nonce } = Marks::of(message)?;
        let from = Jid::new(message.attribute("from")?).ok()?;
        Some(Self { id: id.to_owned(), nonce: nonce.to_owned(), from })
    }

    /// The receipt and the echo that it is owed, in this order.
    pub fn answers(&self) -> [Element; 2] {
        answers(&self.id, &self.nonce, self.from.as_str(), None)
    }

    /// Returns the error that a sender who sends more than is answered receives in place of the answers.
    pub fn over_limit(&self, words: &str) -> Element {
        let error = Element::new("error", ns::CLIENT)
            .with_attribute("type", "wait")
            .with_child(Element::new("resource-constraint", ns::STANZA_ERRORS))
            .with_child(Element::new("text", ns::STANZA_ERRORS).with_text(words))
            .with_child(Element::new(RATE_LIMIT, ns::PROBE));
        Element::new("message", ns::CLIENT)
            .with_attribute("type", "error")
            .with_attribute("id", &*self.id)
            .with_attribute("to", self.from.as_str())
            .with_child(error)
    }
}

/// The name of the condition by which `imsh respond` says that its limit is met.
pub const RATE_LIMIT: &str = "rate-limit";

/// The receipt and the echo that a test message is owed, in this order; `None` for what is no test
/// message. They go to whoever sent it.
///
/// `witness` is what a second session of ours adds to prove that it was the one.
pub fn answer(message: &Element, witness: Option<&str>) -> Option<[Element; 2]> {
    let Marks { id, nonce } = Marks::of(message)?;
    Some(answers(id, nonce, message.attribute("from")?, witness))
}

fn answers(id: &str, nonce: &str, from: &str, witness: Option<&str>) -> [Element; 2] {
    let reply = |kind: &str| {
        Element::new("message", ns::CLIENT)
            .with_attribute("type", "chat")
            .with_attribute("id", format!("{id}-{kind}"))
            .with_attribute("to", from)
            .with_child(Element::new("no-store", ns::HINTS))
            .with_child(Element::new("no-copy", ns::HINTS))
    };
    let mark = Element::new("answer", ns::PROBE).with_attribute("nonce", nonce);
    let mark = witness.into_iter().fold(mark, |mark, witness| mark.with_attribute("witness", witness));
    let receipt = Element::new("received", ns::RECEIPTS).with_attribute("id", id);
    let body = Element::new("body", ns::CLIENT).with_text(&format!("Received the test message [{nonce}]."));
    [reply("receipt").with_child(receipt), reply("answer").with_child(body).with_child(mark)]
}

/// Whether a stanza is the message of this id and nonce, straight from this sender.
pub(super) fn is_probe(stanza: &Element, id: &str, nonce: &str, sender: &BareJid) -> bool {
    stanza.is("message", ns::CLIENT)
        && stanza.attribute("type") != Some("error")
        && stanza.attribute("id") == Some(id)
        && stanza.child("probe", ns::PROBE).and_then(|probe| probe.attribute("nonce")) == Some(nonce)
        && stanza
            .attribute("from")
            .and_then(|from| Jid::new(from).ok())
            .is_some_and(|from| from.to_bare() == *sender)
        && is_live(stanza)
}

/// A ping (XEP-0199).
pub(super) fn ping(id: &str, to: &str) -> Element {
    request(id, to, Element::new("ping", ns::PING))
}

/// A question without content in this namespace.
pub(super) fn question(id: &str, to: &str, namespace: &'static str) -> Element {
    request(id, to, Element::new("query", namespace))
}

fn request(id: &str, to: &str, payload: Element) -> Element {
    Element::new("iq", ns::CLIENT)
        .with_attribute("type", "get")
        .with_attribute("id", id)
        .with_attribute("to", to)
        .with_child(payload)
}

/// Returns the answer that a request is owed (RFC 6120, section 8.2.3): a ping its result, everything else the
/// answer that we do not serve it. `None` for what is not a request.
pub(super) fn answer_request(stanza: &Element) -> Option<Element> {
    let kind = stanza.attribute("type").filter(|kind| matches!(*kind, "get" | "set"))?;
    if !stanza.is("iq", ns::CLIENT) {
        return None;
    }
    let reply = Element::new("iq", ns::CLIENT).with_attribute("id", stanza.attribute("id")?);
    let reply =
        stanza.attribute("from").into_iter().fold(reply, |reply, from| reply.with_attribute("to", from));
    if kind == "get" && stanza.has_child("ping", ns::PING) {
        return Some(reply.with_attribute("type", "result"));
    }
    let error = Element::new("error", ns::CLIENT)
        .with_attribute("type", "cancel")
        .with_child(Element::new("service-unavailable", ns::STANZA_ERRORS));
    Some(reply.with_attribute("type", "error").with_child(error))
}

/// 128 random bits in hexadecimal.
pub(super) fn random() -> Result<String, Fault> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| Fault::NoRandomness { reason: error.to_string() })?;
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
    Ok(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect())
}

/// The namespace of a challenge that only people solve (XEP-0158).
const CAPTCHA: &str = "urn:xmpp:captcha";
/// The longest id or nonce that is quoted back.
const MAX_MARK: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    fn probe() -> TestMessage {
        TestMessage::with_marks(Jid::new("adelany@contoso.com").unwrap(), "A test.", "ID", "NONCE")
    }

    fn sign(from: &str, attributes: &str, content: &str) -> Option<Sign> {
        let own = FullJid::new("kenmyer@litwareinc.com/r").unwrap();
        let xml = format!("<message from='{from}' {attributes}>{content}</message>");
        probe().sign(&crate::xmpp::xml::stanza_for_tests(&xml), &own)
    }

    #[test]
    fn a_receipt_counts_from_any_client_of_the_receiver_and_from_nobody_else() {
        let receipt = "<received xmlns='urn:xmpp:receipts' id='ID'/>";
        let by = |from| sign(from, "type='normal'", receipt);
        assert!(matches!(by("adelany@contoso.com/phone"), Some(Sign::Receipt { .. })));
        assert_eq!(by("mallory@contoso.com/phone"), None);
        assert_eq!(by("contoso.com"), None);
        assert_eq!(by("adelany@contoso.com"), None, "its server says so, and no client");
        let other = "<received xmlns='urn:xmpp:receipts' id='other'/>";
        assert_eq!(sign("adelany@contoso.com/phone", "", other), None);
    }

    #[test]
    fn a_server_that_holds_messages_back_is_heard_and_a_person_who_writes_is_not() {
        let words = "<body>Your messages to adelany@contoso.com are being blocked. To unblock them, visit \
                     http://contoso.com/captcha/1</body>";
        for from in ["adelany@contoso.com", "contoso.com"] {
            assert!(matches!(sign(from, "", words), Some(Sign::Held { .. })), "{from}");
        }
        let challenge = "<body>Prove it</body><captcha xmlns='urn:xmpp:captcha'/>";
        assert!(matches!(sign("adelany@contoso.com", "", challenge), Some(Sign::Held { .. })));
        assert_eq!(sign("mallory@contoso.com", "", words), None);
        assert_eq!(sign("adelany@contoso.com/phone", "", "<body>I am blocked</body>"), None);
    }

    #[test]
    fn an_echo_must_hold_the_nonce_and_come_straight() {
        let from = "adelany@contoso.com/phone";
        assert!(matches!(
            sign(from, "", "<body>&gt; NONCE</body>"),
            Some(Sign::Answer { witness: None, .. })
        ));
        let answer = "<answer xmlns='urn:imsh:probe:1' nonce='NONCE' witness='W'/>";
        assert!(matches!(sign(from, "", answer), Some(Sign::Answer { witness: Some(_), .. })));
        assert_eq!(sign(from, "id='ID'", "<body>hello</body>"), None);
        for stored in [
            "<delay xmlns='urn:xmpp:delay' stamp='x'/>",
            "<x xmlns='jabber:x:delay' stamp='x'/>",
            "<received xmlns='urn:xmpp:carbons:2'/>",
            "<result xmlns='urn:xmpp:mam:2'/>",
        ] {
            assert_eq!(sign(from, "", &format!("<body>NONCE</body>{stored}")), None, "{stored}");
        }
    }

    #[test]
    fn a_bounce_is_read_even_from_an_address_that_is_none() {
        let error = "<error type='cancel'><service-unavailable \
                     xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";
        for from in
            ["adelany@contoso.com", "contoso.com", "@@", "litwareinc.com", "a b@contoso.com", "fabrikam.com"]
        {
            assert!(matches!(sign(from, "type='error' id='ID'", error), Some(Sign::Bounce { .. })), "{from}");
        }
        let anonymous = |from| sign(from, "type='error'", error);
        assert!(matches!(anonymous("adelany@contoso.com/phone"), Some(Sign::Bounce { .. })));
        assert_eq!(anonymous("pilar@contoso.com"), None);
        assert_eq!(anonymous("contoso.com"), None);
        assert_eq!(sign("contoso.com", "type='error' id='other'", error), None);
        let foreign = format!("<probe xmlns='urn:imsh:probe:1' nonce='other'/>{error}");
        assert_eq!(sign("contoso.com", "type='error' id='ID'", &foreign), None);
    }

    #[test]
    fn a_test_message_is_answered_so_that_its_sender_knows_it() {
        let own = FullJid::new("kenmyer@litwareinc.com/r").unwrap();
        let arrived = probe().stanza().with_attribute("from", own.as_str());
        let [receipt, echo] = answer(&arrived, Some("W")).unwrap();
        let signs = [receipt, echo].map(|reply| {
            assert_eq!(reply.attribute("to"), Some(own.as_str()));
            probe().sign(&reply.with_attribute("from", "adelany@contoso.com/phone"), &own)
        });
        assert!(matches!(
            &signs,
            [Some(Sign::Receipt { .. }), Some(Sign::Answer { witness: Some(witness), .. })] if witness == "W"
        ));
        assert!(answer(&arrived.clone().with_attribute("type", "error"), None).is_none());
        let stored = arrived.with_child(Element::new("delay", ns::DELAY));
        assert!(answer(&stored, None).is_none());
    }

    #[test]
    fn nothing_but_a_test_message_is_answered() {
        let test = probe().stanza().with_attribute("from", "kenmyer@litwareinc.com/r");
        let [receipt, echo] = answer(&test, None).unwrap();
        for own in [receipt, echo] {
            let arrived = own.with_attribute("from", "adelany@contoso.com/phone");
            assert!(answer(&arrived, None).is_none(), "two responders would never stop: {arrived}");
        }
        let from = "from='kenmyer@litwareinc.com/r' id='ID'";
        let (body, request) = ("<body>Hello?</body>", "<request xmlns='urn:xmpp:receipts'/>");
        let nonce = "<probe xmlns='urn:imsh:probe:1' nonce='N'/>";
        for other in [
            format!("<message {from} type='chat'>{body}{request}</message>"),
            format!("<message {from} type='chat'>{body}{nonce}</message>"),
            format!("<message {from} type='groupchat'>{body}{nonce}{request}</message>"),
            format!("<message {from} type='headline'>{body}{nonce}{request}</message>"),
            format!("<message {from} type='error'>{body}{nonce}{request}</message>"),
            format!("<message from='a@b' type='chat'>{nonce}{request}</message>"),
            format!("<message id='ID'>{nonce}{request}</message>"),
            format!("<message {from}>{request}<probe xmlns='urn:imsh:probe:1' nonce=''/></message>"),
            format!("<message {from}>{nonce}{request}<sent xmlns='urn:xmpp:carbons:2'/></message>"),
            format!("<presence {from}>{nonce}{request}</presence>"),
        ] {
            assert!(answer(&crate::xmpp::xml::stanza_for_tests(&other), None).is_none(), "{other}");
        }
    }

    #[test]
    fn a_fence_message_counts_from_exactly_its_address_and_is_no_bounce_of_the_test_message() {
        let fence = FenceMessage::new("ID-message".to_owned(), "contoso.com", "A test.").unwrap();
        let sent = fence.stanza();
        let error = Element::new("error", ns::CLIENT)
            .with_attribute("type", "cancel")
            .with_child(Element::new("item-not-found", ns::STANZA_ERRORS));
        let back = |from: &str| {
            sent.clone()
                .with_attribute("type", "error")
                .with_attribute("from", from)
                .with_child(error.clone())
        };
        let from_there = back(sent.attribute("to").unwrap());
        let returned = |stanza: &Element| fence.returned(stanza, sender(stanza).as_ref());
        assert!(matches!(returned(&from_there), Some(Some(_))));
        for elsewhere in ["contoso.com", "contoso.com/imsh-0", "litwareinc.com", "adelany@contoso.com"] {
            assert_eq!(returned(&back(elsewhere)), None, "{elsewhere}");
        }
        let own = FullJid::new("kenmyer@litwareinc.com/r").unwrap();
        assert_eq!(probe().sign(&from_there, &own), None);
        assert!(answer(&sent.with_attribute("from", own.as_str()), None).is_none(), "nobody answers it");
    }

    #[test]
    fn a_request_is_answered_and_an_answer_is_not() {
        let request = Element::new("iq", ns::CLIENT).with_attribute("id", "1").with_attribute("from", "a@b");
        let get = request.clone().with_attribute("type", "get");
        let pong = answer_request(&get.clone().with_child(Element::new("ping", ns::PING))).unwrap();
        assert_eq!((pong.attribute("type"), pong.attribute("to")), (Some("result"), Some("a@b")));
        let refusal = answer_request(&get.with_child(Element::new("query", "u"))).unwrap();
        assert_eq!(refusal.attribute("type"), Some("error"));
        assert_eq!(answer_request(&request.with_attribute("type", "result")), None);
    }
}
