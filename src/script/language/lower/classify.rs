//! Questions about statements that lowering asks of the tree: which have a value, which are output, and which
//! are a command line's rather than Rhai's.
//!
//! Looks at the tree and the author's text. Never writes anything.

use crate::script::language::tree::{
    Body, Piece, Quotes, ShellStatement, Statement, StatementBlock, StatementEnd, StatementRole, StepValue,
};

/// Whether a statement without a semicolon has a value that can be passed on.
pub(in crate::script::language) fn is_expression(statement: &Statement, source: &str) -> bool {
    let acts = |piece: &Piece| {
        if let Piece::Rhai(span) = piece {
            let text = span.of(source);
            return KEYWORDS.contains(&text) || (text.ends_with('=') && text != "==");
        }
        if let Piece::Step(step) = piece {
            return step.gives == StepValue::None;
        }
        matches!(
            piece,
            Piece::Declared(_)
                | Piece::Assigned(_)
                | Piece::Function(_)
                | Piece::Several(_)
                | Piece::Exit(_)
                | Piece::Shell(_)
                | Piece::Keyword(..)
        )
    };
    statement.role == StatementRole::Other
        && statement.pieces.iter().any(|piece| !piece.is_blank())
        && !statement.pieces.iter().any(acts)
}

/// Whether a statement does nothing but have a value: it must be meant as output.
pub(super) fn is_plain_value(statement: &Statement, source: &str) -> bool {
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
                    | Piece::Ternary(_)
                    | Piece::Invoked(_)
                    | Piece::Group(_)
            )
            || matches!(piece, Piece::Rhai(span) if !KEYWORDS.contains(&span.of(source)))
    };
    is_expression(statement, source) && statement.pieces.iter().all(is_plain)
}

/// Whether a statement is a value that only a command line's author writes: `$r.Result`,
/// `$n -gt 5`, `1, 2`. In PowerShell it is output.
pub(super) fn is_output(statement: &Statement, source: &str) -> bool {
    let first = statement.pieces.iter().find(|piece| !piece.is_blank());
    let is_ours = match first {
        Some(Piece::Group(group)) => group.dollar.is_some(),
        Some(Piece::Bang(_)) => is_ours(&statement.pieces),
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
                | Piece::Ternary(_)
                | Piece::Invoked(_)
        ),
        None => false,
    };
    is_ours && is_expression(statement, source)
}

/// Whether a statement is a bare word and nothing else: a command that is not there, or a variable of Rhai's.
pub(super) fn is_lone_word(statement: &Statement) -> bool {
    let mut pieces = statement.pieces.iter().filter(|piece| !piece.is_blank());
    statement.role == StatementRole::Other
        && matches!((pieces.next(), pieces.next()), (Some(Piece::Word(_)), None))
}

/// Whether the blocks of a branch or a loop are PowerShell's, so that a value at their end is output: its condition
/// stands in brackets, or has something of a command line's. What is tried has no value for Rhai either.
pub(super) fn has_shell_bodies(statement: &Statement, source: &str) -> bool {
    begins_with(statement, source, "try")
        || statement.pieces.iter().any(|piece| {
            let Piece::Condition(pieces) = piece else { return false };
            let mut solid = pieces.iter().filter(|piece| !piece.is_blank());
            let is_bracket = matches!(
                (solid.next(), solid.next()),
                (Some(Piece::Group(group)), None) if group.open.of(source) == "("
            );
            is_bracket || is_ours(pieces)
        })
}

/// Whether something of a command line's is in these pieces, so that operators mean what they mean there.
pub(in crate::script::language) fn is_ours(pieces: &[Piece]) -> bool {
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
        | Piece::Ternary(_)
        | Piece::Invoked(_)
        | Piece::Automatic(..) => true,
    })
}

/// Whether a statement of PowerShell's may give something.
pub(super) fn has_output(statement: &Statement) -> bool {
    let is_silent = |shell: &ShellStatement| {
        matches!(shell, ShellStatement::Function { .. } | ShellStatement::Param { .. })
    };
    statement.pieces.iter().any(|piece| matches!(piece, Piece::Shell(shell) if !is_silent(shell)))
}

/// Whether a script block emits in more places than its end.
pub(super) fn gathers(block: &StatementBlock, source: &str) -> bool {
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
pub(super) fn gathers_statement(statement: &Statement, source: &str) -> bool {
    begins_with(statement, source, "try") && emits_inside(statement, source)
        || bodies(&statement.pieces).any(|body| gathers(&body.block, source))
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

/// Whether Rhai may take what comes next for more of this statement.
pub(super) fn can_go_on(statement: &Statement) -> bool {
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

/// Whether a statement is a text of Rhai's, and what is joined to it.
pub(super) fn begins_with_text(statement: &Statement, source: &str) -> bool {
    match statement.pieces.iter().find(|piece| !piece.is_blank()) {
        Some(Piece::Rhai(span)) => span.of(source).starts_with('"'),
        Some(Piece::Quoted(_)) => true,
        Some(_) | None => false,
    }
}

/// Whether a statement begins with a keyword, in any letter case.
pub(super) fn begins_with(statement: &Statement, source: &str, keyword: &str) -> bool {
    match statement.pieces.iter().find(|piece| !piece.is_blank()) {
        Some(Piece::Rhai(span)) => span.of(source) == keyword,
        Some(Piece::Keyword(_, word)) => *word == keyword,
        Some(_) | None => false,
    }
}

/// Whether a statement begins with a number, a text or a bracket of Rhai's.
pub(super) fn begins_with_literal(statement: &Statement, source: &str) -> bool {
    match statement.pieces.iter().find(|piece| !piece.is_blank()) {
        Some(Piece::Rhai(span)) => span
            .of(source)
            .starts_with(|first: char| first.is_ascii_digit() || matches!(first, '"' | '\'' | '-')),
        Some(Piece::Quoted(_)) => true,
        Some(Piece::Group(group)) => group.open.of(source) == "(",
        Some(_) | None => false,
    }
}

/// The keywords that begin a statement without a value.
const KEYWORDS: &[&str] = &["return", "throw", "break", "continue", "import", "export", "else"];
