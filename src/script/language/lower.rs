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
//! | `operate(operator, left, right)`, `unary(operator, value)` | any | `-replace`, `-split`, `-join`, `-f`, `-is`, `-as` and their kin |
//! | `get(value, name)`, `at(value, place)` | any | a property or an element of whatever the value is |
//! | `cast(type, value)`, `of_type(type, member, arguments)` | any | `[int]$x`, `[math]::Round($x)` |
//! | `each(value)` | array or range | what `foreach` and `switch` go through |
//! | `gathered(array)`, `returned(array, value)` | any | what a function or a statement gives: nothing, a value, or a list |
//! | `many_of(value)`, `nth(array, place)`, `rest(array, place)` | any | the parts of `$a, $b = …` |
//! | `addend(kind, value)` | any | what `$x +=` adds to a number, a text or a list; `x.__kind()` says to which |
//! | `some(value)`, `is_null(value)` | any | before `??`: what a command did not give is nothing |
//! | `parameter(type, value)`, `arguments(given, names)`, `required(value, name)` | any | the parameters of functions and scripts |
//! | `succeeded()`, `errors()`, `forget_errors()`, `matches()` | any | `$?`, `$Error`, `$Error.Clear()`, `$Matches` |
//! | `ordered(pairs)` | table | `[ordered]@{…}`, `[pscustomobject]@{…}` |
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
//! `+ - * / %` and `..` where they are PowerShell's are operators of the engine's own: `__add`, `__to` and their kin.
//!
//! A command that stands as a statement is shown, and so is a value that begins with `$`, unless its value is the value of a function, a
//! closure or a script block. In a script block with several such commands every one counts:
//! their records are gathered in the order in which they come.

mod operators;
mod members;
mod statements;
mod writer;

pub use members::METHODS;
pub use operators::OPERATORS;

use statements::begins_with;
use writer::{Writer, quoted};

use super::lexer::has_shell_comment;
use super::message::SyntaxProblem;
use super::scope::{Hoisted, Scopes};
use super::source_map::{LineIndex, SourceMap, Span};
use super::tree::{
    Automatic, Body, CallArgument, Caught, ClosureExpression, CommandExpression, Function, GroupExpression,
    ListLiteral, Literal, MapLiteral, Name, Piece, Pipeline, Quotes, Script, ScriptBlock, ShellStatement,
    Statement, StatementBlock, StatementEnd, StatementRole, TextLiteral, TextPart,
};
use crate::cmdlet::Position;

/// The lowered text and where its positions come from.
#[derive(Debug)]
pub struct LoweredText {
    /// The text for Rhai.
    pub text: String,
    /// Its positions.
    pub map: SourceMap,
    /// The places at which the script may be cut in two.
    pub boundaries: Vec<StatementBoundary>,
    /// The problem that keeps the script from being run.
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
        let mut lowering = Lowering {
            writer,
            scopes,
            is_pure,
            n_caught: 0,
            ours: false,
            context: false,
            in_rhai: false,
            is_top: false,
            out: "__out",
            returns: None,
        };
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

/// The use of the value of a command.
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
    /// The number of `catch` blocks into which a statement was inserted.
    n_caught: usize,
    /// Whether operators mean what they mean in PowerShell.
    ours: bool,
    /// Whether the statements around this one are PowerShell's.
    context: bool,
    /// Whether this is in a function or a closure of Rhai's.
    in_rhai: bool,
    /// Whether the statement that comes next is the script's own.
    is_top: bool,
    /// The array that what is emitted is gathered in.
    out: &'static str,
    /// The array that `return` gives together with its own value.
    returns: Option<&'static str>,
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
            self.is_top = boundaries == StatementBoundaries::Made;
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
        let is_last = place + 1 == block.statements.len();
        let is_value = is_last && statement.end == StatementEnd::Open;
        let chain = place.checked_sub(1).and_then(|before| match block.statements[before].end {
            StatementEnd::Chain(span) => Some(span),
            StatementEnd::Semicolon(_) | StatementEnd::Line | StatementEnd::Open => None,
        });
        if let Some(chain) = chain {
            let is_and = chain.of(self.writer.source) == "&&";
            let test = if is_and { "if __shell::succeeded() { " } else { "if !__shell::succeeded() { " };
            self.writer.made(test, chain.start);
        }
        let source = self.writer.source;
        match (is_value, purpose) {
            (true, ValueUse::Gather) if is_expression(statement, source) => {
                self.taken(statement, ValueUse::Gather);
            }
            (false, ValueUse::Gather)
                if is_plain_value(statement, source)
                    || (statement.end == StatementEnd::Line && is_expression(statement, source)) =>
            {
                self.taken(statement, ValueUse::Gather);
            }
            (true, ValueUse::Show) | (false, ValueUse::Show | ValueUse::Value)
                if self.is_shown(statement, is_value) =>
            {
                self.taken(statement, ValueUse::Show);
            }
            (true, ValueUse::Value) if statement.role == StatementRole::Shell && has_output(statement) => {
                self.output(statement);
            }
            (true, _) => self.statement(statement, purpose),
            (false, ValueUse::Gather) => self.statement(statement, ValueUse::Gather),
            (false, ValueUse::Value | ValueUse::Show) => self.statement(statement, ValueUse::Show),
        }
        if chain.is_some() {
            self.writer.made_here(" }");
        }
    }

    /// Whether a statement is a value that nobody takes, and that is output.
    fn is_shown(&self, statement: &Statement, is_value: bool) -> bool {
        let source = self.writer.source;
        if is_output(statement, source) {
            return true;
        }
        if !is_expression(statement, source) {
            return false;
        }
        // At its end a block's value is its own, if Rhai is to have it.
        !is_value
            && (statement.end == StatementEnd::Line
                || (!self.in_rhai && begins_with_literal(statement, source)))
            || (is_value && !self.in_rhai && (self.context || begins_with_text(statement, source)))
    }

    fn blank(&mut self, span: Option<Span>) {
        let Some(span) = span.filter(|span| span.start < span.end) else { return };
        if has_shell_comment(span.of(self.writer.source)) {
            self.writer.made_here(" ");
        } else {
            self.writer.copy(span);
        }
    }

    /// An expression whose value is output: of the script, or of the script block around it.
    fn taken(&mut self, statement: &Statement, purpose: ValueUse) {
        let outer = std::mem::replace(&mut self.ours, !self.in_rhai || is_ours(&statement.pieces));
        let leading = statement.pieces.iter().take_while(|piece| piece.is_blank()).count();
        let (leading, value) = statement.pieces.split_at(leading);
        self.values(leading);
        let start = value.first().and_then(Piece::span).map_or(0, |span| span.start);
        self.writer.reach(start);
        let open = match purpose {
            ValueUse::Gather => format!("__shell::gather({}, ", self.out),
            ValueUse::Show | ValueUse::Value => "__shell::emit(".to_owned(),
        };
        self.writer.made(&open, start);
        self.values(value);
        self.writer.made_here(")");
        self.ours = outer;
        self.end(statement);
    }

    fn statement(&mut self, statement: &Statement, purpose: ValueUse) {
        let declares = begins_with(statement, self.writer.source, "let")
            || begins_with(statement, self.writer.source, "const");
        let is_top = std::mem::take(&mut self.is_top);
        let stands_alone = purpose != ValueUse::Value
            && !self.in_rhai
            && is_expression(statement, self.writer.source)
            && (is_top
                || statement.end != StatementEnd::Open
                || begins_with_literal(statement, self.writer.source));
        let ours = (self.context && !declares) || stands_alone || is_ours(&statement.pieces);
        let outer = std::mem::replace(&mut self.ours, ours);
        match statement.role {
            StatementRole::Command => {
                self.pieces(&statement.pieces, ValueUses { pipelines: purpose, bodies: ValueUse::Value })
            }
            StatementRole::Branch => {
                self.pieces(&statement.pieces, ValueUses { pipelines: ValueUse::Value, bodies: purpose })
            }
            StatementRole::Loop => {
                let bodies = if purpose == ValueUse::Gather { ValueUse::Gather } else { ValueUse::Show };
                // The body is the first block behind `do`, and the last one of the others; around it stand values.
                let is_body = |piece: &Piece| matches!(piece, Piece::Body(_));
                let place = match begins_with(statement, self.writer.source, "do") {
                    true => statement.pieces.iter().position(is_body),
                    false => statement.pieces.iter().rposition(is_body),
                };
                let (before, from_body) = statement.pieces.split_at(place.unwrap_or(0));
                let (body, behind) = from_body.split_at(from_body.len().min(1));
                self.pieces(before, ValueUses::VALUES);
                self.pieces(body, ValueUses { pipelines: ValueUse::Value, bodies });
                self.pieces(behind, ValueUses::VALUES);
            }
            StatementRole::Shell => {
                for piece in &statement.pieces {
                    if let Piece::Shell(shell) = piece {
                        self.shell(shell, purpose);
                    } else {
                        self.piece(piece, ValueUses::VALUES);
                    }
                }
            }
            StatementRole::Other => match (self.returns, self.increment(&statement.pieces)) {
                (Some(out), _) if begins_with(statement, self.writer.source, "return") => {
                    self.returned(&statement.pieces, out);
                }
                (_, Some((n_target, n_pieces))) => self.incremented(&statement.pieces, n_target, n_pieces),
                (_, None) => self.pieces(&statement.pieces, ValueUses::VALUES),
            },
        }
        self.ours = outer;
        self.end(statement);
    }

    /// `return`, where what was emitted before is given too.
    fn returned(&mut self, pieces: &[Piece], out: &str) {
        let leading = pieces.iter().take_while(|piece| piece.is_blank()).count();
        let (leading, rest) = pieces.split_at(leading);
        self.values(leading);
        let Some((keyword, value)) = rest.split_first() else { return };
        let start = keyword.span().map_or(0, |span| span.start);
        self.writer.made_at(&format!("return __shell::returned({out}, "), start);
        self.value_or_null(value);
        self.writer.made_here(")");
    }

    /// Returns the number of pieces that `$x` and `$x +=` take at the beginning of a statement, the blanks around
    /// the operator included; `None` where the statement begins otherwise. A property of `$x` may be the target as
    /// well: `$x.list +=`.
    fn increment(&self, pieces: &[Piece]) -> Option<(usize, usize)> {
        let source = self.writer.source;
        let sign = |piece: &Piece| {
            let Piece::Rhai(span) = piece else { return None };
            ["+=", "-=", "*=", "/=", "%="].into_iter().find(|own| *own == span.of(source))
        };
        let place = pieces.iter().position(|piece| sign(piece).is_some())?;
        let mut target = pieces[..place].iter().filter(|piece| !piece.is_blank());
        let first = target.next()?;
        let n_members = target.clone().count();
        let is_member = |piece: &Piece| {
            let is_property = matches!(piece, Piece::Rhai(span) if span
                .of(source)
                .starts_with(|first: char| first == '.' || first.is_ascii_alphabetic()));
            is_property || matches!(piece, Piece::Group(group) if group.open.of(source) == "[")
        };
        let adds = sign(&pieces[place]) == Some("+=");
        let is_ours = (matches!(first, Piece::Variable(_)) && (n_members == 0 || adds))
            || (matches!(first, Piece::Word(_)) && self.ours && adds);
        let n_blanks = pieces[place + 1..].iter().take_while(|piece| piece.is_blank()).count();
        (is_ours && target.all(is_member)).then_some((place, place + 1 + n_blanks))
    }

    /// `$x += …`: what a command gives joins a list, and what is added to a number is one, as in PowerShell.
    fn incremented(&mut self, pieces: &[Piece], n_target: usize, n_pieces: usize) {
        let n_blanks = pieces.iter().rev().take_while(|piece| piece.is_blank()).count();
        let (increment, value) = pieces.split_at(n_pieces);
        let (value, behind) = value.split_at(value.len().saturating_sub(n_blanks));
        let target: Vec<&Piece> = increment[..n_target].iter().filter(|piece| !piece.is_blank()).collect();
        let Some(Piece::Rhai(operator)) = increment.get(n_target) else { return };
        let written = operator.of(self.writer.source);
        let name = match target.as_slice() {
            [Piece::Variable(variable)] => self.scopes.spelling(*variable, self.writer.source).to_owned(),
            [Piece::Word(word)] => word.of(self.writer.source).to_owned(),
            _ => String::new(),
        };
        if written == "+=" {
            self.place(increment);
            if name.is_empty() {
                self.writer.made("__shell::addend(", operator.start);
                target.into_iter().for_each(|piece| self.piece(piece, ValueUses::VALUES));
                self.writer.made_here(".__kind(), ");
            } else {
                self.writer.made(&format!("__shell::addend({name}.__kind(), "), operator.start);
            }
            self.values(value);
            self.writer.made_here(")");
        } else {
            let operator_name = operators::arithmetic(&written[..1]).unwrap_or("__sub");
            self.writer.made_at(&format!("{name} = {name} {operator_name} ("), operator.start);
            self.values(value);
            self.writer.made_here(")");
        }
        self.values(behind);
    }

    fn end(&mut self, statement: &Statement) {
        match statement.end {
            StatementEnd::Semicolon(span) => self.writer.copy(span),
            StatementEnd::Line | StatementEnd::Chain(_) => self.writer.made_here(";"),
            StatementEnd::Open => {}
        }
    }

    // ------------------------------------------------------------------ pieces

    fn pieces(&mut self, mut pieces: &[Piece], purposes: ValueUses) {
        if self.ours && self.coalesced(pieces, purposes) {
            return;
        }
        let mut negated = false;
        while let [piece, rest @ ..] = pieces {
            let n_members = self.members(pieces);
            let is_group = matches!(piece, Piece::Group(group) if group.dollar.is_none());
            if negated && n_members > 0 && !(is_group && n_members == 1) {
                let (value, behind) = pieces.split_at(n_members);
                self.true_value(value);
                pieces = behind;
                negated = false;
                continue;
            }
            if n_members > 1 && !self.is_assigned(&pieces[n_members..]) {
                let (value, behind) = pieces.split_at(n_members);
                if self.chain(value) {
                    pieces = behind;
                    negated = false;
                    continue;
                }
            }
            if let (Piece::Group(group), true) = (piece, negated) {
                self.true_group(group);
            } else if let Piece::Binary(span, _) = piece {
                self.binary(*span, rest);
            } else {
                self.piece(piece, purposes);
            }
            negated = matches!(piece, Piece::Bang(_)) || (negated && piece.is_blank());
            pieces = rest;
        }
    }

    /// `a ?? b`: what a command did not give is nothing.
    fn coalesced(&mut self, pieces: &[Piece], purposes: ValueUses) -> bool {
        let source = self.writer.source;
        let joins = |piece: &Piece| matches!(piece, Piece::Binary(span, _) if span.of(source) == "??");
        let Some(place) = pieces.iter().position(joins) else { return false };
        let begin = pieces[..place]
            .iter()
            .rposition(|piece| matches!(piece, Piece::Rhai(span) if span.of(source).ends_with('=') || matches!(span.of(source), "return" | "throw" | ",")))
            .map_or(0, |place| place + 1);
        let (before, rest) = pieces.split_at(begin);
        let (first, behind) = rest.split_at(place - begin);
        let leading = first.iter().take_while(|piece| piece.is_blank()).count();
        self.pieces(before, purposes);
        self.pieces(&first[..leading], purposes);
        let start = first[leading..].first().and_then(Piece::span).map_or(0, |span| span.start);
        self.writer.made_at("__shell::some(", start);
        self.pieces(&first[leading..], purposes);
        self.writer.made_here(") ");
        let Some((operator, behind)) = behind.split_first() else { return true };
        self.piece(operator, purposes);
        self.pieces(behind, purposes);
        true
    }

    /// An operator between two operands.
    fn binary(&mut self, span: Span, behind: &[Piece]) {
        let written = span.of(self.writer.source);
        // `1..` goes on to the end.
        let is_open = behind.iter().all(Piece::is_blank);
        let name = match written {
            ".." if !is_open => Some("__to"),
            written if self.ours => operators::arithmetic(written),
            _ => None,
        };
        match name {
            Some(name) => {
                self.writer.reach(span.start);
                let source = self.writer.source;
                let is_apart = |beside: Option<char>| beside.is_none_or(char::is_whitespace);
                let before = if is_apart(source[..span.start].chars().next_back()) { "" } else { " " };
                let behind = if is_apart(source[span.end..].chars().next()) { "" } else { " " };
                self.writer.made(&format!("{before}{name}{behind}"), span.start);
            }
            None => self.writer.copy(span),
        }
    }

    /// Whether what stands before these pieces is assigned to.
    fn is_assigned(&self, behind: &[Piece]) -> bool {
        let Some(Piece::Rhai(span)) = behind.iter().find(|piece| !piece.is_blank()) else { return false };
        let text = span.of(self.writer.source);
        text.ends_with('=') && !matches!(text, "==" | "!=" | "<=" | ">=")
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
            Piece::Rhai(span) if self.ours && span.of(self.writer.source).starts_with('\'') => {
                // A character of Rhai's is a text of one letter elsewhere.
                let letter = character(span.of(self.writer.source));
                self.writer.made_at(&quoted(&letter), span.start);
            }
            Piece::Blank(span) => self.blank(Some(*span)),
            Piece::Rhai(span)
            | Piece::Quoted(span)
            | Piece::Binary(span, _)
            | Piece::Bang(span)
            | Piece::Dash(span, _)
            | Piece::Word(span)
            | Piece::Declared(span) => self.writer.copy(*span),
            Piece::Variable(span) | Piece::Assigned(span) => {
                self.writer.reach(span.start);
                self.writer.made(self.scopes.spelling(*span, self.writer.source), span.start);
            }
            // Behind `throw` alone it has no place of its own.
            Piece::Current(span) if span.start == span.end => self.writer.made_here(&format!(" {CURRENT}")),
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
            Piece::Shell(statement) => self.shell(statement, purposes.bodies),
            Piece::Output(statement) => self.output(statement),
            Piece::Block(block) => self.sub_expression(block),
            Piece::Call(call) => self.call(call),
            Piece::Cast(cast) => self.cast(cast),
            Piece::Static(member) => self.static_member(member),
            Piece::Type(span) => {
                let name = span.of(self.writer.source).trim_start_matches('[');
                let name = name.strip_suffix(']').unwrap_or(name).to_owned();
                self.writer.made_at(&quoted(&name), span.start);
            }
            Piece::Several(several) => self.several(several),
            Piece::Step(step) => self.step(step),
            Piece::Automatic(span, automatic) => {
                let call = match automatic {
                    Automatic::Succeeded => "__shell::succeeded()".to_owned(),
                    Automatic::Errors => "__shell::errors()".to_owned(),
                    Automatic::ErrorsCleared => "__shell::forget_errors()".to_owned(),
                    Automatic::Matches => "__shell::matches()".to_owned(),
                    Automatic::Home => "__shell::environment(\"HOME\")".to_owned(),
                    Automatic::Environment => {
                        let name = span.of(self.writer.source).split_once(':').map_or("", |(_, name)| name);
                        format!("__shell::environment({})", quoted(name.trim_end_matches('}')))
                    }
                };
                self.writer.made_at(&call, span.start);
            }
            Piece::Keyword(span, word) => self.writer.made_at(word, span.start),
            Piece::Exit(exit) => {
                self.writer.made_at("exit(", exit.keyword.start);
                if !exit.status.iter().all(Piece::is_blank) {
                    self.writer.made_here("__shell::cast(\"int\", ");
                    self.values(&exit.status);
                    self.writer.made_here(")");
                }
                self.writer.made_here(")");
            }
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
        // What stands in a string of Rhai's is Rhai's.
        let outer = self.in_rhai;
        self.in_rhai |= body.open.of(self.writer.source) == "${";
        if body.caught == Caught::Current {
            self.writer.made_at(&format!("({CURRENT}) "), body.open.start);
        }
        self.writer.copy(body.open);
        if body.caught == Caught::Current {
            self.writer.made_here(&format!(" {CURRENT} = __shell::caught({CURRENT});"));
        }
        if let Some(name) = body.declares.first().filter(|_| body.caught == Caught::Named && !self.is_pure) {
            let name = name.of(self.writer.source).to_owned();
            self.n_caught += 1;
            self.writer.made(&format!(" {name} = __shell::caught({name});"), body.open.start);
        }
        self.block(&body.block, purpose);
        if let Some(close) = body.close {
            self.writer.copy(close);
        }
        self.in_rhai = outer;
    }

    /// Lowers code that is Rhai's own and has commands in it.
    fn in_rhai(&mut self, inside: impl FnOnce(&mut Self)) {
        let outer = (self.ours, self.context, self.in_rhai, self.returns);
        (self.ours, self.context, self.in_rhai, self.returns) = (false, false, true, None);
        inside(self);
        (self.ours, self.context, self.in_rhai, self.returns) = outer;
    }

    fn closure(&mut self, closure: &ClosureExpression) {
        self.writer.copy(closure.head);
        self.in_rhai(|lowering| {
            lowering.ours = is_ours(&closure.body);
            lowering.values(&closure.body);
        });
    }

    fn function(&mut self, function: &Function) {
        self.writer.copy(function.head);
        self.blank(Some(function.blank));
        if let Some(body) = &function.body {
            self.writer.copy(body.open);
            let hoisted = self.scopes.hoisted_in(body);
            self.in_rhai(|lowering| {
                lowering.frame(&body.block, ValueUse::Value, hoisted, StatementBoundaries::None)
            });
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
        let gathered = format!("__shell::gather({}, ", self.out);
        let gather = |call: &str| format!("{gathered}{call}");
        let (run, run_on) = (gather("__shell::run("), gather("__shell::run_on("));
        let (call, close) = match (purpose, pipeline.head.is_some()) {
            (ValueUse::Value, false) => ("__shell::run(", ")"),
            (ValueUse::Value, true) => ("__shell::run_on(", ")"),
            (ValueUse::Show, false) => ("__shell::show(", ")"),
            (ValueUse::Show, true) => ("__shell::show_on(", ")"),
            (ValueUse::Gather, false) => (run.as_str(), "))"),
            (ValueUse::Gather, true) => (run_on.as_str(), "))"),
        };
        self.writer.made(call, start);
        self.stages(pipeline, start);
        self.writer.made(close, start);
    }

    /// Writes the input of a pipeline and its commands.
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
        let gather = format!("__shell::gather({}, {{", self.out);
        let (open, call, close) = match (purpose, pipeline.head.is_some()) {
            (ValueUse::Value, false) => ("({", "try_run", "})"),
            (ValueUse::Value, true) => ("({", "try_run_on", "})"),
            (ValueUse::Show, false) => ("{", "try_show", "}"),
            (ValueUse::Show, true) => ("{", "try_show_on", "}"),
            (ValueUse::Gather, false) => (gather.as_str(), "try_run", "})"),
            (ValueUse::Gather, true) => (gather.as_str(), "try_run_on", "})"),
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
        let outer = (self.ours, self.context, self.in_rhai, self.returns, self.out);
        (self.context, self.in_rhai, self.returns, self.out) = (true, false, None, "__out");
        if gathers(&block.block, self.writer.source) {
            self.returns = Some("__out");
            self.writer.made("let __out = []; ", start);
            self.block(&block.block, ValueUse::Gather);
            self.writer.made_here("; __out");
        } else {
            self.yielding_block(&block.block);
        }
        (self.ours, self.context, self.in_rhai, self.returns, self.out) = outer;
        self.writer.made_here("})");
    }

    /// A script block's statements, the last of which is its value, with or without a semicolon.
    fn yielding_block(&mut self, block: &StatementBlock) {
        let last = block.statements.len().checked_sub(1);
        for (place, statement) in block.statements.iter().enumerate() {
            let gives =
                statement.role == StatementRole::Command || is_expression(statement, self.writer.source);
            if Some(place) == last && gives {
                let outer = std::mem::replace(&mut self.ours, true);
                self.pieces(&statement.pieces, ValueUses::VALUES);
                self.ours = outer;
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
                TextPart::Value(pieces) => match pieces.as_slice() {
                    [Piece::Variable(span)] if self.scopes.is_literal(*span) => {
                        let letters = span.of(self.writer.source).to_owned();
                        self.writer.made(&quoted(&letters), text.span.start);
                    }
                    pieces => {
                        let outer = std::mem::replace(&mut self.ours, true);
                        self.values(pieces);
                        self.ours = outer;
                    }
                },
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
        self.map_as(map, "map");
    }

    /// A map as one function makes it.
    fn map_as(&mut self, map: &MapLiteral, function: &str) {
        let start = map.span.start;
        self.writer.reach(start);
        self.writer.made(&format!("__shell::{function}(["), start);
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

/// The use of the values of commands in a piece, and in the blocks of it.
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

/// The length of a script block's text that is kept for messages, in characters.
const SHOWN_SOURCE: usize = 200;

/// Whether a script block emits in more places than its end.
fn gathers(block: &StatementBlock, source: &str) -> bool {
    let last = block.statements.len().checked_sub(1);
    block.statements.iter().enumerate().any(|(place, statement)| {
        let is_last = Some(place) == last;
        match statement.role {
            StatementRole::Branch if is_last => gathers_statement(statement, source),
            StatementRole::Command => !is_last,
            StatementRole::Branch | StatementRole::Loop => emits_inside(statement, source),
            StatementRole::Shell => has_output(statement),
            StatementRole::Other => {
                !is_last
                    && (is_plain_value(statement, source)
                        || (statement.end == StatementEnd::Line && is_expression(statement, source)))
            }
        }
    })
}

/// Whether a branch emits in more places than the ends of its blocks; what is tried does in any case,
/// since `try` has no value.
fn gathers_statement(statement: &Statement, source: &str) -> bool {
    begins_with(statement, source, "try") && emits_inside(statement, source)
        || bodies(&statement.pieces).any(|body| gathers(&body.block, source))
}

/// Whether a statement of PowerShell's may give something.
fn has_output(statement: &Statement) -> bool {
    let is_silent = |shell: &ShellStatement| {
        matches!(shell, ShellStatement::Function { .. } | ShellStatement::Param { .. })
    };
    statement.pieces.iter().any(|piece| matches!(piece, Piece::Shell(shell) if !is_silent(shell)))
}

fn emits_inside(statement: &Statement, source: &str) -> bool {
    bodies(&statement.pieces).any(|body| {
        body.block.statements.iter().any(|statement| match statement.role {
            StatementRole::Command => true,
            StatementRole::Branch | StatementRole::Loop => emits_inside(statement, source),
            StatementRole::Shell => has_output(statement),
            StatementRole::Other => {
                is_plain_value(statement, source)
                    || (statement.end != StatementEnd::Open
                        && is_expression(statement, source)
                        && matches!(statement.end, StatementEnd::Line))
            }
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

/// The keywords that begin a statement without a value.
const KEYWORDS: &[&str] = &["return", "throw", "break", "continue", "import", "export", "else"];

/// Whether Rhai may take what comes next for more of this statement.
fn can_go_on(statement: &Statement) -> bool {
    match (statement.end, statement.role) {
        (StatementEnd::Semicolon(_) | StatementEnd::Line, _) => false,
        (StatementEnd::Chain(_), _) => true,
        (StatementEnd::Open, StatementRole::Shell) => false,
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
                    | Piece::Block(_)
                    | Piece::Call(_)
                    | Piece::Cast(_)
                    | Piece::Static(_)
                    | Piece::Automatic(..)
                    | Piece::Output(_)
                    | Piece::Group(_)
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
                | Piece::Text(_)
                | Piece::Block(_)
                | Piece::Call(_)
                | Piece::Cast(_)
                | Piece::Static(_)
                | Piece::Automatic(..)
                | Piece::Output(_)
        ),
        None => false,
    };
    is_ours && is_expression(statement, source)
}

/// Whether a statement begins with a number, a text or a bracket of Rhai's.
fn begins_with_literal(statement: &Statement, source: &str) -> bool {
    match statement.pieces.iter().find(|piece| !piece.is_blank()) {
        Some(Piece::Rhai(span)) => span
            .of(source)
            .starts_with(|first: char| first.is_ascii_digit() || matches!(first, '"' | '\'' | '-')),
        Some(Piece::Quoted(_)) => true,
        Some(Piece::Group(group)) => group.open.of(source) == "(",
        Some(_) | None => false,
    }
}

/// Whether a statement is a text of Rhai's, and what is joined to it.
fn begins_with_text(statement: &Statement, source: &str) -> bool {
    match statement.pieces.iter().find(|piece| !piece.is_blank()) {
        Some(Piece::Rhai(span)) => span.of(source).starts_with('"'),
        Some(Piece::Quoted(_)) => true,
        Some(_) | None => false,
    }
}

/// Whether something of a command line's is in these pieces, so that operators mean what they mean there.
pub(super) fn is_ours(pieces: &[Piece]) -> bool {
    pieces.iter().any(|piece| match piece {
        Piece::Rhai(_)
        | Piece::Quoted(_)
        | Piece::Blank(_)
        | Piece::Binary(..)
        | Piece::Bang(_)
        | Piece::Word(_)
        | Piece::Declared(_)
        | Piece::Body(_)
        | Piece::Closure(_)
        | Piece::Function(_)
        | Piece::Keyword(..)
        | Piece::Exit(_) => false,
        Piece::Text(text) => text.quotes != Quotes::Rhai,
        Piece::Group(group) => group.dollar.is_some() || is_ours(&group.pieces),
        Piece::Condition(pieces) => is_ours(pieces),
        Piece::Dash(..)
        | Piece::Variable(_)
        | Piece::Assigned(_)
        | Piece::Current(_)
        | Piece::Literal(..)
        | Piece::Pipeline(_)
        | Piece::Operation(_)
        | Piece::List(_)
        | Piece::Map(_)
        | Piece::ScriptBlock(_)
        | Piece::Shell(_)
        | Piece::Output(_)
        | Piece::Block(_)
        | Piece::Call(_)
        | Piece::Cast(_)
        | Piece::Static(_)
        | Piece::Type(_)
        | Piece::Several(_)
        | Piece::Step(_)
        | Piece::Automatic(..) => true,
    })
}

/// Returns the text that a character literal of Rhai's stands for.
fn character(literal: &str) -> String {
    let inside = literal.trim_start_matches('\'');
    let inside = inside.strip_suffix('\'').unwrap_or(inside);
    let mut letters = inside.chars();
    match (letters.next(), letters.next()) {
        (Some('\\'), Some(escaped)) => match escaped {
            'n' => "\n".to_owned(),
            't' => "\t".to_owned(),
            'r' => "\r".to_owned(),
            '0' => "\0".to_owned(),
            'x' | 'u' | 'U' => {
                let code = u32::from_str_radix(letters.as_str(), 16).ok().and_then(char::from_u32);
                code.map(String::from).unwrap_or_default()
            }
            plain => plain.to_string(),
        },
        (Some(letter), None) => letter.to_string(),
        _ => inside.to_owned(),
    }
}

/// Whether a statement without a semicolon has a value that can be passed on.
pub(super) fn is_expression(statement: &Statement, source: &str) -> bool {
    let acts = |piece: &Piece| {
        if let Piece::Rhai(span) = piece {
            let text = span.of(source);
            return KEYWORDS.contains(&text) || (text.ends_with('=') && text != "==");
        }
        matches!(
            piece,
            Piece::Declared(_)
                | Piece::Assigned(_)
                | Piece::Function(_)
                | Piece::Several(_)
                | Piece::Step(_)
                | Piece::Exit(_)
                | Piece::Shell(_)
                | Piece::Keyword(..)
        )
    };
    statement.role == StatementRole::Other
        && statement.pieces.iter().any(|piece| !piece.is_blank())
        && !statement.pieces.iter().any(acts)
}
