//! PowerShell's statements: `foreach`, counted `for`, `switch` with braces, and statements whose output
//! is a value.
//!
//! Beside `branch`, which has Rhai's. Where a word begins a statement of both languages, what follows it
//! says which one is meant, and Rhai's reading goes first.

use super::{Current, Flow, Level, Parser};
use crate::script::language::lexer::is_dash;
use crate::script::language::message::{RefusedConstruct, SyntaxProblem};
use crate::script::language::source_map::Span;
use crate::script::language::tree::{
    Body, Piece, ShellStatement, Statement, StatementEnd, StatementRole, SubExpression, SwitchArm, SwitchBy,
    span_of,
};
use crate::value::compare::ComparisonOperator;
use crate::value::pattern::Case;

impl Parser<'_, '_> {
    /// A statement that Rhai has not, if one comes next.
    pub(super) fn shell_statement(&mut self) -> Option<ShellStatement> {
        let word = self.lexer.word();
        let behind = self.lexer.rest()[word.len()..].trim_start();
        match word.to_ascii_lowercase().as_str() {
            "foreach" if behind.starts_with('(') => Some(self.for_each()),
            "for" if behind.starts_with('(') => match header_kind(behind) {
                ForHeader::Counted => Some(self.counted_for()),
                ForHeader::Each => Some(self.for_each()),
                ForHeader::Rhai => None,
            },
            "switch" if self.is_shell_switch() => Some(self.shell_switch()),
            "function" if behind.starts_with(|next: char| next.is_ascii_alphabetic()) => {
                self.shell_function()
            }
            "fn" if is_verb_noun(behind) => self.shell_function(),
            "param" if behind.starts_with('(') && !self.declared.contains(word) => self.script_param(),
            _ => None,
        }
    }

    /// A statement where an operand may stand.
    pub(super) fn statement_as_operand(&mut self, out: &mut Vec<Piece>, flow: Flow, keyword: &str) {
        let is_rhai = matches!(keyword, "if" | "switch" | "loop" | "while" | "for" | "do");
        if let Some(statement) = self.shell_statement() {
            let pieces = vec![Piece::Shell(Box::new(statement))];
            let statement = Statement { role: StatementRole::Shell, pieces, end: StatementEnd::Open };
            out.push(Piece::Output(Box::new(statement)));
            return;
        }
        if is_rhai && !(flow.outputs && matches!(keyword, "while" | "for" | "do" | "if")) {
            self.branch(out);
            return;
        }
        let mut pieces = Vec::new();
        self.branch(&mut pieces);
        let role = match (pieces.last(), keyword) {
            (Some(Piece::Shell(_)), _) => StatementRole::Shell,
            (_, "while" | "for" | "do") => StatementRole::Loop,
            _ => StatementRole::Branch,
        };
        out.push(Piece::Output(Box::new(Statement { role, pieces, end: StatementEnd::Open })));
    }

    /// `$( )` with statements in it; nothing is taken where an expression is all of it.
    pub(super) fn sub_expression(&mut self) -> Option<Piece> {
        let start = self.lexer.at();
        if !holds_statements(&self.lexer.rest()[2..]) {
            return None;
        }
        self.lexer.take("$(");
        let block = self.own(true, |parser| parser.deeper(|parser| parser.block(Level::SubExpression)));
        if self.lexer.take(")").is_none() {
            self.problem(Span::new(start, start + 2), SyntaxProblem::Unclosed { opened: "$(" });
        }
        Some(Piece::Block(Box::new(SubExpression { span: self.since(start), block })))
    }

    /// `@( )` with statements in it, from its bracket.
    pub(super) fn statements_of_list(&mut self) -> Option<Piece> {
        let start = self.lexer.at();
        let rest = &self.lexer.rest()[2..];
        if !rest.trim_start().starts_with('$') || !holds_statements(rest) {
            return None;
        }
        self.lexer.take("@(");
        let block = self.own(true, |parser| parser.deeper(|parser| parser.block(Level::SubExpression)));
        if self.lexer.take(")").is_none() {
            self.problem(Span::new(start, start + 2), SyntaxProblem::Unclosed { opened: "@(" });
        }
        Some(Piece::Block(Box::new(SubExpression { span: self.since(start), block })))
    }

    /// `($x = …)`: the variable is set, and is the value. Nothing is taken of another group.
    pub(super) fn assigned_value(&mut self) -> Option<Piece> {
        let start = self.lexer.at();
        let inside = self.lexer.rest().strip_prefix('(')?;
        let name = inside.trim_start_matches([' ', '\t']).strip_prefix('$')?;
        let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        let behind = name.trim_start_matches(is_part);
        let length = name.len() - behind.len();
        let sign = behind.trim_start_matches([' ', '\t']);
        let sign = sign.strip_prefix(['+', '-', '*', '/']).unwrap_or(sign);
        if length == 0 || !sign.starts_with('=') || sign.starts_with("==") || sign.starts_with("=>") {
            return None;
        }
        let from = start + self.lexer.rest().len() - name.len() - 1;
        let variable = Span::new(from, from + 1 + length);
        self.lexer.take("(");
        let mut block = self.own(true, |parser| parser.deeper(|parser| parser.block(Level::SubExpression)));
        if self.lexer.take(")").is_none() {
            self.unclosed(Span::new(start, start + 1));
        }
        if let Some(last) = block.statements.last_mut() {
            last.end = StatementEnd::Line;
        }
        let pieces = vec![Piece::Variable(variable)];
        block.statements.push(Statement { role: StatementRole::Other, pieces, end: StatementEnd::Open });
        Some(Piece::Block(Box::new(SubExpression { span: self.since(start), block })))
    }

    fn body_of_shell(&mut self) -> Option<Body> {
        self.lexer.blank();
        if self.lexer.peek() == Some('{') {
            return Some(self.body(Vec::new()));
        }
        let at = self.lexer.at();
        if self.lexer.is_at_end() {
            self.cut_off(Span::new(at, at));
        } else {
            self.problem(Span::new(at, at + 1), SyntaxProblem::MissingBody);
        }
        None
    }

    /// `foreach ($x in list) { … }`.
    fn for_each(&mut self) -> ShellStatement {
        let keyword = self.lexer.token().span;
        self.lexer.blank();
        self.lexer.take("(");
        let open = Span::new(keyword.end, self.lexer.at());
        self.lexer.blank();
        self.lexer.take("$");
        let mut names = Vec::new();
        let variable = self.name(&mut names).unwrap_or_else(|| {
            let at = self.lexer.at();
            self.problem(Span::new(at, at + 1), SyntaxProblem::ForEachHeader);
            Span::new(at, at)
        });
        self.lexer.blank();
        if self.lexer.word().eq_ignore_ascii_case("in") {
            self.lexer.token();
        } else if variable.start < variable.end {
            let at = self.lexer.at();
            self.problem(Span::new(at, at + 1), SyntaxProblem::ForEachHeader);
            let word = self.lexer.word();
            self.lexer.take(word);
        }
        let list = self.value_pieces(Flow { shell_quotes: true, ..Flow::ARGUMENT });
        self.close_header(open);
        let body = self.body_of_shell();
        ShellStatement::ForEach { keyword, variable, list, body }
    }

    /// The bracket behind a header, and what stands before it and should not.
    fn close_header(&mut self, open: Span) {
        self.lexer.blank();
        if self.lexer.take(")").is_none() {
            let start = self.lexer.at();
            self.lexer.take_while(|letter| !matches!(letter, ')' | '{' | '\n'));
            if self.lexer.take(")").is_none() {
                self.problem(open, SyntaxProblem::Unclosed { opened: "(" });
            } else if let Some(found) = self.text()[start..].chars().next() {
                self.problem(Span::new(start, start + found.len_utf8()), SyntaxProblem::Unexpected { found });
            }
        }
    }

    /// `for ($i = 0; $i -lt 3; $i++) { … }`.
    fn counted_for(&mut self) -> ShellStatement {
        let keyword = self.lexer.token().span;
        self.lexer.blank();
        self.lexer.take("(");
        let open = Span::new(keyword.end, self.lexer.at());
        let first = self.header_statement();
        let mut condition = Vec::new();
        self.operands(&mut condition, Flow::ARGUMENT);
        self.lexer.blank();
        self.lexer.take(";");
        let step = self.header_statement();
        self.close_header(open);
        let body = self.body_of_shell();
        ShellStatement::For { keyword, first, condition, step, body }
    }

    /// A statement in the header of a counted `for`.
    fn header_statement(&mut self) -> Option<Box<Statement>> {
        self.lexer.blank();
        let mut pieces = Vec::new();
        if !matches!(self.lexer.peek(), Some(';' | ')') | None) {
            self.operands_of_statement(&mut pieces, Level::SubExpression);
        }
        self.lexer.blank();
        self.lexer.take(";");
        span_of(&pieces)?;
        Some(Box::new(Statement { role: StatementRole::Other, pieces, end: StatementEnd::Open }))
    }

    /// Whether the `switch` that comes next has its value in brackets and its arms in braces.
    fn is_shell_switch(&mut self) -> bool {
        let start = self.lexer.at();
        self.lexer.token();
        self.lexer.blank();
        let mut found = false;
        while self.lexer.peek().is_some_and(is_dash) {
            found = true;
            self.lexer.bump();
            self.lexer.take_while(|letter| letter.is_ascii_alphabetic());
            self.lexer.blank();
        }
        if self.lexer.peek() == Some('(') {
            self.skip_bracket(')');
            self.lexer.blank();
            if self.lexer.peek() == Some('{') {
                self.lexer.bump();
                self.lexer.blank();
                found = found || self.arm_has_braces();
            }
        }
        self.lexer.rewind(start);
        found
    }

    /// Skips a bracket and what is in it, quotes aside.
    fn skip_bracket(&mut self, closes: char) {
        let opens = if closes == ')' { '(' } else { '{' };
        let mut depth = 0_usize;
        while let Some(letter) = self.lexer.peek() {
            match letter {
                '"' | '\'' => {
                    self.lexer.bump();
                    self.lexer.take_while(|inner| inner != letter && inner != '\n');
                }
                letter if letter == opens => depth += 1,
                letter if letter == closes => depth = depth.saturating_sub(1),
                _ => {}
            }
            self.lexer.bump();
            if depth == 0 {
                return;
            }
        }
    }

    /// Whether a pattern with a brace behind it comes next.
    fn arm_has_braces(&mut self) -> bool {
        match self.lexer.peek() {
            Some('{') => true,
            Some('(') => {
                self.skip_bracket(')');
                self.lexer.blank();
                self.lexer.peek() == Some('{')
            }
            Some(quote @ ('"' | '\'')) => {
                self.lexer.bump();
                self.lexer.take_while(|letter| letter != quote && letter != '\n');
                self.lexer.bump();
                self.lexer.blank();
                self.lexer.peek() == Some('{')
            }
            Some(_) => {
                self.lexer.take_while(|letter| !letter.is_whitespace() && !matches!(letter, '{' | '}' | '='));
                self.lexer.blank();
                self.lexer.peek() == Some('{')
            }
            None => false,
        }
    }

    /// `switch ($x) { "a" { … } default { … } }`.
    fn shell_switch(&mut self) -> ShellStatement {
        let keyword = self.lexer.token().span;
        let mut by = SwitchBy { operator: ComparisonOperator::Equal, case: Case::Ignored };
        self.lexer.blank();
        while self.lexer.peek().is_some_and(is_dash) {
            let start = self.lexer.at();
            self.lexer.bump();
            let word = self.lexer.take_while(|letter| letter.is_ascii_alphabetic());
            match word.of(self.text()).to_ascii_lowercase().as_str() {
                "regex" => by.operator = ComparisonOperator::Match,
                "wildcard" => by.operator = ComparisonOperator::Like,
                "exact" => by.operator = ComparisonOperator::Equal,
                "casesensitive" => by.case = Case::Sensitive,
                _ => {
                    let written = self.since(start).of(self.text()).to_owned();
                    self.refuse(self.since(start), RefusedConstruct::SwitchOption(written));
                }
            }
            self.lexer.blank();
        }
        let value = if self.lexer.peek() == Some('(') {
            let group = self.group(Flow::ARGUMENT);
            vec![Piece::Group(Box::new(group))]
        } else {
            Vec::new()
        };
        self.lexer.blank();
        let start = self.lexer.at();
        let mut arms = Vec::new();
        if self.lexer.take("{").is_some() {
            self.current.push(Current::Object);
            arms = self.own(true, |parser| parser.deeper(Self::shell_arms));
            self.current.pop();
            if self.lexer.take("}").is_none() {
                self.unclosed(Span::new(start, start + 1));
            }
        }
        ShellStatement::Switch { keyword, by, value, arms }
    }

    fn shell_arms(&mut self) -> Vec<SwitchArm> {
        let mut arms = Vec::new();
        loop {
            self.lexer.blank();
            while self.lexer.take(";").is_some() {
                self.lexer.blank();
            }
            let start = self.lexer.at();
            if matches!(self.lexer.peek(), None | Some('}')) {
                return arms;
            }
            let is_default = self.lexer.word().eq_ignore_ascii_case("default");
            let pattern = if is_default {
                self.lexer.take_while(|letter| letter.is_ascii_alphabetic());
                None
            } else {
                Some(self.value())
            };
            let span = self.since(start);
            self.lexer.blank();
            if self.lexer.peek() != Some('{') {
                self.refuse(Span::new(span.start, span.end.max(start + 1)), RefusedConstruct::SwitchArm);
                self.lexer.take_while(|letter| !matches!(letter, '}' | '\n'));
                if self.lexer.at() == start {
                    return arms;
                }
                continue;
            }
            let body = self.body(Vec::new());
            arms.push(SwitchArm { pattern, span, body });
        }
    }
}

/// The number of characters that are read ahead to tell two readings apart.
const LOOK_AHEAD: usize = 2_000;

/// The kind of header in the brackets behind `for`.
enum ForHeader {
    /// Three statements.
    Counted,
    /// A variable and a list.
    Each,
    /// Rhai's pattern.
    Rhai,
}

fn header_kind(behind: &str) -> ForHeader {
    let inside = behind[1..].trim_start();
    let mut depth = 0_usize;
    let mut quote = None;
    for letter in behind.chars().take(LOOK_AHEAD) {
        match (quote, letter) {
            (Some(open), letter) if open == letter => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(letter),
            (None, '(') => depth += 1,
            (None, ')') => {
                depth -= 1;
                if depth == 0 {
                    break;
                }
            }
            (None, ';') if depth == 1 => return ForHeader::Counted,
            (None, '{') if depth == 1 => break,
            _ => {}
        }
    }
    if inside.starts_with('$') { ForHeader::Each } else { ForHeader::Rhai }
}

/// Whether what stands in `$( )` is more than an expression.
fn holds_statements(inside: &str) -> bool {
    let first = inside.trim_start();
    let word: String = first.chars().take_while(char::is_ascii_alphabetic).collect();
    let behind = first[word.len()..].trim_start();
    if matches!(
        word.to_ascii_lowercase().as_str(),
        "foreach" | "for" | "while" | "switch" | "if" | "try" | "do"
    ) && behind.starts_with(['(', '{'])
    {
        return true;
    }
    let mut depth = 0_usize;
    let mut quote = None;
    let mut letters = inside.chars().take(LOOK_AHEAD).peekable();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some('"'), '`') => {
                letters.next();
            }
            (Some(open), letter) if open == letter => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(letter),
            (None, '(' | '{' | '[') => depth += 1,
            (None, ')') if depth == 0 => return false,
            (None, ')' | '}' | ']') => depth = depth.saturating_sub(1),
            (None, ';') if depth == 0 => return true,
            (None, '=') if depth == 0 && first.starts_with('$') => {
                let before = inside.split('=').next().unwrap_or("");
                let plain = before.trim_start_matches(' ').trim_start_matches('$');
                return plain.trim_end().bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
                    && letters.peek() != Some(&'=');
            }
            _ => {}
        }
    }
    false
}

/// Whether a name such as `Get-Foo` stands at the beginning.
fn is_verb_noun(text: &str) -> bool {
    let name: String = text
        .chars()
        .take_while(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_'))
        .collect();
    name.contains('-') && name.starts_with(|first: char| first.is_ascii_alphabetic())
}
