//! Command lines whose arguments stand in the text as they are: bound as they would be at run time.
//!
//! Beside `rhai`, which looks at the engine's half. Asks the binder itself, so that what is said here
//! is what a run would say; a value that is only known at run time is taken to be right.

use super::{Remark, RemarkSeverity};
use crate::cmdlet::{Argument as Given, Arguments, Description, ErrorRecord, Position};
use crate::host::bind;
use crate::script::language::source_map::LineIndex;
use crate::script::language::tree::{
    CallArgument, Caught, CmdletCall, CommandExpression, Inside, Literal, Name, Operation, Piece, Pipeline,
    Script, Statement, StatementBlock, TextPart, span_of,
};
use crate::value::Value;

/// Checks the calls of a script. Returns the remarks, and the names of the parameters of the closures in it.
pub(super) fn check<'t>(script: &Script, text: &'t str) -> (Vec<Remark>, Vec<&'t str>) {
    let mut walk = CallWalk {
        text,
        index: LineIndex::new(text),
        severity: RemarkSeverity::Error,
        remarks: Vec::new(),
        parameters: Vec::new(),
    };
    walk.block(&script.body);
    (walk.remarks, walk.parameters)
}

struct CallWalk<'t> {
    text: &'t str,
    index: LineIndex,
    /// The severity of a mistake here: in a `try`, it may be meant.
    severity: RemarkSeverity,
    remarks: Vec<Remark>,
    /// The names of the closures' parameters.
    parameters: Vec<&'t str>,
}

impl CallWalk<'_> {
    fn block(&mut self, block: &StatementBlock) {
        block.statements.iter().for_each(|statement| self.statement(statement));
    }

    fn statement(&mut self, statement: &Statement) {
        let first = statement.pieces.iter().find(|piece| !piece.is_blank());
        let tries = matches!(first, Some(Piece::Rhai(span)) if span.of(self.text) == "try");
        let outer = self.severity;
        for piece in &statement.pieces {
            if tries && matches!(piece, Piece::Body(body) if body.caught == Caught::None) {
                self.severity = RemarkSeverity::Warning;
            }
            self.piece(piece);
            self.severity = outer;
        }
    }

    fn pieces(&mut self, pieces: &[Piece]) {
        pieces.iter().for_each(|piece| self.piece(piece));
    }

    fn piece(&mut self, piece: &Piece) {
        match piece {
            Piece::Rhai(_)
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
            | Piece::Type(_)
            | Piece::Keyword(..)
            | Piece::Automatic(..)
            | Piece::Literal(..) => {}
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
                for inside in piece.inside() {
                    match inside {
                        Inside::Pieces(pieces) => self.pieces(pieces),
                        Inside::Block(block) => self.block(block),
                        Inside::Statement(statement) => self.statement(statement),
                    }
                }
            }
            Piece::Group(group) => self.pieces(&group.pieces),
            Piece::Body(body) => self.block(&body.block),
            Piece::Closure(closure) => {
                let text = self.text;
                self.parameters.extend(closure.parameters.iter().map(|name| name.of(text)));
                self.pieces(&closure.body);
            }
            Piece::Function(function) => {
                if let Some(body) = &function.body {
                    self.block(&body.block);
                }
            }
            Piece::Condition(pieces) => self.pieces(pieces),
            Piece::Pipeline(pipeline) => self.pipeline(pipeline),
            Piece::Operation(operation) => self.operation(operation),
            Piece::Text(text) => self.parts(&text.parts),
            Piece::List(list) => list.items.iter().for_each(|item| self.pieces(item)),
            Piece::Map(map) => {
                for (key, value) in &map.entries {
                    self.parts(&key.parts);
                    self.pieces(value);
                }
            }
            Piece::ScriptBlock(block) => self.block(&block.block),
        }
    }

    fn parts(&mut self, parts: &[TextPart]) {
        for part in parts {
            match part {
                TextPart::Letters(_) => {}
                TextPart::Value(pieces) => self.pieces(pieces),
            }
        }
    }

    fn operation(&mut self, operation: &Operation) {
        match operation {
            Operation::Operand(pieces) => self.pieces(pieces),
            Operation::Not { operand, .. } | Operation::Unary { operand, .. } => self.operation(operand),
            Operation::Chain { first, rest, .. } => {
                self.operation(first);
                rest.iter().for_each(|link| self.operation(&link.operand));
            }
        }
    }

    fn pipeline(&mut self, pipeline: &Pipeline) {
        self.pieces(pipeline.head.as_deref().unwrap_or_default());
        let mut is_piped = pipeline.head.is_some();
        for command in &pipeline.commands {
            self.command(command, is_piped);
            is_piped = true;
            for argument in &command.arguments {
                self.pieces(argument.value.as_deref().unwrap_or_default());
            }
        }
    }

    fn command(&mut self, command: &CommandExpression, is_piped: bool) {
        let CmdletCall::Known(description) = command.cmdlet else { return };
        let is_open =
            |argument: &CallArgument| matches!(argument.name, Name::Splat) || self.text_of(argument) == "-?";
        if command.arguments.iter().any(is_open) {
            return;
        }
        let given: Vec<Option<Given>> =
            command.arguments.iter().map(|argument| self.given(argument)).collect();
        if given.iter().all(Option::is_some) {
            let arguments = Arguments(given.into_iter().flatten().collect());
            if let Err(error) = bind::bind(description, arguments, is_piped)
                // What is missing may come through the pipe.
                && !(is_piped && error.id == "MissingMandatoryParameter")
            {
                self.remark(error, self.index.position(command.name.start));
            }
            return;
        }
        for given in given.into_iter().flatten() {
            self.alone(description, given);
        }
    }

    /// An argument beside others that only a run knows.
    fn alone(&mut self, description: &'static Description, given: Given) {
        if given.name.is_none() {
            return;
        }
        let place = given.position;
        let bound = bind::bind(description, Arguments(vec![given]), true);
        if let (Err(error), Some(place)) = (bound, place)
            && error.id == "ParameterArgumentTransformationError"
        {
            self.remark(error, place);
        }
    }

    fn remark(&mut self, error: ErrorRecord, place: Position) {
        let position = error.position.unwrap_or(place);
        self.remarks.push(Remark { position, severity: self.severity, message: error.message });
    }

    fn text_of(&self, argument: &CallArgument) -> &str {
        argument.span.of(self.text)
    }

    /// The argument as a call would get it, if its value stands in the text.
    fn given(&self, argument: &CallArgument) -> Option<Given> {
        let name = match (argument.name, argument.parameter) {
            (Name::Given(_), parameter) => Some(parameter?.name.to_owned()),
            (Name::Place, _) => None,
            (Name::Splat, _) => return None,
        };
        let value = match argument.value.as_deref() {
            Some(pieces) => Some(literal(pieces)?),
            None => None,
        };
        let start = argument.value.as_deref().and_then(span_of).unwrap_or(argument.span).start;
        Some(Given { name, value, position: Some(self.index.position(start)) })
    }
}

/// The value of pieces that stand for nothing but themselves.
fn literal(pieces: &[Piece]) -> Option<Value> {
    let mut solid = pieces.iter().filter(|piece| !piece.is_blank());
    let (Some(only), None) = (solid.next(), solid.next()) else { return None };
    match only {
        Piece::Text(text) => text.letters().map(Value::text),
        Piece::Literal(_, literal) => Some(match literal {
            Literal::Null => Value::Null,
            Literal::Boolean(truth) => Value::Boolean(*truth),
            Literal::Integer(number) => Value::Integer(*number),
            Literal::Float(number) => Value::Float(*number),
        }),
        Piece::List(list) if !list.spreads => {
            list.items.iter().map(|item| literal(item)).collect::<Option<Vec<_>>>().map(Value::List)
        }
        Piece::List(_)
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
        | Piece::Group(_)
        | Piece::Body(_)
        | Piece::Closure(_)
        | Piece::Function(_)
        | Piece::Condition(_)
        | Piece::Pipeline(_)
        | Piece::Operation(_)
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
        | Piece::Ternary(_)
        | Piece::Invoked(_)
        | Piece::Automatic(..)
        | Piece::Keyword(..)
        | Piece::Exit(_) => None,
    }
}
