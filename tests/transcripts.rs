//! Plays with two voices, held against the client over an in-memory pipe.
//!
//! `tests/transcripts/<phase>/*.xmpp`: comments first (`#`), then settings (`name: value`), then lines:
//!
//! ```text
//! C: <xml/>     the client must send this element next; attributes in any order
//! S: <xml/>     the server sends this
//! S: EOF        the server closes the connection
//! => text       how the phase must end: a success, or the words of its fault
//! -> text       what must be learned besides, in order (Deliver: proofs and bounces)
//! ```
//!
//! `{name}` in a `C:` line takes whatever stands there, and the same thing wherever it stands again;
//! in an `S:` line it is put in. `{base64:…}` stands for the encoding of what is in it, `{signature}`
//! for what a SCRAM server that knows the password would sign, `{×N:…}` for N times the rest,
//! `{alert}` for an alert of TLS.
//! Behind the last line the server answers one thing more: the client's question whether it still lives, unless
//! the play says `afterwards: silence`.
//! `play: NAME` puts in the lines of `tests/transcripts/prelude/NAME.xmpp`.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![expect(clippy::print_stderr, reason = "a failed play prints itself")]

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, Mac};
use imsh::internals::secret::Secret;
use imsh::internals::topology::Evidence;
use imsh::internals::xmpp::Fault;
use imsh::internals::xmpp::bind::bind;
use imsh::internals::xmpp::deliver::{Bounce, DeliveryRequest, FenceKind, OpenDoubt, deliver};
use imsh::internals::xmpp::message::TestMessage;
use imsh::internals::xmpp::sasl::{Authentication, KeyCache, Login, Mechanism, PlainPassword, authenticate};
use imsh::internals::xmpp::secure::{ChannelBindings, VerifiedTls};
use imsh::internals::xmpp::session::{Upkeep, XmppSession};
use imsh::internals::xmpp::stream::{Plain, Secured, Stream};
use imsh::internals::xmpp::trace::Trace;
use imsh::internals::xmpp::xml::{Element, Node, StreamReader, XmlFrame};
use jid::{BareJid, Jid};
use sha1::Digest as _;
use tokio::io::{AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf, duplex, split};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn every_play_ends_as_it_is_written() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let mut plays = Vec::new();
    for phase in ["stream", "starttls", "sasl", "bind", "deliver"] {
        let directory = std::fs::read_dir(root.join(phase)).unwrap();
        plays.extend(directory.map(|entry| (phase, entry.unwrap().path())));
    }
    assert!(plays.len() > 40, "only {} plays were found", plays.len());
    let played = plays.into_iter().map(|(phase, path)| async move {
        play(phase, &path).await.map_err(|error| format!("{}: {error}", path.display()))
    });
    let failed: Vec<String> =
        futures_util::future::join_all(played).await.into_iter().filter_map(Result::err).collect();
    for failure in &failed {
        eprintln!("{failure}\n");
    }
    assert!(failed.is_empty(), "{} plays went wrong", failed.len());
}

/// One play, read.
#[derive(Default)]
struct Play {
    settings: HashMap<String, String>,
    lines: Vec<Line>,
    outcome: Option<String>,
    learned: Vec<String>,
}

enum Line {
    Client(String),
    Server(String),
}

impl Play {
    fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let mut play = Self::default();
        for line in text.lines().map(str::trim_end).filter(|line| !line.is_empty() && !line.starts_with('#'))
        {
            match line.split_at_checked(3) {
                Some(("C: ", xml)) => play.lines.push(Line::Client(xml.to_owned())),
                Some(("S: ", xml)) => play.lines.push(Line::Server(xml.to_owned())),
                Some(("=> ", outcome)) => play.outcome = Some(outcome.to_owned()),
                Some(("-> ", fact)) => play.learned.push(fact.to_owned()),
                _ => play.set(line, path),
            }
        }
        play
    }

    fn set(&mut self, line: &str, path: &Path) {
        let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("{}: {line}", path.display()));
        if name == "play" {
            let prelude: PathBuf = path.parent().unwrap().join(format!("../prelude/{value}.xmpp"));
            let prelude = Self::read(&prelude);
            self.settings.extend(prelude.settings);
            self.lines.extend(prelude.lines);
        } else {
            self.settings.insert(name.to_owned(), value.to_owned());
        }
    }

    fn setting<'a>(&'a self, name: &str, default: &'a str) -> &'a str {
        self.settings.get(name).map_or(default, String::as_str)
    }
}

async fn play(phase: &'static str, path: &Path) -> Result<(), String> {
    let play = Play::read(path);
    let (near, far) = duplex(64 * 1024);
    let server = Server::new(far, play.setting("password", PASSWORD));
    let (told, played) =
        tokio::join!(timeout(LONGEST, perform(phase, near, &play)), timeout(LONGEST, server.perform(&play)),);
    let (outcome, learned) = told.map_err(|_| "the client hangs".to_owned())?;
    played
        .map_err(|_| "the server hangs".to_owned())
        .flatten()
        .map_err(|error| format!("{error}\n=> {outcome}"))?;
    // Times and sizes that differ from run to run stand as `{…}`.
    let wanted = play.outcome.as_deref().unwrap_or_default();
    let mut pattern = String::new();
    for (n, part) in wanted.split(['{', '}']).enumerate() {
        pattern.push_str(&if n % 2 == 0 { regex::escape(part) } else { ".+".to_owned() });
    }
    let is_as_wanted = regex::Regex::new(&format!("^{pattern}$")).unwrap().is_match(&outcome);
    if !is_as_wanted || (!play.learned.is_empty() && learned != play.learned) {
        return Err(format!("\n=> {outcome}\n-> {}", learned.join("\n-> ")));
    }
    Ok(())
}

/// Runs the client up to the phase and says how it ended and what it learned.
async fn perform(phase: &str, io: DuplexStream, play: &Play) -> (String, Vec<String>) {
    let mut learned = Vec::new();
    let outcome = match try_perform(phase, io, play, &mut learned).await {
        Ok(success) => success,
        Err(fault) => fault.to_string(),
    };
    (outcome, learned)
}

async fn try_perform(
    phase: &str,
    io: DuplexStream,
    play: &Play,
    learned: &mut Vec<String>,
) -> Result<String, Fault> {
    let mut trace = Trace::new();
    let account = BareJid::new("kenmyer@litwareinc.com").unwrap();
    if phase == "starttls" || play.setting("over", "tls") == "tcp" {
        let stream = Stream::<_, Plain>::open(io, account.domain().as_str(), &mut trace).await?;
        if phase == "stream" {
            stream.close().await;
            return Ok("opened".into());
        }
        stream.start_tls(&mut trace).await?;
        return Ok("proceeds".into());
    }
    let io = VerifiedTls::in_memory(io, bindings(play));
    let stream = Stream::<_, Secured>::open(io, &account, &mut trace).await?;
    if phase == "stream" {
        stream.close().await;
        return Ok("opened".into());
    }
    let stream = authenticate(stream, &login(play, account), &KeyCache::default(), &mut trace).await?;
    if phase == "sasl" {
        learned
            .extend(trace.facts().map(|(_, fact)| fact.to_string()).filter(|fact| fact.starts_with("using")));
        return Ok("authenticated".into());
    }
    let stream = bind(stream, &mut trace).await?;
    let session = XmppSession::start(stream, Upkeep::default());
    if phase == "bind" {
        return Ok(format!("bound as {}", session.jid()));
    }
    let to = Jid::new(play.setting("to", "adelany@contoso.com")).unwrap();
    let wanted = DeliveryRequest {
        minimum: Evidence::named(play.setting("minimum", "AcceptedByPartner")).unwrap(),
        within: milliseconds(play.setting("within", "15000")),
        linger: milliseconds(play.setting("linger", "1000")),
        linger_within: milliseconds("60000"),
        fence: match play.setting("fence", "both") {
            "ping" => FenceKind::Ping,
            "message" => FenceKind::Message,
            _ => FenceKind::Both,
        },
        cancel: CancellationToken::new(),
        progress: None,
        late: None,
    };
    let probe = TestMessage::new(to, "A test.").unwrap();
    let delivery = deliver(&session, None, probe, &wanted, &mut trace).await;
    learned.extend(delivery.proofs.iter().map(|proven| proven.proof.to_string()));
    learned.extend(delivery.bounces.iter().map(describe));
    learned.extend(delivery.doubts.iter().map(doubted));
    delivery.outcome.map(|evidence| evidence.to_string())
}

fn describe(bounce: &Bounce) -> String {
    let Bounce { error, from, origin, order, after: _ } = bounce;
    format!("bounce {error} from {from}, {origin:?}, {order:?}")
}

fn doubted(doubt: &OpenDoubt) -> String {
    match doubt {
        OpenDoubt::MessageNotReturned { party, software, .. } => {
            format!("doubt: a message to the {party:?} did not come back, {software:?}")
        }
    }
}

fn milliseconds(text: &str) -> Duration {
    Duration::from_millis(text.parse().unwrap())
}

fn bindings(play: &Play) -> ChannelBindings {
    let has = |kind| play.setting("bindings", "").contains(kind);
    ChannelBindings {
        tls_exporter: has("tls-exporter").then_some([7; 32]),
        tls_server_end_point: has("tls-server-end-point").then(|| vec![8; 32]),
    }
}

fn login(play: &Play, account: BareJid) -> Login {
    let authentication = match play.setting("authentication", "Negotiate") {
        "Negotiate" => Authentication::Negotiate,
        "ClientCertificate" => Authentication::ClientCertificate,
        name => Authentication::Mechanism(Mechanism::from_name(name).unwrap()),
    };
    Login {
        account,
        logon_name: play.setting("logon-name", "kenmyer").to_owned(),
        password: Some(Secret::new(play.setting("password", PASSWORD).to_owned())),
        has_certificate: play.setting("certificate", "none") == "held",
        authentication,
        plain: match play.setting("plain", "forbidden") {
            "allowed" => PlainPassword::Allowed,
            _ => PlainPassword::Forbidden,
        },
    }
}

/// The voice of the server.
struct Server {
    reader: StreamReader<ReadHalf<DuplexStream>>,
    writer: Option<WriteHalf<DuplexStream>>,
    names: HashMap<String, String>,
    password: String,
    /// What SASL said, decoded, in order: for the signature.
    said: Vec<String>,
    mechanism: String,
}

impl Server {
    fn new(io: DuplexStream, password: &str) -> Self {
        let (reader, writer) = split(io);
        Self {
            reader: StreamReader::new(reader),
            writer: Some(writer),
            names: HashMap::new(),
            password: password.to_owned(),
            said: Vec::new(),
            mechanism: String::new(),
        }
    }

    async fn perform(mut self, play: &Play) -> Result<(), String> {
        for line in &play.lines {
            match line {
                Line::Client(xml) => self.hear(xml).await.map_err(|error| format!("C: {xml}\n   {error}"))?,
                Line::Server(xml) => self.say(xml).await,
            }
        }
        // Reads on, so that the client can say goodbye, and shows it that the server lives.
        let lives = play.setting("afterwards", "lives") == "lives";
        while let Ok(frame) = self.reader.next().await {
            let XmlFrame::Stanza(stanza) = frame else { continue };
            let later = stanza.attribute("id").filter(|id| id.ends_with("-later"));
            if let Some(id) = later.filter(|_| lives) {
                self.say(&format!("<iq type='result' id='{id}' from='litwareinc.com'/>")).await;
            }
        }
        Ok(())
    }

    async fn say(&mut self, template: &str) {
        if template == "EOF" {
            self.writer = None;
            // Both halves hold the pipe; the client must see its end.
            let (empty, _) = duplex(1);
            let (reader, _) = split(empty);
            self.reader = StreamReader::new(reader);
            return;
        }
        let xml = self.fill(template);
        if let Some(writer) = &mut self.writer {
            // The client may have left already.
            let _ = writer.write_all(xml.as_bytes()).await;
            let _ = writer.flush().await;
        }
    }

    async fn hear(&mut self, template: &str) -> Result<(), String> {
        if template.starts_with("<stream:stream") {
            self.reader.restart();
        }
        let heard = self.reader.next().await.map_err(|fault| fault.to_string())?;
        match (&expected(template).await, &heard) {
            (XmlFrame::Open(wanted), XmlFrame::Open(heard)) => self.compare(&wanted.root, &heard.root),
            (XmlFrame::Stanza(wanted), XmlFrame::Stanza(heard)) => {
                if let Some(mechanism) = heard.attribute("mechanism") {
                    self.mechanism = mechanism.to_owned();
                }
                self.compare(wanted, heard)
            }
            (XmlFrame::Close, XmlFrame::Close) => Ok(()),
            _ => Err(format!("but it says {heard:?}")),
        }
    }

    fn compare(&mut self, wanted: &Element, heard: &Element) -> Result<(), String> {
        let differs = || format!("but it says {heard}");
        let n_children = (wanted.children.len(), heard.children.len());
        let n_attributes = (wanted.attributes.len(), heard.attributes.len());
        if !heard.is(&wanted.name, &wanted.ns)
            || n_children.0 != n_children.1
            || n_attributes.0 != n_attributes.1
        {
            return Err(differs());
        }
        for attribute in &wanted.attributes {
            let value = heard.attribute_in(&attribute.name, &attribute.ns).ok_or_else(differs)?;
            self.match_text(&attribute.value, value).map_err(|error| format!("{error}: {}", differs()))?;
        }
        for (wanted, heard_child) in wanted.children.iter().zip(&heard.children) {
            match (wanted, heard_child) {
                (Node::Element(wanted), Node::Element(heard)) => self.compare(wanted, heard)?,
                (Node::Text(wanted), Node::Text(heard)) => self.match_text(wanted, heard)?,
                _ => return Err(differs()),
            }
        }
        Ok(())
    }

    /// Holds a text against a template and remembers what stood at its names.
    fn match_text(&mut self, template: &str, text: &str) -> Result<(), String> {
        if let Some(inner) = template.strip_prefix("{base64:").and_then(|rest| rest.strip_suffix('}')) {
            let decoded = BASE64.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let decoded = decoded.ok_or_else(|| format!("`{text}` is no base64"))?;
            self.said.push(decoded.clone());
            return self.match_text(inner, &decoded);
        }
        let mut pattern = String::from("(?s)^");
        let mut names = Vec::new();
        let mut rest = template;
        while let Some((literal, (name, behind))) =
            rest.split_once('{').and_then(|(literal, rest)| Some((literal, rest.split_once('}')?)))
        {
            pattern.push_str(&regex::escape(literal));
            match self.names.get(name) {
                Some(value) => pattern.push_str(&regex::escape(value)),
                None => {
                    pattern.push_str("(.+?)");
                    names.push(name);
                }
            }
            rest = behind;
        }
        write!(pattern, "{}$", regex::escape(rest)).unwrap();
        let captures = regex::Regex::new(&pattern).unwrap();
        let captures = captures.captures(text).ok_or_else(|| format!("`{text}` is not `{template}`"))?;
        for (n, name) in names.into_iter().enumerate() {
            self.names.insert(name.to_owned(), captures[n + 1].to_owned());
        }
        Ok(())
    }

    fn fill(&mut self, template: &str) -> String {
        let mut filled = String::new();
        let mut rest = template;
        while let Some((literal, behind)) = rest.split_once('{') {
            filled.push_str(literal);
            let end = closing_brace(behind);
            filled.push_str(&self.fill_one(&behind[..end]));
            rest = &behind[end + 1..];
        }
        filled + rest
    }

    fn fill_one(&mut self, inside: &str) -> String {
        if let Some(inner) = inside.strip_prefix("base64:") {
            let text = self.fill(inner);
            let encoded = BASE64.encode(&text);
            self.said.push(text);
            return encoded;
        }
        if let Some((n, inner)) = inside.strip_prefix('×').and_then(|rest| rest.split_once(':')) {
            return inner.repeat(n.parse().unwrap());
        }
        if inside == "alert" {
            // A TLS record: an alert of version 1.0, fatal, protocol_version.
            return "\u{15}\u{3}\u{1}\u{0}\u{2}\u{2}F".to_owned();
        }
        if inside == "signature" {
            return self.signature();
        }
        self.names.get(inside).cloned().unwrap_or_else(|| panic!("nothing is called {inside}"))
    }

    /// What a server signs that knows the password (RFC 5802, section 3), by the words said so far.
    fn signature(&self) -> String {
        let [first, challenge, last, ..] = &self.said[..] else { panic!("too early: {:?}", self.said) };
        let bare = first.splitn(3, ',').nth(2).unwrap();
        let (without_proof, _) = last.rsplit_once(",p=").unwrap();
        let attribute = |name| challenge.split(',').find_map(|part| part.strip_prefix(name)).unwrap();
        let (salt, iterations) = (BASE64.decode(attribute("s=")).unwrap(), attribute("i=").parse().unwrap());
        let signed = format!("{bare},{challenge},{without_proof}");
        macro_rules! sign {
            ($hash:ty, $length:literal) => {{
                let mut salted = [0; $length];
                pbkdf2::pbkdf2_hmac::<$hash>(self.password.as_bytes(), &salt, iterations, &mut salted);
                let hmac = |key: &[u8], data: &[u8]| {
                    let mac = <Hmac<$hash> as Mac>::new_from_slice(key).unwrap();
                    mac.chain_update(data).finalize().into_bytes()
                };
                // The client's proof must be right, or there is nothing to sign.
                let client_key = hmac(&salted, b"Client Key");
                let stored = <$hash>::digest(client_key);
                let proof = BASE64.decode(last.rsplit_once(",p=").unwrap().1).unwrap();
                let masked: Vec<u8> =
                    hmac(&stored, signed.as_bytes()).iter().zip(&client_key).map(|(a, b)| a ^ b).collect();
                assert_eq!(proof, masked, "the client's proof is wrong");
                BASE64.encode(hmac(&hmac(&salted, b"Server Key"), signed.as_bytes()))
            }};
        }
        match self.mechanism.trim_end_matches("-PLUS") {
            "SCRAM-SHA-1" => sign!(sha1::Sha1, 20),
            "SCRAM-SHA-256" => sign!(sha2::Sha256, 32),
            "SCRAM-SHA-512" => sign!(sha2::Sha512, 64),
            other => panic!("{other} signs nothing"),
        }
    }
}

/// The template of a `C:` line as a frame.
async fn expected(template: &str) -> XmlFrame {
    const HEADER: &str =
        "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
    let is_header = template.starts_with("<stream:stream");
    let document = [if is_header { "" } else { HEADER }, template].concat();
    let mut reader = StreamReader::new(document.as_bytes());
    if !is_header {
        reader.next().await.unwrap();
    }
    reader.next().await.unwrap_or_else(|fault| panic!("{template}: {fault}"))
}

fn closing_brace(text: &str) -> usize {
    let mut depth = 0_usize;
    for (n, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => return n,
            '}' => depth -= 1,
            _ => {}
        }
    }
    panic!("no closing brace in {text}")
}

const PASSWORD: &str = "correct horse";
/// No play takes longer: a hang is a failure.
const LONGEST: Duration = Duration::from_secs(60);
