//! Completion: what could stand at the cursor of a line that is being typed.
//!
//! Reads the text up to the cursor with the same parser that runs it, so that what is offered is
//! what would be understood. Says what is wanted and what of it is there already; the names
//! themselves (pools, partners, files) are for a layer that knows them.

use super::source_map::Span;
use super::tree::{
    CallArgument, CommandExpression, Inside, Name, Operation, Piece, Pipeline, StatementBlock, TextPart,
    span_of,
};
use super::{ReadText, ReadingContext, read};
use crate::cmdlet::{Description, Kind, Parameter};

/// A request for what could stand at the cursor.
#[derive(Clone, Debug)]
pub struct CompletionRequest {
    /// The part of it that is there already, up to the cursor; a choice takes its place.
    pub span: Span,
    /// The kind of the candidates.
    pub kind: WantedKind,
    /// The origin of the records whose properties `$_` has, or that the command at the cursor takes.
    pub origin: Option<CompletionOrigin>,
}

/// The origin of records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompletionOrigin {
    /// From a cmdlet that emits records of this type.
    Type(&'static str),
    /// From a variable.
    Variable(String),
}

/// The kinds of things that could stand at a cursor.
#[derive(Clone, Debug)]
pub enum WantedKind {
    /// A cmdlet; where no pipe is before it, also a variable, a function or a keyword of Rhai's.
    Command {
        /// Whether a pipe is before it.
        piped: bool,
    },
    /// A parameter of a cmdlet.
    Parameter {
        /// The cmdlet.
        cmdlet: &'static Description,
        /// The parameters that it has been given already.
        given: Vec<&'static str>,
    },
    /// A value for a parameter.
    Value {
        /// The cmdlet.
        cmdlet: &'static Description,
        /// The parameter, if the cmdlet takes one here.
        parameter: Option<&'static Parameter>,
        /// The quote that is open, if one is; it is part of the span.
        quote: Option<char>,
    },
    /// A variable, behind its `$`.
    Variable,
    /// A property of a variable.
    Property {
        /// The text before the last dot: `r`, `$_`, `pool.Servers`.
        of: String,
    },
    /// Nothing that can be known.
    Nothing,
}

/// Returns the request for what could stand at byte `cursor` of `text`.
pub fn complete(text: &str, cursor: usize, setting: &ReadingContext<'_>) -> CompletionRequest {
    let mut cursor = cursor.min(text.len());
    while !text.is_char_boundary(cursor) {
        cursor -= 1;
    }
    let text = &text[..cursor];
    let reading = read(text, setting);
    let live = Live::of(text, &reading);
    let wanted = at_end(text, live.found);
    let is_of_block = matches!(&wanted.kind, WantedKind::Property { .. });
    let pipeline = if is_of_block { live.around_block } else { live.innermost };
    CompletionRequest { origin: pipeline.and_then(|pipeline| origin(pipeline, text)), ..wanted }
}

/// Returns the request for what could stand at the end of a text, which lies in `command`.
fn at_end(text: &str, command: Option<&CommandExpression>) -> CompletionRequest {
    let cursor = text.len();
    if in_single_quotes(command.and_then(|command| command.arguments.last()), text) {
        // Nothing in single quotes is a variable.
    } else if let Some(wanted) = variable_or_property(text) {
        return wanted;
    }
    let start = word_start(text, |letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-'));
    let here = Span::new(start, cursor);
    let in_argument = command
        .and_then(|command| command.arguments.last())
        .is_some_and(|argument| argument.span.end == cursor);
    if is_piped(text, here) && !in_argument {
        return CompletionRequest { origin: None, span: here, kind: WantedKind::Command { piped: true } };
    }
    match command {
        Some(command) => of_command(command, text, is_piped(text, command.name)),
        None => {
            let start =
                word_start(text, |letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-'));
            let kind = if in_rhai_text(text, start) {
                WantedKind::Nothing
            } else {
                WantedKind::Command { piped: is_piped(text, Span::new(start, cursor)) }
            };
            CompletionRequest { origin: None, span: Span::new(start, cursor), kind }
        }
    }
}

fn is_piped(text: &str, name: Span) -> bool {
    let before = text[..name.start].trim_end();
    before.ends_with('|') && !before.ends_with("||")
}

/// Whether a word stands in a string of Rhai's, as far as its line shows.
fn in_rhai_text(text: &str, start: usize) -> bool {
    let line = text[..start].rsplit('\n').next().unwrap_or("");
    line.matches('"').count() % 2 == 1
}

fn in_single_quotes(argument: Option<&CallArgument>, text: &str) -> bool {
    let value = argument.and_then(|argument| argument.value.as_deref()).unwrap_or_default();
    last_item(value).is_some_and(|span| span.of(text).starts_with('\'') && span.end == text.len())
}

/// `$na`, `$x.pro`, `x.pro`, directly before the cursor.
fn variable_or_property(text: &str) -> Option<CompletionRequest> {
    let end = text.len();
    let start = word_start(text, |letter| letter.is_ascii_alphanumeric() || letter == '_');
    let before = &text[..start];
    if before.ends_with('$') {
        return Some(CompletionRequest {
            origin: None,
            span: Span::new(start, end),
            kind: WantedKind::Variable,
        });
    }
    let owner = before.strip_suffix('.')?;
    // An element has the properties of its list: `$pools[0].`
    let name_end = if owner.ends_with(']') { owner.rfind('[')? } else { owner.len() };
    let owner_start = word_start(&owner[..name_end], |letter| {
        letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.' | '$')
    });
    let of = &owner[owner_start..];
    let dollar = of.starts_with('$');
    let name = of.trim_start_matches('$');
    // A bare word of a command line has dots too: `atl-cs-001.lit`.
    let in_word = text[..owner_start].ends_with(['-', '@', ':', '/', '\\', '*']);
    let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let bare_argument = !dollar && live_word(text, owner_start);
    (is_name && !in_word && !bare_argument).then(|| CompletionRequest {
        origin: None,
        span: Span::new(start, end),
        kind: WantedKind::Property { of: of.to_owned() },
    })
}

/// Whether the word at `start` stands among the arguments of a command, where it is text.
fn live_word(text: &str, start: usize) -> bool {
    let line = text[..start].rsplit(['\n', ';', '{', '(', '|']).next().unwrap_or("");
    let first = line.split_whitespace().next().unwrap_or("");
    first.contains('-') && !line.trim_start().starts_with("let ")
}

fn word_start(text: &str, of_word: impl Fn(char) -> bool) -> usize {
    text.char_indices()
        .rev()
        .take_while(|(_, letter)| of_word(*letter))
        .last()
        .map_or(text.len(), |(start, _)| start)
}

/// Returns the origin of the records that the last command of a pipeline takes.
fn origin(pipeline: &Pipeline, text: &str) -> Option<CompletionOrigin> {
    let (_, before) = pipeline.commands.split_last()?;
    for command in before.iter().rev() {
        let cmdlet = command.cmdlet.description()?;
        let is_narrowed = command.arguments.iter().any(|argument| {
            argument.parameter.is_some_and(|own| matches!(own.name, "Property" | "ExpandProperty"))
        });
        let passes_on = match cmdlet.name {
            "Where-Object" | "Sort-Object" | "Tee-Object" => true,
            "Select-Object" => !is_narrowed,
            _ => false,
        };
        if !passes_on {
            return (!cmdlet.emits.is_empty()).then_some(CompletionOrigin::Type(cmdlet.emits));
        }
    }
    let head = span_of(pipeline.head.as_deref()?)?.of(text);
    Some(CompletionOrigin::Variable(head.trim_start_matches('$').to_owned()))
}

/// The constructs that the cursor is in.
struct Live<'t, 'r> {
    text: &'t str,
    /// The innermost command with nothing but blanks behind it.
    found: Option<&'r CommandExpression>,
    /// The pipeline that it ends.
    innermost: Option<&'r Pipeline>,
    /// The pipeline that ends with the innermost script block.
    around_block: Option<&'r Pipeline>,
}

impl<'t, 'r> Live<'t, 'r> {
    fn of(text: &'t str, reading: &'r ReadText) -> Self {
        let mut live = Self { text, found: None, innermost: None, around_block: None };
        live.block(&reading.tree.body);
        live
    }

    fn block(&mut self, block: &'r StatementBlock) {
        if let Some(statement) = block.statements.last() {
            self.pieces(&statement.pieces);
        }
    }

    fn pieces(&mut self, pieces: &'r [Piece]) {
        // Only what reaches the end can hold the cursor.
        let last = pieces.iter().rev().find(|piece| !piece.is_blank());
        let Some(piece) = last else { return };
        match piece {
            Piece::Group(group) if group.close.is_none() => self.pieces(&group.pieces),
            Piece::Body(body) if body.close.is_none() => self.block(&body.block),
            Piece::Closure(closure) => self.pieces(&closure.body),
            Piece::Function(function) => {
                if let Some(body) = function.body.as_ref().filter(|body| body.close.is_none()) {
                    self.block(&body.block);
                }
            }
            Piece::Condition(pieces) => self.pieces(pieces),
            Piece::Operation(operation) => self.operation(operation),
            Piece::List(list) => self.pieces(list.items.last().map_or(&[], Vec::as_slice)),
            Piece::Map(map) => self.pieces(map.entries.last().map_or(&[], |(_, value)| value)),
            Piece::ScriptBlock(block) => {
                self.around_block = self.innermost;
                self.block(&block.block);
            }
            Piece::Text(text) => {
                if let Some(TextPart::Value(value)) = text.parts.last() {
                    self.pieces(value);
                }
            }
            Piece::Pipeline(pipeline) => self.pipeline(pipeline),
            Piece::Shell(_)
            | Piece::Output(_)
            | Piece::Block(_)
            | Piece::Call(_)
            | Piece::Cast(_)
            | Piece::Static(_)
            | Piece::Several(_)
            | Piece::Step(_)
            | Piece::Ternary(_)
            | Piece::Invoked(_)
            | Piece::Exit(_) => {
                if let Some(last) = piece.inside().pop() {
                    match last {
                        Inside::Pieces(pieces) => self.pieces(pieces),
                        Inside::Block(block) => self.block(block),
                        Inside::Statement(statement) => self.pieces(&statement.pieces),
                    }
                }
            }
            Piece::Type(_)
            | Piece::Keyword(..)
            | Piece::Automatic(..)
            | Piece::Group(_)
            | Piece::Body(_)
            | Piece::Rhai(_)
            | Piece::Quoted(_)
            | Piece::Blank(_)
            | Piece::Binary(..)
            | Piece::Bang(_)
            | Piece::Dash(..)
            | Piece::Word(_)
            | Piece::Declared(_)
            | Piece::Variable(_)
            | Piece::Assigned(_)
            | Piece::Current(_)
            | Piece::Literal(..) => {}
        }
    }

    fn operation(&mut self, operation: &'r Operation) {
        match operation {
            Operation::Operand(pieces) => self.pieces(pieces),
            Operation::Not { operand, .. } | Operation::Unary { operand, .. } => self.operation(operand),
            Operation::Chain { first, rest, .. } => {
                self.operation(rest.last().map_or(first, |link| &link.operand));
            }
        }
    }

    fn pipeline(&mut self, pipeline: &'r Pipeline) {
        let Some(command) = pipeline.commands.last() else { return };
        let behind = self.text.get(pipeline.span.end..).unwrap_or("");
        if !behind.chars().all(|letter| matches!(letter, ' ' | '\t')) {
            return;
        }
        self.found = Some(command);
        self.innermost = Some(pipeline);
        if let Some(value) = command.arguments.last().and_then(|argument| argument.value.as_deref()) {
            self.pieces(value);
        }
    }
}

fn of_command(command: &CommandExpression, text: &str, piped: bool) -> CompletionRequest {
    let end = text.len();
    if command.name.end == end {
        return CompletionRequest { origin: None, span: command.name, kind: WantedKind::Command { piped } };
    }
    let here = Span::new(end, end);
    let Some(cmdlet) = command.cmdlet.description() else {
        return CompletionRequest { origin: None, span: here, kind: WantedKind::Nothing };
    };
    let given: Vec<&'static str> = command
        .arguments
        .iter()
        .filter(|argument| argument.span.end < end)
        .filter_map(|argument| argument.parameter)
        .map(|parameter| parameter.name)
        .collect();
    let Some(last) = command.arguments.last() else {
        return CompletionRequest {
            origin: None,
            span: here,
            kind: value_kind(cmdlet, next_place(cmdlet, &given), None),
        };
    };
    let value = last.value.as_deref().unwrap_or_default();
    let touches = last.span.end == end;
    if let (Name::Given(name), true) = (last.name, value.is_empty()) {
        if touches && !text.ends_with(':') {
            let span = Span::new(name.with_letter_before(text).start, end);
            return CompletionRequest { origin: None, span, kind: WantedKind::Parameter { cmdlet, given } };
        }
        let own = last.parameter.filter(|parameter| touches || parameter.kind != Kind::Switch);
        let parameter = own.or_else(|| next_place(cmdlet, &given));
        return CompletionRequest { origin: None, span: here, kind: value_kind(cmdlet, parameter, None) };
    }
    if text.trim_end().ends_with(',') {
        return CompletionRequest {
            origin: None,
            span: here,
            kind: value_kind(cmdlet, last.parameter, None),
        };
    }
    if !touches {
        return CompletionRequest {
            origin: None,
            span: here,
            kind: value_kind(cmdlet, next_place(cmdlet, &given), None),
        };
    }
    let span = last_item(value).unwrap_or(here);
    let written = span.of(text);
    if written == "-" {
        return CompletionRequest { origin: None, span, kind: WantedKind::Parameter { cmdlet, given } };
    }
    let quote = written.chars().next().filter(|first| matches!(first, '"' | '\''));
    CompletionRequest { origin: None, span, kind: value_kind(cmdlet, last.parameter, quote) }
}

fn value_kind(
    cmdlet: &'static Description,
    parameter: Option<&'static Parameter>,
    quote: Option<char>,
) -> WantedKind {
    WantedKind::Value { cmdlet, parameter, quote }
}

/// The parameter that an argument without a name would be for.
fn next_place(cmdlet: &'static Description, given: &[&'static str]) -> Option<&'static Parameter> {
    super::parser::places(cmdlet).find(|parameter| !given.contains(&parameter.name))
}

/// The value, or the last one of a list.
fn last_item(value: &[Piece]) -> Option<Span> {
    if let [Piece::List(list)] = value
        && !list.spreads
    {
        return list.items.last().and_then(|item| span_of(item));
    }
    span_of(value)
}
