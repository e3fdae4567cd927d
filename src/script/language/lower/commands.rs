//! Pipelines and their commands, lowered to calls of `run`, `show` and `gather`.
//!
//! A pipeline that sets variables becomes a block that keeps its value or its error back until they are set.

use super::writer::quoted;
use super::{Lowering, ValueUse};
use crate::cmdlet::Position;
use crate::script::language::scope::Scopes;
use crate::script::language::tree::{CallArgument, CommandExpression, Name, Pipeline};

impl Lowering<'_> {
    pub(super) fn pipeline(&mut self, pipeline: &Pipeline, purpose: ValueUse) {
        let start = pipeline.commands.first().map_or(pipeline.span.start, |command| command.name.start);
        self.writer.reach(pipeline.span.start);
        let variables: Vec<Set<'_>> = variables_set(pipeline, self.scopes).collect();
        if !variables.is_empty() {
            return self.attempt(pipeline, &variables, purpose, start);
        }
        let gathered = format!("__shell::gather({}, ", self.out);
        let gather = |call: &str| format!("{gathered}{call}");
        let (run, run_on) = (gather("__shell::run("), gather("__shell::run_on("));
        let (call, close) = match (purpose, pipeline.head.is_some()) {
            (ValueUse::Value, false) => ("__shell::run(", ")"),
            (ValueUse::Value, true) => ("__shell::run_on(", ")"),
            (ValueUse::Show, false) => ("__shell::show(", ")"),
            (ValueUse::Show, true) => ("__shell::show_on(", ")"),
            (ValueUse::Gather, false) => (run.as_str(), "))"),
            (ValueUse::Gather, true) => (run_on.as_str(), "))"),
        };
        self.writer.made(call, start);
        self.stages(pipeline, start);
        self.writer.made(close, start);
    }

    /// Writes the input of a pipeline and its commands.
    fn stages(&mut self, pipeline: &Pipeline, start: usize) {
        if let Some(head) = &pipeline.head {
            self.values(head);
            self.writer.made(", ", start);
        }
        self.writer.made("[", start);
        for (place, command) in pipeline.commands.iter().enumerate() {
            if place > 0 {
                self.writer.made(", ", command.name.start);
            }
            self.command(command);
        }
        self.writer.made("]", start);
    }

    /// A pipeline that sets variables.
    fn attempt(&mut self, pipeline: &Pipeline, variables: &[Set<'_>], purpose: ValueUse, start: usize) {
        // A block cannot stand wherever an expression can; in brackets it does.
        let gather = format!("__shell::gather({}, {{", self.out);
        let (open, call, close) = match (purpose, pipeline.head.is_some()) {
            (ValueUse::Value, false) => ("({", "try_run", "})"),
            (ValueUse::Value, true) => ("({", "try_run_on", "})"),
            (ValueUse::Show, false) => ("{", "try_show", "}"),
            (ValueUse::Show, true) => ("{", "try_show_on", "}"),
            (ValueUse::Gather, false) => (gather.as_str(), "try_run", "})"),
            (ValueUse::Gather, true) => (gather.as_str(), "try_run_on", "})"),
        };
        let places: Vec<String> =
            variables.iter().map(|set| format!("[{}, {}]", set.stage, quoted(set.parameter))).collect();
        self.writer.made(&format!("{open} let __kept = __shell::{call}([{}], ", places.join(", ")), start);
        self.stages(pipeline, start);
        self.writer.made(");", start);
        for Set { stage, parameter, variable } in variables {
            let keep = format!(
                " let __old = {variable}; {variable} = (); \
                 {variable} = __shell::keep(__old, __kept, {stage}, {});",
                quoted(parameter)
            );
            self.writer.made(&keep, start);
        }
        self.writer.made(&format!(" __shell::end(__kept) {close}"), start);
    }

    fn command(&mut self, command: &CommandExpression) {
        let start = command.name.start;
        let written = command.name.of(self.writer.source);
        let name = command.cmdlet.description().map_or(written, |description| description.name);
        self.writer.reach(start);
        self.writer.made("[", start);
        self.named_place(name, start);
        for argument in &command.arguments {
            self.argument(argument);
        }
        self.writer.made("]", start);
    }

    /// A name with the position at which it was written.
    fn named_place(&mut self, name: &str, start: usize) {
        let Position { line, column } = self.writer.index.position(start);
        self.writer.made(&quoted(name), start);
        self.writer.made(&format!(", {line}, {column}"), start);
    }

    fn argument(&mut self, argument: &CallArgument) {
        let start = argument.span.start;
        self.writer.made(", ", start);
        self.writer.reach(start);
        self.writer.made("[", start);
        let name = match argument.name {
            Name::Given(span) => {
                argument.parameter.map_or(span.of(self.writer.source), |parameter| parameter.name)
            }
            Name::Place => "",
            Name::Splat => "@",
        };
        self.named_place(name, start);
        if let Some(value) = &argument.value {
            self.writer.made(", ", start);
            self.values(value);
        }
        self.writer.made("]", start);
    }
}

/// A variable that a command sets.
struct Set<'a> {
    /// The command's place in its pipeline.
    stage: usize,
    /// The parameter that says so.
    parameter: &'static str,
    /// The variable's Rhai name.
    variable: &'a str,
}

/// The variables that a pipeline sets, in the order in which they are written.
fn variables_set<'a>(pipeline: &Pipeline, scopes: &'a Scopes) -> impl Iterator<Item = Set<'a>> {
    pipeline.commands.iter().enumerate().flat_map(move |(stage, command)| {
        command.arguments.iter().filter_map(move |argument| {
            let variable = scopes.set_by(argument)?;
            Some(Set { stage, parameter: argument.parameter?.name, variable })
        })
    })
}
