//! The parser: Rhai text as pieces, command lines as trees.
//!
//! This file has statements; the others have what statements are made of. Follows Rhai only as
//! far as it must to know where a statement or an operand begins, which is where a command may
//! stand, and where the operands of a dash operator end. Never refuses Rhai's own text: a bracket that is not closed or a
//! keyword in the wrong place passes through, and Rhai says what is wrong with it. Only where the text
//! ends with a bracket open it says so itself: it knows which one.

// Reading order.
mod branch;
mod statement;
mod function;
mod operand;
mod operator;
mod group;
mod operation;
mod command;
mod value;
mod text;
mod dollar;
mod types;
mod refused;

pub(super) use command::places;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::ReadingContext;
use super::lexer::{Lexer, TokenKind, is_double_quote, is_single_quote};
use super::message::{RefusedConstruct, SyntaxProblem};
use super::source_map::Span;
use super::tree::{
    CmdletCall, Piece, Script, SeveralAssigned, ShellStatement, Signature, Statement, StatementBlock,
    StatementEnd, StatementRole, Step, StepValue,
};

/// The result of parsing a text.
#[derive(Debug)]
pub struct Parsed {
    /// The tree; complete whatever the problems are.
    pub script: Script,
    /// The problems of the text, and where they are.
    pub problems: Vec<(Span, SyntaxProblem)>,
    /// Something that the end of the text cut off, in Rhai's part of it.
    pub open: Option<Span>,
    /// The amount of work that parsing took, in characters looked at.
    pub steps: usize,
    /// The functions of the text that commands may call.
    pub functions: Vec<Arc<Signature>>,
    /// The types that variables were declared with, by their names in small letters.
    pub types: Vec<(String, String)>,
}

/// The maximum depth to which brackets and blocks may nest.
pub const DEPTH_LIMIT: usize = 160;

/// The maximum number of mistakes of one text that get a suggestion.
const MOST_SUGGESTIONS: usize = 50;

/// Reads a text.
pub fn parse(text: &str, setting: &ReadingContext<'_>) -> Parsed {
    let mut parser = Parser {
        lexer: Lexer::new(text),
        setting: *setting,
        problems: Vec::new(),
        declared: setting.variables.iter().map(|name| (*name).to_owned()).collect(),
        typed: setting.types.iter().cloned().collect(),
        aliases: HashMap::new(),
        depth: 0,
        gave_up: false,
        current: Vec::new(),
        functions: HashMap::new(),
        own_functions: Vec::new(),
        in_script_block: false,
        unclosed_text: 0,
        open_texts: 0,
        failed_text: None,
        open: None,
        unclosed: Vec::new(),
    };
    for signature in setting.functions {
        parser.functions.insert(signature.name.to_ascii_lowercase(), signature.clone());
    }
    parser.find_functions();
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
        functions: parser.own_functions,
        types: parser.typed.into_iter().collect(),
    }
}

struct Parser<'t, 's> {
    lexer: Lexer<'t>,
    setting: ReadingContext<'s>,
    problems: Vec<(Span, SyntaxProblem)>,
    /// Names declared so far, anywhere: `get-total` is a subtraction where both are variables.
    declared: HashSet<String>,
    /// The types of the variables that were declared with one, by name in lower case: what is assigned to them later
    /// becomes that too. Those of the function that is being read, or of the script.
    typed: HashMap<String, String>,
    /// The names that the text has given to cmdlets so far, in small letters.
    aliases: HashMap<String, CmdletCall>,
    depth: usize,
    /// Whether the rest of the text is left unread.
    gave_up: bool,
    /// The meanings of `$_`, the innermost last.
    current: Vec<Current>,
    /// Functions that commands may call, by their names in small letters.
    functions: HashMap<String, Arc<Signature>>,
    /// Those of this text, in its order.
    own_functions: Vec<Arc<Signature>>,
    /// Whether the statements at hand are a script block's own: what they begin with in quotes has
    /// PowerShell's meaning. Not so in a function or a closure.
    in_script_block: bool,
    open: Option<Span>,
    /// Texts before this place are not closed on their line.
    unclosed_text: usize,
    /// The number of texts of expressions that are being read.
    open_texts: usize,
    /// The position at which one of these texts turned out not to be closed.
    failed_text: Option<usize>,
    /// Brackets of Rhai's that the end of the text leaves open.
    unclosed: Vec<(Span, SyntaxProblem)>,
}

/// The meaning of `$_`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Current {
    /// The current object of a script block or a `switch`.
    Object,
    /// The error that was caught, and whether anything asks for it.
    Error(bool),
}

/// The construct that the statements of a block belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    /// The text's own.
    Script,
    /// Those of a block of Rhai's.
    Body,
    /// Those of a script block.
    ScriptBlock,
    /// Those of `$( )`, which a bracket closes.
    SubExpression,
}

impl Level {
    /// Returns the character that closes the block.
    fn closes(self) -> Option<char> {
        match self {
            Self::Script => None,
            Self::Body | Self::ScriptBlock => Some('}'),
            Self::SubExpression => Some(')'),
        }
    }
}

/// The rules for a run of operands: what ends it, and how quotes are read in it.
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
    /// Assignments in it are PowerShell's: `$x.y = …`.
    pub shell_assigns: bool,
    /// `=>` ends it.
    pub guard: bool,
    /// Statements that stand in it are values by what they give.
    pub outputs: bool,
    /// `:` ends it.
    pub colon: bool,
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
        shell_assigns: false,
        guard: false,
        outputs: false,
        colon: false,
    };
    /// The guard of an arm of a `switch`.
    const GUARD: Self = Self { guard: true, ..Self::RHAI };
    /// An element of `[…]`, `#{…}`, of a call's arguments or of a `switch`.
    pub const ELEMENT: Self = Self { separated: true, ..Self::RHAI };
    /// The header of `if`, `while`, `for`, `switch`.
    const HEADER: Self = Self { header: true, commas: true, ..Self::RHAI };
    /// The content of the brackets of a command line's argument.
    pub const ARGUMENT: Self = Self { aliases: true, commas: true, outputs: true, ..Self::RHAI };
    /// A value in `@(…)` or `@{…}`.
    pub const VALUE: Self = Self {
        line_end: true,
        shell_quotes: true,
        commas: true,
        aliases: true,
        block_value: true,
        outputs: true,
        ..Self::RHAI
    };
}

/// The reason why a run of operands ended.
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
            let closed = level.closes().is_some() && self.lexer.peek() == level.closes();
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
        self.skip_binding();
        if let Some(statement) = self.shell_statement() {
            let is_param = matches!(statement, ShellStatement::Param { .. });
            pieces.push(Piece::Shell(Box::new(statement)));
            let end =
                if is_param { self.end_of_statement(&mut pieces, Stop::Line) } else { StatementEnd::Open };
            return Statement { role: StatementRole::Shell, pieces, end };
        }
        let (role, stop) = match self.keyword_here() {
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
        if let [.., Piece::Shell(_)] = pieces.as_slice() {
            return Statement { role: StatementRole::Shell, pieces, end: StatementEnd::Open };
        }
        let ends_alone = role != StatementRole::Other || matches!(pieces.last(), Some(Piece::Function(_)));
        let end = match (ends_alone, self.begins_do(start)) {
            (true, false) => StatementEnd::Open,
            // `do { … } while $x -lt 5` ends with its line.
            (true, true) => self.end_of_statement(&mut pieces, Stop::Line),
            (false, _) => self.end_of_statement(&mut pieces, stop),
        };
        let mut solid = pieces.iter().filter(|piece| !piece.is_blank());
        let role = match (solid.next(), solid.next()) {
            (Some(Piece::Pipeline(_)), None) => StatementRole::Command,
            _ => role,
        };
        Statement { role, pieces, end }
    }

    /// The word that comes next, in small letters where it is a keyword in PowerShell too and a bracket
    /// or a brace follows it, as there.
    fn keyword_here(&mut self) -> &'t str {
        let word = self.lexer.word();
        let plain = ["if", "switch", "try", "while", "do"];
        let behind = self.lexer.rest()[word.len()..].trim_start();
        match plain.into_iter().find(|plain| plain.eq_ignore_ascii_case(word)) {
            Some(plain) if behind.starts_with(['(', '{']) => plain,
            _ => word,
        }
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
        let jumps = matches!(word, "return" | "throw");
        let flow = Flow {
            line_end: true,
            shell_quotes: quoted,
            // Rhai has no commas here, but names several things by them in these two.
            commas: !declares && !matches!(word, "import" | "export"),
            aliases: true,
            shell_assigns: dollar,
            outputs: dollar,
            ..Flow::RHAI
        };
        let assigned = if dollar || self.sees_typed_variable() {
            self.assignment(pieces)
        } else if declares {
            self.declaration(pieces, word)
        } else if self.lexer.sees("++") || self.lexer.sees("--") {
            self.step_before(pieces)
        } else {
            None
        };
        if let Some(stop @ (Stop::Command | Stop::Line)) = assigned {
            return stop;
        }
        if jumps && self.jump_alone(pieces) {
            return Stop::Line;
        }
        if word.eq_ignore_ascii_case("exit")
            && let Some(stop) = self.exit(pieces)
        {
            return stop;
        }
        loop {
            let stop = self.operands(pieces, flow);
            if stop != Stop::Separator {
                return stop;
            }
            match self.lexer.peek() {
                None | Some(';') => return stop,
                Some(letter) if level.closes() == Some(letter) => return stop,
                Some(_) => self.take_as_rhai(pieces),
            }
        }
    }

    /// `return` and `throw` with nothing behind them on their line.
    fn jump_alone(&mut self, pieces: &mut Vec<Piece>) -> bool {
        let mark = self.lexer.at();
        let word = self.lexer.word();
        let keyword = self.lexer.take(word);
        let blank = self.lexer.blank();
        let alone = blank.line_end || matches!(self.lexer.peek(), None | Some(';' | '}' | ')'));
        let rethrows = word == "throw" && matches!(self.current.last(), Some(Current::Error(_)));
        self.lexer.rewind(mark);
        let Some(keyword) = keyword.filter(|_| alone && (word == "return" || rethrows)) else { return false };
        self.lexer.rewind(keyword.end);
        pieces.push(Piece::Rhai(keyword));
        if rethrows {
            if let Some(Current::Error(is_used)) = self.current.last_mut() {
                *is_used = true;
            }
            pieces.push(Piece::Current(Span::new(keyword.end, keyword.end)));
        }
        true
    }

    /// `exit 3`; nothing is taken where something of Rhai's is meant.
    fn exit(&mut self, pieces: &mut Vec<Piece>) -> Option<Stop> {
        let start = self.lexer.at();
        let word = self.lexer.word();
        let keyword = self.lexer.take(word)?;
        self.lexer.blank_in_line();
        let begins = match self.lexer.peek() {
            None | Some(';' | '\n' | '\r' | '}' | ')') => true,
            Some('$' | '0'..='9' | '[') => true,
            // `exit(3)` is Rhai's, and `exit (3)` comes to the same.
            Some(_) => false,
        };
        if !begins || self.declared.contains(word) {
            self.lexer.rewind(start);
            return None;
        }
        let mut status = Vec::new();
        let flow = Flow { line_end: true, outputs: true, ..Flow::RHAI };
        let stop = self.operands(&mut status, flow);
        pieces.push(Piece::Exit(Box::new(super::tree::Exit { keyword, status })));
        Some(if stop == Stop::Separator && self.lexer.peek() != Some(';') { Stop::Line } else { stop })
    }

    /// `++$x`, which counts as a statement does.
    fn step_before(&mut self, pieces: &mut Vec<Piece>) -> Option<Stop> {
        let start = self.lexer.at();
        let operator = self.lexer.token().span;
        if self.lexer.peek() != Some('$') {
            self.lexer.rewind(start);
            return None;
        }
        let target = self.dollar().map(|value| self.with_members(value))?;
        let is_up = operator.of(self.text()) == "++";
        pieces.push(Piece::Step(Box::new(Step { target, operator, is_up, gives: StepValue::None })));
        Some(Stop::Line)
    }

    /// Whether the quote that comes next begins a character of Rhai's, which has one letter.
    fn is_character(&self) -> bool {
        let mut letters = self.lexer.rest().chars().skip(1);
        match (letters.next(), letters.next(), letters.next()) {
            (Some('\\'), Some('x' | 'u' | 'U'), Some(digit)) => {
                digit.is_ascii_hexdigit() && letters.find(|letter| !letter.is_ascii_hexdigit()) == Some('\'')
            }
            (Some('\\'), Some('n' | 't' | 'r' | '"' | '\\' | '\'' | '0'), Some('\'')) => true,
            (Some('\\' | '\''), _, _) => false,
            (Some(_), Some('\''), behind) => behind != Some('\''),
            _ => false,
        }
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
        if stop == Stop::Command
            && let Some(chain) = self.lexer.take("&&").or_else(|| self.lexer.take("||"))
        {
            return StatementEnd::Chain(chain);
        }
        let last = matches!(self.lexer.peek(), None | Some('}' | ')'));
        self.lexer.rewind(mark);
        if stop != Stop::Separator && blank.line_end && !last {
            StatementEnd::Line
        } else {
            StatementEnd::Open
        }
    }

    /// Whether `[type]$x =` comes next.
    fn sees_typed_variable(&self) -> bool {
        let rest = self.lexer.rest();
        let Some((name, behind)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) else {
            return false;
        };
        let name = name.strip_suffix('[').unwrap_or(name);
        let behind = behind.strip_prefix(']').unwrap_or(behind).trim_start_matches([' ', '\t']);
        let Some(variable) = behind.strip_prefix('$') else { return false };
        let word =
            variable.trim_start_matches(|letter: char| letter.is_ascii_alphanumeric() || letter == '_');
        let sign = word.trim_start();
        !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
            && sign.starts_with('=')
            && !sign.starts_with("==")
    }

    /// `$x = …`, `$x += …`, `$a, $b = …`, `$x++` at the beginning of a statement; nothing is taken if
    /// it is none.
    fn assignment(&mut self, pieces: &mut Vec<Piece>) -> Option<Stop> {
        let start = self.lexer.at();
        let typed = if self.lexer.peek() == Some('[') { self.type_name() } else { None };
        self.lexer.blank_in_line();
        let first = self.lexer.at();
        self.lexer.take("$");
        let braced = self.lexer.take("{").is_some();
        let name = self.lexer.word();
        self.lexer.take(name);
        if braced && self.lexer.take("}").is_none() {
            self.lexer.rewind(start);
            return None;
        }
        let variable = self.since(first);
        let blank = self.lexer.blank();
        if self.lexer.peek() == Some(',')
            && is_variable(name)
            && let Some(stop) = self.several(pieces, variable)
        {
            return Some(stop);
        }
        let operator = self.lexer.token();
        let increment = matches!(operator.span.of(self.text()), "++" | "--");
        let taken = operator.kind == TokenKind::Assignment && is_variable(name);
        if increment && is_variable(name) {
            self.reserved(Span::new(variable.start + 1, variable.end));
            let is_up = operator.span.of(self.text()) == "++";
            let target = vec![Piece::Variable(variable)];
            pieces.push(Piece::Step(Box::new(Step {
                target,
                operator: operator.span,
                is_up,
                gives: StepValue::None,
            })));
            return Some(Stop::Line);
        }
        if operator.span.of(self.text()) == "=" && name.eq_ignore_ascii_case("null") {
            let mut operand = Vec::new();
            let stop = self.right_side(&mut operand);
            let cast = super::tree::Cast { type_span: variable, type_name: "void".to_owned(), operand };
            pieces.push(Piece::Cast(Box::new(cast)));
            return Some(stop);
        }
        if operator.span.of(self.text()) == "??"
            && is_variable(name)
            && self.lexer.sees("=")
            && !self.lexer.sees("==")
        {
            self.lexer.take("=");
            self.refuse(variable, RefusedConstruct::NullAssignment(name.to_owned()));
            self.declared.insert(name.to_owned());
            pieces.push(Piece::Assigned(variable));
            return Some(self.right_side(pieces));
        }
        if !taken {
            self.lexer.rewind(start);
            return None;
        }
        if refused::is_preference(name) {
            self.refuse(variable, RefusedConstruct::Preference(name.to_ascii_lowercase()));
        } else if let Some(way) = super::message::automatic(&name.to_ascii_lowercase()) {
            self.refuse(variable, RefusedConstruct::Automatic { name: format!("${name}"), way });
        }
        let plain = operator.span.of(self.text()) == "=";
        self.reserved(Span::new(variable.start + 1, variable.end));
        pieces.push(if plain { Piece::Assigned(variable) } else { Piece::Variable(variable) });
        push_blank(pieces, blank.span);
        pieces.push(Piece::Rhai(operator.span));
        let begin = pieces.len();
        let stop = self.right_side(pieces);
        if let Some((_, type_name)) = &typed {
            self.typed.insert(name.to_ascii_lowercase(), type_name.clone());
        }
        let has_type = || Some((variable, self.typed.get(&name.to_ascii_lowercase())?.clone()));
        if let Some((type_span, type_name)) = typed.or_else(|| plain.then(has_type).flatten()) {
            let operand = pieces.split_off(begin);
            pieces.push(Piece::Cast(Box::new(super::tree::Cast { type_span, type_name, operand })));
        }
        if plain {
            self.declared.insert(name.to_owned());
        }
        Some(stop)
    }

    /// `$a, $b = …` from its first comma on; nothing is taken if it is none.
    fn several(&mut self, pieces: &mut Vec<Piece>, first: Span) -> Option<Stop> {
        let start = self.lexer.at();
        let mut targets = vec![first];
        while self.lexer.take(",").is_some() {
            self.lexer.blank();
            let from = self.lexer.at();
            let dollar = self.lexer.take("$");
            let name = self.lexer.word();
            self.lexer.take(name);
            if dollar.is_none() || !(is_variable(name) || name.eq_ignore_ascii_case("null")) {
                self.lexer.rewind(start);
                return None;
            }
            targets.push(self.since(from));
            self.lexer.blank();
        }
        let operator = self.lexer.token().span;
        if operator.of(self.text()) != "=" {
            self.lexer.rewind(start);
            return None;
        }
        for target in &targets {
            self.reserved(Span::new(target.start + 1, target.end));
        }
        let mut value = Vec::new();
        let stop = self.right_side(&mut value);
        for target in &targets {
            let name = target.of(self.text()).trim_start_matches('$');
            self.declared.insert(name.to_owned());
        }
        pieces.push(Piece::Several(Box::new(SeveralAssigned { targets, value })));
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

    /// Reads the text behind the `=` of a statement that begins with `$`.
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
        let flow = Flow {
            line_end: true,
            commas: true,
            aliases: true,
            shell_quotes,
            block_value: true,
            outputs: true,
            ..Flow::RHAI
        };
        self.no_second_assignment(pieces);
        // `$a.b = $c.d = …` nests, whatever Rhai says of it.
        let (mut value, stop) = self.deeper(|parser| {
            let mut value = Vec::new();
            let stop = parser.operands(&mut value, flow);
            (value, stop)
        });
        pieces.append(&mut value);
        stop
    }

    /// `$a = $b = …` is refused: an assignment has no value here.
    fn no_second_assignment(&mut self, pieces: &mut Vec<Piece>) {
        let start = self.lexer.at();
        if self.lexer.take("$").is_none() {
            return;
        }
        let name = self.lexer.word();
        self.lexer.take(name);
        let variable = self.since(start);
        self.lexer.blank_in_line();
        let operator = self.lexer.token().span;
        if operator.of(self.text()) == "=" && is_variable(name) {
            self.refuse(operator, RefusedConstruct::SecondAssignment);
            pieces.push(Piece::Assigned(variable));
        }
        self.lexer.rewind(start);
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
