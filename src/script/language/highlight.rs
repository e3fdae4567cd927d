//! Colours: what each part of a text is, so that command lines and Rhai can be told apart.
//!
//! From the same tree that is run. Names classes only; the colours are the front's.

use super::source_map::Span;
use super::tree::{
    Body, CallArgument, CmdletCall, GroupExpression, Inside, Name, Operation, Piece, Pipeline, Quotes,
    ShellStatement, StatementBlock, TextLiteral, TextPart,
};
use super::{ReadingContext, read};

/// The class of a part of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextClass {
    /// Rhai's punctuation and names.
    Rhai,
    /// A keyword of Rhai's.
    Keyword,
    /// A string of Rhai's, in which a backslash escapes.
    RhaiText,
    /// A number, `$true`, `$null`.
    Constant,
    /// A comment.
    Comment,
    /// The name of a cmdlet.
    Cmdlet,
    /// A word that looks like the name of a cmdlet and is none.
    UnknownCmdlet,
    /// A parameter's name.
    Parameter,
    /// A parameter that the cmdlet has not.
    UnknownParameter,
    /// Text of a command line, in which `$x` is a variable and a backslash is a backslash.
    ShellText,
    /// A word of a command line without quotes.
    BareWord,
    /// `$x`.
    Variable,
    /// `-eq`, `|`, `@(`: an operator of the command line.
    Operator,
}

/// The parts of a text, in order and without overlaps; blanks belong to none.
pub fn classify(text: &str, setting: &ReadingContext<'_>) -> Vec<(Span, TextClass)> {
    let reading = read(text, setting);
    let mut painter = Painter { text, parts: Vec::new() };
    if let Some(shebang) = reading.tree.shebang {
        painter.paint(shebang, TextClass::Comment);
    }
    painter.block(&reading.tree.body);
    painter.in_order()
}

struct Painter<'t> {
    text: &'t str,
    /// The classified parts; a part inside another part stands behind it.
    parts: Vec<(Span, TextClass)>,
}

impl Painter<'_> {
    fn paint(&mut self, span: Span, class: TextClass) {
        if span.start < span.end {
            self.parts.push((span, class));
        }
    }

    /// Cuts outer parts where inner ones lie.
    fn in_order(mut self) -> Vec<(Span, TextClass)> {
        // Outer before inner where both begin alike.
        self.parts.sort_by_key(|(span, _)| (span.start, std::cmp::Reverse(span.end)));
        let mut flat: Vec<(Span, TextClass)> = Vec::with_capacity(self.parts.len());
        let mut open: Vec<(Span, TextClass)> = Vec::new();
        let mut at = 0;
        let mut emit = |span: Span, class| {
            if span.start < span.end {
                flat.push((span, class));
            }
        };
        for (span, class) in self.parts {
            while let Some((outer, outer_class)) = open.pop_if(|(outer, _)| outer.end <= span.start) {
                emit(Span::new(at.max(outer.start), outer.end), outer_class);
                at = at.max(outer.end);
            }
            if let Some((outer, outer_class)) = open.last() {
                emit(Span::new(at.max(outer.start), span.start), *outer_class);
            }
            at = at.max(span.start);
            open.push((span, class));
        }
        while let Some((outer, class)) = open.pop() {
            emit(Span::new(at.max(outer.start), outer.end), class);
            at = at.max(outer.end);
        }
        flat
    }

    fn block(&mut self, block: &StatementBlock) {
        for statement in &block.statements {
            self.pieces(&statement.pieces);
        }
        if let Some(tail) = block.tail {
            self.comments(tail);
        }
    }

    fn pieces(&mut self, pieces: &[Piece]) {
        pieces.iter().for_each(|piece| self.piece(piece));
    }

    fn piece(&mut self, piece: &Piece) {
        match piece {
            Piece::Rhai(span) | Piece::Quoted(span) => self.rhai(*span),
            Piece::Blank(span) => self.comments(*span),
            Piece::Binary(span, _) | Piece::Bang(span) => self.paint(*span, TextClass::Rhai),
            Piece::Dash(span, _) => self.paint(*span, TextClass::Operator),
            Piece::Word(span) | Piece::Declared(span) => self.rhai(*span),
            Piece::Variable(span) | Piece::Assigned(span) | Piece::Current(span) => {
                self.paint(*span, TextClass::Variable);
            }
            Piece::Literal(span, _) => self.paint(*span, TextClass::Constant),
            Piece::Group(group) => self.group(group),
            Piece::Body(body) => self.body(body),
            Piece::Closure(closure) => {
                self.paint(closure.head, TextClass::Rhai);
                self.pieces(&closure.body);
            }
            Piece::Function(function) => {
                self.paint(function.head, TextClass::Rhai);
                let keyword = function.head.of(self.text).find("fn").unwrap_or(0) + function.head.start;
                self.paint(Span::new(keyword, keyword + 2), TextClass::Keyword);
                if let Some(body) = &function.body {
                    self.body(body);
                }
            }
            Piece::Condition(pieces) => self.pieces(pieces),
            Piece::Pipeline(pipeline) => self.pipeline(pipeline),
            Piece::Operation(operation) => self.operation(operation),
            Piece::Text(text) => self.shell_text(text),
            Piece::List(list) => {
                self.paint(list.span, TextClass::Operator);
                list.items.iter().for_each(|item| self.pieces(item));
            }
            Piece::Map(map) => {
                self.paint(map.span, TextClass::Operator);
                for (key, value) in &map.entries {
                    self.shell_text(key);
                    self.pieces(value);
                }
            }
            Piece::Shell(statement) => {
                self.paint(statement.keyword(), TextClass::Keyword);
                if let ShellStatement::Function { name, .. } = &**statement {
                    self.paint(*name, TextClass::Cmdlet);
                }
                self.inside(piece);
            }
            Piece::Call(call) => {
                self.paint(call.name, TextClass::Cmdlet);
                self.inside(piece);
            }
            Piece::Cast(cast) => {
                self.paint(cast.type_span, TextClass::Keyword);
                self.inside(piece);
            }
            Piece::Static(member) => {
                self.paint(member.span, TextClass::Keyword);
                self.inside(piece);
            }
            Piece::Type(span) | Piece::Keyword(span, _) => self.paint(*span, TextClass::Keyword),
            Piece::Automatic(span, _) => self.paint(*span, TextClass::Variable),
            Piece::Several(several) => {
                several.targets.iter().for_each(|target| self.paint(*target, TextClass::Variable));
                self.inside(piece);
            }
            Piece::Step(step) => {
                self.paint(step.operator, TextClass::Operator);
                self.inside(piece);
            }
            Piece::Ternary(ternary) => {
                self.paint(ternary.operator, TextClass::Operator);
                self.inside(piece);
            }
            Piece::Invoked(invoked) => {
                self.paint(invoked.operator, TextClass::Operator);
                self.inside(piece);
            }
            Piece::Exit(exit) => {
                self.paint(exit.keyword, TextClass::Keyword);
                self.inside(piece);
            }
            Piece::Output(_) | Piece::Block(_) => self.inside(piece),
            Piece::ScriptBlock(block) => {
                let Span { start, end } = block.span;
                self.paint(Span::new(start, start + 1), TextClass::Operator);
                if block.span.of(self.text).ends_with('}') && end - start > 1 {
                    self.paint(Span::new(end - 1, end), TextClass::Operator);
                }
                self.block(&block.block);
            }
        }
    }

    fn inside(&mut self, piece: &Piece) {
        for inside in piece.inside() {
            match inside {
                Inside::Pieces(pieces) => self.pieces(pieces),
                Inside::Block(block) => self.block(block),
                Inside::Statement(statement) => self.pieces(&statement.pieces),
            }
        }
    }

    fn group(&mut self, group: &GroupExpression) {
        let brackets = [group.dollar, Some(group.open), group.close];
        brackets.into_iter().flatten().for_each(|bracket| self.paint(bracket, TextClass::Rhai));
        self.pieces(&group.pieces);
    }

    fn body(&mut self, body: &Body) {
        self.paint(body.open, TextClass::Rhai);
        self.block(&body.block);
        if let Some(close) = body.close {
            self.paint(close, TextClass::Rhai);
        }
    }

    fn rhai(&mut self, span: Span) {
        let text = span.of(self.text);
        let class = match text.chars().next() {
            Some('"' | '\'' | '`') => TextClass::RhaiText,
            Some('#') if text.ends_with('#') && text.len() > 1 => TextClass::RhaiText,
            Some('0'..='9') => TextClass::Constant,
            // The rest of a string in backticks, behind `${…}`.
            Some(_) if text.ends_with('`') || text.ends_with("${") => TextClass::RhaiText,
            Some(_) if KEYWORDS.contains(&text) => TextClass::Keyword,
            Some(_) | None => TextClass::Rhai,
        };
        self.paint(span, class);
    }

    /// The comments between two tokens.
    fn comments(&mut self, span: Span) {
        let mut start = span.start;
        let text = span.of(self.text);
        for line in text.split_inclusive('\n') {
            let shown = line.trim();
            if !shown.is_empty() {
                let begin = start + line.find(shown).unwrap_or(0);
                self.paint(Span::new(begin, begin + shown.len()), TextClass::Comment);
            }
            start += line.len();
        }
    }

    fn operation(&mut self, operation: &Operation) {
        match operation {
            Operation::Operand(pieces) => self.pieces(pieces),
            Operation::Not { span, operand } | Operation::Unary { span, operand, .. } => {
                self.paint(*span, TextClass::Operator);
                self.operation(operand);
            }
            Operation::Chain { first, rest, .. } => {
                self.operation(first);
                for link in rest {
                    self.paint(link.span, TextClass::Operator);
                    self.operation(&link.operand);
                }
            }
        }
    }

    fn pipeline(&mut self, pipeline: &Pipeline) {
        self.pieces(pipeline.head.as_deref().unwrap_or_default());
        for command in &pipeline.commands {
            let class = match command.cmdlet {
                CmdletCall::Known(_) | CmdletCall::Forbidden(_) => TextClass::Cmdlet,
                CmdletCall::Unknown => TextClass::UnknownCmdlet,
            };
            self.paint(command.name, class);
            command.arguments.iter().for_each(|argument| self.argument(argument, command.cmdlet));
        }
    }

    fn argument(&mut self, argument: &CallArgument, cmdlet: CmdletCall) {
        if let Name::Given(name) = argument.name {
            let unknown = argument.parameter.is_none()
                && matches!(cmdlet, CmdletCall::Known(_))
                && name.of(self.text) != "?";
            let class = if unknown { TextClass::UnknownParameter } else { TextClass::Parameter };
            self.paint(name.with_letter_before(self.text), class);
        }
        self.pieces(argument.value.as_deref().unwrap_or_default());
    }

    fn shell_text(&mut self, text: &TextLiteral) {
        let class = match text.quotes {
            Quotes::Shell => TextClass::ShellText,
            Quotes::Rhai => TextClass::RhaiText,
            Quotes::None => TextClass::BareWord,
        };
        self.paint(text.span, class);
        for part in &text.parts {
            if let TextPart::Value(value) = part {
                self.pieces(value);
            }
        }
    }
}

const KEYWORDS: &[&str] = &[
    "let", "const", "if", "else", "switch", "do", "while", "until", "loop", "for", "in", "continue", "break",
    "return", "throw", "try", "catch", "fn", "private", "import", "export", "as", "true", "false", "this",
    "global",
];
