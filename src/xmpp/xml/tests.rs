//! Tests of the stream reader: what it gives, what it refuses, and that cuts, cancellations and garbage change
//! nothing.
//!
//! The oracle is `rxml`, which accepts what XMPP allows and comments besides only on request.

use std::borrow::Cow;
use std::pin::Pin;
use std::task::{Context, Poll};

use proptest::prelude::*;
use tokio::io::{AsyncRead, ReadBuf};

use super::reader::ReaderLimits;
use super::{Attribute, Element, Fault, Node, Reading, StreamReader, StreamWriter, Violation, XmlFrame, ns};

const HEADER: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' \
                      xmlns:stream='http://etherx.jabber.org/streams' id='1' version='1.0'>";
const FOOTER: &str = "</stream:stream>";

/// Gives its bytes in pieces of these lengths, and is not ready before each of them.
struct Pieces {
    bytes: Vec<u8>,
    at: usize,
    lengths: Vec<usize>,
    n_given: usize,
    waited: bool,
}

impl Pieces {
    fn new(bytes: &[u8], lengths: &[usize]) -> Self {
        Self { bytes: bytes.to_vec(), at: 0, lengths: lengths.to_vec(), n_given: 0, waited: false }
    }
}

impl AsyncRead for Pieces {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        self.waited = !self.waited;
        if self.waited {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let length = self.lengths.get(self.n_given).copied().unwrap_or(usize::MAX).max(1);
        self.n_given += 1;
        let (from, to) = (self.at, self.bytes.len().min(self.at + length.min(buffer.remaining())));
        buffer.put_slice(&self.bytes[from..to]);
        self.at = to;
        Poll::Ready(Ok(()))
    }
}

/// Reads to the end, dropping every read that is not ready at once.
fn read(bytes: &[u8], lengths: &[usize]) -> (Vec<XmlFrame>, Fault) {
    let mut reader = StreamReader::new(Pieces::new(bytes, lengths));
    let mut frames = Vec::new();
    let mut context = Context::from_waker(std::task::Waker::noop());
    loop {
        let polled = std::pin::pin!(reader.next()).poll(&mut context);
        match polled {
            Poll::Pending => {}
            Poll::Ready(Ok(frame)) => frames.push(frame),
            Poll::Ready(Err(fault)) => return (frames, fault),
        }
        let limits = ReaderLimits::default();
        assert!(reader.buffered().len() <= limits.stanza + 16 * 1024);
    }
}

fn read_whole(bytes: &[u8]) -> (Vec<XmlFrame>, Fault) {
    read(bytes, &[])
}

fn in_stream(content: &str) -> Vec<u8> {
    [HEADER, content, FOOTER].concat().into_bytes()
}

/// The condition that the content is refused with, or nothing where it is accepted.
fn refused(document: &[u8]) -> Option<&'static str> {
    match read_whole(document) {
        (_, Fault::Refused { violation, .. }) => Some(violation.condition()),
        (_, Fault::Closed) => None,
        (frames, fault @ (Fault::Broken { .. } | Fault::Alert { .. } | Fault::Ended { .. })) => {
            panic!("{frames:?} {fault}")
        }
    }
}

#[test]
fn a_stream_is_read_frame_by_frame() {
    let (frames, fault) = read_whole(&in_stream(
        "<stream:features xmlns:stream='http://etherx.jabber.org/streams'><x xmlns='u'/></stream:features>\n \
         <message to='a&amp;b'>\r\n<body>&lt;<![CDATA[<&>]]>&#65;&#x1F600;</body></message>",
    ));
    assert_eq!(fault, Fault::Closed);
    let [XmlFrame::Open(header), XmlFrame::Stanza(features), XmlFrame::Stanza(message), XmlFrame::Close] =
        &frames[..]
    else {
        panic!("{frames:?}")
    };
    assert!(header.root.is("stream", ns::STREAMS) && header.content == ns::CLIENT);
    assert_eq!(header.root.attribute("id"), Some("1"));
    assert!(features.is("features", ns::STREAMS) && features.has_child("x", "u"));
    assert!(message.is("message", ns::CLIENT));
    assert_eq!(message.attribute("to"), Some("a&b"));
    assert_eq!(message.text(), "\n");
    assert_eq!(message.child_text("body", ns::CLIENT).as_deref(), Some("<<&>A\u{1F600}"));
}

#[test]
fn what_a_stream_must_not_carry_is_refused_with_its_condition() {
    for (content, condition) in [
        ("<!DOCTYPE a>", "restricted-xml"),
        ("<a><!-- c --></a>", "restricted-xml"),
        ("<!-- c -->", "restricted-xml"),
        ("<a><?x y?></a>", "restricted-xml"),
        ("<?xml version='1.0'?>", "restricted-xml"),
        ("<a>&foo;</a>", "restricted-xml"),
        ("<a b='&foo;'/>", "restricted-xml"),
        ("junk<a/>", "bad-format"),
        ("<![CDATA[x]]>", "bad-format"),
        ("<x:a/>", "bad-namespace-prefix"),
        ("<a x:b='1'/>", "bad-namespace-prefix"),
        ("<a xmlns:p=''/>", "bad-namespace-prefix"),
        ("<a xmlns:xml='u'/>", "bad-namespace-prefix"),
        ("<a xmlns:p='http://www.w3.org/XML/1998/namespac&#101;'/>", "bad-namespace-prefix"),
        ("<a>\u{1}</a>", "not-well-formed"),
        ("<a>&#0;</a>", "not-well-formed"),
        ("<a>&#xD800;</a>", "not-well-formed"),
        ("<a>&#x110000;</a>", "not-well-formed"),
        ("<a>\u{FFFE}</a>", "not-well-formed"),
        ("<a b='1' b='2'/>", "not-well-formed"),
        ("<a xmlns:p='u' xmlns:q='u' p:b='1' q:b='2'/>", "not-well-formed"),
        ("<a></b>", "not-well-formed"),
        ("<a b='<'/>", "not-well-formed"),
        ("<a>]]></a>", "not-well-formed"),
        ("<a b=1/>", "not-well-formed"),
        ("<a b/>", "not-well-formed"),
        ("<a b='1'c='2'/>", "not-well-formed"),
        ("<1a/>", "not-well-formed"),
        ("<a!b/>", "not-well-formed"),
        ("< a/>", "not-well-formed"),
        ("<a:b:c xmlns:a='u'/>", "not-well-formed"),
        ("<a>a & b</a>", "not-well-formed"),
        ("<a></a x='1'>", "not-well-formed"),
        ("</message>", "not-well-formed"),
    ] {
        assert_eq!(refused(&in_stream(content)), Some(condition), "{content}");
    }
}

#[test]
fn what_is_no_stream_is_refused_with_its_beginning() {
    for (document, condition) in [
        (&b"HTTP/1.1 400 Bad Request\r\n"[..], "bad-format"),
        (b"\x15\x03\x01\x00\x02\x02\x46", "bad-format"),
        (b"\xff\xfe<\0a\0/\0>\0", "bad-format"),
        (b"<a/>", "bad-format"),
        (b" <?xml version='1.0'?><a>", "restricted-xml"),
        (b"<?xml version='1.1'?><a>", "not-well-formed"),
        (b"<?xml version='1.0' encoding='latin1'?><a>", "unsupported-encoding"),
        (b"<a>\n<b>\xc0\xaf</b>", "unsupported-encoding"),
        (b"<!DOCTYPE l [<!ENTITY a 'b'>]><l>", "restricted-xml"),
    ] {
        assert_eq!(refused(document), Some(condition), "{}", document.escape_ascii());
    }
    let (_, fault) = read_whole(b"HTTP/1.1 400 Bad Request\r\n");
    assert_eq!(
        fault.to_string(),
        "text between stanzas, beginning `HTTP/1.1 400 Bad Request\\r\\n` at byte 0"
    );
}

#[test]
fn nothing_grows_past_its_limit() {
    for (head, piece) in [
        ("<stream:stream a='", "aaaaaaaa"),
        ("<stream:stream", " "),
        ("<?xml ", "a='b' "),
        (" ", " \n"),
        ("HEADER<a><b>", "aaaaaaaa"),
        ("HEADER<a b='", "aaaaaaaa"),
        ("HEADER<a><![CDATA[", "]]]]]]]]"),
        ("HEADER<a>", "<b/><b/>"),
        ("HEADER", "<a>"),
        ("HEADER<a", " "),
        ("HEADER</", "a"),
    ] {
        let document = [&head.replace("HEADER", HEADER), &*piece.repeat(600_000 / piece.len())].concat();
        assert_eq!(refused(document.as_bytes()), Some("policy-violation"), "{head}{piece}");
    }
    let many = (0..65).map(|n| format!(" a{n}='1'")).collect::<String>();
    assert_eq!(refused(&in_stream(&format!("<a{many}/>"))), Some("policy-violation"));
    let blanks = in_stream(&" \n".repeat(600_000));
    assert_eq!(refused(&blanks), None, "white space between stanzas is a keepalive");
}

/// Reads to the end with stanzas over a limit passed over, and says what came, in what pieces soever.
fn passing_over(document: &[u8], lengths: &[usize]) -> (Vec<String>, Fault) {
    let mut reader = StreamReader::new(Pieces::new(document, lengths));
    reader.pass_over();
    let mut said = Vec::new();
    let mut context = Context::from_waker(std::task::Waker::noop());
    loop {
        match std::pin::pin!(reader.read()).poll(&mut context) {
            Poll::Pending => {}
            Poll::Ready(Ok(Reading::Frame(XmlFrame::Stanza(element)))) => said.push(element.name.to_string()),
            Poll::Ready(Ok(Reading::Frame(XmlFrame::Open(_) | XmlFrame::Close))) => {}
            Poll::Ready(Ok(Reading::PassedOver(passed))) => said.push(format!(
                "{} from {}: {}",
                passed.name,
                passed.from.as_deref().unwrap_or("nobody"),
                passed.violation
            )),
            Poll::Ready(Err(fault)) => return (said, fault),
        }
        assert!(reader.buffered().len() <= ReaderLimits::default().stanza + 16 * 1024, "it is not kept");
    }
}

#[test]
fn a_stranger_s_stanza_over_a_limit_is_passed_over_and_the_stream_goes_on() {
    let deep = format!("{}{}", "<a>".repeat(40), "</a>".repeat(40));
    let attributes = (0..65).map(|n| format!(" a{n}='1'")).collect::<String>();
    let content = [
        format!("<message from='m@x.net'>{deep}</message>"),
        format!("<message from='m@x.net' xmlns:p='u'><b{attributes}/></message>"),
        format!("<message{attributes} from='m@x.net'/>"),
        format!("<message from='m@x.net'>{}</message>", "<b/>".repeat(2049)),
        format!("<message from='m@x.net'><body>{}</body></message>", "&apos;".repeat(60_000)),
        format!(
            "<message from='m@x.net'><b c=\"{}\"/>{}</message>",
            "&gt;".repeat(100_000),
            "<b/>".repeat(99)
        ),
        format!("<message from='m@x.net'><![CDATA[{}]]></message>", "]]".repeat(200_000)),
        format!("<message {} from='m@x.net'/>", " ".repeat(300_000)),
    ];
    let wanted: Vec<&str> = vec![
        "message from m@x.net: elements nested more than 32 deep",
        "message from m@x.net: an element of more than 64 attributes",
        "message from m@x.net: an element of more than 64 attributes",
        "message from m@x.net: a stanza of more than 2048 elements",
        "message from m@x.net: a stanza of more than 262144 bytes",
        "message from m@x.net: a stanza of more than 262144 bytes",
        "message from m@x.net: a stanza of more than 262144 bytes",
        ": a stanza of more than 262144 bytes",
    ];
    for lengths in [&[][..], &[7000; 1000], &[1, 2, 3, 5, 8, 13, 21, 34]] {
        for (stanza, wanted) in content.iter().zip(&wanted) {
            let (said, fault) = passing_over(&in_stream(&format!("<x/>{stanza}<y xmlns='u'/>")), lengths);
            // Whether a start tag that is itself too long had come whole is chance.
            let is_as_wanted = said.len() == 3 && said[1].ends_with(wanted);
            assert!(is_as_wanted && said[0] == "x" && said[2] == "y", "{said:?}, not {wanted}");
            assert_eq!(fault, Fault::Closed);
        }
    }
}

#[test]
fn what_breaks_the_stream_ends_it_and_says_who_sent_it() {
    for (stanza, condition) in [
        ("<message from='m@x.net'><a>&foo;</a></message>", "restricted-xml"),
        ("<message from='m@x.net'><a></b></message>", "not-well-formed"),
        ("<message from='m@x.net'><!-- c --></message>", "restricted-xml"),
    ] {
        let (_, fault) = passing_over(&in_stream(stanza), &[]);
        let Fault::Refused { violation, from, .. } = fault else { panic!("{fault}") };
        assert_eq!((violation.condition(), from.as_deref()), (condition, Some("m@x.net")), "{stanza}");
    }
    let endless = format!("{HEADER}<message from='m@x.net'>{}", "and so on ".repeat(600_000));
    let (_, fault) = passing_over(endless.as_bytes(), &[]);
    assert!(matches!(&fault, Fault::Refused { from: Some(from), .. } if from == "m@x.net"), "{fault}");
}

#[test]
fn a_connection_that_ends_early_is_told_from_a_stream_that_ends() {
    assert_eq!(read_whole(HEADER.as_bytes()).1, Fault::Ended { n_unread: 0 });
    assert_eq!(read_whole(format!("{HEADER}<mess").as_bytes()).1, Fault::Ended { n_unread: 5 });
    assert_eq!(read_whole(b"").1, Fault::Ended { n_unread: 0 });
}

#[tokio::test]
async fn bytes_behind_a_frame_are_kept_for_whoever_comes_next() {
    let mut reader = StreamReader::new(Pieces::new(format!("{HEADER}<proceed/>\x16\x03").as_bytes(), &[]));
    reader.next().await.unwrap();
    reader.next().await.unwrap();
    let (_, left_over) = reader.into_parts();
    assert_eq!(&left_over[..], b"\x16\x03");

    let mut reader =
        StreamReader::new(Pieces::new(format!("{HEADER}<success/>{HEADER}<x/>").as_bytes(), &[]));
    reader.next().await.unwrap();
    reader.next().await.unwrap();
    reader.restart();
    assert!(matches!(reader.next().await, Ok(XmlFrame::Open(_))));
    assert!(matches!(reader.next().await, Ok(XmlFrame::Stanza(_))));
}

/// The fault without its quotation, which is of what had come by then.
fn quote_nothing(fault: Fault) -> Fault {
    match fault {
        Fault::Refused { violation: Violation::TextBetweenStanzas { .. }, offset, from } => Fault::Refused {
            violation: Violation::TextBetweenStanzas { begins: String::new() },
            offset,
            from,
        },
        Fault::Refused { .. }
        | Fault::Broken { .. }
        | Fault::Alert { .. }
        | Fault::Ended { .. }
        | Fault::Closed => fault,
    }
}

/// Returns the frames that `rxml` makes of a document: the root's start tag, and each child of the root whole.
fn oracle(mut document: &[u8]) -> Result<Vec<XmlFrame>, String> {
    use rxml::{Event, Parse, Parser};
    let mut parser = Parser::new();
    let mut open: Vec<Element> = Vec::new();
    let mut frames = Vec::new();
    loop {
        let event = match parser.parse(&mut document, true) {
            Ok(Some(event)) => event,
            Ok(None) => return Ok(frames),
            Err(error) => return Err(format!("{error:?}")),
        };
        match event {
            Event::XmlDeclaration(..) => {}
            Event::StartElement(_, (ns, name), attributes) => {
                let mut element = Element::new(name.to_string(), ns.to_string());
                for ((ns, name), value) in attributes {
                    let (ns, name) = (Cow::Owned(ns.to_string()), Cow::Owned(name.to_string()));
                    element.attributes.push(Attribute { ns, name, value });
                }
                open.push(element);
            }
            Event::Text(_, text) => match open.len() {
                1 if text.trim().is_empty() => {}
                1 => return Err("text between stanzas".to_owned()),
                _ => open.last_mut().unwrap().push_text(&text),
            },
            Event::EndElement(_) => {
                let closed = open.pop().unwrap();
                match open.len() {
                    0 => frames.push(XmlFrame::Close),
                    1 => frames.push(XmlFrame::Stanza(closed)),
                    _ => open.last_mut().unwrap().children.push(Node::Element(closed)),
                }
            }
        }
    }
}

fn sorted(mut element: Element) -> Element {
    element.attributes.sort_by(|a, b| (&a.ns, &a.name).cmp(&(&b.ns, &b.name)));
    for child in &mut element.children {
        if let Node::Element(child) = child {
            *child = sorted(child.clone());
        }
    }
    element
}

fn without_header(frames: Vec<XmlFrame>) -> Vec<XmlFrame> {
    let stanzas = frames.into_iter().filter(|frame| !matches!(frame, XmlFrame::Open(_)));
    stanzas
        .map(|frame| match frame {
            XmlFrame::Stanza(element) => XmlFrame::Stanza(sorted(element)),
            XmlFrame::Open(_) | XmlFrame::Close => frame,
        })
        .collect()
}

/// Pieces of XML, whole and broken, that are put together in any order.
const SOUP: &[&str] = &[
    "<a>",
    "</a>",
    "<a/>",
    "<b x='1'>",
    "</b>",
    "<p:c xmlns:p='u'>",
    "</p:c>",
    "<p:c/>",
    "<a",
    ">",
    "/>",
    " ",
    "\n",
    "\t",
    "\r\n",
    "\r",
    " x='1'",
    " y=\"2\"",
    "x='1'",
    " xml:lang='en'",
    " xmlns='v'",
    " xmlns=''",
    " xmlns:p='w'",
    " xmlns:p=''",
    " xmlns:q='u'",
    " p:x='3'",
    " q:x='4'",
    "text",
    "&amp;",
    "&lt;",
    "&#65;",
    "&#x41;",
    "&#0;",
    "&#13;",
    "&#x10FFFF;",
    "&#+5;",
    "&foo;",
    "&",
    ";",
    "'",
    "\"",
    "=",
    "<",
    "]]>",
    "<![CDATA[",
    "<![CDATA[x]]>",
    "]]",
    "<!--",
    "-->",
    "<!-- x -->",
    "<?x?>",
    "<?xml version='1.0'?>",
    "<!DOCTYPE a>",
    "\u{0}",
    "\u{1}",
    "\u{7F}",
    "\u{85}",
    "\u{FFFE}",
    "\u{FFFD}",
    "\u{E9}",
    "\u{1F600}",
    "\u{B7}",
    "-",
    ".",
    "1",
    ":",
    "a",
    "</",
    "</stream:stream>",
    "<a x='a\tb\nc&#10;d'/>",
    "<a x='&quot;&apos;'></a >",
    "<a\n/>",
    "< a/>",
    "<a / >",
    "<a x = '1' />",
    "<a x='1'/ >",
    "<:a/>",
    "<a:/>",
    "<xml:a/>",
    "<xmlns:a/>",
    "<a xmlns:p='u' p:x='' x=''/>",
];

fn soup() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(SOUP), 0..12).prop_map(|pieces| pieces.concat())
}

fn element() -> impl Strategy<Value = Element> {
    let text = "[ -~\u{A0}-\u{FF}\u{1F600}\t\n\r]{0,12}";
    let name = prop::sample::select(&["a", "body", "x-1", "\u{E9}.b"][..]);
    let ns = prop::sample::select(&[ns::CLIENT, "u", "v&<'", ""][..]);
    let attribute = (prop::sample::select(&["id", "to", "c"][..]), text);
    let leaf = (name.clone(), ns.clone(), prop::collection::vec(attribute, 0..3), text).prop_map(
        |(name, ns, attributes, text)| {
            let element = Element::new(name, ns).with_text(&text);
            attributes.into_iter().fold(element, |element, (name, value)| element.with_attribute(name, value))
        },
    );
    leaf.prop_recursive(4, 24, 4, move |inner| {
        (name.clone(), ns.clone(), prop::collection::vec((inner, text), 0..4)).prop_map(
            |(name, ns, children)| {
                children.into_iter().fold(Element::new(name, ns), |element, (child, text)| {
                    element.with_child(child).with_text(&text)
                })
            },
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_split_of_the_bytes_gives_the_same_elements(
        content in soup(),
        elements in prop::collection::vec(element(), 0..3),
        lengths in prop::collection::vec(1_usize..9, 0..400),
    ) {
        let written = elements.iter().map(Element::to_string).collect::<String>();
        let document = in_stream(&(written + content.as_str()));
        let (frames, fault) = read(&document, &lengths);
        let (frames_whole, fault_whole) = read_whole(&document);
        prop_assert_eq!((frames, quote_nothing(fault)), (frames_whole, quote_nothing(fault_whole)));
    }

    #[test]
    fn whatever_rxml_refuses_is_refused_and_the_rest_is_read_alike(content in soup()) {
        let document = in_stream(&content);
        let (frames, fault) = read_whole(&document);
        if fault == Fault::Closed && document.ends_with(FOOTER.as_bytes()) {
            // What stands behind the end of the stream is not read; `rxml` reads the whole document.
            let footer = document.windows(FOOTER.len()).position(|bytes| bytes == FOOTER.as_bytes());
            let document = &document[..footer.unwrap_or(document.len()) + FOOTER.len()];
            prop_assert_eq!(oracle(document).map(without_header), Ok(without_header(frames)));
        }
    }

    #[test]
    fn a_header_that_rxml_refuses_is_refused(header in soup()) {
        let document = format!("<stream:stream xmlns:stream='http://etherx.jabber.org/streams'{header}>{FOOTER}");
        if read_whole(document.as_bytes()).1 == Fault::Closed {
            let end = document.find(FOOTER).unwrap() + FOOTER.len();
            prop_assert!(oracle(&document.as_bytes()[..end]).is_ok());
        }
    }

    #[test]
    fn what_is_written_is_read_back(element in element()) {
        let mut writer = StreamWriter::new(ns::CLIENT);
        writer.open(&[("to", "contoso.com")]);
        writer.queue(&element);
        writer.close();
        let mut bytes = Vec::new();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(writer.flush(&mut bytes)).unwrap();
        let (frames, fault) = read_whole(&bytes);
        prop_assert_eq!(fault, Fault::Closed);
        prop_assert_eq!(&frames[1..], &[XmlFrame::Stanza(element), XmlFrame::Close]);
    }

    #[test]
    fn no_bytes_make_it_panic_or_hang(bytes in prop::collection::vec(any::<u8>(), 0..600), in_it: bool) {
        let document = if in_it { [HEADER.as_bytes(), &bytes].concat() } else { bytes };
        let _ = read_whole(&document);
    }
}
