//! A session: programs one after another, with the variables and functions of those before.
//!
//! The engine has a thread of its own, with a stack that its call levels cannot outgrow;
//! the session is the handle that the front holds. Cancelling ends the program, not the session.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rhai::{AST, Engine, Expr, Scope, Stmt};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::compile::compile;
use super::convert::final_value;
use super::engine::{self, EngineContext};
use super::failure::{Failure, FailureKind};
use super::language::tree::Signature;
use super::language::{Lowered, ReadingContext, lower_in};
use crate::cmdlet::{Description, Position, Program};
use crate::value::Value;
use crate::value::text::nearest;

/// A handle to the engine's thread.
#[derive(Debug)]
pub struct ScriptSession {
    programs: mpsc::UnboundedSender<Request>,
    names: Arc<Mutex<SessionNames>>,
}

/// The names that the programs so far have left, for completion and colours.
#[derive(Clone, Debug, Default)]
pub struct SessionNames {
    /// The variables, each with the properties of its value.
    pub variables: Vec<(String, Vec<String>)>,
    /// The functions that commands may call.
    pub functions: Vec<Arc<Signature>>,
}

impl SessionNames {
    /// The names of the variables.
    pub fn variables(&self) -> Vec<&str> {
        self.variables.iter().map(|(name, _)| name.as_str()).collect()
    }
}

#[derive(Debug)]
struct Request {
    program: Arc<Program>,
    cancel: CancellationToken,
    answer: oneshot::Sender<Result<Value, Failure>>,
}

impl ScriptSession {
    /// Starts a session; `variables` are there from the beginning, such as a script's arguments.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub fn start(running: EngineContext, variables: Vec<(String, Value)>) -> std::io::Result<Self> {
        let (programs, mut requests) = mpsc::unbounded_channel::<Request>();
        let known = Arc::<Mutex<SessionNames>>::default();
        let told = known.clone();
        let stack = running.stack();
        thread::Builder::new().name("script".to_owned()).stack_size(stack).spawn(move || {
            let engine = engine::build(&running);
            let mut program = Interpreter {
                engine: &engine,
                running: &running,
                scope: Scope::new(),
                functions: AST::empty(),
                signatures: Vec::new(),
                types: Vec::new(),
                imports: AST::empty(),
            };
            for (name, value) in variables {
                program.scope.push_dynamic(name, engine::constant(value));
            }
            while let Some(request) = requests.blocking_recv() {
                running.begin(request.cancel);
                // Nobody waits for the answer any more when the front has given up on it.
                let result = program.evaluate(&request.program).map_err(|failure| {
                    match (running.exit(), running.limit()) {
                        (Some(status), _) => Failure::new(FailureKind::Exit(status)),
                        // A cmdlet that runs a block knows only that it ends.
                        (None, Some(limit)) if matches!(failure.kind, FailureKind::Cancelled) => {
                            Failure { kind: FailureKind::Limit(limit), ..failure }
                        }
                        (None, Some(_) | None) => failure,
                    }
                });
                if running.is_out_of_memory() {
                    // What fills the memory is in the variables: the next program would end at its first step.
                    program.forget();
                }
                *told.lock().unwrap_or_else(PoisonError::into_inner) = program.names();
                let _ = request.answer.send(result);
            }
        })?;
        Ok(Self { programs, names: known })
    }

    /// The names that the programs so far have left.
    pub fn names(&self) -> SessionNames {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Runs a program to its end; gives the value of its last expression. Messages call it `name`.
    pub async fn evaluate(
        &self,
        name: &str,
        source: &str,
        cancel: CancellationToken,
    ) -> Result<Value, Failure> {
        let (answer, answered) = oneshot::channel();
        let program = Arc::new(Program { name: name.to_owned(), text: source.to_owned() });
        let request = Request { program, cancel, answer };
        if self.programs.send(request).is_err() {
            return Err(Failure::new(FailureKind::Broken));
        }
        // The thread ends only by a panic inside the engine; the panic itself has been reported.
        answered.await.unwrap_or_else(|_| Err(Failure::new(FailureKind::Broken)))
    }
}

/// The engine with what programs leave behind.
struct Interpreter<'a> {
    engine: &'a Engine,
    running: &'a EngineContext,
    scope: Scope<'static>,
    functions: AST,
    /// Those that commands may call.
    signatures: Vec<Arc<Signature>>,
    /// The types that variables were declared with.
    types: Vec<(String, String)>,
    /// The imports of earlier programs: imported again for each, since the engine forgets them.
    imports: AST,
}

impl Interpreter<'_> {
    /// Forgets every variable and function.
    fn forget(&mut self) {
        (self.scope, self.functions, self.imports) = (Scope::new(), AST::empty(), AST::empty());
        self.signatures.clear();
        self.types.clear();
        self.running.host.operator().warning("The session held too much: its variables are gone.");
    }

    fn evaluate(&mut self, program: &Arc<Program>) -> Result<Value, Failure> {
        let limit = self.running.source_limit();
        if program.text.len() > limit {
            return Err(Failure::new(FailureKind::Limit(format!(
                "The script is longer than {limit} bytes."
            ))));
        }
        let lowered = self.lower(&program.text).map_err(|failure| failure.in_program(program))?;
        let signatures = lowered.functions().to_vec();
        let types = lowered.types().to_vec();
        let texts = &self.running.texts;
        let text = texts.add(program.clone(), lowered);
        let parsed = match compile(self.engine, &self.scope, text.code()) {
            Ok(parsed) => parsed,
            Err(error) => {
                texts.forget(&text);
                let failure = Failure::of_parsing(&error, text.place(error.position()));
                return Err(failure.in_program(program));
            }
        };
        self.types = types;
        let imported = self.imports_of(&parsed);
        // Functions, closures and modules of earlier programs stay callable.
        let whole = self.functions.merge(&self.imports).merge(&parsed);
        let result = self.engine.eval_ast_with_scope::<rhai::Dynamic>(&mut self.scope, &whole);
        self.functions = whole.clone_functions_only();
        for signature in signatures {
            self.signatures.retain(|own| !own.name.eq_ignore_ascii_case(&signature.name));
            self.signatures.push(signature);
        }
        let result = match result {
            Ok(value) => {
                self.imports = self.imports.merge(&imported);
                Ok(final_value(value))
            }
            Err(error) => Err(Failure::of_running(*error, texts, |name| self.nearest(name))),
        };
        if parsed.iter_functions().next().is_none() {
            texts.forget(&text);
        }
        result
    }

    /// The imports of a program, as a program of their own.
    fn imports_of(&self, program: &AST) -> AST {
        let mut text = String::new();
        for statement in program.statements() {
            if let Stmt::Import(import, _) = statement
                && let (Expr::StringConstant(path, _), alias) = (&import.0, import.1.as_str())
                && !alias.is_empty()
            {
                text.push_str(&format!("import {path:?} as {alias};"));
            }
        }
        self.engine.compile(text).unwrap_or_default()
    }

    /// The function or variable whose name is nearest.
    fn nearest(&self, name: &str) -> Option<String> {
        let everything = self.running.host.everything();
        let cmdlets: Vec<String> = everything.iter().map(Description::function_name).collect();
        let functions: Vec<String> = self.functions.iter_functions().map(|own| own.name.to_owned()).collect();
        let variables = self.scope.iter_raw().map(|(name, _, _)| name);
        let names = cmdlets.iter().chain(&functions).map(String::as_str).chain(variables);
        nearest(name, names).map(str::to_owned)
    }

    /// Returns the names that completion may offer, and the properties of records.
    fn names(&self) -> SessionNames {
        let properties = |value: rhai::Dynamic| {
            let value = final_value(value);
            let first = if let Value::List(items) = &value { items.first() } else { Some(&value) };
            let record = first.and_then(Value::as_record);
            record.map(|record| record.names().map(str::to_owned).collect()).unwrap_or_default()
        };
        let variables = self.scope.iter().map(|(name, _, value)| (name.to_owned(), properties(value)));
        SessionNames { variables: variables.collect(), functions: self.signatures.clone() }
    }

    /// Lowers the command lines of a program, and says what it probably does not mean.
    fn lower(&self, source: &str) -> Result<Lowered, Failure> {
        let host = &self.running.host;
        let variables: Vec<&str> = self.scope.iter_raw().map(|(name, _, _)| name).collect();
        let setting = ReadingContext {
            catalogue: &host.catalogue(),
            everything: Some(host.everything()),
            variables: &variables,
            functions: &self.signatures,
            types: &self.types,
        };
        let lowered = lower_in(source, &setting).map_err(Failure::of_reading)?;
        for warning in lowered.warnings() {
            let Position { line, column } = warning.position;
            host.operator().warning(&format!("line {line}, column {column}: {warning}"));
        }
        Ok(lowered)
    }
}

#[cfg(test)]
mod tests {
    use tokio::runtime::Handle;

    use super::*;
    use crate::access::Principal;
    use crate::call::stores::{TopologyStore, VaultStore};
    use crate::call::{Nobody, SessionContext};
    use crate::cmdlets;
    use crate::host::{Gate, Host};
    use crate::script::ScriptLimits;

    /// A panic within is imsh's own fault: nobody interrupted the program.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_panic_of_the_engine_is_not_an_interruption() {
        let topology = TopologyStore::new(None, cmdlets::catalogue());
        let context = SessionContext::new(topology, VaultStore::new(None, None), Arc::new(Nobody));
        let gate = Gate::new(Principal::OsUser { name: "kim".to_owned(), groups: Vec::new() });
        let host = Arc::new(Host::new(cmdlets::ALL, Arc::new(context), gate, false));
        let emit = Arc::new(|_: Value| panic!("the output is broken"));
        let running = EngineContext::new(host, Handle::current(), emit, ScriptLimits::OWN);
        let session = ScriptSession::start(running, Vec::new()).unwrap();
        for program in ["Write-Output 1; Write-Output 2", "2"] {
            let failure = session.evaluate("test", program, CancellationToken::new()).await.unwrap_err();
            assert!(matches!(failure.kind, FailureKind::Broken), "{program}: {failure:?}");
        }
    }
}
