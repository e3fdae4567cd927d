//! Variables: what each `$x` means, and which of them the lowered text must declare.
//!
//! Runs on the whole tree, since `$x = …` declares for the whole function or script, also for uses
//! that stand before it. Rhai's own names are followed only so far as `$` names may mean them; an
//! undeclared name in Rhai text is Rhai's to refuse, except where a function uses the script's.

use std::collections::{HashMap, HashSet};

use super::message::{SyntaxDoubt, SyntaxProblem};
use super::source_map::Span;
use super::tree::{
    Body, CallArgument, ClosureExpression, Function, Operation, Piece, Pipeline, Script, Statement,
    StatementBlock, StatementEnd, StatementRole, TextLiteral, TextPart, span_of,
};
use crate::cmdlet::Kind;
use crate::value::text::nearest;

/// What the names of a text mean.
#[derive(Debug, Default)]
pub struct Scopes {
    /// The Rhai name of the variable whose `$` stands at this byte.
    spellings: HashMap<usize, String>,
    /// What to declare in the function whose body opens at this byte.
    hoisted: HashMap<usize, Vec<Hoisted>>,
    /// What to declare in the script.
    hoisted_in_script: Vec<Hoisted>,
    /// What is wrong.
    pub problems: Vec<(Span, SyntaxProblem)>,
    /// What is doubtful.
    pub doubts: Vec<(Span, SyntaxDoubt)>,
}

/// A name that the lowered text declares for the whole function or script.
#[derive(Debug)]
pub struct Hoisted {
    /// The name.
    pub name: String,
    /// Which of the function's or the script's statements has it first: it is declared before that one.
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
            is_taken: true,
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

    /// The Rhai name of the variable that an argument sets (`-OutVariable name`), if it sets one.
    pub fn set_by(&self, argument: &CallArgument) -> Option<&str> {
        names_variable(argument).then(|| self.spellings.get(&argument.span.start))?.map(String::as_str)
    }

    /// What to declare in the script, in the order of its statements.
    pub fn hoisted_in_script(&self) -> &[Hoisted] {
        &self.hoisted_in_script
    }

    /// What to declare in a function's body, in the order of its statements.
    pub fn hoisted_in(&self, body: &Body) -> &[Hoisted] {
        self.hoisted.get(&body.open.start).map_or(&[], Vec::as_slice)
    }
}

/// The text that is all of a statement, in Rhai's double quotes.
fn lone_text(statement: &Statement, source: &str) -> Option<Span> {
    let mut solid = statement.pieces.iter().filter(|piece| !piece.is_blank());
    match (solid.next(), solid.next()) {
        (Some(Piece::Rhai(span) | Piece::Quoted(span)), None) => {
            Some(*span).filter(|span| span.of(source).starts_with('"'))
        }
        _ => None,
    }
}

/// The name behind `$` or `@`.
fn bare(span: Span, text: &str) -> &str {
    span.of(text).trim_start_matches(['$', '@'])
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
    /// Whether somebody takes the value of the block that is being read.
    is_taken: bool,
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
    /// Which of its statements is being read.
    statement: usize,
    /// The first statement that has a name, by the name in lower case.
    first: HashMap<String, usize>,
    /// Every spelling of these names.
    mentioned: HashSet<&'t str>,
    /// Every name that was declared anywhere in it.
    ever: HashSet<String>,
    /// `$` names that nothing declared before.
    pending: Vec<Span>,
    /// Names in Rhai text, of functions only.
    words: Vec<Span>,
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
            words: Vec::new(),
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

    /// The names that it declares for all of itself, by what they are in lower case.
    fn late(&self) -> HashMap<String, String> {
        let names = self.hoisted.iter().rev().map(|hoisted| &hoisted.name);
        names.map(|name| (name.to_ascii_lowercase(), name.clone())).collect()
    }

    /// What is declared in it, in the order of its statements.
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
        let last = block.statements.len().checked_sub(1);
        for (place, statement) in block.statements.iter().enumerate() {
            if let Some(frame) = self.frame() {
                count(frame, place);
            }
            let is_value = self.is_taken && Some(place) == last && statement.end == StatementEnd::Open;
            if let Some(text) = lone_text(statement, self.text).filter(|_| !is_value) {
                self.scopes.doubts.push((text, SyntaxDoubt::Unused));
                continue;
            }
            let is_taken = match statement.role {
                StatementRole::Branch => is_value,
                StatementRole::Loop => false,
                StatementRole::Command | StatementRole::Other => true,
            };
            let outer = std::mem::replace(&mut self.is_taken, is_taken);
            self.pieces(&statement.pieces);
            self.is_taken = outer;
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
            Piece::Rhai(_)
            | Piece::Blank(_)
            | Piece::Binary(..)
            | Piece::Bang(_)
            | Piece::Dash(..)
            | Piece::Current(_)
            | Piece::Literal(..) => {}
            Piece::Quoted(span) => self.quoted(*span),
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
                let outer = std::mem::replace(&mut self.is_taken, true);
                self.inside(parameters, |walk| walk.pieces(body));
                self.is_taken = outer;
            }
            Piece::Function(function) => {
                let outer = std::mem::replace(&mut self.is_taken, true);
                self.function(function);
                self.is_taken = outer;
            }
            Piece::Condition(pieces) => self.pieces(pieces),
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
            Piece::ScriptBlock(block) => {
                let outer = std::mem::replace(&mut self.is_taken, true);
                self.inside(&[], |walk| walk.statements(&block.block));
                self.is_taken = outer;
            }
        }
    }

    fn operation(&mut self, operation: &Operation) {
        match operation {
            Operation::Operand(pieces) => self.pieces(pieces),
            Operation::Not { operand, .. } => self.operation(operand),
            Operation::Chain { first, rest, .. } => {
                self.operation(first);
                rest.iter().for_each(|link| self.operation(&link.operand));
            }
        }
    }

    fn pipeline(&mut self, pipeline: &Pipeline) {
        self.range(pipeline.head.as_deref().unwrap_or_default());
        self.pieces(pipeline.head.as_deref().unwrap_or_default());
        for argument in pipeline.commands.iter().flat_map(|command| &command.arguments) {
            let value = argument.value.as_deref().unwrap_or_default();
            self.bare_words(argument, value);
            self.pieces(value);
            self.variable_set(argument, value);
        }
    }

    /// Warns of `1..5` before a pipe: five is not in it, and was in PowerShell's.
    fn range(&mut self, head: &[Piece]) {
        let Some(span) = span_of(head) else { return };
        let number = |text: &str| text.trim().parse::<i64>().ok();
        let written = span.of(self.text);
        let inside = written.strip_prefix('(').and_then(|text| text.strip_suffix(')')).unwrap_or(written);
        if let Some((start, end)) = inside.split_once("..")
            && let (Some(start), Some(end)) = (number(start), number(end))
        {
            self.scopes.doubts.push((span, SyntaxDoubt::ShortRange { start, end, last: end - 1 }));
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
        if !is_name || RHAI_WORDS.contains(&name) || is_automatic(name) {
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
        self.means(name, argument.span.start, span);
    }

    /// Warns of bare words that are also variables.
    fn bare_words(&mut self, argument: &CallArgument, value: &[Piece]) {
        let is_name = argument.parameter.is_some_and(|parameter| {
            matches!(
                parameter.kind,
                Kind::Property | Kind::Variable | Kind::Choice(_) | Kind::Cmdlet | Kind::Switch | Kind::File
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
        let Some(word) = text.letters().filter(|_| text.bare) else { return };
        let Some(frame) = self.frames.last() else { return };
        if let Some(variable) = frame.visible(word).first() {
            let doubt = SyntaxDoubt::BareVariable { word: word.to_owned(), variable: (*variable).to_owned() };
            self.scopes.doubts.push((text.span, doubt));
        }
    }

    /// Warns of variables in Rhai's quotes, which do not take any.
    fn quoted(&mut self, span: Span) {
        let text = span.of(self.text);
        for (place, _) in text.match_indices('$') {
            let rest = &text[place + 1..];
            let length =
                rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
            let name = &rest[..length];
            let variable = self
                .frames
                .last()
                .and_then(|frame| frame.visible(name).first().map(|name| (*name).to_owned()));
            if let Some(name) = variable {
                let place = span.start + place;
                self.scopes
                    .doubts
                    .push((Span::new(place, place + 1 + length), SyntaxDoubt::LiteralVariable { name }));
            }
        }
    }

    fn parts(&mut self, text: &TextLiteral) {
        for part in &text.parts {
            match part {
                TextPart::Letters(_) => {}
                TextPart::Value(pieces) => self.pieces(pieces),
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
        self.variable(span);
    }

    fn function(&mut self, function: &Function) {
        let name = function.name.of(self.text).to_owned();
        let mut frame = ScopeFrame::new(Some(name.clone()));
        for parameter in &function.parameters {
            frame.declare(parameter.of(self.text));
        }
        self.frames.push(frame);
        if let Some(body) = &function.body {
            self.frame_statements(&body.block);
        }
        let Some(mut frame) = self.frames.pop() else { return };
        let late = frame.late();
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
        if let Some(body) = &function.body {
            self.scopes.hoisted.insert(body.open.start, frame.into_hoisted());
        }
    }

    fn end_of_script(&mut self) {
        let Some(script) = self.frames.pop() else { return };
        let late = script.late();
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
        self.scopes.hoisted_in_script = script.into_hoisted();
    }

    fn unknown(&mut self, span: Span, name: String, nearest: impl FnOnce(&str) -> Option<String>) {
        let nearest = (self.scopes.problems.len() < MANY).then(|| nearest(&name)).flatten();
        self.scopes.problems.push((span, SyntaxProblem::UnknownVariable { name, nearest }));
    }
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

/// Words of Rhai's that name no variable.
const RHAI_WORDS: &[&str] = &[
    "let",
    "const",
    "if",
    "else",
    "switch",
    "do",
    "while",
    "until",
    "loop",
    "for",
    "in",
    "continue",
    "break",
    "return",
    "throw",
    "try",
    "catch",
    "fn",
    "private",
    "import",
    "export",
    "as",
    "global",
    "this",
    "Fn",
    "call",
    "curry",
    "is_shared",
    "is_def_fn",
    "is_def_var",
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

/// How many mistakes get a suggestion; the rest is not worth the time.
const MANY: usize = 50;
