//! Command lines: cmdlets, parameters, arguments, pipes.
//!
//! Called by the parser where a statement or an operand begins, and behind a pipe. Every name is
//! held against the catalogue here. After a mistake it goes on with the next argument, so that
//! one reading of a text finds all of them.

use super::message::{Problem, Refused};
use super::parser::{Flow, Level, Parser};
use super::source_map::Span;
use super::tree::{
    Argument, Cmdlet, Command, List, Literal, Map, Name, Piece, Pipeline, ScriptBlock, Text, TextPart,
    span_of,
};
use crate::cmdlet::parameter::{NoParameter, Parameter};
use crate::cmdlet::{Description, Kind};

/// Where a command's name stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Where an operand of Rhai's may stand.
    Operand,
    /// Where short names count, as long as Rhai could not mean something by them.
    Start,
    /// Behind a pipe.
    Pipe,
}

impl Parser<'_, '_> {
    // ------------------------------------------------------------------ names

    /// Whether a command begins here.
    pub(super) fn command_begins(&mut self, aliases: bool) -> bool {
        self.cmdlet_name(if aliases { Place::Start } else { Place::Operand }).is_some()
    }

    /// Whether the pipe that comes next leads to a cmdlet; else it is Rhai's operator.
    pub(super) fn pipe_leads_to_cmdlet(&mut self) -> bool {
        let mark = self.lexer.at();
        self.lexer.take("|");
        self.lexer.blank();
        let found = self.cmdlet_name(Place::Pipe).is_some();
        self.lexer.rewind(mark);
        found
    }

    /// The cmdlet whose name comes next, not taken.
    fn cmdlet_name(&mut self, place: Place) -> Option<(Span, Cmdlet)> {
        let start = self.lexer.at();
        let rest = self.lexer.rest();
        if place == Place::Pipe && rest.starts_with(['%', '?']) {
            let name = rest.get(..1)?;
            return self.known(name).map(|cmdlet| (Span::new(start, start + 1), cmdlet));
        }
        let name = name_at(rest)?;
        let span = Span::new(start, start + name.len());
        match name.split_once('-') {
            Some((verb, noun)) => self.verb_noun(name, verb, noun, place).map(|cmdlet| (span, cmdlet)),
            None if place == Place::Operand || self.declared.contains(name) => None,
            None if place == Place::Start && !self.is_safe_alias(&rest[name.len()..]) => None,
            None => self.known(name).map(|cmdlet| (span, cmdlet)),
        }
    }

    fn known(&self, name: &str) -> Option<Cmdlet> {
        let own = self.setting.catalogue.find(name).map(Cmdlet::Known);
        own.or_else(|| self.setting.everything?.find(name).map(Cmdlet::Forbidden))
    }

    fn verb_noun(&self, name: &str, verb: &str, noun: &str, place: Place) -> Option<Cmdlet> {
        let both_declared = self.declared.contains(verb) && self.declared.contains(noun);
        if both_declared && place != Place::Pipe {
            return None;
        }
        if let Some(cmdlet) = self.known(name) {
            return Some(cmdlet);
        }
        let pascal = |word: &str| word.starts_with(|first: char| first.is_ascii_uppercase());
        let approved = VERBS.iter().any(|have| have.eq_ignore_ascii_case(verb));
        let neither = !self.declared.contains(verb) && !self.declared.contains(noun);
        let near = || self.suggests() && self.setting.catalogue.nearest(name).is_some();
        let meant = (approved && (place == Place::Pipe || (pascal(verb) && pascal(noun))))
            || (neither && (approved || pascal(verb)) && near());
        meant.then_some(Cmdlet::Unknown)
    }

    /// Whether a short name before `behind` cannot be the beginning of something of Rhai's.
    fn is_safe_alias(&self, behind: &str) -> bool {
        let argument = behind.trim_start_matches([' ', '\t']);
        let blank = argument.len() < behind.len();
        let mut letters = argument.chars();
        let Some(first) = letters.next() else { return true };
        let second = letters.next();
        match first {
            '\n' | '\r' | ';' | '}' | ')' => true,
            '|' => second != Some('|') && second != Some('='),
            '-' => blank && second.is_some_and(|next| next.is_ascii_alphabetic() || next == '?'),
            '"' | '\'' | '$' | '@' => blank,
            letter if letter.is_ascii_alphanumeric() => {
                let operator =
                    argument.split(|letter: char| !letter.is_ascii_alphanumeric()).next() == Some("in");
                blank && !operator
            }
            _ => false,
        }
    }

    // ------------------------------------------------------------------ pipes

    /// Commands joined by pipes; behind a head the first pipe comes next, else a cmdlet's name.
    pub(super) fn pipeline(&mut self, head: Option<Vec<Piece>>, flow: Flow) -> Pipeline {
        let start = head.as_deref().and_then(span_of).map_or(self.lexer.at(), |span| span.start);
        if head.is_some() {
            self.lexer.take("|");
            self.lexer.blank();
        }
        let mut commands = Vec::new();
        let mut place = if head.is_some() { Place::Pipe } else { Place::Start };
        loop {
            let Some((name, cmdlet)) = self.cmdlet_name(place) else {
                self.no_cmdlet();
                break;
            };
            commands.push(self.command(name, cmdlet, flow));
            place = Place::Pipe;
            if !self.take_pipe() {
                break;
            }
        }
        Pipeline { head, commands, span: self.since(start) }
    }

    /// The pipe that comes next, on this line or at the beginning of the next one.
    fn take_pipe(&mut self) -> bool {
        let mark = self.lexer.at();
        let blank = self.lexer.blank();
        let pipe = self.lexer.sees("|") && !self.lexer.sees("||");
        if !pipe {
            self.lexer.rewind(mark);
            return false;
        }
        debug_assert!(blank.span.start == mark, "blanks begin where they were looked for");
        self.lexer.take("|");
        self.lexer.blank();
        true
    }

    fn no_cmdlet(&mut self) {
        let start = self.lexer.at();
        let span = self.lexer.take_while(|letter| {
            !letter.is_whitespace() && !matches!(letter, ';' | ')' | '}' | ']' | '|' | '{')
        });
        self.problem(Span::new(start, span.end.max(start + 1)), Problem::NoCmdletAfterPipe);
        self.skip_command();
    }

    /// Gives the rest of a command up.
    fn skip_command(&mut self) {
        self.lexer.take_while(|letter| !matches!(letter, '\n' | ';' | '}' | ')'));
    }

    // ------------------------------------------------------------------ one command

    fn command(&mut self, name: Span, cmdlet: Cmdlet, flow: Flow) -> Command {
        self.lexer.rewind(name.end);
        if let Cmdlet::Unknown = cmdlet {
            let written = name.of(self.text()).to_owned();
            let nearest =
                (written.len() <= NAME_LIMIT).then(|| self.setting.catalogue.nearest(&written)).flatten();
            self.problem(name, Problem::UnknownCmdlet { name: written, nearest });
        }
        let mut arguments = Vec::new();
        while let Some(argument) = self.argument(cmdlet, flow) {
            arguments.push(argument);
        }
        self.check(cmdlet, &mut arguments);
        Command { name, cmdlet, arguments }
    }

    /// The next argument; none where the command ends, and then nothing is taken.
    fn argument(&mut self, cmdlet: Cmdlet, flow: Flow) -> Option<Argument> {
        loop {
            let mark = self.lexer.at();
            self.lexer.blank_in_line();
            let start = self.lexer.at();
            let Some(letter) = self.lexer.peek() else {
                self.lexer.rewind(mark);
                return None;
            };
            let second = self.lexer.peek_second();
            match letter {
                '\n' | '\r' | ';' | ')' | ']' | '}' => {
                    self.lexer.rewind(mark);
                    return None;
                }
                '{' if flow.header => {
                    self.lexer.rewind(mark);
                    return None;
                }
                ',' if flow.separated => {
                    self.lexer.rewind(mark);
                    return None;
                }
                '|' if second == Some('|') => self.refuse_rest(2, Refused::Chain),
                '|' => {
                    self.lexer.rewind(mark);
                    return None;
                }
                '&' if second == Some('&') => self.refuse_rest(2, Refused::Chain),
                '&' => self.refuse_rest(1, Refused::Background),
                '>' | '<' => self.refuse_rest(1, Refused::Redirection),
                '0'..='9' | '*' if second == Some('>') => self.refuse_rest(2, Refused::Redirection),
                '#' if !matches!(second, Some('{' | '"' | '#')) => {
                    self.lexer.take_while(|letter| letter != '\n');
                    self.refuse(self.since(start), Refused::Comment);
                }
                ',' => {
                    self.lexer.bump();
                    self.problem(self.since(start), Problem::MissingElement);
                }
                '-' if self.lexer.sees("--%") => self.refuse_rest(3, Refused::StopParsing),
                '-' if second.is_some_and(|next| next.is_ascii_alphabetic() || matches!(next, '?' | '_')) => {
                    return Some(self.named_argument(cmdlet, flow));
                }
                '@' if second.is_some_and(|next| next.is_ascii_alphabetic() || next == '_') => {
                    return Some(self.splat());
                }
                _ => {
                    let value = self.value_list(flow);
                    let span = self.since(start);
                    return Some(Argument { span, name: Name::Place, parameter: None, value: Some(value) });
                }
            }
        }
    }

    fn refuse_rest(&mut self, length: usize, refused: Refused) {
        let start = self.lexer.at();
        self.refuse(Span::new(start, start + length), refused);
        self.skip_command();
    }

    /// `@name`.
    fn splat(&mut self) -> Argument {
        let start = self.lexer.at();
        self.lexer.bump();
        let word = self.lexer.word();
        self.lexer.take(word);
        let span = self.since(start);
        Argument { span, name: Name::Splat, parameter: None, value: Some(vec![Piece::Variable(span)]) }
    }

    /// `-Name`, `-Name value`, `-Name:value`.
    fn named_argument(&mut self, cmdlet: Cmdlet, flow: Flow) -> Argument {
        let start = self.lexer.at();
        self.lexer.bump();
        if self.lexer.take("?").is_none() {
            self.lexer.take_while(|letter| letter.is_ascii_alphanumeric() || letter == '_');
        }
        let name = Span::new(start + 1, self.lexer.at());
        let parameter = self.parameter(cmdlet, name);
        let glued = self.lexer.take(":").is_some();
        let is_switch = match parameter {
            Some(parameter) => parameter.kind == Kind::Switch,
            // Whether an unknown name takes a value shows in what follows it.
            None => name.of(self.text()) == "?",
        };
        let mut value = None;
        if glued || !is_switch {
            let mark = self.lexer.at();
            self.lexer.blank_in_line();
            if self.value_is_missing(flow) {
                self.lexer.rewind(mark);
                if let (Some(parameter), Cmdlet::Known(description)) = (parameter, cmdlet) {
                    let problem =
                        Problem::MissingValue { cmdlet: description.name, parameter: parameter.name };
                    self.problem(Span::new(start, name.end), problem);
                }
            } else {
                value = Some(self.value_list(flow));
            }
        }
        Argument { span: self.since(start), name: Name::Given(name), parameter, value }
    }

    fn value_is_missing(&mut self, flow: Flow) -> bool {
        match self.lexer.peek() {
            None | Some('\n' | '\r' | ';' | ')' | ']' | '}' | '|' | '&' | ',' | '<' | '>') => true,
            Some('{') => flow.header,
            Some('-') => self.lexer.peek_second().is_some_and(|next| next.is_ascii_alphabetic()),
            Some('@') => self.lexer.peek_second().is_some_and(|next| next.is_ascii_alphabetic()),
            Some(_) => false,
        }
    }

    fn parameter(&mut self, cmdlet: Cmdlet, name: Span) -> Option<&'static Parameter> {
        let written = name.of(self.text());
        if written == "?" {
            return None;
        }
        let description = cmdlet.description()?;
        let found = description.parameter(written);
        let Cmdlet::Known(_) = cmdlet else {
            // The door refuses the call whatever stands in it, and nothing more is said here.
            return found.ok();
        };
        match found {
            Ok(parameter) => Some(parameter),
            Err(NoParameter::Unknown { nearest }) => {
                let nearest = nearest.filter(|_| written.len() <= NAME_LIMIT);
                let written = written.to_owned();
                let problem = Problem::UnknownParameter { cmdlet: description.name, written, nearest };
                self.problem(Span::new(name.start - 1, name.end), problem);
                None
            }
            Err(NoParameter::Ambiguous { fits }) => {
                let written = written.to_owned();
                let problem = Problem::AmbiguousParameter { cmdlet: description.name, written, fits };
                self.problem(Span::new(name.start - 1, name.end), problem);
                None
            }
        }
    }

    /// No parameter twice; arguments without a name find theirs by their place.
    fn check(&mut self, cmdlet: Cmdlet, arguments: &mut [Argument]) {
        let Some(description) = cmdlet.description() else { return };
        let mut given: Vec<&'static str> = Vec::new();
        for argument in arguments.iter() {
            let (Some(parameter), Name::Given(name)) = (argument.parameter, argument.name) else { continue };
            if !given.contains(&parameter.name) {
                given.push(parameter.name);
            } else if let Cmdlet::Known(_) = cmdlet {
                let problem = Problem::Repeated { cmdlet: description.name, parameter: parameter.name };
                self.problem(Span::new(name.start - 1, name.end), problem);
            }
        }
        let mut by_place = places(description).filter(|parameter| !given.contains(&parameter.name));
        for argument in arguments.iter_mut().filter(|argument| argument.name == Name::Place) {
            argument.parameter = by_place.next();
        }
    }

    // ------------------------------------------------------------------ values

    /// One value, or several with commas between them.
    fn value_list(&mut self, flow: Flow) -> Vec<Piece> {
        let start = self.lexer.at();
        let first = self.value();
        let mut items = vec![first];
        loop {
            let mark = self.lexer.at();
            self.lexer.blank_in_line();
            let comma = if flow.separated { None } else { self.lexer.take(",") };
            let Some(comma) = comma else {
                self.lexer.rewind(mark);
                break;
            };
            let behind = self.lexer.at();
            self.lexer.blank();
            if self.value_is_missing(flow) {
                self.problem(comma, Problem::MissingElement);
                self.lexer.rewind(behind);
                break;
            }
            items.push(self.value());
        }
        if items.len() > 1 {
            return vec![Piece::List(List { span: self.since(start), items, spreads: false })];
        }
        items.pop().unwrap_or_default()
    }

    /// One value.
    fn value(&mut self) -> Vec<Piece> {
        match (self.lexer.peek(), self.lexer.peek_second()) {
            (Some('"'), _) => vec![Piece::Text(self.double_quoted())],
            (Some('\''), _) => vec![Piece::Text(self.single_quoted())],
            (Some('('), _) => {
                let group = self.group(Flow::ARGUMENT);
                self.with_members(Piece::Group(group))
            }
            (Some('['), _) if !self.is_wildcard_set() => {
                let group = self.group(Flow::ELEMENT);
                self.with_members(Piece::Group(group))
            }
            (Some('#'), Some('{')) => {
                let group = self.group(Flow::ELEMENT);
                self.with_members(Piece::Group(group))
            }
            (Some('@'), Some('(' | '{' | '"' | '\'')) => self.at_value().into_iter().collect(),
            (Some('{'), _) => vec![self.script_block()],
            (Some('$'), Some(second)) if self.is_whole_variable(second) => {
                let value = self.dollar();
                value.map(|value| self.with_members(value)).unwrap_or_default()
            }
            _ => self.bare_word(),
        }
    }

    /// Whether a `[` begins a wildcard such as `[a-c]*`, and not an array.
    fn is_wildcard_set(&self) -> bool {
        let rest = &self.lexer.rest()[1..];
        let of_set = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let length = rest.bytes().take(64).take_while(of_set).count();
        let mut behind = rest[length..].chars();
        length > 0
            && behind.next() == Some(']')
            && behind.next().is_some_and(|next| !ends_word(next) && !matches!(next, ']' | '[' | '.'))
    }

    /// Whether a `$` begins a value of its own, and not a word such as `$site/pool`.
    fn is_whole_variable(&self, second: char) -> bool {
        if matches!(second, '(' | '{') {
            return true;
        }
        let rest = &self.lexer.rest()[1..];
        let length = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
        let mut behind = rest[length..].chars();
        let automatic = length == 0 && matches!(second, '?' | '$' | '^');
        match behind.next() {
            _ if length == 0 => automatic,
            None => true,
            Some('.') => behind.next().is_some_and(|next| next.is_ascii_alphabetic() || next == '_'),
            // A scope, which is refused as a whole.
            Some(':') => true,
            Some(letter) => letter == '[' || ends_word(letter) || letter == ']',
        }
    }

    /// A value with `.Property`, `.method(…)`, `[…]` directly behind it.
    fn with_members(&mut self, value: Piece) -> Vec<Piece> {
        let mut pieces = vec![value];
        loop {
            let start = self.lexer.at();
            match (self.lexer.peek(), self.lexer.peek_second()) {
                (Some('.'), Some(next)) if next.is_ascii_alphabetic() || next == '_' => {
                    self.lexer.bump();
                    let word = self.lexer.word();
                    self.lexer.take(word);
                    pieces.push(Piece::Rhai(self.since(start)));
                    if self.lexer.peek() == Some('(') {
                        let group = self.group(Flow::ELEMENT);
                        pieces.push(Piece::Group(group));
                    }
                }
                (Some('['), _) => {
                    let group = self.group(Flow::RHAI);
                    pieces.push(Piece::Group(group));
                }
                (Some(letter), _) if !ends_word(letter) && letter != ']' => {
                    self.bare_word();
                    let found = letter;
                    self.problem(Span::new(start, start + letter.len_utf8()), Problem::Unexpected { found });
                    return pieces;
                }
                _ => return pieces,
            }
        }
    }

    /// `@(…)`, `@{…}`; a here-string is refused.
    pub(super) fn at_value(&mut self) -> Option<Piece> {
        let start = self.lexer.at();
        match self.lexer.peek_second() {
            Some('(') => {
                self.lexer.take("@(");
                let items = self.deeper(Self::list_items);
                if self.lexer.take(")").is_none() {
                    self.problem(Span::new(start, start + 2), Problem::Unclosed { opened: "@(" });
                }
                Some(Piece::List(List { span: self.since(start), items, spreads: true }))
            }
            Some('{') => {
                self.lexer.take("@{");
                let entries = self.deeper(Self::map_entries);
                if self.lexer.take("}").is_none() {
                    self.problem(Span::new(start, start + 2), Problem::Unclosed { opened: "@{" });
                }
                Some(Piece::Map(Map { span: self.since(start), entries }))
            }
            Some(quote @ ('"' | '\'')) => {
                let end = if quote == '"' { "\"@" } else { "'@" };
                self.lexer.take_while(|letter| letter != '\n');
                while !self.lexer.is_at_end() && self.lexer.take(end).is_none() {
                    self.lexer.bump();
                }
                self.refuse(Span::new(start, start + 2), Refused::HereString);
                Some(Piece::Literal(self.since(start), Literal::Null))
            }
            _ => {
                self.lexer.bump();
                Some(Piece::Rhai(self.since(start)))
            }
        }
    }

    fn list_items(&mut self) -> Vec<Vec<Piece>> {
        let mut items = Vec::new();
        loop {
            self.lexer.blank();
            match self.lexer.peek() {
                None | Some(')' | ']' | '}') => return items,
                Some(';' | ',') => {
                    self.lexer.bump();
                }
                Some(_) => items.push(self.some_value()),
            }
        }
    }

    fn map_entries(&mut self) -> Vec<(Text, Vec<Piece>)> {
        let mut entries = Vec::new();
        loop {
            self.lexer.blank();
            let start = self.lexer.at();
            let key = match self.lexer.peek() {
                None | Some('}') => return entries,
                Some(';' | ',') => {
                    self.lexer.bump();
                    continue;
                }
                Some('"') => self.double_quoted(),
                Some('\'') => self.single_quoted(),
                Some(_) => {
                    let span = self
                        .lexer
                        .take_while(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '-'));
                    let letters = span.of(self.text()).to_owned();
                    Text { span, parts: vec![TextPart::Letters(letters)], bare: true }
                }
            };
            self.lexer.blank();
            if key.span.start == key.span.end || self.lexer.take("=").is_none() {
                let at = self.lexer.at().max(start);
                self.problem(Span::new(start, at.max(start + 1)), Problem::MapEntry);
                self.lexer.take_while(|letter| !matches!(letter, '\n' | ';' | '}'));
                continue;
            }
            self.lexer.blank();
            let value = if matches!(self.lexer.peek(), Some('}' | ';') | None) {
                Vec::new()
            } else {
                self.some_value()
            };
            if span_of(&value).is_none() {
                self.problem(key.span, Problem::MapEntry);
            }
            entries.push((key, value));
        }
    }

    /// A value in `@(…)` or `@{…}`; takes at least a character.
    fn some_value(&mut self) -> Vec<Piece> {
        let start = self.lexer.at();
        let mut pieces = self.value_pieces(Flow::VALUE);
        if self.lexer.at() == start
            && let Some(found) = self.lexer.bump()
        {
            self.problem(self.since(start), Problem::Unexpected { found });
        }
        while pieces.last().is_some_and(Piece::is_blank) {
            pieces.pop();
        }
        pieces
    }

    /// `{ … }` that a cmdlet calls.
    pub(super) fn script_block(&mut self) -> Piece {
        let start = self.lexer.at();
        self.lexer.bump();
        self.script_blocks += 1;
        let block = self.deeper(|parser| parser.block(Level::ScriptBlock));
        self.script_blocks -= 1;
        if self.lexer.take("}").is_none() {
            self.problem(Span::new(start, start + 1), Problem::Unclosed { opened: "{" });
        }
        Piece::ScriptBlock(ScriptBlock { span: self.since(start), block })
    }

    // ------------------------------------------------------------------ text

    /// `'…'`: nothing in it has a meaning but the doubled quote.
    pub(super) fn single_quoted(&mut self) -> Text {
        let start = self.lexer.at();
        self.lexer.bump();
        let mut letters = String::new();
        loop {
            match self.lexer.bump() {
                Some('\'') if self.lexer.take("'").is_some() => letters.push('\''),
                Some('\'') => break,
                Some(letter) => letters.push(letter),
                None => {
                    self.problem(Span::new(start, start + 1), Problem::Unclosed { opened: "'" });
                    break;
                }
            }
        }
        Text { span: self.since(start), parts: vec![TextPart::Letters(letters)], bare: false }
    }

    /// `"…"`: variables, backtick escapes, doubled quotes; a backslash is a backslash.
    pub(super) fn double_quoted(&mut self) -> Text {
        let start = self.lexer.at();
        let mut parts = Vec::new();
        self.double_quoted_into(&mut parts);
        Text { span: self.since(start), parts, bare: false }
    }

    fn double_quoted_into(&mut self, parts: &mut Vec<TextPart>) {
        let start = self.lexer.at();
        self.lexer.bump();
        loop {
            match self.lexer.peek() {
                None => {
                    self.problem(Span::new(start, start + 1), Problem::Unclosed { opened: "\"" });
                    return;
                }
                Some('"') => {
                    self.lexer.bump();
                    if self.lexer.take("\"").is_none() {
                        return;
                    }
                    push_letter(parts, '"');
                }
                Some('`') => self.escape(parts),
                Some('$') => self.interpolated(parts),
                Some(letter) => {
                    self.lexer.bump();
                    push_letter(parts, letter);
                }
            }
        }
    }

    /// A backtick and what it escapes.
    fn escape(&mut self, parts: &mut Vec<TextPart>) {
        self.lexer.bump();
        let Some(letter) = self.lexer.bump() else { return };
        let meant = match letter {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            '0' => '\0',
            'a' => '\x07',
            'b' => '\x08',
            'f' => '\x0c',
            'v' => '\x0b',
            'e' => '\x1b',
            'u' if self.lexer.peek() == Some('{') => {
                let start = self.lexer.at();
                self.lexer.bump();
                let mut n_digits = 0;
                let digits = self.lexer.take_while(|digit| {
                    n_digits += 1;
                    digit.is_ascii_hexdigit() && n_digits <= 6
                });
                let code = u32::from_str_radix(digits.of(self.text()), 16).ok().and_then(char::from_u32);
                match (code, self.lexer.take("}")) {
                    (Some(code), Some(_)) => code,
                    _ => {
                        self.lexer.rewind(start);
                        'u'
                    }
                }
            }
            letter => letter,
        };
        push_letter(parts, meant);
    }

    /// `$x`, `$_`, `$(…)` in text; a `$` before anything else is itself.
    fn interpolated(&mut self, parts: &mut Vec<TextPart>) {
        let meaning = self
            .lexer
            .peek_second()
            .is_some_and(|next| next.is_ascii_alphabetic() || matches!(next, '_' | '(' | '{'));
        let value = if meaning { self.dollar() } else { None };
        match value {
            Some(value) => parts.push(TextPart::Value(vec![value])),
            None => {
                self.lexer.bump();
                push_letter(parts, '$');
            }
        }
    }

    /// A word without quotes: text, or a number.
    fn bare_word(&mut self) -> Vec<Piece> {
        let start = self.lexer.at();
        let mut parts = Vec::new();
        let mut plain = true;
        let mut brackets = 0_usize;
        while let Some(letter) = self.lexer.peek() {
            match letter {
                '[' => brackets += 1,
                ']' if brackets == 0 => break,
                ']' => brackets -= 1,
                letter if ends_word(letter) => break,
                _ => {}
            }
            match letter {
                '`' => {
                    plain = false;
                    if self.lexer.sees("`\n") || self.lexer.sees("`\r\n") {
                        break;
                    }
                    self.lexer.bump();
                    if let Some(escaped) = self.lexer.bump() {
                        push_letter(&mut parts, escaped);
                    }
                }
                '"' => {
                    plain = false;
                    self.double_quoted_into(&mut parts);
                }
                '\'' => {
                    plain = false;
                    let text = self.single_quoted();
                    for letter in text.letters().unwrap_or("").chars() {
                        push_letter(&mut parts, letter);
                    }
                }
                '$' => {
                    plain = false;
                    self.interpolated(&mut parts);
                }
                letter => {
                    self.lexer.bump();
                    push_letter(&mut parts, letter);
                }
            }
        }
        let span = self.since(start);
        if span.start == span.end {
            if let Some(found) = self.lexer.bump() {
                self.problem(self.since(start), Problem::Unexpected { found });
            }
            return vec![Piece::Literal(self.since(start), Literal::Null)];
        }
        match if plain { number(span.of(self.text())) } else { None } {
            Some(number) => vec![Piece::Literal(span, number)],
            None => vec![Piece::Text(Text { span, parts, bare: true })],
        }
    }
}

/// The parameters of a cmdlet that are known by their place, in order.
pub(super) fn places(description: &Description) -> impl Iterator<Item = &'static Parameter> + use<> {
    let mut placed: Vec<_> =
        description.every_parameter().filter(|parameter| parameter.position.is_some()).collect();
    placed.sort_by_key(|parameter| parameter.position);
    placed.into_iter()
}

/// A name such as `Test-XmppIM` or `select`, if one comes next.
fn name_at(rest: &str) -> Option<&str> {
    let bytes = rest.as_bytes();
    let mut length = 0;
    while let Some(byte) = bytes.get(length).filter(|_| length <= NAME_LIMIT) {
        let continues = match byte {
            b'a'..=b'z' | b'A'..=b'Z' => true,
            b'0'..=b'9' | b'_' => length > 0,
            b'-' => length > 0 && bytes.get(length + 1).is_some_and(u8::is_ascii_alphabetic),
            _ => false,
        };
        if !continues {
            break;
        }
        length += 1;
    }
    (1..=NAME_LIMIT).contains(&length).then(|| &rest[..length])
}

/// No cmdlet has a longer name.
const NAME_LIMIT: usize = 80;

/// Whether a character ends a word without quotes.
fn ends_word(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, ';' | ',' | '|' | '&' | '(' | ')' | '{' | '}' | '<' | '>')
}

fn push_letter(parts: &mut Vec<TextPart>, letter: char) {
    match parts.last_mut() {
        Some(TextPart::Letters(letters)) => letters.push(letter),
        Some(TextPart::Value(_)) | None => parts.push(TextPart::Letters(letter.to_string())),
    }
}

/// A number as PowerShell writes it, if nothing of its spelling is lost by reading it as one:
/// `007` and `1.50` stay text, since they may be names.
fn number(word: &str) -> Option<Literal> {
    if let Ok(integer) = word.parse::<i64>() {
        return (integer.to_string() == word).then_some(Literal::Integer(integer));
    }
    let (sign, unsigned) = word.strip_prefix('-').map_or((1, word), |unsigned| (-1, unsigned));
    if let Some(digits) = unsigned.strip_prefix("0x").or_else(|| unsigned.strip_prefix("0X")) {
        return i64::from_str_radix(digits, 16).ok().map(|integer| Literal::Integer(sign * integer));
    }
    let digits = unsigned.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let multiplier = match unsigned[digits.len()..].to_ascii_lowercase().as_str() {
        "kb" => Some(1_i64 << 10),
        "mb" => Some(1 << 20),
        "gb" => Some(1 << 30),
        "tb" => Some(1 << 40),
        _ => None,
    };
    if let (Some(multiplier), Ok(count)) = (multiplier, digits.parse::<i64>()) {
        return count.checked_mul(multiplier).map(|integer| Literal::Integer(sign * integer));
    }
    let float: f64 =
        unsigned.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.').then(|| word.parse().ok())??;
    (float.is_finite() && float.to_string() == word).then_some(Literal::Float(float))
}

/// PowerShell's approved verbs, and those of imsh's own cmdlets: what looks like a cmdlet.
const VERBS: &[&str] = &[
    "Add",
    "Clear",
    "Close",
    "Copy",
    "Enter",
    "Exit",
    "Find",
    "Format",
    "Get",
    "Hide",
    "Join",
    "Lock",
    "Move",
    "New",
    "Open",
    "Optimize",
    "Pop",
    "Push",
    "Redo",
    "Remove",
    "Rename",
    "Reset",
    "Resize",
    "Search",
    "Select",
    "Set",
    "Show",
    "Skip",
    "Split",
    "Step",
    "Switch",
    "Undo",
    "Unlock",
    "Watch",
    "Connect",
    "Disconnect",
    "Read",
    "Receive",
    "Send",
    "Write",
    "Backup",
    "Checkpoint",
    "Compare",
    "Compress",
    "Convert",
    "ConvertFrom",
    "ConvertTo",
    "Dismount",
    "Edit",
    "Expand",
    "Export",
    "Group",
    "Import",
    "Initialize",
    "Limit",
    "Merge",
    "Mount",
    "Out",
    "Publish",
    "Restore",
    "Save",
    "Sync",
    "Unpublish",
    "Update",
    "Debug",
    "Measure",
    "Ping",
    "Repair",
    "Resolve",
    "Test",
    "Trace",
    "Approve",
    "Assert",
    "Build",
    "Complete",
    "Confirm",
    "Deny",
    "Deploy",
    "Disable",
    "Enable",
    "Install",
    "Invoke",
    "Register",
    "Request",
    "Restart",
    "Resume",
    "Start",
    "Stop",
    "Submit",
    "Suspend",
    "Uninstall",
    "Unregister",
    "Wait",
    "Block",
    "Grant",
    "Protect",
    "Revoke",
    "Unblock",
    "Unprotect",
    "Use",
    "ForEach",
    "Sort",
    "Where",
    "Tee",
];
