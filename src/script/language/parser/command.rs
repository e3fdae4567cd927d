//! Command lines: cmdlets, parameters, arguments, pipes.
//!
//! Called by the parser where a statement or an operand begins, and behind a pipe. Every name is
//! held against the catalogue here. After a mistake it goes on with the next argument, so that
//! one reading of a text finds all of them.

use super::{Flow, Parser};
use crate::cmdlet::parameter::{Arity, NoParameter, Parameter};
use crate::cmdlet::{Description, Kind};
use crate::script::language::lexer::{RHAI_KEYWORDS, is_dash, is_double_quote, is_single_quote};
use crate::script::language::message::{RefusedConstruct, SyntaxProblem, is_of_another_shell};
use crate::script::language::source_map::Span;
use crate::script::language::tree::{
    CallArgument, CmdletCall, CommandExpression, Name, Piece, Pipeline, Quotes, TextLiteral, TextPart,
    span_of,
};

/// The position of a command's name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum CommandPlace {
    /// A position where an operand of Rhai's may stand.
    Operand,
    /// A position where short names count, as long as Rhai could not mean something by them.
    Start,
    /// Behind a pipe.
    Pipe,
}

impl Parser<'_, '_> {
    // ------------------------------------------------------------------ names

    /// Whether a command begins here.
    pub(super) fn command_begins(&mut self, aliases: bool) -> bool {
        self.cmdlet_name(if aliases { CommandPlace::Start } else { CommandPlace::Operand }).is_some()
    }

    /// Whether the pipe that comes next leads to a cmdlet; else it is Rhai's operator.
    pub(super) fn pipe_leads_to_cmdlet(&mut self) -> bool {
        let mark = self.lexer.at();
        self.lexer.take("|");
        self.lexer.blank();
        let found = self.cmdlet_name(CommandPlace::Pipe).is_some() || self.function_behind_pipe().is_some();
        self.lexer.rewind(mark);
        found
    }

    /// The cmdlet whose name comes next, not taken.
    fn cmdlet_name(&mut self, place: CommandPlace) -> Option<(Span, CmdletCall)> {
        let start = self.lexer.at();
        let rest = self.lexer.rest();
        if place == CommandPlace::Pipe && rest.starts_with(['%', '?']) {
            let name = rest.get(..1)?;
            return self.known(name).map(|cmdlet| (Span::new(start, start + 1), cmdlet));
        }
        let name = name_at(rest)?;
        let span = Span::new(start, start + name.len());
        if RHAI_KEYWORDS.contains(&name) || matches!(name, "true" | "false" | "function") {
            return None;
        }
        if !self.functions.is_empty() && self.functions.contains_key(&name.to_ascii_lowercase()) {
            return None;
        }
        match name.split_once('-') {
            Some((verb, noun)) => self.verb_noun(name, verb, noun, place).map(|cmdlet| (span, cmdlet)),
            None if place == CommandPlace::Operand || self.declared.contains(name) => None,
            None if place == CommandPlace::Start
                && !self.is_safe_alias(name, &rest[name.len()..])
                && !(has_option(&rest[name.len()..]) && is_of_another_shell(name)) =>
            {
                None
            }
            None => self
                .known(name)
                .or_else(|| {
                    self.is_meant_as_command(name, &rest[name.len()..], place).then_some(CmdletCall::Unknown)
                })
                .map(|cmdlet| (span, cmdlet)),
        }
    }

    fn known(&self, name: &str) -> Option<CmdletCall> {
        if !self.aliases.is_empty()
            && let Some(cmdlet) = self.aliases.get(&name.to_ascii_lowercase())
        {
            return Some(*cmdlet);
        }
        let own = self.setting.catalogue.find(name).map(CmdletCall::Known);
        own.or_else(|| self.setting.everything?.find(name).map(CmdletCall::Forbidden))
    }

    fn verb_noun(&self, name: &str, verb: &str, noun: &str, place: CommandPlace) -> Option<CmdletCall> {
        let both_declared = self.declared.contains(verb) && self.declared.contains(noun);
        if both_declared && place != CommandPlace::Pipe {
            return None;
        }
        if let Some(cmdlet) = self.known(name) {
            return Some(cmdlet);
        }
        let pascal = |word: &str| word.starts_with(|first: char| first.is_ascii_uppercase());
        let approved = VERBS.iter().any(|have| have.eq_ignore_ascii_case(verb));
        let neither = !self.declared.contains(verb) && !self.declared.contains(noun);
        let near = || self.suggests() && self.setting.catalogue.nearest(name).is_some();
        let meant = (approved && (place == CommandPlace::Pipe || (pascal(verb) && pascal(noun))))
            || (neither && (approved || pascal(verb)) && near());
        meant.then_some(CmdletCall::Unknown)
    }

    /// Whether a short name before `behind` cannot be the beginning of something of Rhai's.
    fn is_safe_alias(&self, name: &str, behind: &str) -> bool {
        let argument = behind.trim_start_matches([' ', '\t']);
        let blank = argument.len() < behind.len();
        let mut letters = argument.chars();
        let Some(first) = letters.next() else { return true };
        let second = letters.next();
        match first {
            '\n' | '\r' | ';' | '}' | ')' => true,
            '|' => second != Some('|') && second != Some('='),
            dash if is_dash(dash) => {
                blank && second.is_some_and(|next| next.is_ascii_alphabetic() || next == '?')
            }
            '$' | '@' => blank,
            '/' | '~' | '.' | '*' => blank && begins_path(argument),
            // `sleep (1)` is a call of Rhai's, as is that of a function of the text's own, and `foreach (` a loop.
            '(' => {
                let is_other = ["sleep", "foreach"].iter().any(|own| own.eq_ignore_ascii_case(name));
                blank && !is_other && !self.text().contains(&format!("fn {name}"))
            }
            quote if is_double_quote(quote) || is_single_quote(quote) => blank,
            letter if letter.is_ascii_alphanumeric() => {
                let operator =
                    argument.split(|letter: char| !letter.is_ascii_alphanumeric()).next() == Some("in");
                blank && !operator
            }
            _ => false,
        }
    }

    /// Whether an unknown word can be nothing but the name of a command: one of another shell's, or one with a
    /// value behind it, as no name of Rhai's has.
    fn is_meant_as_command(&self, name: &str, behind: &str, place: CommandPlace) -> bool {
        let argument = behind.trim_start_matches([' ', '\t']);
        let has_value = argument.len() < behind.len()
            && argument.starts_with(|next: char| {
                next.is_ascii_alphanumeric()
                    || matches!(next, '$' | '@')
                    || is_double_quote(next)
                    || is_single_quote(next)
            });
        let is_operator = ["in", "as"].iter().any(|own| {
            argument
                .strip_prefix(own)
                .is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_alphanumeric()))
        });
        let is_option = argument.len() < behind.len()
            && argument.strip_prefix('-').is_some_and(|option| {
                let length = option.bytes().take_while(u8::is_ascii_alphanumeric).count();
                option.starts_with(|first: char| first.is_ascii_alphabetic())
                    && !self.declared.contains(&option[..length])
                    && !option[length..].starts_with(['(', '.', '['])
            });
        (has_value && !is_operator)
            || is_option
            || (is_of_another_shell(name)
                && (place == CommandPlace::Start || !argument.starts_with(['=', '+', '*', '('])))
    }

    // ------------------------------------------------------------------ pipes

    /// Commands joined by pipes; behind a head the first pipe comes next, else a cmdlet's name.
    pub(super) fn pipeline(&mut self, head: Option<Vec<Piece>>, flow: Flow) -> Pipeline {
        let start = head.as_deref().and_then(span_of).map_or(self.lexer.at(), |span| span.start);
        if head.is_some() {
            self.lexer.take("|");
            self.lexer.blank();
        }
        let mut commands: Vec<CommandExpression> = Vec::new();
        let mut place = if head.is_some() { CommandPlace::Pipe } else { CommandPlace::Start };
        loop {
            let Some((name, cmdlet)) = self.cmdlet_name(place) else {
                self.no_cmdlet();
                break;
            };
            let mut command = self.command(name, cmdlet, flow);
            let mut files = Vec::new();
            while let Some(file) = self.redirection(&mut command, flow) {
                files.extend(file);
            }
            commands.push(command);
            commands.extend(files);
            place = CommandPlace::Pipe;
            if !self.take_pipe() {
                break;
            }
        }
        Pipeline { head, commands, span: self.since(start) }
    }

    /// The pipe that comes next, on this line or at the beginning of the next one.
    fn take_pipe(&mut self) -> bool {
        let mark = self.lexer.at();
        // A backtick may continue the line, though a pipe needs none.
        self.lexer.blank_in_line();
        self.lexer.blank();
        let pipe = self.lexer.sees("|") && !self.lexer.sees("||");
        if !pipe {
            self.lexer.rewind(mark);
            return false;
        }
        self.lexer.take("|");
        self.lexer.blank();
        true
    }

    /// `> file`, `>> file`, `2>$null` behind a command: a cmdlet that writes the file, or an
    /// action for errors. None, and nothing taken, where there is none.
    fn redirection(
        &mut self,
        command: &mut CommandExpression,
        flow: Flow,
    ) -> Option<Option<CommandExpression>> {
        let mark = self.lexer.at();
        self.lexer.blank_in_line();
        let start = self.lexer.at();
        let stream = self.lexer.peek().filter(|letter| letter.is_ascii_digit() || *letter == '*');
        if stream.is_some() {
            self.lexer.bump();
        }
        if self.lexer.peek() != Some('>') {
            self.lexer.rewind(mark);
            return None;
        }
        let appends = self.lexer.take(">>").is_some();
        if !appends {
            self.lexer.take(">");
        }
        let sign = self.since(start);
        if self.lexer.take("&1").is_some() {
            self.refuse(sign, RefusedConstruct::MergedErrors);
            return Some(None);
        }
        self.lexer.blank_in_line();
        let to_nothing = self.lexer.rest().get(..5).is_some_and(|word| word.eq_ignore_ascii_case("$null"));
        if self.value_is_missing(flow) {
            self.refuse(sign, RefusedConstruct::Redirection);
            return Some(None);
        }
        let value = self.value_list(flow);
        match (stream, to_nothing) {
            (Some('2'), true) => {
                self.silence(command, "ErrorAction", sign);
                Some(None)
            }
            (Some('3'), true) => {
                self.silence(command, "WarningAction", sign);
                Some(None)
            }
            (None | Some('1'), true) => Some(self.written_to("Out-Null", sign, Vec::new())),
            (Some('*'), true) => {
                self.silence(command, "ErrorAction", sign);
                self.silence(command, "WarningAction", sign);
                Some(self.written_to("Out-Null", sign, Vec::new()))
            }
            (None | Some('1'), false) => Some(self.file_writer(value, appends, sign)),
            (Some(_), _) => {
                self.refuse(sign, RefusedConstruct::Redirection);
                Some(None)
            }
        }
    }

    /// `Out-File`, which writes into the file that a value names.
    fn file_writer(&mut self, value: Vec<Piece>, appends: bool, sign: Span) -> Option<CommandExpression> {
        let span = span_of(&value).unwrap_or(sign);
        let mut arguments =
            vec![CallArgument { span, name: Name::Place, parameter: None, value: Some(value) }];
        if appends {
            let parameter = self.known("Out-File").and_then(CmdletCall::description);
            let parameter = parameter.and_then(|description| description.parameter("Append").ok());
            arguments.push(CallArgument { span: sign, name: Name::Given(sign), parameter, value: None });
        }
        self.written_to("Out-File", sign, arguments)
    }

    /// Whether a value is followed by `> file`. Of Rhai's own values, `>` compares.
    pub(super) fn leads_to_file(&self, value: &[Piece]) -> bool {
        let is_ours = match value.iter().find(|piece| !piece.is_blank()) {
            Some(Piece::Rhai(span)) => span.of(self.text()).starts_with('"'),
            Some(piece) => matches!(
                piece,
                Piece::Text(_) | Piece::Quoted(_) | Piece::Variable(_) | Piece::List(_) | Piece::Block(_)
            ),
            None => false,
        };
        let behind = self.lexer.rest().trim_start_matches('>').trim_start_matches([' ', '\t']);
        let end =
            behind.find(|letter: char| letter.is_whitespace() || matches!(letter, ';' | '|' | '}' | ')'));
        let word = &behind[..end.unwrap_or(behind.len())];
        let is_name =
            word.starts_with(|first: char| first.is_ascii_alphabetic() || matches!(first, '.' | '/' | '~'));
        is_ours
            && (word.eq_ignore_ascii_case("$null")
                || (is_name && word.contains(['.', '/']) && !word.contains('(')))
    }

    /// `value > file`, from its sign.
    pub(super) fn value_to_file(&mut self, head: Vec<Piece>, flow: Flow) -> Pipeline {
        let start = self.lexer.at();
        let appends = self.lexer.take(">>").is_some();
        if !appends {
            self.lexer.take(">");
        }
        let sign = self.since(start);
        self.lexer.blank_in_line();
        let to_nothing = self.lexer.rest().get(..5).is_some_and(|word| word.eq_ignore_ascii_case("$null"));
        let value = self.value_list(flow);
        let command = if to_nothing {
            self.written_to("Out-Null", sign, Vec::new())
        } else {
            self.file_writer(value, appends, sign)
        };
        let begin = span_of(&head).map_or(start, |span| span.start);
        Pipeline { head: Some(head), commands: command.into_iter().collect(), span: self.since(begin) }
    }

    /// A cmdlet that stands where `sign` does.
    fn written_to(
        &mut self,
        name: &str,
        sign: Span,
        mut arguments: Vec<CallArgument>,
    ) -> Option<CommandExpression> {
        let cmdlet = self.known(name).unwrap_or(CmdletCall::Unknown);
        if let CmdletCall::Unknown = cmdlet {
            self.refuse(sign, RefusedConstruct::Redirection);
            return None;
        }
        self.check(cmdlet, &mut arguments);
        Some(CommandExpression { name: sign, cmdlet, arguments })
    }

    /// `-ErrorAction SilentlyContinue`, or `-WarningAction`, unless the command says something of it.
    fn silence(&mut self, command: &mut CommandExpression, action: &str, sign: Span) {
        let Some(description) = command.cmdlet.description() else { return };
        let Ok(parameter) = description.parameter(action) else { return };
        let says = |argument: &CallArgument| argument.parameter.is_some_and(|own| own.name == parameter.name);
        if !command.arguments.iter().any(says) {
            let letters = TextPart::Letters("SilentlyContinue".to_owned());
            let text = TextLiteral { span: sign, parts: vec![letters], quotes: Quotes::Shell };
            command.arguments.push(CallArgument {
                span: sign,
                name: Name::Given(sign),
                parameter: Some(parameter),
                value: Some(vec![Piece::Text(text)]),
            });
        }
    }

    fn no_cmdlet(&mut self) {
        let start = self.lexer.at();
        if let Some(signature) = self.function_behind_pipe() {
            let span = Span::new(start, start + signature.name.len());
            self.problem(span, SyntaxProblem::FunctionInPipe { function: signature.name.clone() });
            self.skip_command();
            return;
        }
        if let Some(name) = name_at(self.lexer.rest()) {
            self.unknown_cmdlet(Span::new(start, start + name.len()));
            self.skip_command();
            return;
        }
        let span = self.lexer.take_while(|letter| {
            !letter.is_whitespace() && !matches!(letter, ';' | ')' | '}' | ']' | '|' | '{')
        });
        self.problem(Span::new(start, span.end.max(start + 1)), SyntaxProblem::NoCmdletAfterPipe);
        self.skip_command();
    }

    /// Gives the rest of a command up.
    fn skip_command(&mut self) {
        self.lexer.take_while(|letter| !matches!(letter, '\n' | ';' | '}' | ')'));
    }

    // ------------------------------------------------------------------ one command

    fn unknown_cmdlet(&mut self, name: Span) {
        let written = name.of(self.text()).to_owned();
        let nearest = (self.suggests() && written.len() <= NAME_LIMIT)
            .then(|| self.setting.catalogue.nearest(&written))
            .flatten();
        self.problem(name, SyntaxProblem::UnknownCmdlet { name: written, nearest });
    }

    /// Takes the quote behind a name that is called in quotes: `& 'Get-Pool'`.
    pub(super) fn skip_quote(&mut self, name: Span) {
        let quote = self.lexer.peek().filter(|quote| matches!(quote, '"' | '\''));
        if let Some(quote) = quote.filter(|quote| self.text()[..name.start].ends_with(*quote)) {
            self.lexer.take(if quote == '"' { "\"" } else { "'" });
        }
    }

    /// Whether what comes next behind a `&`, and behind its quote, is the name of a command.
    pub(super) fn command_is_called(&self, quote: Option<char>) -> bool {
        let rest = self.lexer.rest();
        let Some(name) = name_at(rest) else { return false };
        let behind = rest[name.len()..].chars().next();
        match quote {
            // A short name counts only where a blank follows it.
            Some(_) => behind == quote && name.contains('-'),
            None => behind.is_none_or(|next| next.is_whitespace() || matches!(next, ';' | ')' | '}' | '|')),
        }
    }

    /// Whether a `&` that comes next calls something, and is no operator of Rhai's.
    pub(super) fn calls_something(&self) -> bool {
        let Some(behind) = self.lexer.rest().strip_prefix('&') else { return false };
        let behind = behind.trim_start_matches([' ', '\t']);
        behind.starts_with(['$', '{', '"', '\'']) || name_at(behind).is_some_and(|name| name.contains('-'))
    }

    fn command(&mut self, name: Span, cmdlet: CmdletCall, flow: Flow) -> CommandExpression {
        self.lexer.rewind(name.end);
        self.skip_quote(name);
        if let CmdletCall::Unknown = cmdlet {
            self.unknown_cmdlet(name);
        }
        let mut arguments = Vec::new();
        let mut before = self.lexer.at();
        while let Some(argument) = self.argument(cmdlet, flow) {
            arguments.push(argument);
            // INVARIANT: every argument takes something of the text, or the reading would never end.
            if self.lexer.at() == before {
                self.lexer.bump();
            }
            before = self.lexer.at();
        }
        if flow.header && arguments.is_empty() && begins_with_a_block(cmdlet) {
            arguments.extend(self.block_in_header(cmdlet, flow));
        }
        self.check(cmdlet, &mut arguments);
        self.note_alias(cmdlet, &arguments);
        CommandExpression { name, cmdlet, arguments }
    }

    /// Notes the name that `Set-Alias` gives to a cmdlet, so that the text may use it from here on.
    fn note_alias(&mut self, cmdlet: CmdletCall, arguments: &[CallArgument]) {
        if cmdlet.description().is_none_or(|description| description.name != "Set-Alias") {
            return;
        }
        let given = |name: &str| {
            let is_it = |argument: &&CallArgument| argument.parameter.is_some_and(|own| own.name == name);
            match arguments.iter().find(is_it)?.value.as_deref()? {
                [Piece::Text(text)] => text.letters().map(str::to_owned),
                _ => None,
            }
        };
        let (Some(name), Some(value)) = (given("Name"), given("Value")) else { return };
        let is_taken = self.known(&name).is_some() || self.functions.contains_key(&name.to_ascii_lowercase());
        if let Some(cmdlet) = self.known(&value).filter(|_| !is_taken) {
            self.aliases.insert(name.to_ascii_lowercase(), cmdlet);
        }
    }

    /// A script block where `{` begins the body: a mistake, and read as what it was meant to be, so
    /// that its text gives no others.
    fn block_in_header(&mut self, cmdlet: CmdletCall, flow: Flow) -> Option<CallArgument> {
        let mark = self.lexer.at();
        self.lexer.blank_in_line();
        let brace = self.lexer.at();
        let is_block = self.lexer.peek() == Some('{');
        self.lexer.rewind(mark);
        if !is_block {
            return None;
        }
        self.problem(Span::new(brace, brace + 1), SyntaxProblem::BlockInHeader);
        self.argument(cmdlet, Flow { header: false, ..flow })
    }

    /// The next argument; none where the command ends, and then nothing is taken.
    fn argument(&mut self, cmdlet: CmdletCall, flow: Flow) -> Option<CallArgument> {
        loop {
            let mark = self.lexer.at();
            self.lexer.blank_in_line();
            let start = self.lexer.at();
            let Some(letter) = self.lexer.peek() else {
                self.lexer.rewind(mark);
                return None;
            };
            let second = self.lexer.peek_second();
            match letter {
                '\n' | '\r' | ';' | ')' | ']' | '}' => {
                    self.lexer.rewind(mark);
                    return None;
                }
                '{' if flow.header => {
                    self.lexer.rewind(mark);
                    return None;
                }
                ',' if flow.separated => {
                    self.lexer.rewind(mark);
                    return None;
                }
                '=' if flow.guard && second == Some('>') => {
                    self.lexer.rewind(mark);
                    return None;
                }
                '|' if second == Some('|') && !flow.line_end => self.refuse_rest(2, RefusedConstruct::Chain),
                '&' if second == Some('&') && flow.line_end => {
                    self.lexer.rewind(mark);
                    return None;
                }
                '|' => {
                    self.lexer.rewind(mark);
                    return None;
                }
                '&' if second == Some('&') => self.refuse_rest(2, RefusedConstruct::Chain),
                '&' => self.refuse_rest(1, RefusedConstruct::Background),
                '<' => self.refuse_rest(1, RefusedConstruct::InputRedirection),
                '>' => {
                    self.lexer.rewind(mark);
                    return None;
                }
                '0'..='9' | '*' if second == Some('>') => {
                    self.lexer.rewind(mark);
                    return None;
                }
                ',' => {
                    self.lexer.bump();
                    self.problem(self.since(start), SyntaxProblem::MissingElement);
                }
                '-' if self.lexer.sees("--%") => self.refuse_rest(3, RefusedConstruct::StopParsing),
                dash if is_dash(dash)
                    && second.is_some_and(|next| next.is_ascii_alphabetic() || matches!(next, '?' | '_')) =>
                {
                    return Some(self.named_argument(cmdlet, flow));
                }
                '@' if second.is_some_and(|next| next.is_ascii_alphabetic() || next == '_') => {
                    return Some(self.splat());
                }
                _ => {
                    let value = self.value_list(flow);
                    let span = self.since(start);
                    return Some(CallArgument {
                        span,
                        name: Name::Place,
                        parameter: None,
                        value: Some(value),
                    });
                }
            }
        }
    }

    fn refuse_rest(&mut self, length: usize, refused: RefusedConstruct) {
        let start = self.lexer.at();
        self.refuse(Span::new(start, start + length), refused);
        self.skip_command();
    }

    /// `@name`.
    fn splat(&mut self) -> CallArgument {
        let start = self.lexer.at();
        self.lexer.bump();
        let word = self.lexer.word();
        self.lexer.take(word);
        let span = self.since(start);
        CallArgument { span, name: Name::Splat, parameter: None, value: Some(vec![Piece::Variable(span)]) }
    }

    /// `-Name`, `-Name value`, `-Name:value`.
    fn named_argument(&mut self, cmdlet: CmdletCall, flow: Flow) -> CallArgument {
        let start = self.lexer.at();
        self.lexer.bump();
        let first = self.lexer.at();
        if self.lexer.take("?").is_none() {
            self.lexer.take_while(|letter| letter.is_ascii_alphanumeric() || letter == '_');
        }
        let name = Span::new(first, self.lexer.at());
        let parameter = self.parameter(cmdlet, name);
        let glued = self.lexer.take(":").is_some();
        let is_switch = match parameter {
            Some(parameter) => parameter.kind == Kind::Switch,
            // Whether an unknown name takes a value shows in what follows it.
            None => name.of(self.text()) == "?",
        };
        let mut value = None;
        if glued || !is_switch {
            let mark = self.lexer.at();
            self.lexer.blank_in_line();
            if self.value_is_missing(flow) {
                self.lexer.rewind(mark);
                // One without a meaning is refused by the binder, with or without a value.
                let own = parameter.filter(|parameter| parameter.kind != Kind::Foreign);
                if let (Some(parameter), CmdletCall::Known(description)) = (own, cmdlet) {
                    let problem =
                        SyntaxProblem::MissingValue { cmdlet: description.name, parameter: parameter.name };
                    self.problem(Span::new(start, name.end), problem);
                }
            } else {
                value = Some(self.value_list(flow));
            }
        }
        CallArgument { span: self.since(start), name: Name::Given(name), parameter, value }
    }

    pub(super) fn value_is_missing(&mut self, flow: Flow) -> bool {
        match self.lexer.peek() {
            None | Some('\n' | '\r' | ';' | ')' | ']' | '}' | '|' | '&' | ',' | '<' | '>') => true,
            Some('{') => flow.header,
            Some(dash) if is_dash(dash) => {
                self.lexer.peek_second().is_some_and(|next| next.is_ascii_alphabetic())
            }
            Some('@') => self.lexer.peek_second().is_some_and(|next| next.is_ascii_alphabetic()),
            Some(_) => false,
        }
    }

    fn parameter(&mut self, cmdlet: CmdletCall, name: Span) -> Option<&'static Parameter> {
        let written = name.of(self.text());
        if written == "?" {
            return None;
        }
        let description = cmdlet.description()?;
        let found = description.parameter(written);
        let CmdletCall::Known(_) = cmdlet else {
            // The door refuses the call whatever stands in it, and nothing more is said here.
            return found.ok();
        };
        match found {
            Ok(parameter) => Some(parameter),
            Err(NoParameter::Unknown { nearest }) => {
                let nearest = nearest.filter(|_| written.len() <= NAME_LIMIT);
                let written = written.to_owned();
                let problem = SyntaxProblem::UnknownParameter { cmdlet: description.name, written, nearest };
                self.problem(name.with_letter_before(self.text()), problem);
                None
            }
            Err(NoParameter::Foreign { instead }) => {
                let problem = SyntaxProblem::NoSuchCommon { written: written.to_owned(), instead };
                self.problem(name.with_letter_before(self.text()), problem);
                None
            }
            Err(NoParameter::Ambiguous { fits }) => {
                let written = written.to_owned();
                let problem = SyntaxProblem::AmbiguousParameter { cmdlet: description.name, written, fits };
                self.problem(name.with_letter_before(self.text()), problem);
                None
            }
        }
    }

    /// No parameter twice; arguments without a name find theirs by their place.
    fn check(&mut self, cmdlet: CmdletCall, arguments: &mut [CallArgument]) {
        let Some(description) = cmdlet.description() else { return };
        let mut given: Vec<&'static str> = Vec::new();
        for argument in arguments.iter() {
            let (Some(parameter), Name::Given(name)) = (argument.parameter, argument.name) else { continue };
            if !given.contains(&parameter.name) {
                given.push(parameter.name);
            } else if let CmdletCall::Known(_) = cmdlet {
                let problem = SyntaxProblem::Repeated { cmdlet: description.name, parameter: parameter.name };
                self.problem(name.with_letter_before(self.text()), problem);
            }
        }
        blocks_in_order(description, arguments);
        let mut by_place = places(description).filter(|parameter| !given.contains(&parameter.name));
        for argument in arguments.iter_mut().filter(|argument| argument.name == Name::Place) {
            argument.parameter = by_place.next();
        }
    }
}

/// `ForEach-Object { first } { each } { last }`: the blocks are for `-Begin`, `-Process` and `-End`.
fn blocks_in_order(description: &'static Description, arguments: &mut [CallArgument]) {
    if description.name != "ForEach-Object" {
        return;
    }
    let is_block = |argument: &CallArgument| {
        argument.name == Name::Place && matches!(argument.value.as_deref(), Some([Piece::ScriptBlock(_)]))
    };
    if !(2..=3).contains(&arguments.len()) || !arguments.iter().all(is_block) {
        return;
    }
    for (argument, name) in arguments.iter_mut().zip(["Begin", "Process", "End"]) {
        argument.parameter = description.parameter(name).ok();
        argument.name = Name::Given(Span::new(argument.span.start, argument.span.start));
    }
}

/// Whether a cmdlet's first argument is one script block or property, without which it does nothing.
fn begins_with_a_block(cmdlet: CmdletCall) -> bool {
    let first = cmdlet.description().and_then(|description| places(description).next());
    first.is_some_and(|parameter| {
        matches!(parameter.kind, Kind::Property | Kind::Block) && parameter.arity == Arity::One
    })
}

/// The parameters of a cmdlet that are known by their place, in order.
pub(in super::super) fn places(
    description: &Description,
) -> impl Iterator<Item = &'static Parameter> + use<> {
    let mut placed: Vec<_> =
        description.every_parameter().filter(|parameter| parameter.position.is_some()).collect();
    placed.sort_by_key(|parameter| parameter.position);
    placed.into_iter()
}

/// A name such as `Test-XmppIM` or `select`, if one comes next.
fn name_at(rest: &str) -> Option<&str> {
    let bytes = rest.as_bytes();
    let mut length = 0;
    while let Some(byte) = bytes.get(length).filter(|_| length <= NAME_LIMIT) {
        let continues = match byte {
            b'a'..=b'z' | b'A'..=b'Z' => true,
            b'0'..=b'9' | b'_' => length > 0,
            b'-' => length > 0 && bytes.get(length + 1).is_some_and(u8::is_ascii_alphabetic),
            _ => false,
        };
        if !continues {
            break;
        }
        length += 1;
    }
    (1..=NAME_LIMIT).contains(&length).then(|| &rest[..length])
}

/// Whether a path begins here: `/tmp/x`, `~/x`, `./x`, `..`, `*.txt`.
pub(super) fn begins_path(argument: &str) -> bool {
    let mut letters = argument.chars();
    let first = letters.next();
    let second = letters.next();
    let ends = |next: Option<char>| next.is_none_or(char::is_whitespace);
    match first {
        Some('/') => !ends(second) && !matches!(second, Some('/' | '*' | '=')),
        Some('*') => !ends(second) && !matches!(second, Some('*' | '=')),
        Some('~') => ends(second) || second == Some('/'),
        Some('.') => {
            let behind = argument.trim_start_matches('.');
            argument.len() - behind.len() <= 2 && (behind.starts_with('/') || ends(behind.chars().next()))
        }
        Some(_) | None => false,
    }
}

/// Whether an option such as `-9` stands behind a name.
fn has_option(behind: &str) -> bool {
    let argument = behind.trim_start_matches([' ', '\t']);
    let option = argument.strip_prefix(is_dash);
    argument.len() < behind.len()
        && option.is_some_and(|rest| rest.starts_with(|next: char| next.is_alphanumeric()))
}

/// No cmdlet has a longer name.
const NAME_LIMIT: usize = 80;

/// PowerShell's approved verbs, and those of imsh's own cmdlets: what looks like a cmdlet.
const VERBS: &[&str] = &[
    "Add",
    "Clear",
    "Close",
    "Copy",
    "Enter",
    "Exit",
    "Find",
    "Format",
    "Get",
    "Hide",
    "Join",
    "Lock",
    "Move",
    "New",
    "Open",
    "Optimize",
    "Pop",
    "Push",
    "Redo",
    "Remove",
    "Rename",
    "Reset",
    "Resize",
    "Search",
    "Select",
    "Set",
    "Show",
    "Skip",
    "Split",
    "Step",
    "Switch",
    "Undo",
    "Unlock",
    "Watch",
    "Connect",
    "Disconnect",
    "Read",
    "Receive",
    "Send",
    "Write",
    "Backup",
    "Checkpoint",
    "Compare",
    "Compress",
    "Convert",
    "ConvertFrom",
    "ConvertTo",
    "Dismount",
    "Edit",
    "Expand",
    "Export",
    "Group",
    "Import",
    "Initialize",
    "Limit",
    "Merge",
    "Mount",
    "Out",
    "Publish",
    "Restore",
    "Save",
    "Sync",
    "Unpublish",
    "Update",
    "Debug",
    "Measure",
    "Ping",
    "Repair",
    "Resolve",
    "Test",
    "Trace",
    "Approve",
    "Assert",
    "Build",
    "Complete",
    "Confirm",
    "Deny",
    "Deploy",
    "Disable",
    "Enable",
    "Install",
    "Invoke",
    "Register",
    "Request",
    "Restart",
    "Resume",
    "Start",
    "Stop",
    "Submit",
    "Suspend",
    "Uninstall",
    "Unregister",
    "Wait",
    "Block",
    "Grant",
    "Protect",
    "Revoke",
    "Unblock",
    "Unprotect",
    "Use",
    "ForEach",
    "Sort",
    "Where",
    "Tee",
];
