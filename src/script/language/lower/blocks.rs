//! Statements, blocks and functions, lowered: what becomes of the value of each statement.
//!
//! A value that nobody takes is shown or gathered, as in PowerShell; that of a function, a closure or a
//! script block stays its own. Which statements have a value is asked of `classify`.

use super::classify::{
    begins_with, begins_with_literal, begins_with_text, can_go_on, gathers, has_output, has_shell_bodies,
    is_expression, is_lone_word, is_ours, is_output, is_plain_value,
};
use super::operators::arithmetic;
use super::writer::quoted;
use super::{CURRENT, Lowering, StatementBoundaries, ValueUse, ValueUses};
use crate::script::language::lexer::has_shell_comment;
use crate::script::language::scope::Hoisted;
use crate::script::language::source_map::Span;
use crate::script::language::tree::{
    Body, Caught, ClosureExpression, Function, Piece, ScriptBlock, Statement, StatementBlock, StatementEnd,
    StatementRole,
};

impl Lowering<'_> {
    /// The statements of a function or of the script itself. Each has in front of it the declarations
    /// of what it is the first to name: on one line there would not be room for those of a long script.
    pub(super) fn frame(
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

    pub(super) fn block(&mut self, block: &StatementBlock, purpose: ValueUse) {
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
        // The engine passes over a name that stands alone, though nothing has it.
        if is_lone_word(statement) && !self.in_rhai && (!is_value || self.shell_bodies) {
            return true;
        }
        if !is_expression(statement, source) {
            return false;
        }
        // At its end a block's value is its own, if Rhai is to have it.
        !is_value
            && (statement.end == StatementEnd::Line
                || (!self.in_rhai && begins_with_literal(statement, source)))
            || (is_value && !self.in_rhai && (self.context || self.is_lost_literal(statement)))
    }

    /// Whether a statement at the end of a block begins with what nobody writes for Rhai to pass over.
    fn is_lost_literal(&self, statement: &Statement) -> bool {
        let source = self.writer.source;
        begins_with_text(statement, source) || (self.shell_bodies && begins_with_literal(statement, source))
    }

    pub(super) fn blank(&mut self, span: Option<Span>) {
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

    pub(super) fn statement(&mut self, statement: &Statement, purpose: ValueUse) {
        let declares = begins_with(statement, self.writer.source, "let")
            || begins_with(statement, self.writer.source, "const");
        let is_top = std::mem::take(&mut self.is_top);
        let stands_alone = purpose != ValueUse::Value
            && !self.in_rhai
            && is_expression(statement, self.writer.source)
            && (is_top || statement.end != StatementEnd::Open || self.is_lost_literal(statement));
        let ours = (self.context && !declares) || stands_alone || is_ours(&statement.pieces);
        let outer = std::mem::replace(&mut self.ours, ours);
        match statement.role {
            StatementRole::Command => {
                self.pieces(&statement.pieces, ValueUses { pipelines: purpose, bodies: ValueUse::Value })
            }
            StatementRole::Branch => {
                let outer = self.enter_bodies(statement);
                self.pieces(&statement.pieces, ValueUses { pipelines: ValueUse::Value, bodies: purpose });
                self.shell_bodies = outer;
            }
            StatementRole::Loop => {
                let outer = self.enter_bodies(statement);
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
                self.shell_bodies = outer;
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

    /// Notes whose the blocks of a branch or a loop are; gives what was noted before.
    fn enter_bodies(&mut self, statement: &Statement) -> bool {
        std::mem::replace(&mut self.shell_bodies, has_shell_bodies(statement, self.writer.source))
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
            let operator_name = arithmetic(&written[..1]).unwrap_or("__sub");
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

    pub(super) fn body(&mut self, body: &Body, purpose: ValueUse) {
        // The code in a string of Rhai's is Rhai's.
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

    pub(super) fn function(&mut self, function: &Function) {
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

    pub(super) fn closure(&mut self, closure: &ClosureExpression) {
        self.writer.copy(closure.head);
        self.in_rhai(|lowering| {
            lowering.ours = is_ours(&closure.body);
            lowering.values(&closure.body);
        });
    }

    /// Lowers code that is Rhai's own and has commands in it.
    fn in_rhai(&mut self, inside: impl FnOnce(&mut Self)) {
        let outer = (self.ours, self.context, self.in_rhai, self.returns);
        (self.ours, self.context, self.in_rhai, self.returns) = (false, false, true, None);
        inside(self);
        (self.ours, self.context, self.in_rhai, self.returns) = outer;
    }

    pub(super) fn script_block(&mut self, block: &ScriptBlock) {
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
        match self.scopes.set_by_block(block) {
            [] => self.writer.made_here("})"),
            names => self.writer.made_here(&format!("}}, || [{}])", names.join(", "))),
        }
    }

    /// A script block's statements, the last of which is its value, with or without a semicolon.
    pub(super) fn yielding_block(&mut self, block: &StatementBlock) {
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
}

/// The length of a script block's text that is kept for messages, in characters.
const SHOWN_SOURCE: usize = 200;
