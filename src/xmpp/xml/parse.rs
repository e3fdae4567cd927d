//! One whole frame to an [`Element`], with the checks that `quick-xml` leaves to its caller.
//!
//! Sees complete text only. What is checked here and why: names, characters, references, prefixes and
//! duplicate attributes (XML 1.0, Namespaces in XML 1.0), and the limits of the stream. Entities other
//! than the five predefined ones are refused, never expanded (RFC 6120, section 11.1).

use std::borrow::Cow;

use quick_xml::errors::{Error as XmlError, IllFormedError};
use quick_xml::events::{BytesDecl, BytesStart, Event};
use quick_xml::name::{Namespace, NamespaceResolver, PrefixDeclaration, QName, ResolveResult};

use super::reader::ReaderLimits;
use super::scanner::is_blank;
use super::{Attribute, Element, Node, Violation, ns};

/// A violation, and where in the frame the parser stood.
pub(super) type ParseRefusal = (Violation, u64);

/// A parsed stream header: the element, its name as written, and the declarations it makes.
pub(super) struct ParsedHeader {
    pub(super) root: Element,
    pub(super) tag: String,
    pub(super) resolver: NamespaceResolver,
}

/// Reads the XML declaration and the start tag of a stream.
pub(super) fn header(bytes: &[u8], limits: &ReaderLimits) -> Result<ParsedHeader, ParseRefusal> {
    let text = text(bytes)?;
    let mut reader = quick_xml::Reader::from_str(text);
    loop {
        let event = reader.read_event().map_err(|error| (syntax(&error), reader.error_position()))?;
        let at = reader.buffer_position();
        match event {
            Event::Decl(declaration) => {
                check_declaration(&declaration).map_err(|violation| (violation, at))?
            }
            Event::Text(_) => {}
            Event::Start(start) => {
                let mut resolver = NamespaceResolver::default();
                let root = element(&start, &mut resolver, limits).map_err(|violation| (violation, at))?;
                return Ok(ParsedHeader { root, tag: start.name().0.to_owned(), resolver });
            }
            Event::PI(_) => return Err((Violation::ProcessingInstruction, at)),
            Event::Comment(_) => return Err((Violation::Comment, at)),
            Event::DocType(_) => return Err((Violation::DocumentType, at)),
            Event::Empty(_) | Event::End(_) | Event::CData(_) | Event::GeneralRef(_) | Event::Eof => {
                return Err((Violation::EmptyStream, at));
            }
        }
    }
}

/// The local name of a stanza and whom it says to come from, by its start tag alone; nothing of what cannot be
/// read.
pub(super) fn opening(bytes: &[u8]) -> (String, Option<String>) {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
    };
    let mut reader = quick_xml::Reader::from_str(text);
    let (Ok(Event::Start(start)) | Ok(Event::Empty(start))) = reader.read_event() else {
        return (String::new(), None);
    };
    let from = start.attributes().flatten().find(|attribute| attribute.key.0 == "from");
    let from = from.and_then(|attribute| attribute_value(&attribute.value).map(Cow::into_owned).ok());
    let name: String = start.local_name().as_ref().chars().take(MAX_NAME).collect();
    (name, from.map(|from| from.chars().take(MAX_NAME).collect()))
}

/// Characters of a name or an address that is shown of a stanza which is not read.
const MAX_NAME: usize = 256;

/// Reads one stanza. `resolver` holds the declarations of the stream header, and afterwards again.
pub(super) fn stanza(
    bytes: &[u8],
    resolver: &mut NamespaceResolver,
    limits: &ReaderLimits,
) -> Result<Element, ParseRefusal> {
    let level = resolver.level();
    let built = build(bytes, resolver, limits);
    // Where it broke off in the middle, what it had declared goes.
    while resolver.level() > level {
        resolver.pop();
    }
    built
}

fn build(
    bytes: &[u8],
    resolver: &mut NamespaceResolver,
    limits: &ReaderLimits,
) -> Result<Element, ParseRefusal> {
    let text = text(bytes)?;
    let mut reader = quick_xml::Reader::from_str(text);
    let mut open: Vec<Element> = Vec::new();
    let mut n_elements = 0;
    loop {
        let event = match reader.read_event() {
            Ok(event) => event,
            Err(error) => return Err((syntax(&error), reader.error_position())),
        };
        let at = reader.buffer_position();
        let closed = match event {
            Event::Start(start) => {
                n_elements += 1;
                open.push(element(&start, resolver, limits).map_err(|violation| (violation, at))?);
                None
            }
            Event::Empty(start) => {
                n_elements += 1;
                let element = element(&start, resolver, limits).map_err(|violation| (violation, at))?;
                resolver.pop();
                Some(element)
            }
            Event::End(_) => {
                resolver.pop();
                open.pop()
            }
            Event::Text(text) => {
                add_text(&mut open, &text, &text.xml10_content()).map_err(|violation| (violation, at))?;
                None
            }
            Event::CData(text) => {
                add_cdata(&mut open, &text.xml10_content()).map_err(|violation| (violation, at))?;
                None
            }
            Event::GeneralRef(name) => {
                let c = reference(&name).map_err(|violation| (violation, at))?;
                if let Some(parent) = open.last_mut() {
                    parent.push_text(c.encode_utf8(&mut [0; 4]));
                }
                None
            }
            Event::Comment(_) => return Err((Violation::Comment, at)),
            Event::PI(_) | Event::Decl(_) => return Err((Violation::ProcessingInstruction, at)),
            Event::DocType(_) => return Err((Violation::DocumentType, at)),
            Event::Eof => return Err((Violation::EndTag, at)),
        };
        if n_elements > limits.elements {
            return Err((Violation::TooManyElements { limit: limits.elements }, at));
        }
        match (closed, open.last_mut()) {
            (None, _) => {}
            (Some(element), Some(parent)) => parent.children.push(Node::Element(element)),
            (Some(element), None) if at == text.len() as u64 => return Ok(element),
            (Some(_), None) => return Err((Violation::EndTag, at)),
        }
    }
}

/// The bytes as text (RFC 6120, section 11.6).
pub(super) fn text(bytes: &[u8]) -> Result<&str, ParseRefusal> {
    std::str::from_utf8(bytes).map_err(|error| (Violation::Encoding, error.valid_up_to() as u64))
}

/// Whether XML 1.0 allows the character (production 2, `Char`).
pub(super) fn is_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

fn check_declaration(declaration: &BytesDecl<'_>) -> Result<(), Violation> {
    let mut pseudo = Vec::new();
    for attribute in declaration_attributes(declaration) {
        let attribute = attribute.map_err(|error| Violation::Syntax(error.to_string()))?;
        pseudo.push((attribute.key.0, attribute.value));
    }
    let pseudo: Vec<(&str, &str)> = pseudo.iter().map(|(name, value)| (*name, value.as_ref())).collect();
    let (encoding, rest) = match pseudo[..] {
        [("version", "1.0")] => (None, None),
        [("version", "1.0"), ("encoding", encoding)] => (Some(encoding), None),
        [("version", "1.0"), ("standalone", alone)] => (None, Some(alone)),
        [("version", "1.0"), ("encoding", encoding), ("standalone", alone)] => (Some(encoding), Some(alone)),
        _ => return Err(Violation::Declaration),
    };
    if rest.is_some_and(|alone| !matches!(alone, "yes" | "no")) {
        return Err(Violation::Declaration);
    }
    match encoding {
        Some(encoding) if !encoding.eq_ignore_ascii_case("utf-8") => {
            Err(Violation::DeclaredEncoding(encoding.to_owned()))
        }
        Some(_) | None => Ok(()),
    }
}

fn declaration_attributes<'a>(
    declaration: &'a BytesDecl<'_>,
) -> quick_xml::events::attributes::Attributes<'a> {
    let content: &str = declaration;
    quick_xml::events::attributes::Attributes::new(content, "xml".len())
}

/// Reads a start tag and enters the scope of what it declares.
fn element(
    start: &BytesStart<'_>,
    resolver: &mut NamespaceResolver,
    limits: &ReaderLimits,
) -> Result<Element, Violation> {
    resolver.set_level(resolver.level() + 1);
    if start.attributes_raw().contains("xmlns") {
        declare(start, resolver)?;
    }
    check_qualified_name(start.name())?;
    let (namespace, local) = resolver.resolve_element(start.name());
    let mut element = Element::new(local.as_ref().to_owned(), namespace_name(namespace)?);
    for (n, attribute) in start.attributes().enumerate() {
        if n == limits.attributes {
            return Err(Violation::TooManyAttributes { limit: limits.attributes });
        }
        let attribute = attribute.map_err(|error| Violation::Syntax(error.to_string()))?;
        if attribute.value.contains('<') {
            return Err(Violation::AngleInAttribute);
        }
        check_qualified_name(attribute.key)?;
        if attribute.key.as_namespace_binding().is_some() {
            continue;
        }
        let (namespace, local) = resolver.resolve_attribute(attribute.key);
        let (ns, name) = (namespace_name(namespace)?, local.as_ref());
        if element.attribute_in(name, &ns).is_some() {
            return Err(Violation::DuplicateAttribute(name.to_owned()));
        }
        let value = attribute_value(&attribute.value)?.into_owned();
        element.attributes.push(Attribute { ns, name: Cow::Owned(name.to_owned()), value });
    }
    Ok(element)
}

/// Takes in the declarations of a start tag, references in them resolved. Namespaces in XML 1.0,
/// sections 2.2 and 3: a prefix is never undeclared, the reserved names are never bound anew.
fn declare(start: &BytesStart<'_>, resolver: &mut NamespaceResolver) -> Result<(), Violation> {
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| Violation::Syntax(error.to_string()))?;
        let Some(declared) = attribute.key.as_namespace_binding() else { continue };
        let namespace = attribute_value(&attribute.value)?;
        match declared {
            PrefixDeclaration::Named(prefix) if namespace.is_empty() => {
                return Err(Violation::Namespace(format!("{prefix} is bound to no namespace")));
            }
            PrefixDeclaration::Default if matches!(&*namespace, ns::XML | ns::XMLNS) => {
                return Err(Violation::Namespace(format!("{namespace} is bound anew")));
            }
            PrefixDeclaration::Named(_) | PrefixDeclaration::Default => {}
        }
        resolver
            .add(declared, Namespace(&namespace))
            .map_err(|error| Violation::Namespace(error.to_string()))?;
    }
    Ok(())
}

fn namespace_name(resolved: ResolveResult<'_>) -> Result<Cow<'static, str>, Violation> {
    match resolved {
        // Nothing is in this namespace: the prefix `xmlns` declares and does not qualify.
        ResolveResult::Bound(namespace) if namespace.0 == ns::XMLNS => {
            Err(Violation::UnknownPrefix("xmlns".to_owned()))
        }
        ResolveResult::Bound(namespace) => Ok(ns::intern(namespace.0)),
        ResolveResult::Unbound => Ok(Cow::Borrowed("")),
        ResolveResult::Unknown(prefix) => Err(Violation::UnknownPrefix(prefix)),
    }
}

fn check_qualified_name(name: QName<'_>) -> Result<(), Violation> {
    let is_valid = match name.0.split_once(':') {
        Some((prefix, local)) => is_name(prefix) && is_name(local),
        None => is_name(name.0),
    };
    if is_valid { Ok(()) } else { Err(Violation::Name(name.0.chars().take(64).collect())) }
}

/// Namespaces in XML 1.0, production 4, `NCName`.
fn is_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    if bytes.iter().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'-' | b'_')) {
        return !matches!(bytes.first(), None | Some(b'-'));
    }
    let mut chars = name.chars();
    chars.next().is_some_and(is_name_start) && chars.all(is_name_char)
}

fn is_name_start(c: char) -> bool {
    matches!(c,
        'a'..='z' | 'A'..='Z' | '_' | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}'
        | '\u{370}'..='\u{37D}' | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}' | '\u{2070}'..='\u{218F}'
        | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}'
        | '\u{FDF0}'..='\u{FFFD}' | '\u{10000}'..='\u{EFFFF}')
}

fn is_name_char(c: char) -> bool {
    is_name_start(c)
        || matches!(c, '-' | '.' | '0'..='9' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}

fn check_chars(text: &str) -> Result<(), Violation> {
    let plain = text.bytes().all(|byte| (0x20..0x7F).contains(&byte));
    if plain || text.chars().all(is_char) { Ok(()) } else { Err(Violation::Character) }
}

fn add_text(open: &mut [Element], raw: &str, text: &str) -> Result<(), Violation> {
    check_chars(raw)?;
    if memchr::memmem::find(raw.as_bytes(), b"]]>").is_some() {
        return Err(Violation::CdataEndInText);
    }
    if let Some(parent) = open.last_mut() {
        parent.push_text(text);
    }
    Ok(())
}

fn add_cdata(open: &mut [Element], text: &str) -> Result<(), Violation> {
    check_chars(text)?;
    if let Some(parent) = open.last_mut() {
        parent.push_text(text);
    }
    Ok(())
}

/// The value with references resolved and white space normalised (XML 1.0, section 3.3.3).
fn attribute_value(raw: &str) -> Result<Cow<'_, str>, Violation> {
    check_chars(raw)?;
    if !raw.bytes().any(|byte| byte == b'&' || byte < b' ') {
        return Ok(Cow::Borrowed(raw));
    }
    let mut value = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(n) = rest.find(|c: char| c == '&' || is_blank_char(c)) {
        value.push_str(&rest[..n]);
        rest = &rest[n..];
        if let Some(behind) = rest.strip_prefix('&') {
            let Some((name, behind)) = behind.split_once(';') else {
                return Err(Violation::Syntax("a reference without end".to_owned()));
            };
            value.push(reference(name)?);
            rest = behind;
        } else {
            value.push(' ');
            rest = rest.strip_prefix("\r\n").unwrap_or(&rest[1..]);
        }
    }
    value.push_str(rest);
    Ok(Cow::Owned(value))
}

fn is_blank_char(c: char) -> bool {
    u8::try_from(c).is_ok_and(is_blank)
}

/// The character behind `&name;`: predefined (XML 1.0, section 4.6) or by number (section 4.1).
fn reference(name: &str) -> Result<char, Violation> {
    let unknown = || Violation::Entity(name.chars().take(64).collect());
    let number = match name {
        "lt" => return Ok('<'),
        "gt" => return Ok('>'),
        "amp" => return Ok('&'),
        "apos" => return Ok('\''),
        "quot" => return Ok('"'),
        numeric => numeric.strip_prefix('#').ok_or_else(unknown)?,
    };
    let (digits, radix) = match number.strip_prefix('x') {
        Some(digits) => (digits, 16),
        None => (number, 10),
    };
    // `from_str_radix` takes a sign, XML does not.
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(unknown());
    }
    u32::from_str_radix(digits, radix)
        .ok()
        .and_then(char::from_u32)
        .filter(|c| is_char(*c))
        .ok_or(Violation::Character)
}

fn syntax(error: &XmlError) -> Violation {
    match error {
        XmlError::IllFormed(IllFormedError::MismatchedEndTag { .. } | IllFormedError::UnmatchedEndTag(_)) => {
            Violation::EndTag
        }
        XmlError::Namespace(error) => Violation::Namespace(error.to_string()),
        XmlError::Io(_)
        | XmlError::Syntax(_)
        | XmlError::IllFormed(_)
        | XmlError::InvalidAttr(_)
        | XmlError::Encoding(_)
        | XmlError::Escape(_) => Violation::Syntax(error.to_string()),
    }
}
