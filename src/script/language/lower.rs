//! Lowering: the tree as Rhai text, with the source position of every piece.
//!
//! Runs after the parser and scope, on trees without mistakes. Never changes Rhai's own text, but for
//! one statement more where a script with command lines in it has a `catch` with a variable
//! (`error = __shell::caught(error);`), nor
//! the number of the line that anything stands on.
//!
//! # What the lowered text calls
//!
//! Functions of the module `__shell`, which no author can name: the parser refuses names with two
//! underscores, and `Fn("…")` reaches no function of a module.
//!
//! | call | value | meaning |
//! |---|---|---|
//! | `run(stages)` | list | runs a pipeline for its records |
//! | `run_on(input, stages)` | list | the same, with the records of an expression as its input |
//! | `show(stages)`, `show_on(input, stages)` | `()` | runs a pipeline whose records nobody takes: they are the script's output, and leave as they come |
//! | `block(source, closure)` | block | a script block: a closure of one parameter with its text |
//! | `text(parts)` | string | the parts joined as PowerShell prints them |
//! | `list(items)` | array | `@(…)`: items that are lists are spread |
//! | `map(pairs)` | table | `@{…}`: an array of `[name, value]` |
//! | `compare(operator, left, right)` | boolean, or list if `left` is one | a dash comparison; the operator's name is one of [`crate::value::compare::OPERATORS`], behind a `c` where letter case counts |
//! | `truth(value)` | boolean | PowerShell's truth |
//! | `caught(error)` | any | what a `catch` block gets: one kind of record, whoever made the error |
//! | `emit(value)` | `()` | shows a value that nobody takes |
//! | `gather(array, value)` | `()` | appends the records of a value to what a script block emits |
//! | `try_run(places, stages)`, `try_run_on`, `try_show`, `try_show_on` | attempt | runs a pipeline that sets variables, and holds its value or its error back until they are set |
//! | `keep(old, attempt, stage, parameter)` | any | what the variable of `-OutVariable` and its like holds from now on |
//! | `end(attempt)` | any | the value or the error that was held back |
//!
//! A pipeline that sets variables becomes a block: `{ let __kept = __shell::try_run(…); let __old =
//! x; x = (); x = __shell::keep(__old, __kept, 0, "OutVariable"); __shell::end(__kept) }`. `places`
//! are its pairs of a command's place and a parameter. The variable is emptied first so that what it
//! holds is moved and not copied: appending in a loop takes time by what is appended.
//!
//! `stages` is an array with an array for each command: its name, its line, its column, then an
//! array for each argument: `[name, line, column, value]`, without a value for a switch that is
//! named alone. The name is the parameter's own, whatever was written; `""` for an argument
//! without a name, `"@"` for a map whose entries are arguments. Lines and columns are the author's.
//!
//! A command that stands as a statement is shown, and so is a value that begins with `$`, unless its value is the value of a function, a
//! closure or a script block. In a script block with several such commands every one counts:
//! their records are gathered in the order in which they come.

mod operators;
mod writer;

use writer::{Writer, quoted};

use super::message::SyntaxProblem;
use super::scope::{Hoisted, Scopes};
use super::source_map::{LineIndex, SourceMap, Span};
use super::tree::{
    Body, CallArgument, ClosureExpression, CommandExpression, Function, GroupExpression, ListLiteral,
    Literal, MapLiteral, Name, Piece, Pipeline, Script, ScriptBlock, Statement, StatementBlock, StatementEnd,
    StatementRole, TextLiteral, TextPart,
};
use crate::cmdlet::Position;

/// The lowered text and where its positions come from.
#[derive(Debug)]
pub struct LoweredText {
    /// The text for Rhai.
    pub text: String,
    /// Its positions.
    pub map: SourceMap,
    /// Where the script may be cut in two.
    pub boundaries: Vec<StatementBoundary>,
    /// What keeps it from being run.
    pub problem: Option<(Span, SyntaxProblem)>,
}

/// A place of the lowered text between two statements of the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatementBoundary {
    /// The byte at which the second begins.
    pub offset: usize,
    /// The position of that byte.
    pub position: Position,
}

/// Rhai's positions are two numbers of sixteen bits.
pub const POSITION_LIMIT: usize = u16::MAX as usize;

/// Lowers a script.
pub fn lower(script: &Script, text: &str, index: &LineIndex, scopes: &Scopes) -> LoweredText {
    let lowered = |is_pure| {
        let writer = Writer::new(text, index);
        let mut lowering = Lowering { writer, scopes, is_pure, n_caught: 0 };
        lowering.frame(&script.body, ValueUse::Show, scopes.hoisted_in_script(), StatementBoundaries::Made);
        // Where nothing else is ours, what is caught is Rhai's too.
        let is_pure = lowering.n_caught > 0 && lowering.writer.n_made() == lowering.n_caught;
        (lowering.writer.output(), is_pure)
    };
    match lowered(false) {
        (_, true) => lowered(true).0,
        (output, false) => output,
    }
}

/// What becomes of the value of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ValueUse {
    /// Somebody takes it.
    Value,
    /// It is the script's output.
    Show,
    /// The script block around it gathers it.
    Gather,
}

/// Whether the text may be cut between two statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StatementBoundaries {
    /// It may.
    Made,
    /// Not here.
    None,
}

struct Lowering<'a> {
    writer: Writer<'a>,
    scopes: &'a Scopes,
    /// Whether the text has nothing of ours in it.
    is_pure: bool,
    /// How many `catch` blocks got a statement more.
    n_caught: usize,
}

impl Lowering<'_> {
    // ------------------------------------------------------------------ statements

    /// The statements of a function or of the script itself. Each has in front of it the declarations
    /// of what it is the first to name: on one line there would not be room for those of a long script.
    fn frame(
        &mut self,
        block: &StatementBlock,
        purpose: ValueUse,
        hoisted: &[Hoisted],
        boundaries: StatementBoundaries,
    ) {
        let mut hoisted = hoisted.iter().peekable();
        for (place, statement) in block.statements.iter().enumerate() {
            if boundaries == StatementBoundaries::Made
                && place > 0
                && !can_go_on(&block.statements[place - 1])
            {
                self.writer.boundary();
            }
            while let Some(Hoisted { name, .. }) = hoisted.next_if(|hoisted| hoisted.statement <= place) {
                let first = statement.pieces.iter().find(|piece| !piece.is_blank());
                let at = first.and_then(Piece::span).map_or(0, |span| span.start);
                self.writer.made(&format!("let {name} = (); "), at);
            }
            self.statement_of(block, place, statement, purpose);
        }
        self.blank(block.tail);
    }

    fn block(&mut self, block: &StatementBlock, purpose: ValueUse) {
        for (place, statement) in block.statements.iter().enumerate() {
            self.statement_of(block, place, statement, purpose);
        }
        self.blank(block.tail);
    }

    fn statement_of(
        &mut self,
        block: &StatementBlock,
        place: usize,
        statement: &Statement,
        purpose: ValueUse,
    ) {
        let is_value = place + 1 == block.statements.len() && statement.end == StatementEnd::Open;
        match (is_value, purpose) {
            (true, ValueUse::Gather) if is_expression(statement, self.writer.source) => {
                self.taken(statement, "__shell::gather(__out, ");
            }
            (false, ValueUse::Gather) if is_plain_value(statement, self.writer.source) => {
                self.taken(statement, "__shell::gather(__out, ");
            }
            (true, ValueUse::Show) | (false, ValueUse::Show | ValueUse::Value)
                if is_output(statement, self.writer.source) =>
            {
                self.taken(statement, "__shell::emit(");
            }
            (true, _) => self.statement(statement, purpose),
            (false, ValueUse::Gather) => self.statement(statement, ValueUse::Gather),
            (false, ValueUse::Value | ValueUse::Show) => self.statement(statement, ValueUse::Show),
        }
    }

    fn blank(&mut self, span: Option<Span>) {
        if let Some(span) = span.filter(|span| span.start < span.end) {
            self.writer.copy(span);
        }
    }

    /// An expression whose value is output: of the script, or of the script block around it.
    fn taken(&mut self, statement: &Statement, by: &str) {
        let leading = statement.pieces.iter().take_while(|piece| piece.is_blank()).count();
        let (leading, value) = statement.pieces.split_at(leading);
        self.values(leading);
        let start = value.first().and_then(Piece::span).map_or(0, |span| span.start);
        self.writer.made_at(by, start);
        self.values(value);
        self.writer.made_here(")");
        self.end(statement);
    }

    fn statement(&mut self, statement: &Statement, purpose: ValueUse) {
        match statement.role {
            StatementRole::Command => {
                self.pieces(&statement.pieces, ValueUses { pipelines: purpose, bodies: ValueUse::Value })
            }
            StatementRole::Branch => {
                self.pieces(&statement.pieces, ValueUses { pipelines: ValueUse::Value, bodies: purpose })
            }
            StatementRole::Loop => {
                let bodies = if purpose == ValueUse::Gather { ValueUse::Gather } else { ValueUse::Show };
                self.pieces(&statement.pieces, ValueUses { pipelines: ValueUse::Value, bodies });
            }
            StatementRole::Other => match self.increment(&statement.pieces) {
                Some(n_pieces) => self.incremented(&statement.pieces, n_pieces),
                None => self.pieces(&statement.pieces, ValueUses::VALUES),
            },
        }
        self.end(statement);
    }

    /// How many pieces `$x +=` takes at the beginning of a statement; nothing where it begins otherwise.
    fn increment(&self, pieces: &[Piece]) -> Option<usize> {
        let mut solid = pieces.iter().enumerate().filter(|(_, piece)| !piece.is_blank());
        let (Some((_, Piece::Variable(_))), Some((place, Piece::Rhai(span)))) = (solid.next(), solid.next())
        else {
            return None;
        };
        let n_blanks = pieces[place + 1..].iter().take_while(|piece| piece.is_blank()).count();
        (span.of(self.writer.source) == "+=").then_some(place + 1 + n_blanks)
    }

    /// `$x += …`: what a command gives joins a list, as in PowerShell, where Rhai would put it in as one thing.
    fn incremented(&mut self, pieces: &[Piece], n_pieces: usize) {
        let n_blanks = pieces.iter().rev().take_while(|piece| piece.is_blank()).count();
        let (increment, value) = pieces.split_at(n_pieces);
        let (value, behind) = value.split_at(value.len().saturating_sub(n_blanks));
        self.pieces(increment, ValueUses::VALUES);
        self.writer.made_here("__shell::many(");
        self.pieces(value, ValueUses::VALUES);
        self.writer.made_here(")");
        self.pieces(behind, ValueUses::VALUES);
    }

    fn end(&mut self, statement: &Statement) {
        match statement.end {
            StatementEnd::Semicolon(span) => self.writer.copy(span),
            StatementEnd::Line => self.writer.made_here(";"),
            StatementEnd::Open => {}
        }
    }

    // ------------------------------------------------------------------ pieces

    fn pieces(&mut self, mut pieces: &[Piece], purposes: ValueUses) {
        let mut negated = false;
        while let [piece, rest @ ..] = pieces {
            let n_members = if negated { self.members(pieces) } else { 0 };
            if n_members > 0 {
                let (value, behind) = pieces.split_at(n_members);
                self.true_value(value);
                pieces = behind;
                negated = false;
                continue;
            }
            if let (Piece::Group(group), true) = (piece, negated) {
                self.true_group(group);
            } else {
                self.piece(piece, purposes);
            }
            negated = matches!(piece, Piece::Bang(_)) || (negated && piece.is_blank());
            pieces = rest;
        }
    }

    /// How many pieces `$x.member[0].method(…)` takes, from its `$` on; nothing for anything else.
    fn members(&self, pieces: &[Piece]) -> usize {
        let begins = match pieces.first() {
            Some(Piece::Variable(_) | Piece::Current(_) | Piece::Literal(..)) => true,
            Some(Piece::Group(group)) => group.dollar.is_some(),
            Some(_) | None => return 0,
        };
        let of_member = |piece: &&Piece| {
            let Piece::Rhai(span) = piece else { return matches!(piece, Piece::Group(_)) };
            let text = span.of(self.writer.source);
            text.starts_with(['.', '?', '_']) || text.starts_with(|first: char| first.is_ascii_alphabetic())
        };
        if begins { 1 + pieces[1..].iter().take_while(of_member).count() } else { 0 }
    }

    /// `$x.member` as a boolean.
    fn true_value(&mut self, pieces: &[Piece]) {
        let start = pieces.first().and_then(Piece::span).map_or(0, |span| span.start);
        self.writer.made_at("__shell::truth(", start);
        self.values(pieces);
        self.writer.made_here(")");
    }

    fn values(&mut self, pieces: &[Piece]) {
        self.pieces(pieces, ValueUses::VALUES);
    }

    fn piece(&mut self, piece: &Piece, purposes: ValueUses) {
        match piece {
            Piece::Rhai(span)
            | Piece::Quoted(span)
            | Piece::Blank(span)
            | Piece::Binary(span, _)
            | Piece::Bang(span)
            | Piece::Dash(span, _)
            | Piece::Word(span)
            | Piece::Declared(span) => self.writer.copy(*span),
            Piece::Variable(span) | Piece::Assigned(span) => {
                self.writer.reach(span.start);
                self.writer.made(self.scopes.spelling(*span, self.writer.source), span.start);
            }
            Piece::Current(span) => self.writer.made_at(CURRENT, span.start),
            Piece::Literal(span, literal) => self.literal(*literal, *span),
            Piece::Group(group) => self.group(group, purposes),
            Piece::Body(body) => self.body(body, purposes.bodies),
            Piece::Closure(closure) => self.closure(closure),
            Piece::Function(function) => self.function(function),
            Piece::Condition(pieces) => self.condition(pieces),
            Piece::Pipeline(pipeline) => self.pipeline(pipeline, purposes.pipelines),
            Piece::Operation(operation) => self.operation(operation),
            Piece::Text(text) => self.text(text),
            Piece::List(list) => self.list(list),
            Piece::Map(map) => self.map(map),
            Piece::ScriptBlock(block) => self.script_block(block),
        }
    }

    fn literal(&mut self, literal: Literal, span: Span) {
        self.writer.reach(span.start);
        match literal {
            Literal::Null => self.writer.made("()", span.start),
            Literal::Boolean(true) => self.writer.made("true", span.start),
            Literal::Boolean(false) => self.writer.made("false", span.start),
            Literal::Integer(integer) => self.writer.made(&integer.to_string(), span.start),
            Literal::Float(float) => self.writer.made(&format!("{float:?}"), span.start),
        }
    }

    fn group(&mut self, group: &GroupExpression, purposes: ValueUses) {
        self.writer.copy(group.open);
        // The arms of a `switch` are in braces.
        let arms = group.open.of(self.writer.source) == "{";
        let inside = ValueUses { pipelines: purposes.bodies, bodies: purposes.bodies };
        self.pieces(&group.pieces, if arms { inside } else { ValueUses::VALUES });
        if let Some(close) = group.close {
            self.writer.copy(close);
        }
    }

    /// A group whose value must be a boolean.
    fn true_group(&mut self, group: &GroupExpression) {
        self.writer.copy(group.open);
        self.condition(&group.pieces);
        if let Some(close) = group.close {
            self.writer.copy(close);
        }
    }

    fn body(&mut self, body: &Body, purpose: ValueUse) {
        self.writer.copy(body.open);
        if let Some(name) = body.declares.first().filter(|_| body.catches && !self.is_pure) {
            let name = name.of(self.writer.source).to_owned();
            self.n_caught += 1;
            self.writer.made(&format!(" {name} = __shell::caught({name});"), body.open.start);
        }
        self.block(&body.block, purpose);
        if let Some(close) = body.close {
            self.writer.copy(close);
        }
    }

    fn closure(&mut self, closure: &ClosureExpression) {
        self.writer.copy(closure.head);
        self.values(&closure.body);
    }

    fn function(&mut self, function: &Function) {
        self.writer.copy(function.head);
        self.blank(Some(function.blank));
        if let Some(body) = &function.body {
            self.writer.copy(body.open);
            self.frame(&body.block, ValueUse::Value, self.scopes.hoisted_in(body), StatementBoundaries::None);
            if let Some(close) = body.close {
                self.writer.copy(close);
            }
        }
    }

    // ------------------------------------------------------------------ commands

    fn pipeline(&mut self, pipeline: &Pipeline, purpose: ValueUse) {
        let start = pipeline.commands.first().map_or(pipeline.span.start, |command| command.name.start);
        self.writer.reach(pipeline.span.start);
        let variables: Vec<Set<'_>> = variables_set(pipeline, self.scopes).collect();
        if !variables.is_empty() {
            return self.attempt(pipeline, &variables, purpose, start);
        }
        let (call, close) = match (purpose, pipeline.head.is_some()) {
            (ValueUse::Value, false) => ("__shell::run(", ")"),
            (ValueUse::Value, true) => ("__shell::run_on(", ")"),
            (ValueUse::Show, false) => ("__shell::show(", ")"),
            (ValueUse::Show, true) => ("__shell::show_on(", ")"),
            (ValueUse::Gather, false) => ("__shell::gather(__out, __shell::run(", "))"),
            (ValueUse::Gather, true) => ("__shell::gather(__out, __shell::run_on(", "))"),
        };
        self.writer.made(call, start);
        self.stages(pipeline, start);
        self.writer.made(close, start);
    }

    /// What a pipeline reads, and its commands.
    fn stages(&mut self, pipeline: &Pipeline, start: usize) {
        if let Some(head) = &pipeline.head {
            self.values(head);
            self.writer.made(", ", start);
        }
        self.writer.made("[", start);
        for (place, command) in pipeline.commands.iter().enumerate() {
            if place > 0 {
                self.writer.made(", ", command.name.start);
            }
            self.command(command);
        }
        self.writer.made("]", start);
    }

    /// A pipeline that sets variables.
    fn attempt(&mut self, pipeline: &Pipeline, variables: &[Set<'_>], purpose: ValueUse, start: usize) {
        // A block cannot stand wherever an expression can; in brackets it does.
        let (open, call, close) = match (purpose, pipeline.head.is_some()) {
            (ValueUse::Value, false) => ("({", "try_run", "})"),
            (ValueUse::Value, true) => ("({", "try_run_on", "})"),
            (ValueUse::Show, false) => ("{", "try_show", "}"),
            (ValueUse::Show, true) => ("{", "try_show_on", "}"),
            (ValueUse::Gather, false) => ("__shell::gather(__out, {", "try_run", "})"),
            (ValueUse::Gather, true) => ("__shell::gather(__out, {", "try_run_on", "})"),
        };
        let places: Vec<String> =
            variables.iter().map(|set| format!("[{}, {}]", set.stage, quoted(set.parameter))).collect();
        self.writer.made(&format!("{open} let __kept = __shell::{call}([{}], ", places.join(", ")), start);
        self.stages(pipeline, start);
        self.writer.made(");", start);
        for Set { stage, parameter, variable } in variables {
            let keep = format!(
                " let __old = {variable}; {variable} = (); \
                 {variable} = __shell::keep(__old, __kept, {stage}, {});",
                quoted(parameter)
            );
            self.writer.made(&keep, start);
        }
        self.writer.made(&format!(" __shell::end(__kept) {close}"), start);
    }

    fn command(&mut self, command: &CommandExpression) {
        let start = command.name.start;
        let written = command.name.of(self.writer.source);
        let name = command.cmdlet.description().map_or(written, |description| description.name);
        self.writer.reach(start);
        self.writer.made("[", start);
        self.named_place(name, start);
        for argument in &command.arguments {
            self.argument(argument);
        }
        self.writer.made("]", start);
    }

    /// A name with the position at which it was written.
    fn named_place(&mut self, name: &str, start: usize) {
        let Position { line, column } = self.writer.index.position(start);
        self.writer.made(&quoted(name), start);
        self.writer.made(&format!(", {line}, {column}"), start);
    }

    fn argument(&mut self, argument: &CallArgument) {
        let start = argument.span.start;
        self.writer.made(", ", start);
        self.writer.reach(start);
        self.writer.made("[", start);
        let name = match argument.name {
            Name::Given(span) => {
                argument.parameter.map_or(span.of(self.writer.source), |parameter| parameter.name)
            }
            Name::Place => "",
            Name::Splat => "@",
        };
        self.named_place(name, start);
        if let Some(value) = &argument.value {
            self.writer.made(", ", start);
            self.values(value);
        }
        self.writer.made("]", start);
    }

    fn script_block(&mut self, block: &ScriptBlock) {
        let start = block.span.start;
        let source = block.span.of(self.writer.source);
        let source = source.strip_prefix('{').and_then(|source| source.strip_suffix('}')).unwrap_or(source);
        let shown: String = source.trim().chars().take(SHOWN_SOURCE).collect();
        self.writer.reach(start);
        self.writer.made("__shell::block(", start);
        self.writer.made(&quoted(&shown), start);
        self.writer.made(&format!(", |{CURRENT}| {{"), start);
        if gathers(&block.block, self.writer.source) {
            self.writer.made("let __out = []; ", start);
            self.block(&block.block, ValueUse::Gather);
            self.writer.made_here("; __out");
        } else {
            self.yielding_block(&block.block);
        }
        self.writer.made_here("})");
    }

    /// A script block's statements, the last of which is its value, with or without a semicolon.
    fn yielding_block(&mut self, block: &StatementBlock) {
        let last = block.statements.len().checked_sub(1);
        for (place, statement) in block.statements.iter().enumerate() {
            if Some(place) == last && statement.role == StatementRole::Command {
                self.pieces(&statement.pieces, ValueUses::VALUES);
            } else if Some(place) == last && statement.end == StatementEnd::Open {
                self.statement(statement, ValueUse::Value);
            } else {
                self.statement(statement, ValueUse::Show);
            }
        }
        self.blank(block.tail);
    }

    // ------------------------------------------------------------------ values

    fn text(&mut self, text: &TextLiteral) {
        self.writer.reach(text.span.start);
        if let Some(letters) = text.letters() {
            self.writer.made(&quoted(letters), text.span.start);
            return;
        }
        self.writer.made("__shell::text([", text.span.start);
        for (place, part) in text.parts.iter().enumerate() {
            if place > 0 {
                self.writer.made_here(", ");
            }
            match part {
                TextPart::Letters(letters) => self.writer.made(&quoted(letters), text.span.start),
                TextPart::Value(pieces) => self.values(pieces),
            }
        }
        self.writer.made_here("])");
    }

    fn list(&mut self, list: &ListLiteral) {
        let start = list.span.start;
        self.writer.reach(start);
        let inner = match list.items.as_slice() {
            [item] if list.spreads => match item.as_slice() {
                [Piece::List(inner)] if !inner.spreads => Some(inner),
                _ => None,
            },
            _ => None,
        };
        let spreads = list.spreads && inner.is_none() && !list.items.is_empty();
        self.writer.made(if spreads { "__shell::list([" } else { "[" }, start);
        for (place, item) in inner.unwrap_or(list).items.iter().enumerate() {
            if place > 0 {
                self.writer.made_here(", ");
            }
            self.value_or_null(item);
        }
        self.writer.made_here(if spreads { "])" } else { "]" });
    }

    fn map(&mut self, map: &MapLiteral) {
        let start = map.span.start;
        self.writer.reach(start);
        self.writer.made("__shell::map([", start);
        for (place, (key, value)) in map.entries.iter().enumerate() {
            if place > 0 {
                self.writer.made_here(", ");
            }
            self.writer.made_here("[");
            self.text(key);
            self.writer.made_here(", ");
            self.value_or_null(value);
            self.writer.made_here("]");
        }
        self.writer.made_here("])");
    }

    fn value_or_null(&mut self, pieces: &[Piece]) {
        if pieces.iter().all(Piece::is_blank) {
            self.writer.made_here("()");
        } else {
            self.values(pieces);
        }
    }
}

/// The variables that a pipeline sets, in the order in which they are written.
fn variables_set<'a>(pipeline: &Pipeline, scopes: &'a Scopes) -> impl Iterator<Item = Set<'a>> {
    pipeline.commands.iter().enumerate().flat_map(move |(stage, command)| {
        command.arguments.iter().filter_map(move |argument| {
            let variable = scopes.set_by(argument)?;
            Some(Set { stage, parameter: argument.parameter?.name, variable })
        })
    })
}

/// A variable that a command sets.
struct Set<'a> {
    /// The command's place in its pipeline.
    stage: usize,
    /// The parameter that says so.
    parameter: &'static str,
    /// The variable's Rhai name.
    variable: &'a str,
}

/// What becomes of commands that stand in a piece, and in the blocks of it.
#[derive(Clone, Copy)]
struct ValueUses {
    pipelines: ValueUse,
    bodies: ValueUse,
}

impl ValueUses {
    const VALUES: Self = Self { pipelines: ValueUse::Value, bodies: ValueUse::Value };
}

/// The current object of a script block.
const CURRENT: &str = "__it";

/// How much of a script block's text is kept for messages, in characters.
const SHOWN_SOURCE: usize = 200;

/// Whether a script block emits in more places than its end.
fn gathers(block: &StatementBlock, source: &str) -> bool {
    let last = block.statements.len().checked_sub(1);
    block.statements.iter().enumerate().any(|(place, statement)| {
        let is_last = Some(place) == last;
        match statement.role {
            StatementRole::Branch if is_last => {
                bodies(&statement.pieces).any(|body| gathers(&body.block, source))
            }
            StatementRole::Command => !is_last,
            StatementRole::Branch | StatementRole::Loop => emits_inside(statement, source),
            StatementRole::Other => !is_last && is_plain_value(statement, source),
        }
    })
}

fn emits_inside(statement: &Statement, source: &str) -> bool {
    bodies(&statement.pieces).any(|body| {
        body.block.statements.iter().any(|statement| match statement.role {
            StatementRole::Command => true,
            StatementRole::Branch | StatementRole::Loop => emits_inside(statement, source),
            StatementRole::Other => is_plain_value(statement, source),
        })
    })
}

/// The blocks of a statement, the arms of a `switch` included.
fn bodies(pieces: &[Piece]) -> impl Iterator<Item = &Body> {
    pieces.iter().flat_map(|piece| {
        let inside =
            if let Piece::Group(group) = piece { &group.pieces[..] } else { std::slice::from_ref(piece) };
        inside.iter().filter_map(|piece| if let Piece::Body(body) = piece { Some(&**body) } else { None })
    })
}

/// What a statement begins with that has no value.
const KEYWORDS: &[&str] = &["return", "throw", "break", "continue", "import", "export", "else"];

/// Whether Rhai may take what comes next for more of this statement.
fn can_go_on(statement: &Statement) -> bool {
    match (statement.end, statement.role) {
        (StatementEnd::Semicolon(_) | StatementEnd::Line, _) => false,
        (StatementEnd::Open, StatementRole::Branch | StatementRole::Loop) => {
            !matches!(statement.pieces.last(), Some(Piece::Body(_)))
        }
        (StatementEnd::Open, StatementRole::Command | StatementRole::Other) => {
            !matches!(statement.pieces.last(), Some(Piece::Function(_)))
        }
    }
}

/// Whether a statement does nothing but have a value: it must be meant as output.
fn is_plain_value(statement: &Statement, source: &str) -> bool {
    if is_output(statement, source) {
        return true;
    }
    let is_plain = |piece: &Piece| {
        piece.is_blank()
            || matches!(
                piece,
                Piece::Text(_)
                    | Piece::List(_)
                    | Piece::Map(_)
                    | Piece::Literal(..)
                    | Piece::Variable(_)
                    | Piece::Current(_)
                    | Piece::Word(_)
                    | Piece::Binary(..)
                    | Piece::Operation(_)
            )
            || matches!(piece, Piece::Rhai(span) if !KEYWORDS.contains(&span.of(source)))
    };
    is_expression(statement, source) && statement.pieces.iter().all(is_plain)
}

/// Whether a statement is a value that only a command line's author writes: `$r.Result`,
/// `$n -gt 5`, `1, 2`. In PowerShell it is output.
fn is_output(statement: &Statement, source: &str) -> bool {
    let first = statement.pieces.iter().find(|piece| !piece.is_blank());
    let is_ours = match first {
        Some(Piece::Group(group)) => group.dollar.is_some(),
        Some(piece) => matches!(
            piece,
            Piece::Variable(_)
                | Piece::Current(_)
                | Piece::Literal(..)
                | Piece::Operation(_)
                | Piece::List(_)
                | Piece::Map(_)
        ),
        None => false,
    };
    is_ours && is_expression(statement, source)
}

/// Whether a statement without a semicolon has a value that can be passed on.
fn is_expression(statement: &Statement, source: &str) -> bool {
    let acts = |piece: &Piece| {
        if let Piece::Rhai(span) = piece {
            let text = span.of(source);
            return KEYWORDS.contains(&text) || (text.ends_with('=') && text != "==");
        }
        matches!(piece, Piece::Declared(_) | Piece::Assigned(_) | Piece::Function(_))
    };
    statement.role == StatementRole::Other
        && statement.pieces.iter().any(|piece| !piece.is_blank())
        && !statement.pieces.iter().any(acts)
}
