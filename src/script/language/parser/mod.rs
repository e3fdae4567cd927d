//! The parser: Rhai text as pieces, command lines as trees.
//!
//! This file has statements; the others have what statements are made of. Follows Rhai only as
//! far as it must to know where a statement or an operand begins, which is where a command may
//! stand, and where the operands of a dash operator end. Never refuses Rhai's own text: a bracket that is not closed or a
//! keyword in the wrong place passes through, and Rhai says what is wrong with it. Only where the text
//! ends with a bracket open it says so itself: it knows which one.

// Reading order.
mod branch;
mod operand;
mod operation;
mod command;
mod value;
mod text;
mod dollar;
mod refused;

pub(super) use command::places;

use std::collections::HashSet;

use super::ReadingContext;
use super::lexer::{Lexer, TokenKind, is_double_quote, is_single_quote};
use super::message::{RefusedConstruct, SyntaxProblem};
use super::source_map::Span;
use super::tree::{Piece, Script, Statement, StatementBlock, StatementEnd, StatementRole};

/// What the parser made of a text.
#[derive(Debug)]
pub struct Parsed {
    /// The tree; complete whatever the problems are.
    pub script: Script,
    /// What is wrong, and where.
    pub problems: Vec<(Span, SyntaxProblem)>,
    /// Something that the end of the text cut off, in Rhai's part of it.
    pub open: Option<Span>,
    /// How much work it was, in characters looked at.
    pub steps: usize,
}

/// How deep brackets and blocks may nest.
pub const DEPTH_LIMIT: usize = 160;

/// How many mistakes of one text get a suggestion.
const MOST_SUGGESTIONS: usize = 50;

/// Reads a text.
pub fn parse(text: &str, setting: &ReadingContext<'_>) -> Parsed {
    let mut parser = Parser {
        lexer: Lexer::new(text),
        setting: *setting,
        problems: Vec::new(),
        declared: setting.variables.iter().map(|name| (*name).to_owned()).collect(),
        depth: 0,
        gave_up: false,
        script_blocks: 0,
        nameless_catches: 0,
        in_script_block: false,
        open: None,
        unclosed: Vec::new(),
    };
    let shebang = text.starts_with("#!").then(|| parser.lexer.take_while(|letter| letter != '\n'));
    let body = parser.block(Level::Script);
    // Where a string or a comment of Rhai's is open, that has swallowed what closes the brackets.
    if parser.lexer.open().is_none() {
        parser.problems.append(&mut parser.unclosed);
    }
    Parsed {
        script: Script { shebang, body },
        problems: parser.problems,
        open: parser.open.or(parser.lexer.open()),
        steps: parser.lexer.steps(),
    }
}

struct Parser<'t, 's> {
    lexer: Lexer<'t>,
    setting: ReadingContext<'s>,
    problems: Vec<(Span, SyntaxProblem)>,
    /// Names declared so far, anywhere: `get-total` is a subtraction where both are variables.
    declared: HashSet<String>,
    depth: usize,
    /// Whether the rest of the text is left unread.
    gave_up: bool,
    /// How many script blocks are open: `$_` has a meaning in one.
    script_blocks: usize,
    /// How many catch blocks without a name are open.
    nameless_catches: usize,
    /// Whether the statements at hand are a script block's own: what they begin with in quotes has
    /// PowerShell's meaning. Not so in a function or a closure.
    in_script_block: bool,
    open: Option<Span>,
    /// Brackets of Rhai's that the end of the text leaves open.
    unclosed: Vec<(Span, SyntaxProblem)>,
}

/// Whose statements a block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    /// The text's own.
    Script,
    /// Those of a block of Rhai's.
    Body,
    /// Those of a script block.
    ScriptBlock,
}

/// What ends a run of operands, and how quotes are read in it.
#[derive(Clone, Copy, Debug)]
struct Flow {
    /// `{` ends it.
    pub header: bool,
    /// The end of a line ends it, where it is complete.
    pub line_end: bool,
    /// `"…"` and `'…'` have PowerShell's meaning.
    pub shell_quotes: bool,
    /// `a, b` is a list.
    pub commas: bool,
    /// Short names of cmdlets count at its beginning.
    pub aliases: bool,
    /// An operator that binds no tighter than a comparison ends it.
    pub element: bool,
    /// A `{` at its beginning is a script block.
    pub block_value: bool,
    /// A comma is Rhai's: it ends a command instead of making a list.
    pub separated: bool,
    /// The end of a line ends what has dash operators in it.
    pub dash_line_end: bool,
    /// `=>` ends it.
    pub guard: bool,
}

impl Flow {
    /// An operand of Rhai's, up to a separator.
    pub const RHAI: Self = Self {
        header: false,
        line_end: false,
        shell_quotes: false,
        commas: false,
        aliases: false,
        element: false,
        block_value: false,
        separated: false,
        dash_line_end: false,
        guard: false,
    };
    /// The guard of an arm of a `switch`.
    const GUARD: Self = Self { guard: true, ..Self::RHAI };
    /// An element of `[…]`, `#{…}`, of a call's arguments or of a `switch`.
    pub const ELEMENT: Self = Self { separated: true, ..Self::RHAI };
    /// The header of `if`, `while`, `for`, `switch`.
    const HEADER: Self = Self { header: true, commas: true, ..Self::RHAI };
    /// What stands in the brackets of a command line's argument.
    pub const ARGUMENT: Self = Self { aliases: true, commas: true, ..Self::RHAI };
    /// A value in `@(…)` or `@{…}`.
    pub const VALUE: Self = Self {
        line_end: true,
        shell_quotes: true,
        commas: true,
        aliases: true,
        block_value: true,
        ..Self::RHAI
    };
}

/// Why a run of operands ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stop {
    /// A separator, a closing bracket, the brace of a header or the end of the text is next.
    #[default]
    Separator,
    /// A command ended it.
    Command,
    /// The end of its line.
    Line,
}

impl<'t> Parser<'t, '_> {
    fn problem(&mut self, span: Span, problem: SyntaxProblem) {
        // What was given up half-way has no mistakes of its own.
        if !self.gave_up {
            self.problems.push((span, problem));
        }
    }

    /// Whether a mistake is still worth a suggestion: looking for the nearest name takes time.
    fn suggests(&self) -> bool {
        self.problems.len() < MOST_SUGGESTIONS
    }

    fn refuse(&mut self, span: Span, refused: RefusedConstruct) {
        self.problem(span, SyntaxProblem::Refused(refused));
    }

    fn text(&self) -> &'t str {
        self.lexer.text()
    }

    fn declare(&mut self, span: Span) {
        let name = span.of(self.lexer.text());
        self.declared.insert(name.to_owned());
    }

    fn since(&self, start: usize) -> Span {
        Span::new(start, self.lexer.at())
    }

    /// Notes that the end of the text cut off what this bracket of Rhai's opens.
    fn unclosed(&mut self, open: Span) {
        self.cut_off(open);
        let opened = match open.of(self.text()) {
            "(" => "(",
            "[" => "[",
            "#{" => "#{",
            _ => "{",
        };
        if !self.gave_up {
            self.unclosed.push((open, SyntaxProblem::Unclosed { opened }));
        }
    }

    /// Notes that the end of the text cut `span` off.
    fn cut_off(&mut self, span: Span) {
        self.open.get_or_insert(span);
    }

    /// Reads what is or is not a script block's own.
    fn own<T>(&mut self, is_script_block: bool, inside: impl FnOnce(&mut Self) -> T) -> T {
        let outer = std::mem::replace(&mut self.in_script_block, is_script_block);
        let value = inside(self);
        self.in_script_block = outer;
        value
    }

    /// One level deeper, or nothing and no text left where that is too deep.
    fn deeper<T: Default>(&mut self, inside: impl FnOnce(&mut Self) -> T) -> T {
        if self.depth >= DEPTH_LIMIT {
            let at = self.lexer.at();
            self.problem(Span::new(at, at + 1), SyntaxProblem::TooDeep { limit: DEPTH_LIMIT });
            self.gave_up = true;
            self.lexer.abandon();
            return T::default();
        }
        self.depth += 1;
        let value = inside(self);
        self.depth -= 1;
        value
    }

    // ------------------------------------------------------------------ statements

    /// Statements up to the closing brace or the end of the text, neither of which is taken.
    fn block(&mut self, level: Level) -> StatementBlock {
        let mut block = StatementBlock::default();
        loop {
            let blank = self.lexer.blank();
            let closed = level != Level::Script && self.lexer.peek() == Some('}');
            if closed || self.lexer.is_at_end() {
                block.tail = Some(blank.span);
                return block;
            }
            let before = self.lexer.at();
            let mut statement = self.statement(blank.span, level);
            if self.lexer.at() == before {
                self.lexer.bump();
                statement.pieces.push(Piece::Rhai(self.since(before)));
            }
            block.statements.push(statement);
        }
    }

    fn statement(&mut self, blank: Span, level: Level) -> Statement {
        let mut pieces = Vec::new();
        push_blank(&mut pieces, blank);
        let start = self.lexer.at();
        if self.refused_statement(&mut pieces) {
            return Statement { role: StatementRole::Other, pieces, end: StatementEnd::Open };
        }
        let (role, stop) = match self.lexer.word() {
            "if" | "switch" | "try" => (StatementRole::Branch, self.branch(&mut pieces)),
            "while" | "for" | "loop" | "do" => (StatementRole::Loop, self.branch(&mut pieces)),
            "fn" | "private" => (StatementRole::Other, self.function(&mut pieces)),
            _ if self.lexer.peek() == Some('{') => {
                let body = self.body(Vec::new());
                pieces.push(Piece::Body(Box::new(body)));
                (StatementRole::Branch, Stop::Separator)
            }
            _ => (StatementRole::Other, self.operands_of_statement(&mut pieces, level)),
        };
        let ends_alone = role != StatementRole::Other || matches!(pieces.last(), Some(Piece::Function(_)));
        let end = if ends_alone && !self.begins_do(start) {
            StatementEnd::Open
        } else {
            self.end_of_statement(&mut pieces, stop)
        };
        let role = match pieces.iter().filter(|piece| !piece.is_blank()).collect::<Vec<_>>().as_slice() {
            [Piece::Pipeline(_)] => StatementRole::Command,
            _ => role,
        };
        Statement { role, pieces, end }
    }

    fn begins_do(&self, start: usize) -> bool {
        let rest = self.text().get(start..).unwrap_or("");
        rest.starts_with("do")
            && !rest[2..].starts_with(|next: char| next.is_ascii_alphanumeric() || next == '_')
    }

    /// Operands and operators up to the end of the statement.
    fn operands_of_statement(&mut self, pieces: &mut Vec<Piece>, level: Level) -> Stop {
        let quoted = match self.lexer.peek() {
            Some(quote) if is_double_quote(quote) => self.in_script_block,
            Some(quote) if quote != '\'' && is_single_quote(quote) => self.in_script_block,
            Some('\'') => self.in_script_block || !self.is_character(),
            Some(_) | None => false,
        };
        let dollar = self.lexer.peek() == Some('$');
        let word = self.lexer.word();
        let declares = matches!(word, "let" | "const");
        let flow = Flow {
            line_end: quoted || dollar,
            shell_quotes: quoted,
            // Rhai has no commas here, but names several things by them in these two.
            commas: !declares && !matches!(word, "import" | "export"),
            aliases: true,
            dash_line_end: true,
            ..Flow::RHAI
        };
        let assigned = if dollar {
            self.assignment(pieces)
        } else if declares {
            self.declaration(pieces, word)
        } else {
            None
        };
        if let Some(stop @ (Stop::Command | Stop::Line)) = assigned {
            return stop;
        }
        loop {
            let stop = self.operands(pieces, flow);
            if stop != Stop::Separator {
                return stop;
            }
            match self.lexer.peek() {
                None | Some(';') => return stop,
                Some('}') if level != Level::Script => return stop,
                Some(_) => self.take_as_rhai(pieces),
            }
        }
    }

    /// Whether the quote that comes next begins a character of Rhai's, which has one letter.
    fn is_character(&self) -> bool {
        let mut letters = self.lexer.rest().chars().skip(1);
        matches!((letters.next(), letters.next()), (Some('\\'), _) | (Some(_), Some('\'')))
    }

    fn take_as_rhai(&mut self, pieces: &mut Vec<Piece>) {
        let start = self.lexer.at();
        self.lexer.bump();
        pieces.push(Piece::Rhai(self.since(start)));
    }

    /// The semicolon, or the need of one.
    fn end_of_statement(&mut self, pieces: &mut Vec<Piece>, stop: Stop) -> StatementEnd {
        let mark = self.lexer.at();
        let blank = self.lexer.blank();
        if let Some(semicolon) = self.lexer.take(";") {
            push_blank(pieces, blank.span);
            return StatementEnd::Semicolon(semicolon);
        }
        let last = matches!(self.lexer.peek(), None | Some('}'));
        self.lexer.rewind(mark);
        if stop != Stop::Separator && blank.line_end && !last {
            StatementEnd::Line
        } else {
            StatementEnd::Open
        }
    }

    /// `$x = …`, `$x += …` at the beginning of a statement; nothing is taken if it is none.
    fn assignment(&mut self, pieces: &mut Vec<Piece>) -> Option<Stop> {
        let start = self.lexer.at();
        self.lexer.take("$");
        let name = self.lexer.word();
        self.lexer.take(name);
        let variable = self.since(start);
        let blank = self.lexer.blank();
        let operator = self.lexer.token();
        let increment = matches!(operator.span.of(self.text()), "++" | "--");
        let taken = operator.kind == TokenKind::Assignment && is_variable(name);
        if increment && is_variable(name) {
            self.refuse(operator.span, RefusedConstruct::Increment);
            pieces.push(Piece::Variable(variable));
            return Some(Stop::Separator);
        }
        if !taken {
            self.lexer.rewind(start);
            return None;
        }
        if refused::is_preference(name) {
            self.refuse(variable, RefusedConstruct::Preference(name.to_ascii_lowercase()));
        }
        let plain = operator.span.of(self.text()) == "=";
        self.reserved(Span::new(variable.start + 1, variable.end));
        pieces.push(if plain { Piece::Assigned(variable) } else { Piece::Variable(variable) });
        push_blank(pieces, blank.span);
        pieces.push(Piece::Rhai(operator.span));
        let stop = self.right_side(pieces);
        if plain {
            self.declared.insert(name.to_owned());
        }
        Some(stop)
    }

    /// `let $x = …`, which is `$x = …` with a `let` in front; nothing is taken if it is none.
    fn declaration(&mut self, pieces: &mut Vec<Piece>, word: &str) -> Option<Stop> {
        let start = self.lexer.at();
        let keyword = self.lexer.take(word)?;
        let blank = self.lexer.blank();
        let dollar = self.lexer.take("$");
        let name = self.lexer.word();
        if dollar.is_none() || !is_variable(name) {
            self.lexer.rewind(start);
            return None;
        }
        let name = self.lexer.take(name)?;
        self.reserved(name);
        pieces.extend([Piece::Rhai(keyword), Piece::Blank(blank.span), Piece::Declared(name)]);
        let mark = self.lexer.at();
        let blank = self.lexer.blank();
        let operator = self.lexer.token();
        let stop = if operator.span.of(self.text()) == "=" {
            push_blank(pieces, blank.span);
            pieces.push(Piece::Rhai(operator.span));
            self.right_side(pieces)
        } else {
            self.lexer.rewind(mark);
            if blank.line_end { Stop::Line } else { Stop::Separator }
        };
        self.declare(name);
        Some(stop)
    }

    /// What stands behind the `=` of a statement that begins with `$`.
    fn right_side(&mut self, pieces: &mut Vec<Piece>) -> Stop {
        let blank = self.lexer.blank();
        push_blank(pieces, blank.span);
        if self.lexer.is_at_end() {
            let at = self.lexer.at();
            self.cut_off(Span::new(at, at));
        }
        let shell_quotes = self
            .lexer
            .peek()
            .is_some_and(|next| next == '@' || is_double_quote(next) || is_single_quote(next));
        let flow = Flow { line_end: true, commas: true, aliases: true, shell_quotes, ..Flow::RHAI };
        // `$a.b = $c.d = …` nests, whatever Rhai says of it.
        let (mut value, stop) = self.deeper(|parser| {
            let mut value = Vec::new();
            let stop = parser.operands(&mut value, flow);
            (value, stop)
        });
        pieces.append(&mut value);
        stop
    }

    /// Names with two underscores in front are what lowered text calls.
    fn reserved(&mut self, span: Span) {
        let name = span.of(self.text());
        if name.starts_with("__") {
            let name = name.to_owned();
            self.problem(span, SyntaxProblem::ReservedName { name });
        }
    }
}

fn push_blank(pieces: &mut Vec<Piece>, span: Span) {
    if span.start < span.end {
        pieces.push(Piece::Blank(span));
    }
}

/// Whether the word behind `$` names a variable that can be assigned to.
fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && name != "_"
        && !["true", "false", "null", "psitem"].contains(&name.to_ascii_lowercase().as_str())
}
