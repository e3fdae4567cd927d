//! PowerShell's statements, lowered to Rhai's.
//!
//! A `foreach` is a `for` that sets its variable, a counted `for` a `loop`, a `switch` a `for` over what it
//! looks at, with an `if` for each arm, so that `break` and `continue` mean what they mean there. What a
//! statement gives as a value is gathered in an array.

use super::classify::{begins_with, gathers_statement};
use super::writer::quoted;
use super::{CURRENT, Lowering, StatementBoundaries, ValueUse, ValueUses};
use crate::script::language::source_map::Span;
use crate::script::language::tree::{
    Body, Cast, FunctionCall, FunctionParameter, GivenValue, GroupExpression, InvokedBlock, Piece,
    SeveralAssigned, ShellStatement, Signature, Statement, StaticMember, Step, StepValue, SwitchArm,
    SwitchBy, TernaryExpression, span_of,
};
use crate::value::cast::Type;
use crate::value::pattern::Case;

/// The cast to a letter that alone is the operand of another cast.
fn letter_cast(operand: &[Piece]) -> Option<&Cast> {
    match operand {
        [Piece::Cast(cast)] => Some(cast.as_ref())
            .filter(|cast| Type::named(cast.type_name.trim_end_matches("[]")) == Some(Type::Letter)),
        [Piece::Group(group)] if group.dollar.is_none() => letter_cast(&group.pieces),
        _ => None,
    }
}

impl Lowering<'_> {
    pub(super) fn shell(&mut self, statement: &ShellStatement, purpose: ValueUse) {
        let purpose = if purpose == ValueUse::Gather { ValueUse::Gather } else { ValueUse::Show };
        let outer = std::mem::replace(&mut self.context, true);
        match statement {
            ShellStatement::ForEach { keyword, variable, list, body } => {
                self.writer.made_at("for __item in __shell::each(", keyword.start);
                self.values(list);
                self.writer.made_here(") ");
                let name = self.scopes.spelling(*variable, self.writer.source).to_owned();
                self.body_with(body.as_ref(), &format!(" {name} = __item;"), purpose);
            }
            ShellStatement::For { keyword, first, condition, step, body } => {
                self.counted(
                    (*keyword, first.as_deref(), step.as_deref()),
                    condition,
                    body.as_ref(),
                    purpose,
                );
            }
            ShellStatement::Switch { keyword, by, value, arms } => {
                self.switch(*keyword, *by, value, arms, purpose);
            }
            ShellStatement::Finally { keyword, tried, catches, body } => {
                self.finally(*keyword, tried, *catches, body, purpose);
            }
            ShellStatement::Function { keyword, signature, parameters, body, .. } => {
                self.shell_function(*keyword, signature, parameters, body.as_ref());
            }
            ShellStatement::Param { keyword, parameters } => self.script_parameters(*keyword, parameters),
        }
        self.context = outer;
    }

    /// A body with statements in front of its own.
    fn body_with(&mut self, body: Option<&Body>, first: &str, purpose: ValueUse) {
        let Some(body) = body else { return };
        self.writer.copy(body.open);
        self.writer.made_here(first);
        self.block(&body.block, purpose);
        match body.close {
            Some(close) => self.writer.copy(close),
            None => self.writer.made_here("}"),
        }
    }

    /// `for (first; condition; step) { … }`.
    fn counted(
        &mut self,
        (keyword, first, step): (Span, Option<&Statement>, Option<&Statement>),
        condition: &[Piece],
        body: Option<&Body>,
        purpose: ValueUse,
    ) {
        self.writer.made_at("{ ", keyword.start);
        if let Some(first) = first {
            self.statement(first, ValueUse::Show);
        }
        self.writer.made("; let __again = false; loop { if __again { ", keyword.start);
        if let Some(step) = step {
            self.statement(step, ValueUse::Show);
        }
        self.writer.made("; } __again = true; if !(", keyword.start);
        if condition.iter().all(Piece::is_blank) {
            self.writer.made_here("true");
        } else {
            self.condition(condition);
        }
        self.writer.made_here(") { break; } ");
        self.body_with(body, "", purpose);
        self.writer.made_here(" } }");
    }

    fn switch(
        &mut self,
        keyword: Span,
        by: SwitchBy,
        value: &[Piece],
        arms: &[SwitchArm],
        purpose: ValueUse,
    ) {
        self.writer.made_at(&format!("for {CURRENT} in __shell::each("), keyword.start);
        self.values(value);
        self.writer.made_here(") { let __done = false; ");
        let case = if by.case == Case::Sensitive { "c" } else { "" };
        for arm in arms {
            self.writer.made_at("if ", arm.span.start);
            match arm.pattern.as_deref() {
                None => self.writer.made("!__done", arm.span.start),
                Some([Piece::ScriptBlock(block)]) => {
                    self.writer.made("__shell::truth(({", arm.span.start);
                    self.yielding_block(&block.block);
                    self.writer.made_here("}))");
                }
                Some(pattern) => {
                    let call = format!(
                        "__shell::truth(__shell::compare(\"{case}{}\", {CURRENT}, ",
                        by.operator.name()
                    );
                    self.writer.made(&call, arm.span.start);
                    self.values(pattern);
                    self.writer.made_here("))");
                }
            }
            self.writer.made_here(" { __done = true; ");
            self.body_with(Some(&arm.body), "", purpose);
            self.writer.made_here(" } ");
        }
        self.writer.made_here("}");
    }

    /// Writes a `finally` block, which runs when the rest has ended, however that was; then the error goes on.
    fn finally(&mut self, keyword: Span, tried: &[Piece], catches: bool, body: &Body, purpose: ValueUse) {
        self.writer.made_at("{ let __failed = []; ", keyword.start);
        if catches {
            self.writer.made_here("try { ");
        }
        self.pieces(tried, ValueUses { pipelines: ValueUse::Value, bodies: purpose });
        self.writer.made_here(if catches { " } catch (__error) {" } else { " catch (__error) {" });
        self.writer.made_here(" __failed.push(__error); } ");
        self.body_with(Some(body), "", purpose);
        self.writer.made_here(" if __failed.len() > 0 { throw __failed[0]; } }");
    }

    fn shell_function(
        &mut self,
        keyword: Span,
        signature: &Signature,
        parameters: &[FunctionParameter],
        body: Option<&Body>,
    ) {
        let source = self.writer.source;
        let mut names: Vec<&str> = parameters.iter().map(|parameter| parameter.name.of(source)).collect();
        if signature.takes_rest {
            names.push("args");
        }
        let head = format!("fn {}({}) ", signature.rhai_name, names.join(", "));
        self.writer.made_at(&head, keyword.start);
        let Some(body) = body else { return };
        self.writer.copy(body.open);
        self.writer.made_here(" let __all = []; ");
        let outer = (std::mem::replace(&mut self.out, "__all"), self.returns.replace("__all"));
        self.defaults(parameters);
        self.frame(&body.block, ValueUse::Gather, self.scopes.hoisted_in(body), StatementBoundaries::None);
        (self.out, self.returns) = outer;
        self.writer.made_here("; __shell::gathered(__all) ");
        match body.close {
            Some(close) => self.writer.copy(close),
            None => self.writer.made_here("}"),
        }
    }

    /// Writes the defaults of the parameters for which nothing was given, and the conversions to their types.
    fn defaults(&mut self, parameters: &[FunctionParameter]) {
        for parameter in parameters {
            let name = self.scopes.spelling(parameter.name, self.writer.source).to_owned();
            for check in &parameter.checks {
                let of = quoted(parameter.name.of(self.writer.source));
                let call = format!("__shell::validate({}, {of}, {name}, [", quoted(check.name));
                self.writer.made(&call, parameter.name.start);
                for (place, value) in check.values.iter().enumerate() {
                    if place > 0 {
                        self.writer.made_here(", ");
                    }
                    self.value_or_null(value);
                }
                self.writer.made_here("]); ");
            }
            if let Some(default) = &parameter.default {
                self.writer.made(&format!("if __shell::is_null({name}) {{ {name} = "), parameter.name.start);
                self.values(default);
                self.writer.made_here("; } ");
            }
            if let Some(type_name) = &parameter.type_name {
                let cast = format!("{name} = __shell::parameter({}, {name}); ", quoted(type_name));
                self.writer.made(&cast, parameter.name.start);
            }
        }
    }

    /// `param(…)` of a script: its arguments, by their places or behind their names.
    fn script_parameters(&mut self, keyword: Span, parameters: &[FunctionParameter]) {
        let source = self.writer.source;
        let is_switch = |parameter: &FunctionParameter| {
            parameter.type_name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case("switch"))
        };
        let names: Vec<String> = parameters
            .iter()
            .map(|parameter| format!("[{}, {}]", quoted(parameter.name.of(source)), is_switch(parameter)))
            .collect();
        let names = names.join(", ");
        self.writer.made_at("{ let __given = [", keyword.start);
        self.writer.made_here(&format!(
            "]; if is_def_var(\"args\") {{ __given = args; }} __given = __shell::arguments(__given, [{names}]); "
        ));
        for (place, parameter) in parameters.iter().enumerate() {
            let name = self.scopes.spelling(parameter.name, source).to_owned();
            self.writer.made(&format!("{name} = __given[{place}]; "), parameter.name.start);
            if parameter.is_mandatory {
                let check = format!("__shell::required({name}, {}); ", quoted(parameter.name.of(source)));
                self.writer.made(&check, parameter.name.start);
            }
        }
        self.defaults(parameters);
        self.writer.made_here("}");
    }

    /// A statement whose output is a value.
    pub(super) fn output(&mut self, statement: &Statement) {
        let start = statement.pieces.iter().find_map(Piece::span).map_or(0, |span| span.start);
        let is_plain_if = matches!(
            statement.pieces.iter().find(|piece| !piece.is_blank()),
            Some(Piece::Rhai(_) | Piece::Keyword(..))
        ) && statement.role == crate::script::language::tree::StatementRole::Branch
            && !begins_with(statement, self.writer.source, "try")
            && !gathers_statement(statement, self.writer.source);
        if is_plain_if {
            return self.statement(statement, ValueUse::Value);
        }
        self.writer.made_at("({ let __value = []; ", start);
        let outer = std::mem::replace(&mut self.out, "__value");
        self.statement(statement, ValueUse::Gather);
        self.out = outer;
        self.writer.made_here("; __shell::gathered(__value) })");
    }

    /// `$(…; …)`.
    pub(super) fn sub_expression(&mut self, block: &crate::script::language::tree::SubExpression) {
        self.writer.made_at("({ let __value = []; ", block.span.start);
        let outer = (std::mem::replace(&mut self.out, "__value"), std::mem::replace(&mut self.context, true));
        self.block(&block.block, ValueUse::Gather);
        (self.out, self.context) = outer;
        self.writer.made_here("; __shell::gathered(__value) })");
    }

    pub(super) fn call(&mut self, call: &FunctionCall) {
        self.writer.made_at(&call.signature.rhai_name, call.name.start);
        self.writer.made_here("(");
        for (place, value) in call.values.iter().enumerate() {
            if place > 0 {
                self.writer.made_here(", ");
            }
            match value {
                None => self.writer.made_here("()"),
                Some(GivenValue::On) => self.writer.made_here("true"),
                Some(GivenValue::Pieces(pieces)) => self.value_or_null(pieces),
            }
        }
        if call.signature.takes_rest {
            self.writer.made_here(if call.values.is_empty() { "[" } else { ", [" });
            for (place, value) in call.rest.iter().enumerate() {
                if place > 0 {
                    self.writer.made_here(", ");
                }
                self.value_or_null(value);
            }
            self.writer.made_here("]");
        }
        self.writer.made_here(")");
    }

    pub(super) fn cast(&mut self, cast: &Cast) {
        let name = cast.type_name.to_ascii_lowercase();
        let made_by = match name.as_str() {
            "ordered" => Some("ordered"),
            "pscustomobject" | "psobject" => Some("object"),
            _ => None,
        };
        if let ([Piece::Map(map)], Some(function)) = (cast.operand.as_slice(), made_by) {
            return self.map_as(map, function);
        }
        let is_number = matches!(Type::named(&cast.type_name), Some(Type::Whole | Type::Real))
            || (cast.type_name.ends_with("[]")
                && Type::named(cast.type_name.trim_end_matches("[]")) == Some(Type::Whole));
        let of_letter = if is_number { letter_cast(&cast.operand) } else { None };
        let function = if of_letter.is_some() { "__shell::code(" } else { "__shell::cast(" };
        self.writer.made_at(function, cast.type_span.start);
        self.writer.made_here(&quoted(&cast.type_name));
        self.writer.made_here(", ");
        self.value_or_null(&cast.operand);
        self.writer.made_here(")");
    }

    pub(super) fn static_member(&mut self, member: &StaticMember) {
        let name = member.member.of(self.writer.source);
        // These change the list that a variable holds, and give nothing.
        if member.type_name.to_ascii_lowercase().trim_start_matches("system.") == "array"
            && ["sort", "reverse"].iter().any(|own| own.eq_ignore_ascii_case(name))
            && let Some(GroupExpression { pieces, .. }) = &member.arguments
            && let [Piece::Variable(variable)] = pieces.as_slice()
        {
            let variable = self.scopes.spelling(*variable, self.writer.source);
            let sorted =
                format!("({{ {variable} = __shell::of_type(\"array\", {}, [{variable}]); }})", quoted(name));
            return self.writer.made_at(&sorted, member.span.start);
        }
        let call = format!("__shell::of_type({}, {}, [", quoted(&member.type_name), quoted(name));
        self.writer.made_at(&call, member.span.start);
        if let Some(group) = &member.arguments {
            let outer = std::mem::replace(&mut self.ours, true);
            self.values(&group.pieces);
            self.ours = outer;
        }
        self.writer.made_here("])");
    }

    pub(super) fn several(&mut self, several: &SeveralAssigned) {
        let start = several.targets.first().map_or(0, |target| target.start);
        self.writer.made_at("{ let __many = __shell::many_of(", start);
        self.value_or_null(&several.value);
        self.writer.made_here("); ");
        let last = several.targets.len().saturating_sub(1);
        for (place, target) in several.targets.iter().enumerate() {
            if target.of(self.writer.source).eq_ignore_ascii_case("$null") {
                continue;
            }
            let name = self.scopes.spelling(*target, self.writer.source);
            let part = if place == last { "rest" } else { "nth" };
            let assign = format!("{name} = __shell::{part}(__many, {place}); ");
            self.writer.made(&assign, target.start);
        }
        self.writer.made_here("}");
    }

    pub(super) fn step(&mut self, step: &Step) {
        let change = if step.is_up { " += 1" } else { " -= 1" };
        let start = span_of(&step.target).map_or(step.operator.start, |span| span.start);
        let start = start.min(step.operator.start);
        match step.gives {
            StepValue::None => {
                self.place(&step.target);
                self.writer.made_here(change);
            }
            StepValue::Before => {
                self.writer.made_at("({ let __before = ", start);
                self.place(&step.target);
                self.writer.made_here("; ");
                self.place(&step.target);
                self.writer.made_here(change);
                self.writer.made_here("; __before })");
            }
            StepValue::After => {
                self.writer.made_at("({ ", start);
                self.place(&step.target);
                self.writer.made_here(change);
                self.writer.made_here("; ");
                self.place(&step.target);
                self.writer.made_here(" })");
            }
        }
    }

    /// `$a ? 1 : 2`: an `if` that is a value.
    pub(super) fn ternary(&mut self, ternary: &TernaryExpression) {
        let outer = std::mem::replace(&mut self.ours, true);
        let start = span_of(&ternary.condition).map_or(ternary.operator.start, |span| span.start);
        self.writer.made_at("(if __shell::truth(", start);
        self.values(&ternary.condition);
        self.writer.made_here(") {");
        self.value_or_null(&ternary.first);
        self.writer.made_here("} else {");
        self.value_or_null(&ternary.second);
        self.writer.made_here("})");
        self.ours = outer;
    }

    /// `& $block`.
    pub(super) fn invoked(&mut self, invoked: &InvokedBlock) {
        let is_point = invoked.operator.of(self.writer.source) == ".";
        let function = if is_point { "__shell::invoke_here(" } else { "__shell::invoke(" };
        self.writer.made_at(function, invoked.operator.start);
        self.values(&invoked.block);
        self.writer.made_here(")");
    }

    /// A place that is written to: Rhai's own members.
    pub(super) fn place(&mut self, pieces: &[Piece]) {
        for piece in pieces {
            self.piece(piece, ValueUses::VALUES);
        }
    }
}
