//! Variables: what each `$x` means, and which of them the lowered text must declare.
//!
//! Runs on the whole tree, since `$x = …` declares for the whole function or script, also for uses
//! that stand before it. Rhai's own names are followed only so far as `$` names may mean them; an
//! undeclared name in Rhai text is Rhai's to refuse, except where a function uses the script's.

use std::collections::{HashMap, HashSet};

use super::lexer::{BindingPower, RHAI_KEYWORDS};
use super::message::{SyntaxDoubt, SyntaxProblem};
use super::source_map::Span;
use super::tree::{
    Body, CallArgument, ClosureExpression, Function, FunctionParameter, Inside, Operation, Piece, Pipeline,
    Quotes, Script, ScriptBlock, ShellStatement, Statement, StatementBlock, StatementEnd, TextLiteral,
    TextPart, span_of,
};
use crate::cmdlet::Kind;
use crate::value::text::nearest;

/// The meanings of the names of a text.
#[derive(Debug, Default)]
pub struct Scopes {
    /// The Rhai name of the variable whose `$` stands at this byte.
    spellings: HashMap<usize, String>,
    /// The declarations to add to the function whose body opens at this byte.
    hoisted: HashMap<usize, Vec<Hoisted>>,
    /// The variables around the script block that opens at this byte which it sets.
    set_by_block: HashMap<usize, Vec<String>>,
    /// The declarations to add to the script.
    hoisted_in_script: Vec<Hoisted>,
    /// `$` names in an expression's text that nothing declares: they are text.
    literal: HashSet<usize>,
    /// The mistakes in the use of names.
    pub problems: Vec<(Span, SyntaxProblem)>,
    /// The doubtful uses of names.
    pub doubts: Vec<(Span, SyntaxDoubt)>,
}

/// A name that the lowered text declares for the whole function or script.
#[derive(Debug)]
pub struct Hoisted {
    /// The name.
    pub name: String,
    /// The index of the first statement of the function or script that has the name: it is declared before that
    /// statement.
    pub statement: usize,
}

impl Scopes {
    /// Finds out what the names of a script mean, where `known` variables exist already.
    pub fn of(script: &Script, text: &str, known: &[&str]) -> Self {
        let mut walk = ScopeWalk {
            text,
            scopes: Self::default(),
            frames: Vec::new(),
            outside: Vec::new(),
            escapes: Vec::new(),
            is_shell: false,
            tests: HashMap::new(),
        };
        let mut frame = ScopeFrame::new(None);
        for name in known {
            frame.declare(name);
        }
        walk.frames.push(frame);
        walk.frame_statements(&script.body);
        walk.end_of_script();
        walk.scopes
    }

    /// The Rhai name of the variable at `span`; its own name where a mistake has been noted.
    pub fn spelling<'a>(&'a self, span: Span, text: &'a str) -> &'a str {
        self.spellings.get(&span.start).map_or_else(|| bare(span, text), String::as_str)
    }

    /// Whether the `$` at `span` is text, since nothing declares what it names.
    pub fn is_literal(&self, span: Span) -> bool {
        self.literal.contains(&span.start)
    }

    /// The Rhai name of the variable that an argument sets (`-OutVariable name`), if it sets one.
    pub fn set_by(&self, argument: &CallArgument) -> Option<&str> {
        names_variable(argument).then(|| self.spellings.get(&argument.span.start))?.map(String::as_str)
    }

    /// The Rhai names of the variables around a script block that it sets.
    pub fn set_by_block(&self, block: &ScriptBlock) -> &[String] {
        self.set_by_block.get(&block.span.start).map_or(&[], Vec::as_slice)
    }

    /// Returns the declarations to add to the script, in the order of its statements.
    pub fn hoisted_in_script(&self) -> &[Hoisted] {
        &self.hoisted_in_script
    }

    /// Returns the declarations to add to a function's body, in the order of its statements.
    pub fn hoisted_in(&self, body: &Body) -> &[Hoisted] {
        self.hoisted.get(&body.open.start).map_or(&[], Vec::as_slice)
    }
}

/// The name behind `$` or `@`.
pub(super) fn bare(span: Span, text: &str) -> &str {
    span.of(text).trim_start_matches(['$', '@', '{']).trim_end_matches('}')
}

/// Whether the value of an argument is the name of a variable.
fn names_variable(argument: &CallArgument) -> bool {
    argument.parameter.is_some_and(|parameter| parameter.kind == Kind::Variable)
}

/// Whether the name means a value of the language's own.
fn is_automatic(name: &str) -> bool {
    name == "_" || ["true", "false", "null", "psitem"].contains(&name.to_ascii_lowercase().as_str())
}

struct ScopeWalk<'t> {
    text: &'t str,
    scopes: Scopes,
    /// The script, and the function that is being read.
    frames: Vec<ScopeFrame<'t>>,
    /// Names in functions that nothing there declares.
    outside: Vec<Outside>,
    /// Escapes of Rhai's in texts, which are doubtful where anything is PowerShell's.
    escapes: Vec<(Span, SyntaxDoubt)>,
    /// Whether anything so far is PowerShell's.
    is_shell: bool,
    /// Variables that have held nothing but the result of a test, by the cmdlet, in small letters.
    tests: HashMap<String, Option<&'static str>>,
}

/// A name in a function that may be the script's.
struct Outside {
    span: Span,
    name: String,
    function: String,
    /// The nearest of the function's own names.
    nearest: Option<String>,
    /// Whether it was written with `$`.
    dollar: bool,
}

/// A function or the script.
struct ScopeFrame<'t> {
    function: Option<String>,
    /// Scopes from the outermost in, each with spellings by lower-case name.
    scopes: Vec<HashMap<String, Vec<String>>>,
    hoisted: Vec<Hoisted>,
    /// The index of the statement that is being read.
    statement: usize,
    /// The first statement that has a name, by the name in lower case.
    first: HashMap<String, usize>,
    /// Every spelling of these names.
    mentioned: HashSet<&'t str>,
    /// Every name that was declared anywhere in it.
    ever: HashSet<String>,
    /// `$` names that nothing declared before.
    pending: Vec<Span>,
    /// The same in an expression's text, where they may be text.
    pending_in_text: Vec<Span>,
    /// Names in Rhai text, of functions only.
    words: Vec<Span>,
    /// The script blocks around what is being read.
    blocks: Vec<OpenBlock>,
}

/// A script block that is being read.
struct OpenBlock {
    /// The number of scopes around it.
    n_around: usize,
    /// The variables around it that it has set so far.
    sets: Vec<String>,
}

impl<'t> ScopeFrame<'t> {
    fn new(function: Option<String>) -> Self {
        Self {
            function,
            scopes: vec![HashMap::new()],
            hoisted: Vec::new(),
            statement: 0,
            first: HashMap::new(),
            mentioned: HashSet::new(),
            ever: HashSet::new(),
            pending: Vec::new(),
            pending_in_text: Vec::new(),
            words: Vec::new(),
            blocks: Vec::new(),
        }
    }

    fn declare(&mut self, name: &str) {
        self.ever.insert(name.to_owned());
        if let Some(scope) = self.scopes.last_mut() {
            let spellings = scope.entry(name.to_lowercase()).or_default();
            if !spellings.iter().any(|have| have == name) {
                spellings.push(name.to_owned());
            }
        }
    }

    /// Declares for the whole frame.
    fn hoist(&mut self, name: &str) {
        self.ever.insert(name.to_owned());
        let statement = self.first.get(&name.to_lowercase()).copied().unwrap_or(self.statement);
        self.hoisted.push(Hoisted { name: name.to_owned(), statement });
        if let Some(scope) = self.scopes.first_mut() {
            scope.entry(name.to_lowercase()).or_default().push(name.to_owned());
        }
    }

    /// The name stands here.
    fn mention(&mut self, name: &'t str) {
        if self.mentioned.insert(name) {
            self.first.entry(name.to_lowercase()).or_insert(self.statement);
        }
    }

    /// A variable is set here: script blocks that do not declare it set one around them.
    fn set(&mut self, name: &str) {
        let lower = name.to_lowercase();
        for OpenBlock { n_around, sets } in &mut self.blocks {
            let (around, within) = self.scopes.split_at(*n_around);
            if within.iter().any(|scope| scope.contains_key(&lower)) {
                continue;
            }
            let known = around.iter().rev().find_map(|scope| scope.get(&lower)?.first());
            if let Some(name) = known.filter(|name| !sets.contains(name)) {
                sets.push(name.clone());
            }
        }
    }

    /// The names that it declares for all of itself, by what they are in lower case.
    fn late(&self) -> HashMap<String, String> {
        let names = self.hoisted.iter().rev().map(|hoisted| &hoisted.name);
        names.map(|name| (name.to_ascii_lowercase(), name.clone())).collect()
    }

    /// Returns the declarations to add to the function or script, in the order of its statements.
    fn into_hoisted(mut self) -> Vec<Hoisted> {
        self.hoisted.sort_by_key(|hoisted| hoisted.statement);
        self.hoisted
    }

    /// The names that `name` may mean here, differently spelt ones once each.
    fn visible(&self, name: &str) -> Vec<&str> {
        let lower = name.to_lowercase();
        let mut found: Vec<&str> = Vec::new();
        for spelling in self.scopes.iter().rev().filter_map(|scope| scope.get(&lower)).flatten() {
            if !found.contains(&spelling.as_str()) {
                found.push(spelling);
            }
        }
        found
    }
}

impl<'t> ScopeWalk<'t> {
    fn frame(&mut self) -> Option<&mut ScopeFrame<'t>> {
        self.frames.last_mut()
    }

    fn inside(&mut self, declares: &[Span], walk: impl FnOnce(&mut Self)) {
        let text = self.text;
        if let Some(frame) = self.frame() {
            frame.scopes.push(HashMap::new());
            for name in declares {
                frame.declare(name.of(text));
            }
        }
        walk(self);
        if let Some(frame) = self.frame() {
            frame.scopes.pop();
        }
    }

    /// The statements of a function or of the script itself.
    fn frame_statements(&mut self, block: &StatementBlock) {
        self.counted(block, |frame, place| frame.statement = place);
    }

    fn statements(&mut self, block: &StatementBlock) {
        self.counted(block, |_, _| {});
    }

    fn counted(&mut self, block: &StatementBlock, count: impl Fn(&mut ScopeFrame<'t>, usize)) {
        for (place, statement) in block.statements.iter().enumerate() {
            if let Some(frame) = self.frame() {
                count(frame, place);
            }
            self.statement(statement);
        }
    }

    fn statement(&mut self, statement: &Statement) {
        if let StatementEnd::Chain(_) = statement.end {
            self.no_result(&statement.pieces);
        }
        self.cut(statement);
        self.is_shell |= super::lower::is_ours(&statement.pieces) || self.begins_with_text(&statement.pieces);
        self.pieces(&statement.pieces);
        // `$x += 1`
        if let [Piece::Variable(target), Piece::Rhai(operator), ..] = solid(&statement.pieces).as_slice()
            && matches!(operator.of(self.text), "+=" | "-=" | "*=" | "/=" | "%=" | "??=")
        {
            self.set(*target);
        }
        if let [Piece::Assigned(span), value @ ..] = solid(&statement.pieces).as_slice() {
            let name = bare(*span, self.text).to_ascii_lowercase();
            let is_test = match value {
                [Piece::Rhai(_), Piece::Pipeline(pipeline)] => emitted_by_test(pipeline),
                _ => None,
            };
            let known = self.tests.entry(name).or_insert(is_test);
            if *known != is_test {
                *known = None;
            }
        }
    }

    /// Whether a text stands at the beginning, also in brackets: Rhai's own statements have none there.
    fn begins_with_text(&self, pieces: &[Piece]) -> bool {
        match solid(pieces).first() {
            Some(Piece::Rhai(span) | Piece::Quoted(span)) => span.of(self.text).starts_with('"'),
            Some(Piece::Text(_)) => true,
            Some(Piece::Group(group)) => {
                group.open.of(self.text) == "(" && self.begins_with_text(&group.pieces)
            }
            _ => false,
        }
    }

    /// Tells of divisions that cut.
    fn cut(&mut self, statement: &Statement) {
        let pieces = solid(&statement.pieces);
        let declares = matches!(pieces.first(), Some(Piece::Rhai(word)) if matches!(word.of(self.text), "let" | "const"));
        if declares && !super::lower::is_ours(&statement.pieces) {
            self.cut_divisions(&statement.pieces);
        }
    }

    fn cut_divisions(&mut self, pieces: &[Piece]) {
        let solid = solid(pieces);
        let number = |piece: &Piece| {
            if let Piece::Rhai(span) = piece { span.of(self.text).parse::<i64>().ok() } else { None }
        };
        let mut found = Vec::new();
        for three in solid.windows(3) {
            if let [left, Piece::Binary(span, _), right] = three
                && span.of(self.text) == "/"
                && let (Some(left), Some(right)) = (number(left), number(right))
                && left.checked_rem(right).is_some_and(|rest| rest != 0)
            {
                found.push((*span, SyntaxDoubt::CutDivision { left, right }));
            }
        }
        self.scopes.doubts.extend(found);
        for piece in solid {
            if let Piece::Group(group) = piece {
                self.cut_divisions(&group.pieces);
            }
        }
    }

    /// A test's result is no truth: one that failed has a result too.
    fn no_result(&mut self, pieces: &[Piece]) {
        let solid = solid(pieces);
        let solid: Vec<&Piece> =
            solid.into_iter().skip_while(|piece| matches!(piece, Piece::Bang(_))).collect();
        let found = match solid.as_slice() {
            [Piece::Pipeline(pipeline)] => {
                let name = pipeline.commands.last().map(|command| command.name);
                emitted_by_test(pipeline).zip(name)
            }
            [Piece::Variable(span)] => {
                let name = bare(*span, self.text).to_ascii_lowercase();
                self.tests.get(&name).copied().flatten().map(|cmdlet| (cmdlet, *span))
            }
            [Piece::Group(group)] => return self.no_result(&group.pieces),
            [Piece::Operation(operation)] => return self.no_result_in(operation),
            _ => None,
        };
        if let Some((cmdlet, span)) = found {
            self.scopes.problems.push((span, SyntaxProblem::ResultIsNoTruth { cmdlet }));
        }
    }

    /// The operands of `-not`, `-and` and their like are truths.
    fn no_result_in(&mut self, operation: &Operation) {
        match operation {
            Operation::Operand(pieces) => self.no_result(pieces),
            Operation::Not { operand, .. } => self.no_result_in(operand),
            Operation::Chain {
                binding: BindingPower::Logic | BindingPower::Or | BindingPower::And,
                first,
                rest,
            } => {
                self.no_result_in(first);
                rest.iter().for_each(|link| self.no_result_in(&link.operand));
            }
            Operation::Chain { .. } | Operation::Unary { .. } => {}
        }
    }

    fn pieces(&mut self, pieces: &[Piece]) {
        for piece in pieces {
            self.piece(piece);
        }
    }

    fn piece(&mut self, piece: &Piece) {
        let text = self.text;
        match piece {
            Piece::Rhai(span) | Piece::Quoted(span) => self.escape(*span),
            Piece::Blank(_)
            | Piece::Binary(..)
            | Piece::Bang(_)
            | Piece::Dash(..)
            | Piece::Current(_)
            | Piece::Type(_)
            | Piece::Automatic(..)
            | Piece::Keyword(..)
            | Piece::Literal(..) => {}
            Piece::Word(span) => {
                if let Some(frame) = self.frame() {
                    frame.mention(span.of(text));
                    if frame.function.is_some() {
                        frame.words.push(*span);
                    }
                }
            }
            Piece::Declared(span) => {
                if let Some(frame) = self.frame() {
                    frame.declare(span.of(text));
                }
            }
            Piece::Variable(span) => self.variable(*span),
            Piece::Assigned(span) => self.assigned(*span),
            Piece::Group(group) => self.pieces(&group.pieces),
            Piece::Body(body) => self.inside(&body.declares, |walk| walk.statements(&body.block)),
            Piece::Closure(ClosureExpression { parameters, body, .. }) => {
                self.inside(parameters, |walk| walk.pieces(body));
            }
            Piece::Function(function) => self.function(function),
            Piece::Condition(pieces) => {
                self.no_result(pieces);
                self.pieces(pieces);
            }
            Piece::Pipeline(pipeline) => self.pipeline(pipeline),
            Piece::Operation(operation) => self.operation(operation),
            Piece::Text(text) => self.parts(text),
            Piece::List(list) => list.items.iter().for_each(|item| self.pieces(item)),
            Piece::Map(map) => {
                for (key, value) in &map.entries {
                    self.parts(key);
                    self.pieces(value);
                }
            }
            Piece::ScriptBlock(block) => self.script_block(block),
            Piece::Shell(statement) => self.shell(statement),
            Piece::Output(statement) => self.statement(statement),
            Piece::Block(sub) => self.inside(&[], |walk| walk.statements(&sub.block)),
            Piece::Several(several) => {
                self.pieces(&several.value);
                for target in &several.targets {
                    if !is_automatic(bare(*target, text)) {
                        self.assigned(*target);
                    }
                }
            }
            Piece::Step(step) => {
                self.pieces(&step.target);
                if let [Piece::Variable(span)] = step.target.as_slice() {
                    self.set(*span);
                }
            }
            Piece::Ternary(ternary) => {
                self.no_result(&ternary.condition);
                [&ternary.condition, &ternary.first, &ternary.second]
                    .into_iter()
                    .for_each(|pieces| self.pieces(pieces));
            }
            Piece::Call(_) | Piece::Cast(_) | Piece::Static(_) | Piece::Exit(_) | Piece::Invoked(_) => {
                for inside in piece.inside() {
                    if let Inside::Pieces(pieces) = inside {
                        self.pieces(pieces);
                    }
                }
            }
        }
    }

    fn script_block(&mut self, block: &ScriptBlock) {
        if let Some(frame) = self.frame() {
            frame.blocks.push(OpenBlock { n_around: frame.scopes.len(), sets: Vec::new() });
        }
        self.inside(&[], |walk| walk.statements(&block.block));
        let open = self.frame().and_then(|frame| frame.blocks.pop());
        if let Some(OpenBlock { sets, .. }) = open.filter(|open| !open.sets.is_empty()) {
            self.scopes.set_by_block.insert(block.span.start, sets);
        }
    }

    fn set(&mut self, span: Span) {
        let name = bare(span, self.text);
        if let Some(frame) = self.frame() {
            frame.set(name);
        }
    }

    fn shell(&mut self, statement: &ShellStatement) {
        match statement {
            ShellStatement::ForEach { variable, list, body, .. } => {
                self.pieces(list);
                // As in PowerShell, the variable is there behind the loop too.
                self.assigned(*variable);
                if let Some(body) = body {
                    self.inside(&[], |walk| walk.statements(&body.block));
                }
            }
            ShellStatement::For { first, condition, step, body, .. } => {
                first.iter().for_each(|first| self.statement(first));
                self.no_result(condition);
                self.pieces(condition);
                step.iter().for_each(|step| self.statement(step));
                if let Some(body) = body {
                    self.inside(&[], |walk| walk.statements(&body.block));
                }
            }
            ShellStatement::Switch { value, arms, .. } => {
                self.pieces(value);
                for arm in arms {
                    arm.pattern.iter().for_each(|pattern| self.pieces(pattern));
                    self.inside(&[], |walk| walk.statements(&arm.body.block));
                }
            }
            ShellStatement::Finally { tried, body, .. } => {
                self.pieces(tried);
                self.inside(&[], |walk| walk.statements(&body.block));
            }
            ShellStatement::Function { name, signature, parameters, body, .. } => {
                self.shell_function(*name, signature.takes_rest, parameters, body.as_ref());
            }
            ShellStatement::Param { parameters, .. } => {
                for parameter in parameters {
                    self.pieces(parameter.default.as_deref().unwrap_or_default());
                    self.assigned(parameter.name);
                }
            }
        }
    }

    fn operation(&mut self, operation: &Operation) {
        match operation {
            Operation::Operand(pieces) => self.pieces(pieces),
            Operation::Not { operand, .. } => {
                self.no_result_in(operand);
                self.operation(operand);
            }
            Operation::Unary { operand, .. } => self.operation(operand),
            Operation::Chain { binding, first, rest } => {
                if *binding == BindingPower::Logic {
                    self.no_result_in(operation);
                }
                self.operation(first);
                rest.iter().for_each(|link| self.operation(&link.operand));
            }
        }
    }

    fn pipeline(&mut self, pipeline: &Pipeline) {
        self.pieces(pipeline.head.as_deref().unwrap_or_default());
        for argument in pipeline.commands.iter().flat_map(|command| &command.arguments) {
            let value = argument.value.as_deref().unwrap_or_default();
            self.bare_words(argument, value);
            self.pieces(value);
            // A command runs its block among the variables around it.
            if let [Piece::ScriptBlock(block)] = value {
                self.scopes.set_by_block.remove(&block.span.start);
            }
            self.variable_set(argument, value);
        }
    }

    /// `-OutVariable name` declares and sets as `$name = …` does.
    fn variable_set(&mut self, argument: &CallArgument, value: &[Piece]) {
        let Some(parameter) = argument.parameter.filter(|_| names_variable(argument)) else { return };
        // What is missing altogether has been said.
        let Some(span) = span_of(value) else { return };
        let written = match value {
            [Piece::Text(text)] => text.letters().unwrap_or_default(),
            _ => "",
        };
        let name = written.strip_prefix('+').unwrap_or(written);
        let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
        if !is_name || RHAI_KEYWORDS.contains(&name) || RESERVED.contains(&name) || is_automatic(name) {
            let meant = if let [Piece::Variable(span)] = value { bare(*span, self.text) } else { "name" };
            let problem =
                SyntaxProblem::VariableName { parameter: parameter.name, example: meant.to_owned() };
            self.scopes.problems.push((span, problem));
            return;
        }
        if name.starts_with("__") {
            self.scopes.problems.push((span, SyntaxProblem::ReservedName { name: name.to_owned() }));
            return;
        }
        if let Some(frame) = self.frame().filter(|frame| frame.visible(name).is_empty()) {
            frame.hoist(name);
        }
        if let Some(frame) = self.frame() {
            frame.set(name);
        }
        self.means(name, argument.span.start, span);
    }

    /// Warns of bare words that are also variables.
    fn bare_words(&mut self, argument: &CallArgument, value: &[Piece]) {
        let is_name = argument.parameter.is_some_and(|parameter| {
            matches!(
                parameter.kind,
                Kind::Property
                    | Kind::Variable
                    | Kind::Choice(_)
                    | Kind::Cmdlet
                    | Kind::HelpPage
                    | Kind::Switch
                    | Kind::File
            )
        });
        if is_name {
            return;
        }
        for piece in value {
            if let Piece::Text(text) = piece {
                self.bare_word(text);
            } else if let Piece::List(list) = piece
                && !list.spreads
            {
                list.items.iter().for_each(|item| self.bare_words(argument, item));
            }
        }
    }

    fn bare_word(&mut self, text: &TextLiteral) {
        let Some(word) = text.letters().filter(|_| text.quotes == Quotes::None) else { return };
        let Some(frame) = self.frames.last() else { return };
        if let Some(variable) = frame.visible(word).first() {
            let doubt = SyntaxDoubt::BareVariable { word: word.to_owned(), variable: (*variable).to_owned() };
            self.scopes.doubts.push((text.span, doubt));
        }
    }

    /// Notes the first escape of Rhai's in a text of an expression that PowerShell would keep as it is written.
    fn escape(&mut self, span: Span) {
        let text = span.of(self.text);
        if !text.starts_with('"') {
            return;
        }
        let mut letters = text.char_indices().skip(1);
        // A part in `$(…)` is no text.
        let mut depth = 0_usize;
        while let Some((place, letter)) = letters.next() {
            match letter {
                '$' if text[place + 1..].starts_with('(') => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                '\\' if depth == 0 => {
                    let Some((_, letter)) = letters.next() else { return };
                    if matches!(letter, 't' | 'n' | 'r' | '0' | 'x' | 'u' | 'U') {
                        let at = span.start + place;
                        let doubt = (Span::new(at, at + 2), SyntaxDoubt::Backslash { letter });
                        // A path is never meant to hold an escape.
                        match begins_path(&text[1..place]) {
                            true => self.scopes.doubts.push(doubt),
                            false => self.escapes.push(doubt),
                        }
                        return;
                    }
                }
                _ => {}
            }
        }
    }

    fn parts(&mut self, text: &TextLiteral) {
        if text.quotes == Quotes::Rhai {
            self.escape(text.span);
        }
        for part in &text.parts {
            match part {
                TextPart::Letters(_) => {}
                TextPart::Value(pieces) => match pieces.as_slice() {
                    [Piece::Variable(span)] if text.quotes == Quotes::Rhai => self.in_text(*span),
                    pieces => self.pieces(pieces),
                },
            }
        }
    }

    /// `$x` in an expression's text, where a name that nothing declares is text.
    fn in_text(&mut self, span: Span) {
        let name = bare(span, self.text);
        match self.frame() {
            Some(frame) if frame.visible(name).is_empty() => frame.pending_in_text.push(span),
            Some(_) => self.variable(span),
            None => {}
        }
    }

    /// Settles the pending names in the text of expressions at the end of their frame: each becomes a variable or
    /// stays text.
    fn settle_texts(&mut self, frame: &mut ScopeFrame<'t>, late: &HashMap<String, String>) {
        for span in std::mem::take(&mut frame.pending_in_text) {
            let name = bare(span, self.text);
            match late.get(&name.to_ascii_lowercase()) {
                Some(spelling) => {
                    self.scopes.spellings.insert(span.start, spelling.clone());
                }
                None => {
                    let nearest =
                        (self.scopes.doubts.len() < MANY).then(|| near(name, &frame.ever)).flatten();
                    self.scopes.literal.insert(span.start);
                    self.scopes
                        .doubts
                        .push((span, SyntaxDoubt::LiteralVariable { name: name.to_owned(), nearest }));
                }
            }
        }
    }

    fn variable(&mut self, span: Span) {
        let name = bare(span, self.text);
        if let Some(frame) = self.frame() {
            frame.mention(name);
        }
        match self.frame() {
            Some(frame) if frame.visible(name).is_empty() => frame.pending.push(span),
            Some(_) => self.means(name, span.start, span),
            None => {}
        }
    }

    /// Finds the declaration that `name` means; `place` is where its spelling is looked up by.
    fn means(&mut self, name: &str, place: usize, span: Span) {
        let Some(frame) = self.frames.last() else { return };
        match frame.visible(name).as_slice() {
            [] => {}
            [only] => {
                let spelling = (*only).to_owned();
                self.scopes.spellings.insert(place, spelling);
            }
            several => {
                let spellings = several.iter().map(|spelling| (*spelling).to_owned()).collect();
                let problem = SyntaxProblem::AmbiguousCase { name: name.to_owned(), spellings };
                self.scopes.problems.push((span, problem));
            }
        }
    }

    fn assigned(&mut self, span: Span) {
        let name = bare(span, self.text);
        if let Some(frame) = self.frame().filter(|frame| frame.visible(name).is_empty()) {
            frame.hoist(name);
        }
        self.set(span);
        self.variable(span);
    }

    fn function(&mut self, function: &Function) {
        let mut frame = ScopeFrame::new(Some(function.name.of(self.text).to_owned()));
        for parameter in &function.parameters {
            frame.declare(parameter.of(self.text));
        }
        self.frame_of_function(frame, &[], function.body.as_ref());
    }

    fn shell_function(
        &mut self,
        name: Span,
        takes_rest: bool,
        parameters: &[FunctionParameter],
        body: Option<&Body>,
    ) {
        let mut frame = ScopeFrame::new(Some(name.of(self.text).to_owned()));
        for parameter in parameters {
            frame.declare(parameter.name.of(self.text));
        }
        if takes_rest {
            frame.declare("args");
        }
        self.frame_of_function(frame, parameters, body);
    }

    fn frame_of_function(
        &mut self,
        frame: ScopeFrame<'t>,
        parameters: &[FunctionParameter],
        body: Option<&Body>,
    ) {
        let name = frame.function.clone().unwrap_or_default();
        self.frames.push(frame);
        for parameter in parameters {
            self.pieces(parameter.default.as_deref().unwrap_or_default());
        }
        if let Some(body) = body {
            self.frame_statements(&body.block);
        }
        let Some(mut frame) = self.frames.pop() else { return };
        let late = frame.late();
        self.settle_texts(&mut frame, &late);
        for span in std::mem::take(&mut frame.pending) {
            let written = bare(span, self.text);
            match late.get(&written.to_ascii_lowercase()) {
                Some(spelling) => {
                    self.scopes.spellings.insert(span.start, spelling.clone());
                }
                None => self.outside.push(Outside {
                    span,
                    name: written.to_owned(),
                    function: name.clone(),
                    nearest: (self.outside.len() < MANY).then(|| near(written, &frame.ever)).flatten(),
                    dollar: true,
                }),
            }
        }
        for span in std::mem::take(&mut frame.words) {
            let word = span.of(self.text);
            if !frame.ever.contains(word) {
                self.outside.push(Outside {
                    span,
                    name: word.to_owned(),
                    function: name.clone(),
                    nearest: None,
                    dollar: false,
                });
            }
        }
        if let Some(body) = body {
            self.scopes.hoisted.insert(body.open.start, frame.into_hoisted());
        }
    }

    fn end_of_script(&mut self) {
        let Some(mut script) = self.frames.pop() else { return };
        let late = script.late();
        self.settle_texts(&mut script, &late);
        for span in &script.pending {
            let written = bare(*span, self.text);
            match late.get(&written.to_ascii_lowercase()) {
                Some(spelling) => {
                    self.scopes.spellings.insert(span.start, spelling.clone());
                }
                None => self.unknown(*span, written.to_owned(), |name| near(name, &script.ever)),
            }
        }
        for outside in std::mem::take(&mut self.outside) {
            let Outside { span, name, function, nearest, dollar } = outside;
            let visible = script.visible(&name);
            let of_script = if dollar { !visible.is_empty() } else { visible.contains(&name.as_str()) };
            if of_script {
                self.scopes.problems.push((span, SyntaxProblem::OuterVariable { name, function }));
            } else if dollar {
                self.unknown(span, name, |_| nearest);
            }
        }
        if self.is_shell {
            self.scopes.doubts.append(&mut self.escapes);
            self.scopes.doubts.sort_by_key(|(span, _)| span.start);
        }
        self.scopes.hoisted_in_script = script.into_hoisted();
    }

    fn unknown(&mut self, span: Span, name: String, nearest: impl FnOnce(&str) -> Option<String>) {
        let nearest = (self.scopes.problems.len() < MANY).then(|| nearest(&name)).flatten();
        self.scopes.problems.push((span, SyntaxProblem::UnknownVariable { name, nearest }));
    }
}

/// Whether what stands before the first backslash of a text begins a path.
fn begins_path(before: &str) -> bool {
    let is_drive = before.len() == 2
        && before.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && before.ends_with(':');
    is_drive || (before.starts_with('$') && !before.contains(char::is_whitespace))
}

/// The pieces that are no blanks.
pub(super) fn solid(pieces: &[Piece]) -> Vec<&Piece> {
    pieces.iter().filter(|piece| !piece.is_blank()).collect()
}

/// The cmdlet that ends a pipeline, if what it emits is the result of a test.
fn emitted_by_test(pipeline: &Pipeline) -> Option<&'static str> {
    let description = pipeline.commands.last()?.cmdlet.description()?;
    let is_result = ["TestResult", "RegistrationResult", "FederatedPartnerResult", "PingResult"]
        .contains(&description.emits);
    is_result.then_some(description.name)
}

/// The nearest of the names, for one that is not too long to be compared.
fn near(name: &str, names: &HashSet<String>) -> Option<String> {
    if name.len() > 64 || names.len() > 1000 {
        return None;
    }
    // Of names that are equally near always the same; the name itself is one of another block.
    let others = names.iter().map(String::as_str).filter(|other| !other.eq_ignore_ascii_case(name));
    let mut names: Vec<&str> = others.collect();
    names.sort_unstable();
    nearest(name, names).map(str::to_owned)
}

/// Words beside its keywords that Rhai keeps to itself, so that they name no variable.
const RESERVED: &[&str] = &[
    "Fn",
    "call",
    "curry",
    "is_shared",
    "type_of",
    "print",
    "debug",
    "eval",
    "var",
    "static",
    "begin",
    "end",
    "shared",
    "with",
    "is",
    "goto",
    "exit",
    "match",
    "case",
    "public",
    "protected",
    "new",
    "use",
    "module",
    "package",
    "super",
    "thread",
    "spawn",
    "go",
    "sync",
    "async",
    "await",
    "yield",
    "default",
    "void",
    "null",
    "nil",
];

/// The maximum number of mistakes that get a suggestion; the rest is not worth the time.
const MANY: usize = 50;
