//! The oracle: an independent PowerShell grammar reads every pure PowerShell line as we do.
//!
//! Compared are the ranges of commands, parameters and values, in nested commands too. A line
//! that the grammar itself cannot read, or that we read otherwise on purpose, is in `DIFFERENT`
//! with the reason.

use imsh::internals::script::language::source_map::Span;
use imsh::internals::script::language::tree::{
    Inside, Name, Operation, Piece, StatementBlock, TextPart, span_of,
};
use imsh::internals::script::language::{ReadingContext, read};
use tree_sitter::{Node, Parser};

use crate::catalogue::catalogue;

const LINES: &str = include_str!("powershell.txt");

/// Lines that differ, with what makes them.
const DIFFERENT: &[(&str, &str)] = &[
    (
        "Test-XmppIM -TargetFqdn a.b,c.d -Receiver \"x@y\", 'p@q' ,$receivers",
        "the grammar takes a comma behind a blank for another array; PowerShell goes on with the list",
    ),
    ("Get-Pool `*escaped", "the grammar does not know an escape at the beginning of a word"),
    ("Get-Pool [a-c]*", "the grammar does not know wildcards at the beginning of a word"),
    ("Get-Pool -Site \"a b\",c", "the grammar does not join a string and a word by a comma"),
];

/// Variables of the lines.
const VARIABLES: &[&str] = &["pool", "receivers", "settings", "credential", "a", "b", "r"];

#[test]
fn every_powershell_line_is_read_as_powershell_reads_it() {
    let catalogue = catalogue();
    let setting = ReadingContext { variables: VARIABLES, ..ReadingContext::new(&catalogue) };
    let mut parser = Parser::new();
    parser.set_language(&tree_sitter_powershell::LANGUAGE.into()).unwrap();
    let mut wrong = Vec::new();
    for line in LINES.lines() {
        if DIFFERENT.iter().any(|(different, _)| *different == line) {
            continue;
        }
        let reading = read(line, &setting);
        let mut ours = Vec::new();
        block(&reading.tree.body, &mut ours);
        let tree = parser.parse(line, None).unwrap();
        let mut theirs = Vec::new();
        commands(tree.root_node(), &mut theirs);
        ours.sort();
        theirs.sort();
        let named = |ranges: &[(Span, &'static str)]| -> Vec<String> {
            ranges.iter().map(|(span, kind)| format!("{kind} {}", span.of(line))).collect()
        };
        if tree.root_node().has_error() || named(&ours) != named(&theirs) || !reading.mistakes.is_empty() {
            wrong.push(format!(
                "{line}\n  ours   {:?}\n  theirs {:?}{}\n  {:?}",
                named(&ours),
                named(&theirs),
                if tree.root_node().has_error() { " (with errors)" } else { "" },
                reading.mistakes
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

// ---------------------------------------------------------------------- theirs

fn commands(node: Node<'_>, found: &mut Vec<(Span, &'static str)>) {
    if node.kind() == "command" {
        command(node, found);
    }
    let mut cursor = node.walk();
    for child in node.children(&mut cursor) {
        commands(child, found);
    }
}

fn span(node: Node<'_>) -> Span {
    Span::new(node.start_byte(), node.end_byte())
}

/// The grammar has no node for a list of values: it is made of what commas join.
fn command(command: Node<'_>, found: &mut Vec<(Span, &'static str)>) {
    if let Some(name) = command.child_by_field_name("command_name") {
        found.push((span(name), "command"));
    }
    let Some(elements) = command.child_by_field_name("command_elements") else { return };
    let mut cursor = elements.walk();
    let mut value: Option<Span> = None;
    let mut joins = false;
    for element in elements.children(&mut cursor) {
        match element.kind() {
            "command_argument_sep" => {}
            "command_parameter" => {
                found.extend(value.take().map(|value| (value, "value")));
                found.push((span(element), "parameter"));
            }
            "," => joins = true,
            _ => {
                let touches = value.is_some_and(|value| value.end == element.start_byte());
                value = match value.take() {
                    Some(before) if joins || touches => Some(before.to(span(element))),
                    before => {
                        found.extend(before.map(|before| (before, "value")));
                        Some(span(element))
                    }
                };
                joins = false;
            }
        }
    }
    found.extend(value.map(|value| (value, "value")));
}

// ---------------------------------------------------------------------- ours

fn block(block: &StatementBlock, found: &mut Vec<(Span, &'static str)>) {
    block.statements.iter().for_each(|statement| pieces(&statement.pieces, found));
}

fn pieces(all: &[Piece], found: &mut Vec<(Span, &'static str)>) {
    for piece in all {
        match piece {
            Piece::Group(group) => pieces(&group.pieces, found),
            Piece::Body(body) => block(&body.block, found),
            Piece::Closure(closure) => pieces(&closure.body, found),
            Piece::Condition(condition) => pieces(condition, found),
            Piece::Operation(joined) => operation(joined, found),
            Piece::Text(text) => {
                for part in &text.parts {
                    if let TextPart::Value(value) = part {
                        pieces(value, found);
                    }
                }
            }
            Piece::List(list) => list.items.iter().for_each(|item| pieces(item, found)),
            Piece::Map(map) => map.entries.iter().for_each(|(_, value)| pieces(value, found)),
            Piece::ScriptBlock(script) => block(&script.block, found),
            Piece::Pipeline(pipeline) => {
                pieces(pipeline.head.as_deref().unwrap_or_default(), found);
                for command in &pipeline.commands {
                    found.push((command.name, "command"));
                    for argument in &command.arguments {
                        if let Name::Given(name) = argument.name {
                            found.push((Span::new(name.start - 1, name.end), "parameter"));
                        }
                        let value = argument.value.as_deref().unwrap_or_default();
                        found.extend(span_of(value).map(|span| (span, "value")));
                        pieces(value, found);
                    }
                }
            }
            other => {
                for inside in other.inside() {
                    match inside {
                        Inside::Pieces(inner) => pieces(inner, found),
                        Inside::Block(inner) => block(inner, found),
                        Inside::Statement(inner) => pieces(&inner.pieces, found),
                    }
                }
            }
        }
    }
}

fn operation(joined: &Operation, found: &mut Vec<(Span, &'static str)>) {
    match joined {
        Operation::Operand(operand) => pieces(operand, found),
        Operation::Not { operand, .. } | Operation::Unary { operand, .. } => operation(operand, found),
        Operation::Chain { first, rest, .. } => {
            operation(first, found);
            rest.iter().for_each(|link| operation(&link.operand, found));
        }
    }
}
