//! Functions of PowerShell's kind: `function Name($a, $b = 2) { … }`, `param(…)`, and their calls.
//!
//! A function is known in the whole text, also before the place where it stands, and in the lines
//! behind it at a prompt. Its calls are commands: `Name 1 -b 2`.

use std::sync::Arc;

use super::{Current, Flow, Parser, is_variable};
use crate::cmdlet::snake_case;
use crate::script::language::lexer::is_dash;
use crate::script::language::message::{RefusedConstruct, SyntaxProblem};
use crate::script::language::source_map::Span;
use crate::script::language::tree::{
    FunctionCall, FunctionParameter, GivenValue, ParameterCheck, ParameterOfFunction, Piece, ShellStatement,
    Signature, span_of,
};
use crate::value::cast::Type;

impl Parser<'_, '_> {
    /// Notes the functions that the text has, so that calls may stand before them.
    pub(super) fn find_functions(&mut self) {
        let text = self.text();
        if !text.contains("unction ") && !text.contains("UNCTION ") && !text.contains("fn ") {
            return;
        }
        let mut at = 0;
        for line in text.split_inclusive(['\n', ';', '{', '}']) {
            let start = at + (line.len() - line.trim_start().len());
            at += line.len();
            let first = line.trim_start();
            let Some((keyword, name)) = first.split_once([' ', '\t']) else { continue };
            let name = name.trim_start();
            let is_function = keyword.eq_ignore_ascii_case("function")
                || (keyword == "fn"
                    && name.split(['(', ' ', '{']).next().is_some_and(|name| name.contains('-')));
            if !is_function || !name.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
                continue;
            }
            // What is wrong with it is said where it is read.
            let n_problems = self.problems.len();
            self.lexer.rewind(start);
            self.lexer.token();
            if let Some(FunctionHeader { signature, .. }) = self.function_header() {
                self.functions.insert(signature.name.to_ascii_lowercase(), signature);
            }
            self.problems.truncate(n_problems);
            self.declared.retain(|name| self.setting.variables.contains(&name.as_str()));
            self.unclosed.clear();
            self.open = None;
        }
        self.lexer.rewind(0);
    }

    /// `Name($a, $b = 2)`, and `param(…)` at the beginning of the body, whose brace comes next then or
    /// has been taken.
    fn function_header(&mut self) -> Option<FunctionHeader> {
        self.lexer.blank();
        let name = self
            .lexer
            .take_while(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | ':'));
        let written = name.of(self.text()).to_owned();
        if written.is_empty() {
            return None;
        }
        self.lexer.blank();
        let mut parameters = Vec::new();
        if self.lexer.peek() == Some('(') {
            parameters = self.parameters();
            self.lexer.blank();
        }
        let mark = self.lexer.at();
        let mut open = None;
        if let Some(brace) = self.lexer.take("{") {
            self.lexer.blank();
            self.skip_binding();
            let before = self.lexer.at();
            if self.lexer.word().eq_ignore_ascii_case("param") {
                self.lexer.token();
                self.lexer.blank();
            }
            if self.lexer.at() > before && self.lexer.peek() == Some('(') {
                parameters.extend(self.parameters());
                open = Some(brace);
            } else {
                self.lexer.rewind(mark);
            }
        }
        let of_caller = parameters.iter().map(|parameter| ParameterOfFunction {
            name: parameter.name.of(self.text()).to_owned(),
            is_switch: parameter.type_name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case("switch")),
            is_mandatory: parameter.is_mandatory,
        });
        let signature = Signature {
            rhai_name: rhai_name(&written),
            parameters: of_caller.collect(),
            takes_rest: self.uses_args(open.is_some()),
            name: written,
        };
        Some(FunctionHeader { name, signature: Arc::new(signature), parameters, open })
    }

    /// Whether the function whose body comes next asks for `$args`.
    fn uses_args(&self, is_open: bool) -> bool {
        let mut depth = i32::from(is_open);
        let rest = self.lexer.rest();
        for (place, letter) in rest.char_indices().take(20_000) {
            match letter {
                '{' => depth += 1,
                '}' => {
                    depth -= 1;
                    if depth <= 0 {
                        return false;
                    }
                }
                '$' => {
                    let word = &rest[place + 1..];
                    let is_args = word.get(..4).is_some_and(|word| word.eq_ignore_ascii_case("args"));
                    if is_args
                        && !word[4..].starts_with(|next: char| next.is_ascii_alphanumeric() || next == '_')
                    {
                        return true;
                    }
                }
                _ => {}
            }
        }
        false
    }

    /// `[CmdletBinding()]` means nothing here and does no harm.
    pub(super) fn skip_binding(&mut self) {
        while self.lexer.peek() == Some('[') {
            let begins = |word: &str| {
                self.lexer.rest().get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word))
            };
            if !begins("[cmdletbinding") && !begins("[outputtype") {
                return;
            }
            self.skip_attribute();
            self.lexer.blank();
        }
    }

    /// `($a, [int]$b = 2)`, from its bracket.
    fn parameters(&mut self) -> Vec<FunctionParameter> {
        let start = self.lexer.at();
        self.lexer.take("(");
        let open = self.since(start);
        let mut parameters: Vec<FunctionParameter> = Vec::new();
        loop {
            self.lexer.blank();
            match self.lexer.peek() {
                Some(')') => {
                    self.lexer.bump();
                    return parameters;
                }
                Some(',') => {
                    self.lexer.bump();
                }
                Some('[' | '$') => {
                    let Some(parameter) = self.one_parameter() else { continue };
                    let name = parameter.name.of(self.text());
                    if parameters.iter().any(|own| own.name.of(self.text()).eq_ignore_ascii_case(name)) {
                        let name = name.to_owned();
                        self.problem(parameter.name, SyntaxProblem::RepeatedParameter { name });
                    } else {
                        parameters.push(parameter);
                    }
                }
                // `function f(a, b)`: as in Rhai.
                Some(letter) if letter.is_ascii_alphabetic() || letter == '_' => {
                    let mut names = Vec::new();
                    if let Some(name) = self.name(&mut names) {
                        parameters.push(FunctionParameter {
                            name,
                            type_name: None,
                            default: None,
                            is_mandatory: false,
                            checks: Vec::new(),
                        });
                    }
                }
                found => {
                    self.problem(open, SyntaxProblem::Unclosed { opened: "(" });
                    if found.is_some() {
                        self.lexer.take_while(|letter| !matches!(letter, ')' | '{' | '\n'));
                        self.lexer.take(")");
                    }
                    return parameters;
                }
            }
        }
    }

    fn one_parameter(&mut self) -> Option<FunctionParameter> {
        let mut type_name = None;
        let mut is_mandatory = false;
        let mut checks = Vec::new();
        while self.lexer.peek() == Some('[') {
            let start = self.lexer.at();
            self.skip_attribute();
            let span = self.since(start);
            let inside = span.of(self.text()).trim_start_matches('[');
            let inside = inside.strip_suffix(']').unwrap_or(inside).to_owned();
            let word = inside.split('(').next().unwrap_or("").trim().to_owned();
            if !inside.contains('(') {
                match Type::named(&word) {
                    Some(_) => type_name = Some(word),
                    None => self.refuse(span, RefusedConstruct::Type(word)),
                }
            } else if word.eq_ignore_ascii_case("Parameter") {
                let lower: String =
                    inside.to_ascii_lowercase().chars().filter(|letter| !letter.is_whitespace()).collect();
                is_mandatory = lower.contains("mandatory") && !lower.contains("mandatory=$false");
                if lower.contains("valuefrompipeline") {
                    self.refuse(span, RefusedConstruct::PipelineParameter);
                }
            } else if let Some(name) = CHECKS.iter().find(|own| own.eq_ignore_ascii_case(&word)) {
                let values = self.values_of_attribute(span);
                checks.push(ParameterCheck { span, name, values });
            } else if !PERMISSIONS.iter().any(|own| own.eq_ignore_ascii_case(&word)) {
                self.refuse(span, RefusedConstruct::Attribute(word));
            }
            self.lexer.blank();
        }
        if self.lexer.take("$").is_none() {
            let start = self.lexer.at();
            self.lexer.bump();
            let found = self.since(start).of(self.text()).chars().next().unwrap_or('$');
            self.problem(self.since(start), SyntaxProblem::Unexpected { found });
            return None;
        }
        let mut names = Vec::new();
        let name = self.name(&mut names)?;
        self.lexer.blank();
        let mut default = None;
        if self.lexer.peek() == Some('=') {
            self.lexer.bump();
            self.lexer.blank();
            let flow =
                Flow { shell_quotes: true, block_value: true, separated: true, outputs: true, ..Flow::RHAI };
            default = Some(self.value_pieces(flow));
        }
        Some(FunctionParameter { name, type_name, default, is_mandatory, checks })
    }

    /// The values in the brackets of an attribute, which has been passed over.
    fn values_of_attribute(&mut self, span: Span) -> Vec<Vec<Piece>> {
        let open = span.start + span.of(self.text()).find('(').unwrap_or(0);
        self.lexer.rewind(open + 1);
        let mut values = Vec::new();
        loop {
            self.lexer.blank();
            match self.lexer.peek() {
                None | Some(')' | ']') => break,
                Some(',') => {
                    self.lexer.bump();
                }
                Some(_) => {
                    let start = self.lexer.at();
                    values.push(self.value());
                    if self.lexer.at() == start {
                        self.lexer.bump();
                    }
                }
            }
        }
        self.lexer.rewind(span.end);
        values
    }

    /// `[…]` with brackets in it.
    fn skip_attribute(&mut self) {
        let mut depth = 0_usize;
        while let Some(letter) = self.lexer.bump() {
            match letter {
                '[' => depth += 1,
                ']' => {
                    depth -= 1;
                    if depth == 0 {
                        return;
                    }
                }
                _ => {}
            }
        }
    }

    /// `function Name … { … }`.
    pub(super) fn shell_function(&mut self) -> Option<ShellStatement> {
        let keyword = self.lexer.token().span;
        let outer = std::mem::take(&mut self.current);
        let Some(FunctionHeader { name, signature, parameters, open }) = self.function_header() else {
            self.current = outer;
            return None;
        };
        self.functions.insert(signature.name.to_ascii_lowercase(), signature.clone());
        self.own_functions.push(signature.clone());
        let outer_types = std::mem::take(&mut self.typed);
        self.type_parameters(&parameters);
        self.lexer.blank();
        let body = match (open, self.lexer.peek()) {
            (Some(open), _) => Some(self.own(true, |parser| parser.body_behind(open, Vec::new()))),
            (None, Some('{')) => Some(self.own(true, |parser| parser.body(Vec::new()))),
            (None, _) => None,
        };
        if body.is_none() {
            let at = self.lexer.at();
            if self.lexer.is_at_end() {
                self.cut_off(keyword);
            } else {
                self.problem(Span::new(at, at + 1), SyntaxProblem::MissingBody);
            }
        }
        self.typed = outer_types;
        self.current = outer;
        Some(ShellStatement::Function { keyword, name, signature, parameters, body })
    }

    /// `param(…)` of a script.
    pub(super) fn script_param(&mut self) -> Option<ShellStatement> {
        if self.current.contains(&Current::Object) {
            let start = self.lexer.at();
            let span = Span::new(start, start + "param".len());
            self.refuse(span, RefusedConstruct::ParamOfBlock);
        }
        let keyword = self.lexer.token().span;
        self.lexer.blank();
        let parameters = self.parameters();
        self.type_parameters(&parameters);
        Some(ShellStatement::Param { keyword, parameters })
    }

    /// Notes the types of parameters; what stands for a switch is only ever given.
    fn type_parameters(&mut self, parameters: &[FunctionParameter]) {
        let typed = parameters.iter().filter_map(|parameter| {
            let type_name =
                parameter.type_name.clone().filter(|name| !name.eq_ignore_ascii_case("switch"))?;
            Some((parameter.name.of(self.text()).to_ascii_lowercase(), type_name))
        });
        let typed: Vec<(String, String)> = typed.collect();
        self.typed.extend(typed);
    }

    // ------------------------------------------------------------------ calls

    /// A call of a function of the program's own, as a command.
    pub(super) fn function_here(
        &mut self,
        out: &mut Vec<Piece>,
        flow: Flow,
        run: &mut super::operand::OperandRun,
    ) -> bool {
        if self.functions.is_empty() {
            return false;
        }
        let rest = self.lexer.rest();
        let length = rest
            .bytes()
            .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
            .count();
        let name = &rest[..length];
        let Some(signature) = self.functions.get(&name.to_ascii_lowercase()).cloned() else { return false };
        if !name.contains('-') {
            let behind = &rest[length..];
            // `f(1)` is Rhai's call, and `f + 1` speaks of a variable.
            let is_command = run.begins
                && !self.declared.contains(name)
                && !behind.starts_with(['(', '.', '[', ':'])
                && (!behind
                    .trim_start_matches([' ', '\t'])
                    .starts_with(['=', '+', '*', '/', '<', '>', '?', '!'])
                    || (behind.starts_with([' ', '\t'])
                        && super::command::begins_path(behind.trim_start_matches([' ', '\t']))));
            if !is_command {
                return false;
            }
        }
        let start = self.lexer.at();
        self.lexer.rewind(start + length);
        let name = self.since(start);
        self.skip_quote(name);
        let call = self.deeper(|parser| Some(parser.function_call(name, signature, flow)));
        out.extend(call.map(|call| Piece::Call(Box::new(call))));
        run.took_operand();
        true
    }

    fn function_call(&mut self, name: Span, signature: Arc<Signature>, flow: Flow) -> FunctionCall {
        let mut values: Vec<Option<GivenValue>> = signature.parameters.iter().map(|_| None).collect();
        let mut placed: Vec<Vec<Piece>> = Vec::new();
        let mut end = self.lexer.at();
        loop {
            let mark = self.lexer.at();
            self.lexer.blank_in_line();
            let start = self.lexer.at();
            let Some(letter) = self.lexer.peek() else {
                self.lexer.rewind(mark);
                break;
            };
            let second = self.lexer.peek_second();
            let ends = match letter {
                '\n' | '\r' | ';' | ')' | ']' | '}' | '|' | '&' | '>' | '<' => true,
                '{' => flow.header,
                ',' => true,
                _ => false,
            };
            if ends {
                self.lexer.rewind(mark);
                break;
            }
            if letter == '@' && second.is_some_and(|next| next.is_ascii_alphabetic()) {
                self.lexer.bump();
                let word = self.lexer.word();
                self.lexer.take(word);
                self.refuse(self.since(start), RefusedConstruct::SplatOfFunction);
            } else if is_dash(letter) && second.is_some_and(|next| next.is_ascii_alphabetic()) {
                self.named_value(&signature, &mut values, flow);
            } else {
                placed.push(self.value_list(flow));
            }
            end = self.lexer.at();
            if end == start {
                self.lexer.bump();
            }
        }
        let mut rest = Vec::new();
        for value in placed {
            let free = values
                .iter()
                .zip(&signature.parameters)
                .position(|(value, parameter)| value.is_none() && !parameter.is_switch);
            match free {
                Some(place) => values[place] = Some(GivenValue::Pieces(value)),
                None if signature.takes_rest => rest.push(value),
                None => {
                    let span = span_of(&value).unwrap_or(name);
                    let problem = SyntaxProblem::TooManyValues {
                        function: signature.name.clone(),
                        n_takes: signature.parameters.len(),
                    };
                    self.problem(span, problem);
                }
            }
        }
        for (value, parameter) in values.iter().zip(&signature.parameters) {
            if parameter.is_mandatory && value.is_none() {
                let problem = SyntaxProblem::MissingFunctionValue {
                    function: signature.name.clone(),
                    parameter: parameter.name.clone(),
                };
                self.problem(name, problem);
            }
        }
        FunctionCall { name, span: Span::new(name.start, end), signature, values, rest }
    }

    /// `-Name value` of a function's call.
    fn named_value(&mut self, signature: &Signature, values: &mut [Option<GivenValue>], flow: Flow) {
        let start = self.lexer.at();
        self.lexer.bump();
        let name = self.lexer.take_while(|letter| letter.is_ascii_alphanumeric() || letter == '_');
        let written = name.of(self.text()).to_ascii_lowercase();
        let span = Span::new(start, name.end);
        let exact = signature.parameters.iter().position(|own| own.name.eq_ignore_ascii_case(&written));
        let fits: Vec<usize> = signature
            .parameters
            .iter()
            .enumerate()
            .filter(|(_, own)| own.name.to_ascii_lowercase().starts_with(&written))
            .map(|(place, _)| place)
            .collect();
        let place = exact.or(if let [only] = fits.as_slice() { Some(*only) } else { None });
        let glued = self.lexer.take(":").is_some();
        let Some(place) = place else {
            let have = signature.parameters.iter().map(|own| own.name.as_str());
            let nearest = crate::value::text::nearest(&written, have).map(str::to_owned);
            let function = signature.name.clone();
            let written = name.of(self.text()).to_owned();
            self.problem(span, SyntaxProblem::UnknownFunctionParameter { function, written, nearest });
            self.lexer.blank_in_line();
            if !self.value_is_missing(flow) {
                self.value_list(flow);
            }
            return;
        };
        if signature.parameters[place].is_switch && !glued {
            values[place] = Some(GivenValue::On);
            return;
        }
        self.lexer.blank_in_line();
        if self.value_is_missing(flow) {
            let function = signature.name.clone();
            let parameter = signature.parameters[place].name.clone();
            self.problem(span, SyntaxProblem::MissingFunctionValue { function, parameter });
        } else {
            values[place] = Some(GivenValue::Pieces(self.value_list(flow)));
        }
    }

    /// The function of the program's own that a pipe leads to, which takes none.
    pub(super) fn function_behind_pipe(&self) -> Option<Arc<Signature>> {
        let rest = self.lexer.rest();
        let length = rest
            .bytes()
            .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
            .count();
        self.functions.get(&rest[..length].to_ascii_lowercase()).cloned()
    }
}

/// Attributes that hold the value of a parameter against something.
const CHECKS: &[&str] = &[
    "ValidateSet",
    "ValidateRange",
    "ValidateLength",
    "ValidatePattern",
    "ValidateNotNullOrEmpty",
    "ValidateNotNull",
];

/// Attributes that permit what is permitted here in any case.
const PERMISSIONS: &[&str] = &["AllowNull", "AllowEmptyString", "AllowEmptyCollection"];

/// Returns Rhai's name of a function: `get_foo` for `Get-Foo`, as with cmdlets.
fn rhai_name(written: &str) -> String {
    if is_variable(written) && !written.contains('-') { written.to_owned() } else { snake_case(written) }
}

/// The part of a function before its body.
struct FunctionHeader {
    name: Span,
    signature: Arc<Signature>,
    parameters: Vec<FunctionParameter>,
    /// The brace of the body, where it was taken together with `param(…)`.
    open: Option<Span>,
}
