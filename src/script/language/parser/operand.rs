//! Operands and operators of Rhai's, and the dash operators between them.
//!
//! Knows of every token whether an operand may stand there, since a command may stand where one
//! may. What has dash operators in it goes to `operation` when it is complete.

use super::text::quick_end;
use super::{Flow, Parser, Stop, operation, push_blank};
use crate::script::language::lexer::{BindingPower, TokenKind, is_dash, is_double_quote, is_single_quote};
use crate::script::language::message::{RefusedConstruct, SyntaxProblem};
use crate::script::language::source_map::Span;
use crate::script::language::tree::{DashOperator, ListLiteral, Literal, Piece, Step, StepValue, span_of};
use crate::value::arithmetic::{Number, multiplied};

impl Parser<'_, '_> {
    /// Operands and operators up to what ends them.
    pub(super) fn operands(&mut self, out: &mut Vec<Piece>, flow: Flow) -> Stop {
        let mut run = OperandRun {
            begin: out.len(),
            last_dash: None,
            operand: true,
            shell_next: false,
            property: false,
            begins: true,
            lacking: Vec::new(),
        };
        let stop = self.run(out, flow, &mut run);
        run.join(out);
        for operator in run.lacking {
            let written = operator.of(self.text()).to_owned();
            self.problem(operator, SyntaxProblem::MissingOperand { operator: written });
        }
        stop
    }

    /// The same as pieces of their own.
    pub(super) fn value_pieces(&mut self, flow: Flow) -> Vec<Piece> {
        let mut pieces = Vec::new();
        self.operands(&mut pieces, flow);
        pieces
    }

    fn run(&mut self, out: &mut Vec<Piece>, flow: Flow, run: &mut OperandRun) -> Stop {
        loop {
            let mark = self.lexer.at();
            let blank = self.lexer.blank();
            if blank.line_end && flow.line_end && !run.operand && !self.goes_on(flow) {
                self.lexer.rewind(mark);
                return Stop::Line;
            }
            push_blank(out, blank.span);
            let Some(letter) = self.lexer.peek() else {
                match last_solid(out) {
                    Some(Piece::Binary(operator, _) | Piece::Dash(operator, _)) => {
                        let operator = *operator;
                        self.cut_off(operator);
                    }
                    // `let x =`
                    Some(Piece::Rhai(last)) if last.of(self.text()).ends_with('=') => {
                        let last = *last;
                        self.cut_off(last);
                    }
                    Some(_) | None => {}
                }
                return Stop::Separator;
            };
            match letter {
                ';' | ')' | ']' | '}' => return Stop::Separator,
                ',' => {
                    if !flow.commas || flow.element {
                        return Stop::Separator;
                    }
                    if run.operand && run.begins {
                        self.list_of_one(out, flow, run);
                        continue;
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
                    } else if !run.operand && self.takes_blocks(out) {
                        let start = self.lexer.at();
                        self.script_block();
                        self.refuse(Span::new(start, start + 1), RefusedConstruct::BlockOfMethod);
                    } else {
                        let body = self.body(Vec::new());
                        out.push(Piece::Body(Box::new(body)));
                    }
                    run.took_operand();
                }
                '(' | '[' => {
                    if run.operand && letter == '[' && self.type_literal(out, run) {
                        continue;
                    }
                    if run.operand
                        && let Some(value) = self.assigned_value()
                    {
                        out.push(value);
                        run.took_operand();
                        continue;
                    }
                    // The commas of a call and of an array are Rhai's.
                    let separated = !run.operand || letter == '[';
                    let inner = Flow {
                        aliases: (flow.aliases || flow.header) && run.operand,
                        separated,
                        commas: !separated,
                        block_value: !run.operand && self.takes_blocks(out),
                        outputs: flow.outputs && run.operand,
                        ..Flow::RHAI
                    };
                    let group = self.group(inner);
                    out.push(Piece::Group(Box::new(group)));
                    run.took_operand();
                }
                '#' if self.lexer.sees("#{") => {
                    let group = self.group(Flow::ELEMENT);
                    out.push(Piece::Group(Box::new(group)));
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
                    if flow.element {
                        // The whole list goes through the pipe.
                        return Stop::Separator;
                    }
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
                quote if run.property && matches!(quote, '"' | '\'') => {
                    let start = self.lexer.at();
                    if quote == '"' {
                        self.lexer.literal();
                    } else {
                        self.single_quoted();
                    }
                    let written = self.since(start).of(self.text()).to_owned();
                    self.refuse(self.since(start), RefusedConstruct::QuotedProperty(written));
                    run.property = false;
                    run.took_operand();
                }
                '>' if flow.line_end && !run.operand && self.leads_to_file(&out[run.begin..]) => {
                    run.join(out);
                    let mut head: Vec<Piece> = out.drain(run.begin..).collect();
                    let blanks = head.iter().take_while(|piece| piece.is_blank()).count();
                    out.extend(head.drain(..blanks));
                    while head.last().is_some_and(Piece::is_blank) {
                        head.pop();
                    }
                    let pipeline = self.value_to_file(head, flow);
                    out.push(Piece::Pipeline(pipeline));
                    run.begin = out.len();
                    return Stop::Command;
                }
                '?' if !run.operand && self.is_ternary() => {
                    if flow.element {
                        return Stop::Separator;
                    }
                    self.ternary(out, flow, run);
                }
                ':' if flow.colon && !self.lexer.sees("::") => return Stop::Separator,
                '&' | '.' if run.operand && !run.property && self.invocation(out, run) => {}
                '+' | '-' if run.operand && self.step_as_value(out) => run.took_operand(),
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
                quote if (flow.shell_quotes || run.shell_next) && is_double_quote(quote) => {
                    let text = self.double_quoted();
                    out.push(Piece::Text(text));
                    run.took_operand();
                }
                quote if (flow.shell_quotes || run.shell_next) && is_single_quote(quote) => {
                    let text = self.single_quoted();
                    out.push(Piece::Text(text));
                    run.took_operand();
                }
                '"' => {
                    self.rhai_text(out);
                    run.took_operand();
                }
                '\'' if run.operand && !self.is_character() => {
                    let text = self.single_quoted();
                    out.push(Piece::Text(text));
                    run.took_operand();
                }
                dash if is_dash(dash) && self.dash_operator(out, flow, run) => {
                    if flow.element {
                        return Stop::Separator;
                    }
                }
                _ if run.operand && !run.property && self.function_here(out, flow, run) => {}
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
    pub(super) fn goes_on(&mut self, flow: Flow) -> bool {
        let Some(letter) = self.lexer.peek() else { return false };
        match letter {
            '&' if self.calls_something() => false,
            // In Rhai's own statements an operator is one wherever it stands.
            '-' | '/' | '%' | '^' | '&' if !flow.shell_assigns => true,
            '.' if !flow.shell_assigns && self.lexer.sees("..") => true,
            '.' => {
                !self.lexer.sees("..")
                    && self.lexer.peek_second().is_some_and(|next| next.is_ascii_alphabetic() || next == '_')
            }
            '|' | '+' | '*' | '<' | '>' | '=' | ')' | ']' | ',' => true,
            '&' => self.lexer.sees("&&"),
            '?' => self.lexer.sees("??") || self.lexer.sees("?."),
            '!' => self.lexer.sees("!="),
            dash if is_dash(dash) => {
                let mark = self.lexer.at();
                self.lexer.bump();
                let operator = DashOperator::named(self.lexer.word());
                self.lexer.rewind(mark);
                operator.is_some_and(|operator| operator != DashOperator::Not)
            }
            _ => matches!(self.lexer.word(), "else" | "catch" | "in"),
        }
    }

    /// One token of Rhai's.
    fn rhai_token(&mut self, out: &mut Vec<Piece>, flow: Flow, run: &mut OperandRun) -> Option<Stop> {
        let keyword = if run.property || !run.operand { "" } else { self.keyword_here() };
        if matches!(keyword, "if" | "switch" | "try" | "while" | "for" | "loop" | "do")
            || (flow.outputs && keyword.eq_ignore_ascii_case("foreach"))
        {
            self.statement_as_operand(out, flow, keyword);
            run.took_operand();
            return None;
        }
        let mark = self.lexer.at();
        let token = self.lexer.token();
        match token.kind {
            TokenKind::Word => self.word(out, token.span, run),
            TokenKind::Literal => {
                self.number_or_text(out, token.span);
                run.took_operand();
            }
            TokenKind::Binary(binding) => {
                if flow.element && binding <= BindingPower::Comparison {
                    self.lexer.rewind(mark);
                    return Some(Stop::Separator);
                }
                let is_dash_word = DashOperator::named(self.lexer.word()).is_some();
                let sign = matches!(token.span.of(self.text()), "-" | "+" | "..") && !is_dash_word;
                out.push(if run.operand && sign {
                    Piece::Rhai(token.span)
                } else {
                    Piece::Binary(token.span, binding)
                });
                run.wants_operand();
            }
            TokenKind::Assignment => {
                out.push(Piece::Rhai(token.span));
                run.boundary(out);
                if flow.shell_assigns {
                    // `$x.y = …`
                    return Some(self.right_side(out));
                }
            }
            TokenKind::Arrow if flow.guard => {
                self.lexer.rewind(mark);
                return Some(Stop::Separator);
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
                let steps = matches!(token.span.of(self.text()), "++" | "--");
                let is_up = token.span.of(self.text()) == "++";
                // A step that is assigned or an element gives a value.
                let is_statement = flow.line_end && !flow.block_value;
                if steps && is_statement && !run.operand && !run.begins && self.ends_here() {
                    let blanks = out[run.begin..].iter().take_while(|piece| piece.is_blank()).count();
                    let target = out.split_off(run.begin + blanks);
                    let operator = token.span;
                    out.push(Piece::Step(Box::new(Step { target, operator, is_up, gives: StepValue::None })));
                    return Some(Stop::Line);
                }
                if steps
                    && !run.operand
                    && let Some(target) = self.counted(out, run.begin)
                {
                    let target = out.split_off(target);
                    let operator = token.span;
                    out.push(Piece::Step(Box::new(Step {
                        target,
                        operator,
                        is_up,
                        gives: StepValue::Before,
                    })));
                    run.took_operand();
                    return None;
                }
                if steps {
                    self.refuse(token.span, RefusedConstruct::Increment);
                }
                self.typographic(token.span);
                out.push(Piece::Rhai(token.span));
                run.took_operand();
            }
        }
        None
    }

    /// Refuses what word processors make of hyphens and quotes where Rhai's own have to stand.
    fn typographic(&mut self, span: Span) {
        let Some(found) = span.of(self.text()).chars().next().filter(|letter| !letter.is_ascii()) else {
            return;
        };
        let plain = [(is_dash(found), '-'), (is_double_quote(found), '"'), (is_single_quote(found), '\'')];
        if let Some((_, plain)) = plain.into_iter().find(|(is_it, _)| *is_it) {
            self.problem(span, SyntaxProblem::Typographic { found, plain });
        }
    }

    fn word(&mut self, out: &mut Vec<Piece>, span: Span, run: &mut OperandRun) {
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
                let behind = self.lexer.rest().trim_start_matches([' ', '\t', '\r']).chars().next();
                run.operand = !matches!(behind, None | Some(';' | '}' | '\n'));
            }
            "as" => {
                out.push(Piece::Rhai(span));
                run.boundary(out);
                self.take_blank(out);
                // A module may have a command's name.
                let word = self.lexer.word();
                if let Some(name) = self.lexer.take(word).filter(|name| name.start < name.end) {
                    out.push(Piece::Rhai(name));
                    run.took_operand();
                }
            }
            "import" | "export" | "private" | "until" => {
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

    /// A number or a character of Rhai's; PowerShell's `1KB` is a number too.
    pub(super) fn number_or_text(&mut self, out: &mut Vec<Piece>, span: Span) {
        let text = span.of(self.text());
        let is_number = text.starts_with(|first: char| first.is_ascii_digit());
        match multiplied(text)
            .filter(|_| is_number && text.ends_with(|last: char| last.is_ascii_alphabetic()))
        {
            Some(Number::Whole(number)) => out.push(Piece::Literal(span, Literal::Integer(number))),
            Some(Number::Real(number)) => out.push(Piece::Literal(span, Literal::Float(number))),
            None => out.push(Piece::Rhai(span)),
        }
    }

    /// `"…"` in an expression: Rhai's, unless something in it has a meaning of PowerShell's.
    fn rhai_text(&mut self, out: &mut Vec<Piece>) {
        let start = self.lexer.at();
        let span = self.lexer.literal();
        if self.open_texts == 0 && self.is_closed_later(span) {
            self.lexer.rewind(start);
            let text = self.double_quoted();
            out.push(Piece::Text(text));
            return;
        }
        if quick_end(span.of(self.text())) {
            let doubtful = span.of(self.text()).contains('$');
            out.push(if doubtful { Piece::Quoted(span) } else { Piece::Rhai(span) });
            return;
        }
        // INVARIANT: what was not closed up to a place is not tried again before it, and a text in a text
        // ends the trying of both, or texts within texts would be read again at every level.
        if start < self.unclosed_text {
            self.lexer.rewind(span.end);
            out.push(Piece::Quoted(span));
            return;
        }
        let before = (self.problems.len(), self.unclosed.len(), self.open);
        self.lexer.rewind(start);
        self.open_texts += 1;
        let text = self.escaped_text().filter(|_| self.failed_text.is_none());
        self.open_texts -= 1;
        if let Some(text) = text {
            out.push(Piece::Text(text));
            return;
        }
        // Not closed on its line: Rhai says so.
        out.push(Piece::Quoted(span));
        let at = *self.failed_text.get_or_insert(self.lexer.at());
        if self.open_texts > 0 {
            self.lexer.abandon();
            return;
        }
        self.failed_text = None;
        self.unclosed_text = self.unclosed_text.max(at);
        // Where the reading was given up, it stays so.
        if !self.gave_up {
            self.problems.truncate(before.0);
            self.unclosed.truncate(before.1);
            self.open = before.2;
            self.lexer.rewind(span.end);
        }
    }

    /// Whether a text that is not closed on its line is on a later one: behind the next quote stands what may stand
    /// behind a text, and no letter of another.
    fn is_closed_later(&self, literal: Span) -> bool {
        let rest = self.text().get(literal.end..).unwrap_or("");
        if !rest.starts_with(['\n', '\r'])
            || (literal.of(self.text()).ends_with('"') && literal.end - literal.start > 1)
        {
            return false;
        }
        let mut behind = match rest.find('"') {
            Some(place) => &rest[place + 1..],
            None => return false,
        };
        while let Some(doubled) = behind.strip_prefix('"') {
            behind = doubled.find('"').map_or("", |place| &doubled[place + 1..]);
        }
        let behind = behind.trim_start_matches([' ', '\t', '\r']);
        let next = behind.chars().next();
        next.is_none_or(|next| matches!(next, '\n' | '|' | ';' | ')' | '}' | ']' | ',' | '+' | '.'))
            || behind.starts_with('-')
    }

    /// Whether what was called last takes script blocks in its brackets.
    fn takes_blocks(&self, out: &[Piece]) -> bool {
        let Some(Piece::Rhai(name)) = out.last() else { return false };
        let name = name.of(self.text()).trim_start_matches('.');
        ["foreach", "where"].iter().any(|own| own.eq_ignore_ascii_case(name))
    }

    /// Whether the statement ends here.
    fn ends_here(&self) -> bool {
        let behind = self.lexer.rest().trim_start_matches([' ', '\t', '\r']);
        behind.is_empty() || behind.starts_with([';', '\n', '}', ')', '#']) || behind.starts_with("//")
    }

    /// `,$x`: a list of one.
    fn list_of_one(&mut self, out: &mut Vec<Piece>, flow: Flow, run: &mut OperandRun) {
        let start = self.lexer.at();
        self.lexer.bump();
        let mut item = Vec::new();
        self.operands(&mut item, Flow { element: true, ..flow });
        if span_of(&item).is_none() {
            self.problem(Span::new(start, start + 1), SyntaxProblem::MissingElement);
        }
        let blanks = item.iter().take_while(|piece| piece.is_blank()).count();
        item.drain(..blanks);
        while item.last().is_some_and(Piece::is_blank) {
            item.pop();
        }
        out.push(Piece::List(ListLiteral { span: self.since(start), items: vec![item], spreads: false }));
        run.took_operand();
    }

    /// `a, b, c` behind its first element.
    fn list_behind(&mut self, out: &mut Vec<Piece>, flow: Flow, run: &mut OperandRun) -> Stop {
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
                self.problem(Span::new(at, at), SyntaxProblem::MissingElement);
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
        out.push(Piece::List(ListLiteral { span: Span::new(start, end), items, spreads: false }));
        out.extend(behind);
        run.took_operand();
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
            let body = self.own(false, |parser| parser.body_behind(open, Vec::new()));
            out.push(Piece::Body(Box::new(body)));
            stretch = self.lexer.at();
        }
        out.push(Piece::Rhai(self.since(stretch)));
    }

    fn command_here(&mut self, out: &mut Vec<Piece>, flow: Flow, run: &mut OperandRun) -> bool {
        if !self.command_begins(flow.aliases && run.begins) {
            return false;
        }
        let pipeline = self.pipeline(None, flow);
        out.push(Piece::Pipeline(pipeline));
        run.took_operand();
        true
    }
}

fn last_solid(pieces: &[Piece]) -> Option<&Piece> {
    pieces.iter().rev().find(|piece| !piece.is_blank())
}

/// The state of the parser in a run of operands.
pub(super) struct OperandRun {
    /// The piece at which the present expression begins.
    pub(super) begin: usize,
    /// The piece of the last dash operator in it.
    pub(super) last_dash: Option<usize>,
    /// Whether an operand is wanted next.
    pub(super) operand: bool,
    /// Whether quotes of the operand that comes next have PowerShell's meaning.
    pub(super) shell_next: bool,
    /// Whether a property's name comes next.
    pub(super) property: bool,
    /// Whether nothing of the expression has been taken yet.
    pub(super) begins: bool,
    /// Dash operators that nothing stands behind.
    pub(super) lacking: Vec<Span>,
}

impl OperandRun {
    pub(super) fn took_operand(&mut self) {
        self.operand = false;
        self.shell_next = false;
        self.property = false;
        self.begins = false;
    }

    pub(super) fn wants_operand(&mut self) {
        self.operand = true;
        self.shell_next = false;
        self.property = false;
        self.begins = false;
    }

    /// The expression so far is complete, and another begins.
    pub(super) fn boundary(&mut self, out: &mut Vec<Piece>) {
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
            lacking: std::mem::take(&mut self.lacking),
        };
    }

    /// Makes one operation of what has dash operators in it.
    pub(super) fn join(&mut self, out: &mut Vec<Piece>) {
        if self.last_dash.take().is_some() {
            self.lacking.extend(operation::join(out, self.begin));
        }
    }
}
