//! The script library: what `import "name" as alias` finds.
//!
//! One directory and what is below it; a name is a plain path there, without `..`, without a
//! root, and a symbolic link that leads out is not followed. A module is lowered as a script is,
//! and keeps its own text, so that errors in it point into its file. Without a directory nothing
//! is imported. Who is not the administrator imports what the host says they may, and nothing of
//! its text is shown to them.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rhai::{
    AST, Dynamic, Engine, EvalAltResult, FnAccess, Module, ModuleResolver, Position as RhaiPosition, Scope,
    Shared,
};

use super::compile::compile;
use super::failure::Failure;
use super::language::{Lowered, ReadingContext, lower_in};
use super::texts::Texts;
use crate::call::Halt;
use crate::cmdlet::{Category, ErrorRecord, Program};
use crate::host::{self, Host};
use crate::trusted;

/// The library that modules are imported from; clones share what has been read.
#[derive(Clone)]
pub struct Library(Arc<ModuleCache>);

struct ModuleCache {
    root: Option<PathBuf>,
    host: Arc<Host>,
    /// The longest file that is read, in bytes.
    limit: usize,
    modules: Mutex<HashMap<host::LibraryScript, Shared<Module>>>,
    /// The texts that the engine's positions refer to.
    texts: Texts,
    /// The modules that are being read now: a module that imports itself would never end.
    reading: Mutex<Vec<PathBuf>>,
}

/// An error in a module's text, on its way through the engine.
#[derive(Clone, Debug)]
pub(super) struct InModule(pub(super) Arc<Failure>);

impl Library {
    /// The library below a directory; none for no library.
    pub fn new(root: Option<PathBuf>, host: Arc<Host>, limit: usize, texts: Texts) -> Self {
        Self(Arc::new(ModuleCache {
            root,
            host,
            limit,
            modules: Mutex::default(),
            texts,
            reading: Mutex::default(),
        }))
    }

    fn find(&self, name: &str) -> Result<FoundModule, ErrorRecord> {
        match self.0.host.module(name)? {
            Some((module, opened)) => Ok(FoundModule { module, opened, is_own: false }),
            None => {
                let not_found = |text| ErrorRecord::new(Category::InvalidArgument, "ModuleNotFound", text);
                let file = self.find_own(name).map_err(not_found)?;
                let opened = trusted::open(&file).map_err(|error| not_found(error.to_string()))?;
                Ok(FoundModule {
                    module: host::LibraryScript { file, functions: None },
                    opened,
                    is_own: true,
                })
            }
        }
    }

    /// The file of a module that an administrator names.
    fn find_own(&self, name: &str) -> Result<PathBuf, String> {
        let root = self.0.root.as_deref().ok_or("There is no script library to import from.")?;
        file_of(root, name)
    }

    /// Reads a module and runs it.
    fn read(&self, engine: &Engine, name: &str, found: &FoundModule) -> Result<Module, Box<EvalAltResult>> {
        let path = found.module.file.as_path();
        let text = text(&found.opened, self.0.limit).map_err(|error| {
            refused("ModuleNotRead", format!("The module '{name}' could not be read: {error}."))
        })?;
        // Whom the text is not for is shown no line of it.
        let shown = if found.is_own { text.clone() } else { String::new() };
        let program = Arc::new(Program { name: self.shown(name, path), text: shown });
        let wrong = |failure: Failure| {
            if !found.is_own {
                let line =
                    failure.position.map_or_else(String::new, |place| format!(" on line {}", place.line));
                let text = format!("The module '{name}' has a mistake{line}; an administrator sees it.");
                return refused("ModuleInvalid", text);
            }
            let failure = InModule(Arc::new(failure.in_program(&program)));
            Box::new(EvalAltResult::ErrorRuntime(Dynamic::from(failure), RhaiPosition::NONE))
        };
        let lowered = self.lower(&text).map_err(wrong)?;
        let text = self.0.texts.add(program.clone(), lowered);
        let mut compiled = compile(engine, &Scope::new(), text.code())
            .map_err(|error| wrong(Failure::of_parsing(&error, text.place(error.position()))))?;
        if let Some(functions) = &found.module.functions {
            compiled = with_these_public(&compiled, functions);
        }
        compiled.set_source(name);
        let mut module = Module::eval_ast_as_new(Scope::new(), &compiled, engine)?;
        if found.module.functions.is_some() {
            without_exports(&mut module);
        }
        Ok(module)
    }

    /// Returns the name of a module's file in messages: its path inside the library.
    fn shown(&self, name: &str, path: &Path) -> String {
        let root = self.0.root.as_deref().and_then(|root| root.canonicalize().ok());
        let inside = root.and_then(|root| path.strip_prefix(root).ok().map(Path::to_owned));
        let file = inside.or_else(|| path.file_name().map(PathBuf::from));
        file.map_or_else(|| name.to_owned(), |file| file.display().to_string())
    }

    fn lower(&self, text: &str) -> Result<Lowered, Failure> {
        let host = &self.0.host;
        let catalogue = host.catalogue();
        let setting = ReadingContext {
            catalogue: &catalogue,
            everything: Some(host.everything()),
            variables: &[],
            functions: &[],
            types: &[],
        };
        lower_in(text, &setting).map_err(Failure::of_reading)
    }
}

/// The file of a module in the library below `root`.
///
/// # Errors
/// The name is none of a library, or there is no such file in it; says so in words.
pub fn file_of(root: &Path, name: &str) -> Result<PathBuf, String> {
    let plain = Path::new(name);
    if name.is_empty() || !plain.components().all(|part| matches!(part, Component::Normal(_))) {
        return Err(format!(
            "'{name}' is no name of the script library, whose files lie below {} and are named without '..'; write: \
                 import \"lib/partners\" as partners.",
            root.display()
        ));
    }
    let file =
        root.join(if plain.extension().is_some() { plain.to_owned() } else { plain.with_extension("rhai") });
    let missing = |error| format!("There is no module '{name}': {}: {error}.", file.display());
    let root = root.canonicalize().map_err(missing)?;
    let file = file.canonicalize().map_err(missing)?;
    if file.starts_with(&root) {
        Ok(file)
    } else {
        Err(format!("The module '{name}' leads out of the script library."))
    }
}

/// A module that was found.
struct FoundModule {
    module: host::LibraryScript,
    /// Its file, as it was checked.
    opened: File,
    /// Whether it is the administrator's who imports it, who may read it.
    is_own: bool,
}

/// The program with all other functions for itself alone.
fn with_these_public(program: &AST, functions: &BTreeSet<String>) -> AST {
    let mut library = Module::new();
    for function in program.iter_fn_def() {
        let mut function = function.as_ref().clone();
        if !functions.contains(function.name.as_str()) {
            function.access = FnAccess::Private;
        }
        library.set_script_fn(function);
    }
    AST::new(program.statements().iter().cloned(), library)
}

/// Clears everything of a module but its functions: a variable may hold one.
fn without_exports(module: &mut Module) {
    let variables: Vec<String> = module.iter_var().map(|(name, _)| name.to_owned()).collect();
    for name in variables {
        module.set_var(name, Dynamic::UNIT);
    }
    let inner: Vec<String> = module.iter_sub_modules().map(|(name, _)| name.to_owned()).collect();
    for name in inner {
        module.set_sub_module(name, Module::new());
    }
}

fn refused(id: &'static str, text: String) -> Box<EvalAltResult> {
    Failure::thrown(Halt::Failed(ErrorRecord::new(Category::InvalidArgument, id, text)), RhaiPosition::NONE)
}

fn text(file: &File, limit: usize) -> std::io::Result<String> {
    let mut text = String::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX);
    file.take(most).read_to_string(&mut text)?;
    Ok(text)
}

impl ModuleResolver for Library {
    fn resolve(
        &self,
        engine: &Engine,
        _source: Option<&str>,
        name: &str,
        place: RhaiPosition,
    ) -> Result<Shared<Module>, Box<EvalAltResult>> {
        let placed = |mut error: Box<EvalAltResult>| {
            error.set_position(place);
            error
        };
        let denied = |error| Failure::thrown(Halt::Failed(error), RhaiPosition::NONE);
        let found = self.find(name).map_err(|error| placed(denied(error)))?;
        let path = found.module.file.clone();
        let known = self.0.modules.lock().unwrap_or_else(PoisonError::into_inner).get(&found.module).cloned();
        if let Some(module) = known {
            return Ok(module);
        }
        {
            let mut reading = self.0.reading.lock().unwrap_or_else(PoisonError::into_inner);
            if reading.contains(&path) {
                let text = format!("The module '{name}' imports itself.");
                return Err(placed(refused("ModuleImportsItself", text)));
            }
            reading.push(path.clone());
        }
        let read = self.read(engine, name, &found);
        self.0.reading.lock().unwrap_or_else(PoisonError::into_inner).retain(|open| *open != path);
        let module: Shared<Module> = match read {
            Ok(module) => module.into(),
            // What a module does while it is imported is a call of it.
            Err(error) if error.unwrap_inner().is_system_exception() => return Err(error),
            Err(error) => {
                let call = format!("import \"{name}\"");
                return Err(Box::new(EvalAltResult::ErrorInFunctionCall(
                    call,
                    name.to_owned(),
                    error,
                    place,
                )));
            }
        };
        self.0.modules.lock().unwrap_or_else(PoisonError::into_inner).insert(found.module, module.clone());
        Ok(module)
    }
}
