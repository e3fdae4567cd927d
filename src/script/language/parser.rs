//! The parser: Rhai text as pieces, command lines as trees.
//!
//! Follows Rhai only as far as it must to know where a statement or an operand begins, which is
//! where a command may stand (`command` reads it), and where the operands of a dash operator end
//! (`operation` joins them). Never refuses Rhai's own text: a bracket that is not closed or a
//! keyword in the wrong place passes through, and Rhai says what is wrong with it.

use std::collections::HashSet;

use super::Setting;
use super::lexer::{Binding, Lexer, TokenKind};
use super::message::{Problem, Refused};
use super::operation;
use super::source_map::Span;
use super::tree::{
    Block, Body, Closure, DashOperator, End, Function, Group, List, Literal, Piece, Role, Script, Statement,
    span_of,
};

/// What the parser made of a text.
#[derive(Debug)]
pub struct Parsed {
    /// The tree; complete whatever the problems are.
    pub script: Script,
    /// What is wrong, and where.
    pub problems: Vec<(Span, Problem)>,
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
pub fn parse(text: &str, setting: &Setting<'_>) -> Parsed {
    let mut parser = Parser {
        lexer: Lexer::new(text),
        setting: *setting,
        problems: Vec::new(),
        declared: setting.variables.iter().map(|name| (*name).to_owned()).collect(),
        depth: 0,
        gave_up: false,
        script_blocks: 0,
        open: None,
    };
    let shebang = text.starts_with("#!").then(|| parser.lexer.take_while(|letter| letter != '\n'));
    let body = parser.block(Level::Script);
    Parsed {
        script: Script { shebang, body },
        problems: parser.problems,
        open: parser.open.or(parser.lexer.open()),
        steps: parser.lexer.steps(),
    }
}

pub(super) struct Parser<'t, 's> {
    pub(super) lexer: Lexer<'t>,
    pub(super) setting: Setting<'s>,
    problems: Vec<(Span, Problem)>,
    /// Names declared so far, anywhere: `get-total` is a subtraction where both are variables.
    pub(super) declared: HashSet<String>,
    depth: usize,
    /// Whether the rest of the text is left unread.
    gave_up: bool,
    /// How many script blocks are open: `$_` has a meaning in one.
    pub(super) script_blocks: usize,
    open: Option<Span>,
}

/// Whose statements a block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// The text's own.
    Script,
    /// Those of a block of Rhai's.
    Body,
    /// Those of a script block.
    ScriptBlock,
}

/// What ends a run of operands, and how quotes are read in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flow {
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
    };
    /// An element of `[…]`, `#{…}`, of a call's arguments or of a `switch`.
    pub const ELEMENT: Self = Self { separated: true, ..Self::RHAI };
    /// The header of `if`, `while`, `for`, `switch`.
    const HEADER: Self = Self { header: true, commas: true, ..Self::RHAI };
    /// What stands in the brackets of a command line's argument.
    pub const ARGUMENT: Self = Self { aliases: true, ..Self::RHAI };
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
    pub(super) fn problem(&mut self, span: Span, problem: Problem) {
        // What was given up half-way has no mistakes of its own.
        if !self.gave_up {
            self.problems.push((span, problem));
        }
    }

    /// Whether a mistake is still worth a suggestion: looking for the nearest name takes time.
    pub(super) fn suggests(&self) -> bool {
        self.problems.len() < MOST_SUGGESTIONS
    }

    pub(super) fn refuse(&mut self, span: Span, refused: Refused) {
        self.problem(span, Problem::Refused(refused));
    }

    pub(super) fn text(&self) -> &'t str {
        self.lexer.text()
    }

    pub(super) fn declare(&mut self, span: Span) {
        let name = span.of(self.lexer.text());
        self.declared.insert(name.to_owned());
    }

    pub(super) fn since(&self, start: usize) -> Span {
        Span::new(start, self.lexer.at())
    }

    /// Notes that the end of the text cut `span` off.
    fn cut_off(&mut self, span: Span) {
        self.open.get_or_insert(span);
    }

    /// One level deeper, or nothing and no text left where that is too deep.
    pub(super) fn deeper<T: Default>(&mut self, inside: impl FnOnce(&mut Self) -> T) -> T {
        if self.depth >= DEPTH_LIMIT {
            let at = self.lexer.at();
            self.problem(Span::new(at, at + 1), Problem::TooDeep { limit: DEPTH_LIMIT });
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
    pub(super) fn block(&mut self, level: Level) -> Block {
        let mut block = Block::default();
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
            return Statement { role: Role::Other, pieces, end: End::Open };
        }
        let (role, stop) = match self.lexer.word() {
            "if" | "switch" | "try" => (Role::Branch, self.branch(&mut pieces)),
            "while" | "for" | "loop" | "do" => (Role::Loop, self.branch(&mut pieces)),
            "fn" | "private" => (Role::Other, self.function(&mut pieces)),
            _ if self.lexer.peek() == Some('{') => {
                let body = self.body(Vec::new());
                pieces.push(Piece::Body(body));
                (Role::Branch, Stop::Separator)
            }
            _ => (Role::Other, self.operands_of_statement(&mut pieces, level)),
        };
        let ends_alone = role != Role::Other || matches!(pieces.last(), Some(Piece::Function(_)));
        let end = if ends_alone && !self.begins_do(start) {
            End::Open
        } else {
            self.end_of_statement(&mut pieces, stop)
        };
        let role = match pieces.iter().filter(|piece| !piece.is_blank()).collect::<Vec<_>>().as_slice() {
            [Piece::Pipeline(_)] => Role::Command,
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
        let quoted = level == Level::ScriptBlock && matches!(self.lexer.peek(), Some('"' | '\''));
        let dollar = self.lexer.peek() == Some('$');
        let flow = Flow {
            line_end: quoted || dollar,
            shell_quotes: quoted,
            commas: level == Level::ScriptBlock,
            aliases: true,
            ..Flow::RHAI
        };
        if dollar {
            match self.assignment(pieces) {
                Some(stop @ (Stop::Command | Stop::Line)) => return stop,
                Some(Stop::Separator) | None => {}
            }
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

    fn take_as_rhai(&mut self, pieces: &mut Vec<Piece>) {
        let start = self.lexer.at();
        self.lexer.bump();
        pieces.push(Piece::Rhai(self.since(start)));
    }

    /// The semicolon, or the need of one.
    fn end_of_statement(&mut self, pieces: &mut Vec<Piece>, stop: Stop) -> End {
        let mark = self.lexer.at();
        let blank = self.lexer.blank();
        if let Some(semicolon) = self.lexer.take(";") {
            push_blank(pieces, blank.span);
            return End::Semicolon(semicolon);
        }
        let last = matches!(self.lexer.peek(), None | Some('}'));
        self.lexer.rewind(mark);
        if stop != Stop::Separator && blank.line_end && !last { End::Line } else { End::Open }
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
            self.refuse(operator.span, Refused::Increment);
            pieces.push(Piece::Variable(variable));
            return Some(Stop::Separator);
        }
        if !taken {
            self.lexer.rewind(start);
            return None;
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

    /// What stands behind the `=` of a statement that begins with `$`.
    fn right_side(&mut self, pieces: &mut Vec<Piece>) -> Stop {
        let blank = self.lexer.blank();
        push_blank(pieces, blank.span);
        let shell_quotes = matches!(self.lexer.peek(), Some('"' | '\'' | '@'));
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

    /// Statements of PowerShell's; notes the mistake and takes as much as keeps the rest readable.
    fn refused_statement(&mut self, pieces: &mut Vec<Piece>) -> bool {
        let start = self.lexer.at();
        let comment =
            self.lexer.peek() == Some('#') && !matches!(self.lexer.peek_second(), Some('{' | '"' | '#'));
        if comment || self.lexer.sees("<#") {
            match self.lexer.sees("<#") {
                true => {
                    while !self.lexer.is_at_end() && self.lexer.take("#>").is_none() {
                        self.lexer.bump();
                    }
                }
                false => {
                    self.lexer.take_while(|letter| letter != '\n');
                }
            }
            self.refuse(self.since(start), Refused::Comment);
            return true;
        }
        if self.lexer.sees("& ") {
            self.refuse(Span::new(start, start + 1), Refused::Call);
            self.lexer.take_while(|letter| letter != '\n');
            return true;
        }
        if self.lexer.sees(". ") || self.lexer.sees(".\\") || self.lexer.sees("./") {
            self.lexer.take_while(|letter| letter != '\n');
            self.refuse(self.since(start), Refused::DotSource);
            return true;
        }
        let word = self.lexer.word();
        let span = Span::new(start, start + word.len());
        let behind = self.text()[span.end..].trim_start_matches([' ', '\t']);
        let next = behind.chars().next();
        let names_follow = next.is_some_and(|next| next.is_ascii_alphabetic());
        let refused = match word.to_ascii_lowercase().as_str() {
            "foreach" if next == Some('(') => Refused::ForEach,
            "for"
                if behind.strip_prefix('(').is_some_and(|inside| {
                    inside.trim_start().starts_with('$') && inside.contains_before(';', ')')
                }) =>
            {
                Refused::CountedFor
            }
            "function" | "filter" if names_follow => Refused::Function,
            "param" if next == Some('(') && !self.declared.contains(word) => Refused::Param,
            "elseif" if next == Some('(') || names_follow || next == Some('$') => Refused::ElseIf,
            "finally" if next == Some('{') => Refused::Finally,
            "begin" | "process" | "end" | "trap" if next == Some('{') => Refused::Keyword(word.to_owned()),
            "class" | "enum" | "using" if names_follow => Refused::Keyword(word.to_owned()),
            _ => return false,
        };
        let body = !matches!(refused, Refused::Param);
        self.refuse(span, refused);
        self.skip_header(pieces, body);
        if self.lexer.peek() == Some('{') && body {
            let body = self.body(Vec::new());
            pieces.push(Piece::Body(body));
        }
        true
    }

    /// Skips the header of a refused statement. Its variables count as declared, so that one
    /// mistake does not make ten.
    fn skip_header(&mut self, pieces: &mut Vec<Piece>, to_brace: bool) {
        let mut open = 0_usize;
        while let Some(letter) = self.lexer.peek() {
            match letter {
                '{' if to_brace => return,
                '\n' if open == 0 => return,
                '(' => open += 1,
                ')' => open = open.saturating_sub(1),
                '$' => {
                    let start = self.lexer.at();
                    self.lexer.bump();
                    let name = self.lexer.word();
                    self.lexer.take(name);
                    if is_variable(name) {
                        pieces.push(Piece::Assigned(self.since(start)));
                    }
                    continue;
                }
                _ => {}
            }
            self.lexer.bump();
        }
    }

    // ------------------------------------------------------------------ statements with blocks

    /// `if`, `switch`, `try`, `while`, `for`, `loop`, `do`, as a statement or as an operand.
    fn branch(&mut self, pieces: &mut Vec<Piece>) -> Stop {
        let keyword = self.lexer.token().span;
        pieces.push(Piece::Rhai(keyword));
        match keyword.of(self.text()) {
            "if" => self.if_branches(pieces),
            "while" => {
                self.condition(pieces);
                self.body_if_any(pieces, Vec::new());
            }
            "for" => {
                let declares = self.for_pattern(pieces);
                let mut header = Vec::new();
                self.operands(&mut header, Flow::HEADER);
                pieces.append(&mut header);
                self.body_if_any(pieces, declares);
            }
            "switch" => {
                self.operands(pieces, Flow::HEADER);
                if self.lexer.peek() == Some('{') {
                    let arms = self.deeper(Self::switch_arms);
                    pieces.extend(arms.map(Piece::Group));
                }
            }
            "try" => {
                self.body_if_any(pieces, Vec::new());
                self.catch(pieces);
            }
            "do" => {
                self.body_if_any(pieces, Vec::new());
                if self.keyword(pieces, &["while", "until"]).is_some() {
                    self.condition(pieces);
                }
            }
            _ => self.body_if_any(pieces, Vec::new()),
        }
        Stop::Separator
    }

    fn if_branches(&mut self, pieces: &mut Vec<Piece>) {
        loop {
            self.condition(pieces);
            self.body_if_any(pieces, Vec::new());
            if self.refused_behind_block("elseif") {
                let word = self.coming("elseif");
                self.refuse(word, Refused::ElseIf);
                self.take_blank(pieces);
                self.lexer.take("elseif");
                continue;
            }
            if self.keyword(pieces, &["else"]).is_none() {
                return;
            }
            if self.keyword(pieces, &["if"]).is_none() {
                self.body_if_any(pieces, Vec::new());
                return;
            }
        }
    }

    fn catch(&mut self, pieces: &mut Vec<Piece>) {
        if self.keyword(pieces, &["catch"]).is_some() {
            self.take_blank(pieces);
            let mut declares = Vec::new();
            if let Some(open) = self.lexer.take("(") {
                pieces.push(Piece::Rhai(open));
                self.take_blank(pieces);
                declares.extend(self.name(pieces));
                self.take_blank(pieces);
                if let Some(close) = self.lexer.take(")") {
                    pieces.push(Piece::Rhai(close));
                }
            }
            self.body_if_any(pieces, declares);
        }
        if self.refused_behind_block("finally") {
            let word = self.coming("finally");
            self.refuse(word, Refused::Finally);
            self.take_blank(pieces);
            self.lexer.take("finally");
            self.body_if_any(pieces, Vec::new());
        }
    }

    /// Whether `word` stands behind the blanks that come next.
    fn refused_behind_block(&mut self, word: &str) -> bool {
        let mark = self.lexer.at();
        self.lexer.blank();
        let found = self.lexer.word().eq_ignore_ascii_case(word);
        self.lexer.rewind(mark);
        found
    }

    fn coming(&mut self, word: &str) -> Span {
        let mark = self.lexer.at();
        let start = self.lexer.blank().span.end;
        self.lexer.rewind(mark);
        Span::new(start, start + word.len())
    }

    /// `x in`, `(x, i) in`, `$x in`: the names, and everything up to `in`.
    fn for_pattern(&mut self, pieces: &mut Vec<Piece>) -> Vec<Span> {
        let mut names = Vec::new();
        loop {
            self.take_blank(pieces);
            match self.lexer.peek() {
                Some('(' | ')' | ',') => self.take_as_rhai(pieces),
                Some('$')
                    if self
                        .lexer
                        .peek_second()
                        .is_some_and(|next| next.is_ascii_alphabetic() || next == '_') =>
                {
                    // `for $x in` declares x.
                    self.lexer.bump();
                    names.extend(self.name(pieces));
                }
                Some(_) => match self.lexer.word() {
                    "in" => {
                        let word = self.lexer.token().span;
                        pieces.push(Piece::Rhai(word));
                        return names;
                    }
                    "" => return names,
                    _ => names.extend(self.name(pieces)),
                },
                None => return names,
            }
        }
    }

    /// A name that is declared here.
    fn name(&mut self, pieces: &mut Vec<Piece>) -> Option<Span> {
        let word = self.lexer.word();
        let span = self.lexer.take(word).filter(|span| span.start < span.end)?;
        self.reserved(span);
        self.declare(span);
        pieces.push(Piece::Rhai(span));
        Some(span)
    }

    fn condition(&mut self, pieces: &mut Vec<Piece>) {
        let mut condition = Vec::new();
        self.operands(&mut condition, Flow::HEADER);
        pieces.push(Piece::Condition(condition));
    }

    /// One of the keywords, with the blanks before it, if it comes next.
    fn keyword(&mut self, pieces: &mut Vec<Piece>, wanted: &[&str]) -> Option<Span> {
        let mark = self.lexer.at();
        let blank = self.lexer.blank();
        if !wanted.contains(&self.lexer.word()) {
            self.lexer.rewind(mark);
            return None;
        }
        push_blank(pieces, blank.span);
        let word = self.lexer.token().span;
        pieces.push(Piece::Rhai(word));
        Some(word)
    }

    fn take_blank(&mut self, pieces: &mut Vec<Piece>) {
        let blank = self.lexer.blank();
        push_blank(pieces, blank.span);
    }

    fn body_if_any(&mut self, pieces: &mut Vec<Piece>, declares: Vec<Span>) {
        self.take_blank(pieces);
        if self.lexer.peek() == Some('{') {
            let body = self.body(declares);
            pieces.push(Piece::Body(body));
        }
    }

    /// `{ … }` of Rhai's, from its opening brace.
    fn body(&mut self, declares: Vec<Span>) -> Body {
        let start = self.lexer.at();
        self.lexer.bump();
        self.body_behind(self.since(start), declares)
    }

    fn body_behind(&mut self, open: Span, declares: Vec<Span>) -> Body {
        let block = self.deeper(|parser| parser.block(Level::Body));
        let close = self.lexer.take("}");
        if close.is_none() {
            self.cut_off(open);
        }
        Body { open, declares, block, close }
    }

    /// The arms of `switch`: patterns are Rhai's, what stands behind `=>` may be a command.
    fn switch_arms(&mut self) -> Option<Group> {
        let start = self.lexer.at();
        self.lexer.bump();
        let open = self.since(start);
        let mut pieces = Vec::new();
        let mut pattern = self.lexer.at();
        loop {
            self.take_blank(&mut pieces);
            match self.lexer.peek() {
                None => {
                    self.cut_off(open);
                    return Some(Group { dollar: None, open, pieces, close: None });
                }
                Some('}') => {
                    let close = self.lexer.take("}");
                    return Some(Group { dollar: None, open, pieces, close });
                }
                Some('{') => {
                    // A brace where an arrow should be.
                    let shown = Span::new(pattern, self.lexer.at());
                    let trimmed = shown.of(self.text()).trim();
                    let begin = pattern + shown.of(self.text()).find(trimmed).unwrap_or(0);
                    self.refuse(Span::new(begin, begin + trimmed.len().max(1)), Refused::SwitchArm);
                    let body = self.body(Vec::new());
                    pieces.push(Piece::Body(body));
                    pattern = self.lexer.at();
                }
                Some('(' | '[') => {
                    let group = self.group(Flow::RHAI);
                    pieces.push(Piece::Group(group));
                }
                Some('#') if self.lexer.sees("#{") => {
                    let group = self.group(Flow::RHAI);
                    pieces.push(Piece::Group(group));
                }
                Some('$') => match self.dollar() {
                    Some(piece) => pieces.push(piece),
                    None => self.take_as_rhai(&mut pieces),
                },
                Some(',') => {
                    self.take_as_rhai(&mut pieces);
                    pattern = self.lexer.at();
                }
                Some(_) => {
                    let token = self.lexer.token();
                    pieces.push(Piece::Rhai(token.span));
                    let guard = token.kind == TokenKind::Word && token.span.of(self.text()) == "if";
                    if guard {
                        let condition = self.value_pieces(Flow::RHAI);
                        pieces.push(Piece::Condition(condition));
                    }
                    if token.kind == TokenKind::Arrow || (guard && self.take_arrow(&mut pieces)) {
                        self.take_blank(&mut pieces);
                        if self.lexer.peek() == Some('{') {
                            let body = self.body(Vec::new());
                            pieces.push(Piece::Body(body));
                        } else {
                            self.operands(&mut pieces, Flow::ELEMENT);
                        }
                        pattern = self.lexer.at();
                    }
                }
            }
        }
    }

    fn take_arrow(&mut self, pieces: &mut Vec<Piece>) -> bool {
        self.take_blank(pieces);
        self.lexer.take("=>").map(|arrow| pieces.push(Piece::Rhai(arrow))).is_some()
    }

    /// `fn name(first, second) { … }`.
    fn function(&mut self, pieces: &mut Vec<Piece>) -> Stop {
        let start = self.lexer.at();
        let first = self.lexer.token().span;
        if first.of(self.text()) == "private" {
            self.lexer.blank();
            if self.lexer.word() != "fn" {
                pieces.push(Piece::Rhai(self.since(start)));
                return self.operands(pieces, Flow::RHAI);
            }
            self.lexer.token();
        }
        let mut name = Span::new(start, start);
        let mut parameters = Vec::new();
        let mut inside = false;
        loop {
            self.lexer.blank();
            match self.lexer.peek() {
                None | Some('{' | '}' | ';') => break,
                Some('(') => {
                    self.lexer.bump();
                    inside = true;
                }
                Some(')') => {
                    self.lexer.bump();
                    break;
                }
                Some('$') if inside => {
                    // `fn f($x)`: Rhai says what is wrong with it.
                    self.lexer.bump();
                }
                Some(_) => {
                    let token = self.lexer.token();
                    match (token.kind, inside) {
                        (TokenKind::Word, true) => {
                            self.reserved(token.span);
                            self.declare(token.span);
                            parameters.push(token.span);
                        }
                        (TokenKind::Word, false) => {
                            self.reserved(token.span);
                            name = token.span;
                        }
                        _ => {}
                    }
                }
            }
        }
        let head = self.since(start);
        let blank = self.lexer.blank().span;
        let outer = std::mem::take(&mut self.script_blocks);
        let body = (self.lexer.peek() == Some('{')).then(|| self.body(Vec::new()));
        self.script_blocks = outer;
        pieces.push(Piece::Function(Function { head, name, parameters, blank, body }));
        Stop::Separator
    }

    // ------------------------------------------------------------------ operands and operators

    /// Operands and operators up to what ends them.
    fn operands(&mut self, out: &mut Vec<Piece>, flow: Flow) -> Stop {
        let mut run = Run {
            begin: out.len(),
            last_dash: None,
            operand: true,
            shell_next: false,
            property: false,
            begins: true,
        };
        let stop = self.run(out, flow, &mut run);
        run.join(out);
        stop
    }

    /// The same as pieces of their own.
    pub(super) fn value_pieces(&mut self, flow: Flow) -> Vec<Piece> {
        let mut pieces = Vec::new();
        self.operands(&mut pieces, flow);
        pieces
    }

    fn run(&mut self, out: &mut Vec<Piece>, flow: Flow, run: &mut Run) -> Stop {
        loop {
            let mark = self.lexer.at();
            let blank = self.lexer.blank();
            if blank.line_end && flow.line_end && !run.operand && !self.goes_on() {
                self.lexer.rewind(mark);
                return Stop::Line;
            }
            push_blank(out, blank.span);
            let Some(letter) = self.lexer.peek() else { return Stop::Separator };
            match letter {
                ';' | ')' | ']' | '}' => return Stop::Separator,
                ',' => {
                    if !flow.commas || flow.element {
                        return Stop::Separator;
                    }
                    let stop = self.list_behind(out, flow, run);
                    if stop != Stop::Separator {
                        return stop;
                    }
                }
                '{' => {
                    if flow.header {
                        return Stop::Separator;
                    }
                    if flow.block_value && run.begins {
                        let block = self.script_block();
                        out.push(block);
                    } else {
                        let body = self.body(Vec::new());
                        out.push(Piece::Body(body));
                    }
                    run.took_operand();
                }
                '(' | '[' => {
                    if run.operand && letter == '[' && self.refused_type() {
                        continue;
                    }
                    // The commas of a call and of an array are Rhai's.
                    let separated = !run.operand || letter == '[';
                    let inner = Flow { aliases: flow.aliases && run.operand, separated, ..Flow::RHAI };
                    let group = self.group(inner);
                    out.push(Piece::Group(group));
                    run.took_operand();
                }
                '#' if self.lexer.sees("#{") => {
                    let group = self.group(Flow::ELEMENT);
                    out.push(Piece::Group(group));
                    run.took_operand();
                }
                '|' if run.operand => {
                    let stop = self.closure(out, flow);
                    run.took_operand();
                    if stop != Stop::Separator {
                        return stop;
                    }
                }
                '|' if !self.lexer.sees("||") && !self.lexer.sees("|=") && self.pipe_leads_to_cmdlet() => {
                    run.join(out);
                    let mut head: Vec<Piece> = out.drain(run.begin..).collect();
                    while head.last().is_some_and(Piece::is_blank) {
                        head.pop();
                    }
                    let blanks = head.iter().take_while(|piece| piece.is_blank()).count();
                    out.extend(head.drain(..blanks));
                    let pipeline = self.pipeline(Some(head), flow);
                    out.push(Piece::Pipeline(pipeline));
                    run.begin = out.len();
                    return Stop::Command;
                }
                '$' => {
                    match self.dollar() {
                        Some(piece) => out.push(piece),
                        None => self.take_as_rhai(out),
                    }
                    run.took_operand();
                }
                '@' if run.operand => {
                    let value = self.at_value();
                    out.extend(value);
                    run.took_operand();
                }
                '`' => {
                    self.backtick_string(out);
                    run.took_operand();
                }
                '"' | '\'' if flow.shell_quotes || run.shell_next => {
                    let text = if letter == '"' { self.double_quoted() } else { self.single_quoted() };
                    out.push(Piece::Text(text));
                    run.took_operand();
                }
                '-' if self.dash_operator(out, flow, run) => {
                    if flow.element {
                        return Stop::Separator;
                    }
                }
                _ if run.operand && !run.property && self.command_here(out, flow, run) => {
                    return Stop::Command;
                }
                _ => {
                    if let Some(stop) = self.rhai_token(out, flow, run) {
                        return stop;
                    }
                }
            }
        }
    }

    /// Whether the text behind a line end goes on with the expression before it.
    fn goes_on(&mut self) -> bool {
        let Some(letter) = self.lexer.peek() else { return false };
        match letter {
            '.' => {
                !self.lexer.sees("..")
                    && self.lexer.peek_second().is_some_and(|next| next.is_ascii_alphabetic() || next == '_')
            }
            '|' | '+' | '*' | '<' | '>' | '=' | ')' | ']' | ',' => true,
            '&' => self.lexer.sees("&&"),
            '?' => self.lexer.sees("??") || self.lexer.sees("?."),
            '!' => self.lexer.sees("!="),
            '-' => {
                let mark = self.lexer.at();
                self.lexer.bump();
                let operator = DashOperator::named(self.lexer.word());
                self.lexer.rewind(mark);
                operator.is_some_and(|operator| operator != DashOperator::Not)
            }
            _ => matches!(self.lexer.word(), "else" | "catch"),
        }
    }

    /// One token of Rhai's.
    fn rhai_token(&mut self, out: &mut Vec<Piece>, flow: Flow, run: &mut Run) -> Option<Stop> {
        let keyword = if run.property { "" } else { self.lexer.word() };
        if run.operand && matches!(keyword, "if" | "switch" | "try" | "while" | "for" | "loop" | "do") {
            self.branch(out);
            run.took_operand();
            return None;
        }
        let mark = self.lexer.at();
        let token = self.lexer.token();
        match token.kind {
            TokenKind::Word => self.word(out, token.span, run),
            TokenKind::Literal => {
                self.literal(out, token.span);
                run.took_operand();
            }
            TokenKind::Binary(binding) => {
                if flow.element && binding <= Binding::Comparison {
                    self.lexer.rewind(mark);
                    return Some(Stop::Separator);
                }
                out.push(Piece::Binary(token.span, binding));
                run.wants_operand();
            }
            TokenKind::Assignment => {
                out.push(Piece::Rhai(token.span));
                run.boundary(out);
                if flow.line_end {
                    // `$x.y = …`
                    return Some(self.right_side(out));
                }
            }
            TokenKind::Arrow | TokenKind::Colon => {
                out.push(Piece::Rhai(token.span));
                run.boundary(out);
            }
            TokenKind::Unary => {
                out.push(if run.operand { Piece::Bang(token.span) } else { Piece::Rhai(token.span) });
            }
            TokenKind::Dot => {
                out.push(Piece::Rhai(token.span));
                run.property = true;
            }
            TokenKind::DoubleColon => {
                out.push(Piece::Rhai(token.span));
                run.wants_operand();
            }
            TokenKind::Other => {
                if matches!(token.span.of(self.text()), "++" | "--") && flow.line_end {
                    self.refuse(token.span, Refused::Increment);
                }
                out.push(Piece::Rhai(token.span));
                run.took_operand();
            }
        }
        None
    }

    fn word(&mut self, out: &mut Vec<Piece>, span: Span, run: &mut Run) {
        if std::mem::take(&mut run.property) {
            out.push(Piece::Rhai(span));
            run.took_operand();
            return;
        }
        match span.of(self.text()) {
            "let" | "const" => {
                out.push(Piece::Rhai(span));
                self.take_blank(out);
                // `let $x = …` declares x.
                if self.lexer.peek() == Some('$')
                    && self.lexer.peek_second().is_some_and(|next| next.is_ascii_alphabetic())
                {
                    self.lexer.bump();
                }
                let word = self.lexer.word();
                if let Some(name) = self.lexer.take(word).filter(|name| name.start < name.end) {
                    self.reserved(name);
                    self.declare(name);
                    out.push(Piece::Declared(name));
                }
                run.took_operand();
            }
            "return" | "throw" | "else" => {
                out.push(Piece::Rhai(span));
                run.boundary(out);
            }
            "break" | "continue" => {
                out.push(Piece::Rhai(span));
                run.boundary(out);
                // Either may stand alone.
                run.operand =
                    !matches!(self.lexer.rest().trim_start().chars().next(), None | Some(';' | '}' | '\n'));
            }
            "import" | "export" | "as" | "private" | "until" => {
                out.push(Piece::Rhai(span));
                run.boundary(out);
            }
            _ => {
                self.reserved(span);
                let behind = self.lexer.rest().trim_start_matches([' ', '\t']);
                let called = behind.starts_with('(') || behind.starts_with("::") || behind.starts_with("!(");
                out.push(if called { Piece::Rhai(span) } else { Piece::Word(span) });
                run.took_operand();
            }
        }
    }

    /// A literal of Rhai's; a string may look as if it took variables.
    fn literal(&mut self, out: &mut Vec<Piece>, span: Span) {
        let text = span.of(self.text());
        let doubtful = text.starts_with('"') && text.contains('$');
        out.push(if doubtful { Piece::Quoted(span) } else { Piece::Rhai(span) });
    }

    /// Names with two underscores in front are what lowered text calls.
    pub(super) fn reserved(&mut self, span: Span) {
        let name = span.of(self.text());
        if name.starts_with("__") {
            let name = name.to_owned();
            self.problem(span, Problem::ReservedName { name });
        }
    }

    /// `a, b, c` behind its first element.
    fn list_behind(&mut self, out: &mut Vec<Piece>, flow: Flow, run: &mut Run) -> Stop {
        let begin = run.last_dash.map_or(run.begin, |dash| dash + 1).min(out.len());
        let mut first: Vec<Piece> = out.drain(begin..).collect();
        let blanks = first.iter().take_while(|piece| piece.is_blank()).count();
        out.extend(first.drain(..blanks));
        let start = span_of(&first).map_or(self.lexer.at(), |span| span.start);
        let mut items = vec![first];
        let mut stop = Stop::Separator;
        let element =
            Flow { element: true, shell_quotes: flow.shell_quotes || run.last_dash.is_some(), ..flow };
        while stop == Stop::Separator && self.lexer.take(",").is_some() {
            let mut item = Vec::new();
            stop = self.operands(&mut item, element);
            if span_of(&item).is_none() {
                let at = self.lexer.at();
                self.problem(Span::new(at, at), Problem::MissingElement);
            }
            items.push(item);
        }
        let mut behind = None;
        for item in &mut items {
            let blanks = item.iter().take_while(|piece| piece.is_blank()).count();
            item.drain(..blanks);
            behind = None;
            while item.last().is_some_and(Piece::is_blank) {
                behind = item.pop();
            }
        }
        let end = items.iter().rev().find_map(|item| span_of(item)).map_or(self.lexer.at(), |span| span.end);
        out.push(Piece::List(List { span: Span::new(start, end), items, spreads: false }));
        out.extend(behind);
        run.took_operand();
        stop
    }

    /// `-eq` and its family, where an operator may stand.
    fn dash_operator(&mut self, out: &mut Vec<Piece>, flow: Flow, run: &mut Run) -> bool {
        let start = self.lexer.at();
        let blank_before = self
            .lexer
            .before()
            .is_none_or(|before| before.is_whitespace() || matches!(before, '(' | '{' | ')' | '}' | ']'));
        let rest = &self.lexer.rest()[1..];
        let length = rest.bytes().take(16).take_while(u8::is_ascii_alphabetic).count();
        let word = &rest[..length];
        let behind = rest[length..].chars().next();
        let ends =
            behind.is_none_or(|next| next.is_whitespace() || matches!(next, '(' | '$' | '"' | '\'' | '@'));
        if word.is_empty() || !ends || !blank_before || self.declared.contains(word) {
            return false;
        }
        let span = Span::new(start, start + 1 + length);
        match DashOperator::named(word) {
            Some(DashOperator::Not) if run.operand => {}
            Some(DashOperator::And | DashOperator::Or | DashOperator::Comparison(..)) if !run.operand => {}
            Some(_) => return false,
            None => {
                // Two operands side by side are no Rhai, so this is meant as an operator.
                let operand = rest[length..].trim_start_matches([' ', '\t']).chars().next();
                let operand_follows = operand.is_some_and(|next| {
                    next.is_ascii_alphanumeric() || matches!(next, '"' | '\'' | '$' | '@')
                });
                if !run.operand
                    && operand_follows
                    && REFUSED_OPERATORS.contains(&word.to_ascii_lowercase().as_str())
                {
                    self.refuse(span, Refused::Operator(word.to_ascii_lowercase()));
                    self.lexer.rewind(span.end);
                    run.wants_operand();
                    run.shell_next = true;
                    return true;
                }
                return false;
            }
        }
        let Some(operator) = DashOperator::named(word) else { return false };
        if flow.element {
            return true;
        }
        self.lexer.rewind(span.end);
        run.last_dash = Some(out.len());
        out.push(Piece::Dash(span, operator));
        run.wants_operand();
        run.shell_next = true;
        true
    }

    /// `(…)`, `[…]` or `#{…}`, from its opening bracket.
    pub(super) fn group(&mut self, flow: Flow) -> Group {
        let open = match self.lexer.take("#{") {
            Some(open) => open,
            None => {
                let start = self.lexer.at();
                self.lexer.bump();
                self.since(start)
            }
        };
        let map = open.end - open.start == 2;
        let closes = if map {
            '}'
        } else if open.of(self.text()) == "(" {
            ')'
        } else {
            ']'
        };
        let pieces = self.deeper(|parser| parser.group_content(flow, map, closes));
        let close = if self.lexer.peek() == Some(closes) {
            let start = self.lexer.at();
            self.lexer.bump();
            Some(self.since(start))
        } else {
            None
        };
        if close.is_none() && self.lexer.is_at_end() {
            self.cut_off(open);
        }
        Group { dollar: None, open, pieces, close }
    }

    fn group_content(&mut self, flow: Flow, map: bool, closes: char) -> Vec<Piece> {
        let mut pieces = Vec::new();
        if map {
            self.map_key(&mut pieces);
        }
        loop {
            let before = self.lexer.at();
            self.operands(&mut pieces, flow);
            match self.lexer.peek() {
                None => return pieces,
                Some(letter) if letter == closes => return pieces,
                // Another's closing bracket: Rhai says that ours is missing.
                Some(')' | ']' | '}') => return pieces,
                Some(',') => {
                    self.take_as_rhai(&mut pieces);
                    if map {
                        self.map_key(&mut pieces);
                    }
                }
                Some(';') => self.take_as_rhai(&mut pieces),
                Some(_) if self.lexer.at() == before => self.take_as_rhai(&mut pieces),
                Some(_) => {}
            }
        }
    }

    /// The key of an entry of Rhai's map, which is no variable.
    fn map_key(&mut self, pieces: &mut Vec<Piece>) {
        self.take_blank(pieces);
        let mark = self.lexer.at();
        let key = self.lexer.token();
        if !matches!(key.kind, TokenKind::Word | TokenKind::Literal) {
            self.lexer.rewind(mark);
            return;
        }
        pieces.push(Piece::Rhai(key.span));
        self.take_blank(pieces);
        if self.lexer.peek() == Some(':') {
            self.take_as_rhai(pieces);
        }
    }

    /// `|a, b| …`, up to where the expression around it ends.
    fn closure(&mut self, out: &mut Vec<Piece>, flow: Flow) -> Stop {
        let start = self.lexer.at();
        let mut parameters = Vec::new();
        if self.lexer.take("||").is_none() {
            self.lexer.bump();
            loop {
                self.lexer.blank();
                match self.lexer.peek() {
                    Some('|') => {
                        self.lexer.bump();
                        break;
                    }
                    Some(',') => {
                        self.lexer.bump();
                    }
                    Some(letter) if letter.is_ascii_alphabetic() || letter == '_' => {
                        let name = self.lexer.token().span;
                        self.reserved(name);
                        self.declare(name);
                        parameters.push(name);
                    }
                    Some(_) | None => break,
                }
            }
        }
        let head = self.since(start);
        let mut stop = Stop::Separator;
        let body = self.deeper(|parser| {
            let mut body = Vec::new();
            parser.take_blank(&mut body);
            if parser.lexer.peek() == Some('{') {
                let block = parser.body(Vec::new());
                body.push(Piece::Body(block));
            } else {
                stop = parser.operands(&mut body, Flow { commas: false, ..flow });
            }
            body
        });
        out.push(Piece::Closure(Closure { head, parameters, body }));
        stop
    }

    /// A string in Rhai's backticks, with `${…}` in it.
    fn backtick_string(&mut self, out: &mut Vec<Piece>) {
        let start = self.lexer.at();
        self.lexer.bump();
        let mut stretch = start;
        while self.lexer.backtick_stretch(start) {
            out.push(Piece::Rhai(self.since(stretch)));
            let Some(open) = self.lexer.take("${") else { break };
            let body = self.body_behind(open, Vec::new());
            out.push(Piece::Body(body));
            stretch = self.lexer.at();
        }
        out.push(Piece::Rhai(self.since(stretch)));
    }

    /// `$x`, `$_`, `$true`, `$(…)`. None, and nothing taken, for a `$` without a meaning.
    pub(super) fn dollar(&mut self) -> Option<Piece> {
        let start = self.lexer.at();
        match self.lexer.peek_second()? {
            '(' => {
                let dollar = self.lexer.take("$");
                let group = self.group(Flow::ARGUMENT);
                Some(Piece::Group(Group { dollar, ..group }))
            }
            '{' => {
                self.lexer.take_while(|letter| !matches!(letter, '}' | '\n'));
                self.lexer.take("}");
                self.refuse(self.since(start), Refused::BracedVariable);
                Some(Piece::Literal(self.since(start), Literal::Null))
            }
            '?' | '$' | '^' => {
                self.lexer.bump();
                self.lexer.bump();
                let span = self.since(start);
                self.refuse(span, Refused::Automatic(span.of(self.text()).to_owned()));
                Some(Piece::Literal(span, Literal::Null))
            }
            letter if letter.is_ascii_alphabetic() || letter == '_' => {
                self.lexer.bump();
                let name = self.lexer.word();
                self.lexer.take(name);
                Some(self.named_dollar(start, name))
            }
            _ => None,
        }
    }

    fn named_dollar(&mut self, start: usize, name: &str) -> Piece {
        let span = self.since(start);
        match name.to_ascii_lowercase().as_str() {
            "_" | "psitem" => {
                if self.script_blocks == 0 {
                    self.problem(span, Problem::CurrentOutside);
                }
                return Piece::Current(span);
            }
            "true" => return Piece::Literal(span, Literal::Boolean(true)),
            "false" => return Piece::Literal(span, Literal::Boolean(false)),
            "null" => return Piece::Literal(span, Literal::Null),
            scope @ ("env" | "global" | "script" | "local" | "private" | "using" | "variable"
            | "function") => {
                let behind = self.lexer.rest();
                let scoped = behind.strip_prefix(':').is_some_and(|rest| {
                    rest.starts_with(|next: char| next.is_ascii_alphabetic() || next == '_')
                });
                if scoped {
                    self.lexer.bump();
                    let inner = self.lexer.word().to_owned();
                    self.lexer.take(&inner);
                    let refused = match scope {
                        "env" => Refused::Environment(inner),
                        scope => Refused::Scope { scope: scope.to_owned(), name: inner },
                    };
                    self.refuse(self.since(start), refused);
                    return Piece::Literal(self.since(start), Literal::Null);
                }
            }
            _ => {}
        }
        self.reserved(Span::new(start + 1, span.end));
        Piece::Variable(span)
    }

    /// `[int]`, `[string]::…` where an operand begins.
    fn refused_type(&mut self) -> bool {
        let rest = &self.lexer.rest()[1..];
        let length = rest
            .bytes()
            .take(64)
            .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_'))
            .count();
        let name = &rest[..length];
        let behind = rest[length..].trim_start_matches("[]");
        let Some(behind) = behind.strip_prefix(']') else { return false };
        let typed = behind.starts_with("::")
            || behind.starts_with(|next: char| {
                matches!(next, '$' | '@' | '"' | '\'') || next.is_ascii_alphanumeric()
            });
        if !name.starts_with(|first: char| first.is_ascii_alphabetic()) || !typed {
            return false;
        }
        let start = self.lexer.at();
        let name = name.to_owned();
        self.lexer.take_while(|letter| letter != ']');
        self.lexer.take("]");
        self.refuse(self.since(start), Refused::Type(name));
        if self.lexer.take("::").is_some() {
            let word = self.lexer.word();
            self.lexer.take(word);
        }
        true
    }

    fn command_here(&mut self, out: &mut Vec<Piece>, flow: Flow, run: &mut Run) -> bool {
        if !self.command_begins(flow.aliases && run.begins) {
            return false;
        }
        let pipeline = self.pipeline(None, flow);
        out.push(Piece::Pipeline(pipeline));
        run.took_operand();
        true
    }
}

/// Where a run of operands stands.
struct Run {
    /// The piece at which the present expression begins.
    begin: usize,
    /// The piece of the last dash operator in it.
    last_dash: Option<usize>,
    /// Whether an operand is wanted next.
    operand: bool,
    /// Whether quotes of the operand that comes next have PowerShell's meaning.
    shell_next: bool,
    /// Whether a property's name comes next.
    property: bool,
    /// Whether nothing of the expression has been taken yet.
    begins: bool,
}

impl Run {
    fn took_operand(&mut self) {
        self.operand = false;
        self.shell_next = false;
        self.property = false;
        self.begins = false;
    }

    fn wants_operand(&mut self) {
        self.operand = true;
        self.shell_next = false;
        self.property = false;
        self.begins = false;
    }

    /// The expression so far is complete, and another begins.
    fn boundary(&mut self, out: &mut Vec<Piece>) {
        // What was just pushed separates the two.
        let separator = out.pop();
        self.join(out);
        out.extend(separator);
        *self = Self {
            begin: out.len(),
            last_dash: None,
            operand: true,
            shell_next: false,
            property: false,
            begins: true,
        };
    }

    /// Makes one operation of what has dash operators in it.
    fn join(&mut self, out: &mut Vec<Piece>) {
        if self.last_dash.take().is_some() {
            operation::join(out, self.begin);
        }
    }
}

/// A comparison with characters, without looking further than needed.
trait ContainsBefore {
    fn contains_before(&self, wanted: char, end: char) -> bool;
}

impl ContainsBefore for str {
    fn contains_before(&self, wanted: char, end: char) -> bool {
        self.chars().take(200).take_while(|letter| *letter != end).any(|letter| letter == wanted)
    }
}

/// Operators of PowerShell's that have a Rhai way.
const REFUSED_OPERATORS: &[&str] = &[
    "f", "replace", "ireplace", "creplace", "split", "isplit", "csplit", "join", "is", "isnot", "as", "band",
    "bor", "bxor", "xor", "shl", "shr",
];

pub(super) fn push_blank(pieces: &mut Vec<Piece>, span: Span) {
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
